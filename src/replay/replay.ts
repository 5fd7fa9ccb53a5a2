import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import type { CallRecord } from '../history/record.ts';
import { type Difference, doingOf, sameEssence } from './deed.ts';
import { type HeardOtherwise, type OtherWay, otherWay } from './other.ts';
import { type Reference, referenceOf, Unfaithful } from './reference.ts';
import { type Start, startOf } from './start.ts';

/**
 * What became of running a call again:
 *
 * - `same`: it goes where it went; `heard` tells what the caller would hear otherwise on the way.
 * - `elsewhere`: it does not, from `diverged` on. What would follow is not known.
 * - `impossible`: it cannot be run again, and why.
 */
export type Replay = { readonly call: CallRecord } & (
  | {
      readonly verdict: 'same';
      readonly heard: readonly HeardOtherwise[];
      /** Seconds from the start: the record tells no more, because too much happened. */
      readonly upTo?: number;
    }
  | { readonly verdict: 'elsewhere'; readonly diverged: Difference; readonly heard: readonly HeardOtherwise[] }
  | { readonly verdict: 'impossible'; readonly why: string }
);

/** The versions that a call is run through. */
export interface ReplayVersions {
  /** The one that it used, or why there is none. */
  readonly used: PbxVersion | string;
  /** The one that it is compared with; undefined: with none. */
  readonly other?: PbxVersion | undefined;
}

/**
 * Runs a recorded call again, as it was, and on another version if there is one. Pure: no SIP, no media, no time but the record's.
 * Never rejects for what is in the record or in the versions.
 */
export async function replay(call: CallRecord, { used, other }: ReplayVersions): Promise<Replay> {
  const { arrival } = call;
  if (!arrival) return impossible(call, 'its record is of an engine that kept no inputs');
  if (typeof used === 'string') return impossible(call, used);
  try {
    const start = startOf(used, arrival);
    const then = await referenceOf(call, start);
    return await compared(call, then, start, other && startOf(other, arrival));
  } catch (error) {
    if (error instanceof Unfaithful)
      return impossible(call, `on its own version it goes another way: ${error.message}`);
    return impossible(call, `this engine cannot run it: ${errorText(error)}`);
  }
}

async function compared(call: CallRecord, then: Reference, start: Start, now: Start | undefined): Promise<Replay> {
  const last = call.inputs.at(-1);
  const upTo = call.cut && last ? { upTo: last[0] / 1000 } : {};
  if (!now) return { call, verdict: 'same', heard: [], ...upTo };
  if (!sameEssence(start.essence, now.essence)) {
    return { call, verdict: 'elsewhere', diverged: otherStart(start, now), heard: [] };
  }
  const { diverged, heard }: OtherWay = await otherWay(then, now);
  return diverged ? { call, verdict: 'elsewhere', diverged, heard } : { call, verdict: 'same', heard, ...upTo };
}

function otherStart(then: Start, now: Start): Difference {
  const [was, is] = [then.path.at(-1), now.path.at(-1)];
  return { t: 0, state: was?.state ?? '', was: was ? doingOf(was) : null, now: is ? doingOf(is) : null };
}

const impossible = (call: CallRecord, why: string): Replay => ({ call, verdict: 'impossible', why });
