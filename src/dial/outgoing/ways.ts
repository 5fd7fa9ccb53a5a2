import type { Trunk } from '../../config/document.ts';
import { normalizePhone } from '../../config/phone.ts';
import type { PbxVersion } from '../../config/version.ts';

/** Numbers of up to so many digits behind a trunk that does not lead to the telephone network are the peer's own (§5.6 example 2). */
const PEERS_OWN_DIGITS = 6;

/** Whether a number at a trunk is an extension of its peer, and no number of the telephone network. */
export const isPeersOwn = ({ pstn, kind }: Pick<Trunk, 'pstn' | 'kind'>, number: string): boolean =>
  kind === 'internal' || (!pstn && number.length <= PEERS_OWN_DIGITS);

/** One way that a call can leave the PBX. */
export interface Way {
  readonly trunk: string;
  /** What is dialled there. */
  readonly number: string;
  readonly why: string;
}

/**
 * The trunks that take a number by a prefix or a mask (§5.3.1.3), the first choice first. Those with a prefix, or else those with a mask: they are
 * equally good, and the first that is up is taken.
 *
 * @param digits as they stand in the configuration or were dialled
 * @param dialled by a person: a number of the configuration has no trunk's prefix before it, whatever its first digits are
 */
export function waysByPlan(
  pbx: PbxVersion,
  digits: string,
  { dialled }: { readonly dialled: boolean },
): readonly Way[] {
  const number = normalizePhone(digits, pbx.document.pbx.country);
  // Masks are written for what people dial, or for the international form; either is meant.
  for (const entry of new Set([digits, ...(number === undefined ? [] : [number])])) {
    const calls = pbx.trunkPlan.calls(entry);
    // The 7 that is put in the place of an 8 has not been dialled.
    const byPrefix = dialled && entry === digits ? calls.filter(({ by }) => 'prefix' in by) : [];
    const found = byPrefix.length > 0 ? byPrefix : calls.filter(({ by }) => 'mask' in by);
    if (found.length === 0) continue;
    return found.map(({ trunk, number: there, by }) => ({
      trunk,
      number: there,
      why: 'prefix' in by ? `prefix ${by.prefix} of trunk ${trunk}` : `mask ${by.mask} of trunk ${trunk}`,
    }));
  }
  return [];
}

/**
 * The ways of a number of the telephone network: the trunk that owns the number of ours that is shown, else the `pstn` trunks.
 *
 * @param number in international format
 * @param shown our number that the callee sees
 * @param from the trunk that the call came in through: it does not go back there
 */
export function waysToNetwork(
  pbx: PbxVersion,
  number: string,
  shown: string | undefined,
  from?: string,
): readonly Way[] {
  const owner = shown === undefined ? undefined : outgoingTrunkOf(pbx, shown);
  if (owner !== undefined && owner !== from)
    return [{ trunk: owner, number, why: `trunk ${owner} has the number that is shown, ${shown}` }];
  // An operator's account is a way for its own number alone.
  return pbx.document.trunks
    .filter(({ id, pstn }) => pstn && id !== from)
    .map(({ id }) => ({ trunk: id, number, why: `trunk ${id} leads to the telephone network` }));
}

/** The trunk that brings one of our numbers, if calls may go out by that number there. */
function outgoingTrunkOf(pbx: PbxVersion, shown: string): string | undefined {
  const trunk = pbx.line(shown)?.trunk;
  const listed = trunk?.numbers.find(({ number }) => number === shown);
  return listed?.outgoing === false ? undefined : trunk?.id;
}
