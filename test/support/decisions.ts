import type { PbxVersion } from '../../src/config/version.ts';
import type { TraceEntry } from '../../src/scheme/actors.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import type { SchemeCall } from './scheme-call.ts';

/**
 * What a replay is held against: the decisions of a call that was really made, and the first one that two such calls do not share. Written from the words of
 * `docs/replay.md`, without a line of `src/replay`.
 */
export interface Decision {
  /** Seconds from the start. */
  readonly t: number;
  readonly entry: TraceEntry;
  /** Texts of which one must be alike in two decisions. */
  readonly alike: readonly string[];
}

export function decisionsOf(pbx: PbxVersion, call: SchemeCall): Decision[] {
  return call.world.traces.flatMap(({ t, ...entry }) => {
    const alike = alikeOf(pbx, entry);
    return alike ? [{ t, entry, alike }] : [];
  });
}

function alikeOf(pbx: PbxVersion, { state, event, detail = {}, why }: TraceEntry): string[] | undefined {
  const text = (...what: readonly unknown[]) => JSON.stringify([event, ...what]);
  switch (event) {
    case 'branch': {
      const scheme = state.split('/', 1)[0] ?? '';
      const branch = schemesOf(pbx).get(scheme)?.tables.branches.get(state);
      if (!branch) throw new Error(`no branch ${state}`);
      const { when, ...does } = branch;
      return [text('hours', when), text('does', does)];
    }
    case 'scheme':
      return [text('id', detail.scheme), text('does', pbx.scheme(String(detail.scheme))?.branches)];
    case 'digit':
      return [text(detail.digits, why)];
    case 'rule':
      return 'rule' in detail ? [text(detail.rule)] : undefined;
    case 'ring':
    case 'queue':
    case 'voicemail':
    case 'fax':
    case 'password':
    case 'mainMenu':
    case 'hangup':
      return [text(detail)];
    default:
      return undefined;
  }
}

export interface Parting {
  /** How many decisions are the same before. */
  readonly index: number;
  readonly was: Decision | undefined;
  readonly now: Decision | undefined;
  /** When the decision before was taken. */
  readonly last: number;
  /** They decide the same at this place, but not at the same time: from here on, the two calls have different worlds. */
  readonly onlyLater: boolean;
}

/** The first decision in which two calls differ; undefined: they do not. */
export function partingOf(one: readonly Decision[], other: readonly Decision[]): Parting | undefined {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [was, now] = [one[index], other[index]];
    const same = was !== undefined && now !== undefined && was.alike.some((text) => now.alike.includes(text));
    if (!same || was.t !== now.t) return { index, was, now, last: one[index - 1]?.t ?? 0, onlyLater: same };
  }
  return undefined;
}
