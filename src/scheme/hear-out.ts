import { after, type BranchBuild, seen } from './build.ts';
import type { State, Transition, Transitions } from './chart.ts';
import type { TakesInput } from './keys.ts';
import { place, to } from './paths.ts';

export interface HearsOut {
  /** What leads on when there is an entry to hear out; else `next` itself. */
  readonly go: Transitions;
  /** By the last word of its path. */
  readonly states: Readonly<Record<string, State>>;
}

/**
 * Where a branch is about to be left by itself, because a time or an announcement is over and not because of a key: an entry that has begun by then is heard out
 * first, so that no digit is lost. One that means something goes its own way; where nothing was asked, another one changes nothing.
 *
 * @param what it is that is over; names the states: `main/noInput:stepsEnd`, `main/noInput:stepsEntry`
 */
export function hearOut(
  build: BranchBuild,
  input: TakesInput | undefined,
  what: 'steps' | 'employee' | 'dialled' | 'invalid',
  next: Transitions,
): HearsOut {
  if (!input?.matcher.mayWait) return { go: next, states: {} };
  const [end, entry] = [`${what}End`, `${what}Entry`];
  const [endId, entryId] = [place(build.path, end), place(build.path, entry)];
  const begun: Transition = { guard: { type: 'entryBegun' }, target: to(entryId) };
  return {
    go: [{ target: to(endId) }],
    states: { [end]: { id: endId, always: [begun, ...next] }, [entry]: entryState(build, input, entryId, next) },
  };
}

/** Adds a state to a branch in which an entry is heard out, and what was to come follows one that means nothing. @returns the target that leads there */
export type HearEntry = (id: string, next: Transitions) => string;

/** Adds to the states of a branch one in which an entry is heard out. Undefined: no entry is ever only begun in it. */
export function hearEntryIn(
  states: Record<string, State>,
  build: BranchBuild,
  input: TakesInput | undefined,
): HearEntry | undefined {
  if (!input?.matcher.mayWait) return undefined;
  return (id, next) => {
    states[id.slice(place(build.path, '').length)] = entryState(build, input, id, next);
    return to(id);
  };
}

function entryState({ path }: BranchBuild, { asked }: TakesInput, id: string, next: Transitions): State {
  const wrong = seen(path, 'matches nothing, and nothing is asked here');
  return { id, on: asked ? {} : { unknown: after([wrong], next) } };
}
