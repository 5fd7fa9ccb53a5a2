import { z } from 'zod';
import { exactlyOneOf } from './choice.ts';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import { Target } from './target.ts';
import {
  AudioId,
  count,
  Domain,
  HostPort,
  Id,
  type Immutable,
  Mask,
  OwnNumber,
  Phone,
  RegexMask,
  SipAddress,
  Text,
  Transport,
} from './values.ts';

/** Lines, and the rules that are chosen by a number. */

/** An account with an operator that we register, so that his calls come to us. */
const ActiveLine = object({
  server: HostPort,
  user: z.string().min(1),
  password: z.string(),
  /** Unset: the server's host. */
  domain: Domain.exactOptional(),
  transport: Transport.default('udp'),
  expires: count(60, 86_400).default(300).describe('Seconds.'),
});

/** Where calls to a number come from (§4.2.2). */
const Source = exactlyOneOf('a source', {
  trunk: object({ trunk: refersTo('trunk', Id) }),
  passive: object({ passive: SipAddress }).describe('The operator sends calls to this address of ours.'),
  active: object({ active: ActiveLine }),
});

export const NumberEntry = object({
  number: declares('number', Phone),
  comment: Text.default(''),
  scheme: refersTo('scheme', Id).exactOptional().describe('Unset: calls to the number get 404.'),
  source: Source.exactOptional().describe('Unset: the number is only shown, as a caller id.'),
  warning: object({ audio: AudioId, to: z.enum(['caller', 'employee', 'both']).default('caller') })
    .exactOptional()
    .describe('Played before the two are connected (§4.4.1.2).'),
});
export type NumberEntry = Immutable<z.output<typeof NumberEntry>>;

/** A mask of numbers, or of SIP addresses. */
const Caller = Mask;

/** §4.4.4: where calls of certain callers go, whatever the scheme says. */
export const ForwardingRule = object({
  enabled: z.boolean().default(true),
  from: Caller,
  type: z.enum(['phone', 'trunk', 'sip']).default('phone'),
  to: Target,
  comment: Text.default(''),
});
export type ForwardingRule = Immutable<z.output<typeof ForwardingRule>>;

/** §4.4.5 */
export const Screening = object({
  mode: z.enum(['off', 'blacklist', 'whitelist']).default('off'),
  acceptHidden: z.boolean().default(true).describe('Callers without a number.'),
  entries: z.array(object({ number: Caller, comment: Text.default('') })).default([]),
});
export type Screening = Immutable<z.output<typeof Screening>>;

const Prefix = z.string().regex(/^\d{1,15}$/, { error: 'must be the first digits of a number, such as "7495"' });

export const RegionRules = object({
  id: declares('regionRules', Id),
  rules: z.array(object({ name: Text.default(''), prefixes: z.array(Prefix).min(1), to: Target })).default([]),
});
export type RegionRules = Immutable<z.output<typeof RegionRules>>;

/** §4.6.5.6: which of our numbers a callee sees. A prefix rule beats a mask; masks count by their order. */
export const CallerIdRule = object({
  callerId: OwnNumber,
  type: z.enum(['prefix', 'mask', 'region']).default('mask'),
  match: z
    .string()
    .min(1)
    .describe(
      'By type: first digits, a regex mask, or the name of a rule in "regionRules", whose prefixes are the region.',
    ),
  comment: Text.default(''),
}).superRefine(({ type, match }, context) => {
  const form = { prefix: Prefix, mask: RegexMask, region: undefined }[type];
  for (const issue of form?.safeParse(match).error?.issues ?? []) {
    context.addIssue({
      code: 'custom',
      message: issue.message,
      path: ['match'],
      params: { code: 'bad-format', subject: match },
    });
  }
});
export type CallerIdRule = Immutable<z.output<typeof CallerIdRule>>;
