import { z } from 'zod';
import { parseRegexMask, parseSubstitution } from '../regex-mask.ts';
import { object } from './object.ts';
import { declares, offers, refersTo } from './roles.ts';
import {
  count,
  Domain,
  Host,
  Id,
  type Immutable,
  OwnNumber,
  Phone,
  Ports,
  RegexMask,
  Substitution,
  Text,
  Transport,
} from './values.ts';

/** §5.3 */

export const Codec = z.enum(['pcma', 'pcmu', 'opus', 'g722', 'g729']);
export type Codec = z.output<typeof Codec>;

const TrunkNumber = object({
  number: offers('number', Phone),
  incoming: z.boolean().default(true),
  outgoing: z.boolean().default(true),
  comment: Text.default(''),
});
export type TrunkNumber = Immutable<z.output<typeof TrunkNumber>>;

const TrunkMask = object({ match: RegexMask, to: Substitution }).superRefine(({ match, to }, context) => {
  const parsed = parseRegexMask(match);
  if (!parsed.ok) return;
  for (const part of parseSubstitution(to) ?? []) {
    if (!('group' in part) || part.group <= parsed.mask.groups) continue;
    const params = { code: 'bad-format', hint: 'Put the part of the number that it means in brackets.' };
    const message = `"$${part.group}" has no brackets in the mask`;
    context.addIssue({ code: 'custom', message, path: ['to'], params });
  }
});

export const Trunk = object({
  id: declares('trunk', Id),
  name: Text.default(''),
  kind: z.enum(['external', 'internal']).default('external'),
  pstn: z.boolean().default(false),
  host: Host.exactOptional(),
  ports: Ports.default('5060'),
  outbound: object({ host: Host, ports: Ports.default('5060') })
    .exactOptional()
    .describe('Where calls to the peer go, if not to "host".'),
  transport: Transport.default('udp'),
  lines: count(0, 10_000).default(5).describe('Concurrent calls, both ways; 0 = no limit.'),
  auth: object({ user: Text.min(1), password: Text }).exactOptional(),
  register: z.boolean().default(false),
  expires: count(60, 86_400).default(300),
  dtmfCommands: z.boolean().default(true),
  dtmfMode: z.enum(['rfc2833', 'inband']).default('rfc2833'),
  codecs: z.array(Codec).min(1).default(['pcma', 'pcmu', 'opus', 'g722']).describe('Best first.'),
  options: z.boolean().default(true).describe('Watched by OPTIONS.'),
  domain: Domain.exactOptional(),
  numbers: z.array(TrunkNumber).default([]),
  toPstn: object({ callerId: OwnNumber.exactOptional(), allowFrom: z.boolean().default(true) })
    .exactOptional()
    .describe('§5.3.1.3: calls from the peer through us to the telephone network.'),
  /** Dialled before the number, and cut off. */
  prefix: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, { error: 'must be a prefix from "1" to "9999"' })
    .exactOptional(),
  masks: z.array(TrunkMask).default([]).describe('Tried top to bottom.'),
  backup: z.array(refersTo('trunk', Id)).max(5).default([]),
  peer: object({ pbx: Id, trunk: Id }).exactOptional().describe('The other end of an internal trunk.'),
})
  .superRefine((trunk, context) => {
    if (trunk.kind === 'internal' && !trunk.peer) {
      const params = { code: 'missing-key', hint: 'Name the other end: "peer": { "pbx": "…", "trunk": "…" }.' };
      context.addIssue({ code: 'custom', message: 'An internal trunk needs "peer"', params });
    }
    if (trunk.kind === 'external' && !trunk.host) {
      const params = { code: 'missing-key', hint: 'Write the address of the peer in "host".' };
      context.addIssue({ code: 'custom', message: 'An external trunk needs "host"', params });
    }
    if (trunk.kind === 'external' && trunk.peer) {
      const params = { code: 'not-allowed-here', hint: 'Write "kind": "internal", or remove "peer".' };
      context.addIssue({ code: 'custom', message: 'Only an internal trunk has a "peer"', path: ['peer'], params });
    }
    if (trunk.register && !trunk.auth) {
      const params = { code: 'missing-key', hint: 'Add "auth" with "user" and "password".' };
      context.addIssue({ code: 'custom', message: 'A trunk that registers needs "auth"', params });
    }
  })
  .transform((trunk) => ({ ...trunk, name: trunk.name || trunk.id }));
export type Trunk = Immutable<z.output<typeof Trunk>>;
