import type { CallerIdRule } from '../../config/document.ts';
import { MaskMatcher } from '../../config/mask-matcher.ts';
import { parseRegexMask } from '../../config/regex-mask.ts';
import type { PbxVersion } from '../../config/version.ts';
import { remember } from '../../time/remember.ts';

/** Which of our numbers is shown, as an employee or a group has it. */
export interface CallerIdChoice {
  /** null: none, calls to the outside are not allowed. */
  readonly callerId?: string | null;
  readonly autoCallerId: boolean;
}

export interface ChosenCallerId {
  readonly callerId: string;
  readonly why: string;
}

/**
 * The number of ours that a callee sees (§4.6.5.6): the rules where they are switched on for the caller and one applies, else his own. Of the rules
 * prefixes come first, the longest one that fits; then masks and regions, in their order.
 *
 * @param number the callee's, in international format
 * @returns undefined: he has none, and may not call out
 */
export function callerIdFor(
  pbx: PbxVersion,
  { callerId, autoCallerId }: CallerIdChoice,
  number: string,
): ChosenCallerId | undefined {
  if (callerId == null) return undefined;
  const rule = autoCallerId ? rulesOf(pbx).find(({ applies }) => applies(number))?.rule : undefined;
  if (!rule) return { callerId, why: 'the outgoing number of the caller' };
  return { callerId: rule.callerId, why: `caller-id rule: ${rule.type} ${rule.match}` };
}

interface Applicable {
  readonly rule: CallerIdRule;
  readonly applies: (number: string) => boolean;
}

const compiled = new WeakMap<PbxVersion, readonly Applicable[]>();

/** In the order in which they count. */
const rulesOf = (pbx: PbxVersion): readonly Applicable[] =>
  remember(compiled, pbx, () => {
    const { callerIdRules } = pbx.document;
    const prefixes = callerIdRules
      .filter(({ type }) => type === 'prefix')
      .sort((a, b) => b.match.length - a.match.length)
      .map((rule) => ({ rule, applies: (number: string) => number.startsWith(rule.match) }));
    const others = callerIdRules.filter(({ type }) => type !== 'prefix');
    return [...prefixes, ...others.map((rule) => ({ rule, applies: question(pbx, rule) }))];
  });

function question(pbx: PbxVersion, { type, match }: CallerIdRule): Applicable['applies'] {
  if (type === 'region') {
    const region = pbx.document.regionRules.flatMap(({ rules }) => rules).find(({ name }) => name === match);
    return (number) => region?.prefixes.some((prefix) => number.startsWith(prefix)) ?? false;
  }
  const parsed = parseRegexMask(match);
  if (!parsed.ok) return () => false;
  const matcher = new MaskMatcher(parsed.mask);
  return (number) => matcher.match(number) !== undefined;
}
