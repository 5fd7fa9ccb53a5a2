import { after, type BranchBuild, ending, endState, hangUp, trace } from './build.ts';
import type { Action, State, Transition, Transitions } from './chart.ts';
import { hearEntryIn, hearOut } from './hear-out.ts';
import { inputOf, keysOf, type TakesInput } from './keys.ts';
import { place, to } from './paths.ts';
import { unmatched } from './rules/any-other-input.ts';
import { dialled } from './rules/disa.ts';
import { faxRule } from './rules/fax.ts';
import { invalidPrompt } from './rules/invalid-input.ts';
import { silence } from './rules/no-input.ts';
import { kindOf } from './steps/index.ts';
import { unanswered } from './unanswered.ts';

/**
 * One branch: a state with its steps inside, one after the other, and the keys that are live in all of them, but for those where they
 * belong to somebody else (`deaf`).
 *
 * The steps and the keys run beside each other, as two regions of a parallel state would, and are not written so on purpose: all the state
 * of the keys is the digits pressed so far and one timer, and a parallel state costs half as much again at every event.
 */
export function compileBranch(build: BranchBuild): void {
  const { scheme, path, block, index } = build;
  const input = inputOf(build);
  if (input) scheme.tables.inputs.set(path, input.matcher);
  const fax = faxRule(build);
  if (fax) scheme.states.set(fax.path, fax.state);

  // A branch with a condition of its own says itself why it holds.
  const before = typeof build.branch.when === 'string' ? build.before : [];
  const { first, states } = inOrder(build, input);
  if (build.branch.end === 'mainMenu' || first === 'end') states.end = endState(build);
  if (input) Object.assign(states, invalidPrompt(build, input));
  if (input?.dials) Object.assign(states, dialled(build, input));

  scheme.states.set(path, {
    id: path,
    description: build.source,
    entry: [{ type: 'traceBranch', params: { state: path, block, index, before } }],
    exit: [{ type: 'forget' }, { type: 'stopAudio' }],
    on: { ...(input ? keysOf(build, input) : {}), ...(fax ? { faxTone: fax.on } : {}) },
    initial: first,
    states,
  });
}

/** What happens one after the other: the caller is answered, the steps, then the block waits for him. */
function inOrder(build: BranchBuild, input: TakesInput | undefined): { first: string; states: Record<string, State> } {
  const { branch, path } = build;
  const steps = branch.steps.map((step) => ({ step, kind: kindOf(step) }));
  // A caller who has heard nothing yet has not been answered: he cannot press anything, and gets the failure of the last attempt.
  const listens = input?.asked || branch.rules.fax !== undefined;
  const heard = listens || !build.top || steps.some(({ kind }) => kind.answers);
  // Where nothing is asked, a caller may still dial before he is hung up on; on the way back to the main menu he need not be kept.
  const waits = input !== undefined && (input.asked || (heard && branch.end === 'hangup'));

  const courses = steps.map(({ step, kind }) => kind.course(step, build.scheme.tables.pbx));
  const leaving = courses.indexOf('leaves');
  // What leaves the branch waits for an entry that was begun in a step before it.
  const last = leaving >= 0 ? leaving : courses.length;
  const goes = leaving >= 0 || (branch.end === 'mainMenu' && !waits);
  const hears = goes && courses.slice(0, last).includes('dwells') && input?.matcher.mayWait === true;

  const order = [
    ...(build.top && listens && !steps[0]?.kind.answers ? ['answering'] : []),
    ...steps.map((_, number) => String(number)).toSpliced(last, 0, ...(hears ? ['stepsEnd'] : [])),
    ...(waits && branch.rules.disa?.prompt ? ['prompt'] : []),
    ...(waits ? ['waiting'] : []),
  ];
  const following = (name: string): Transition => {
    const next = order[order.indexOf(name) + 1];
    return next === undefined ? ending(build) : { target: to(place(path, next)) };
  };

  const states: Record<string, State> = {};
  if (hears) Object.assign(states, hearOut(build, input, 'steps', [following('stepsEnd')]).states);
  for (const name of order) {
    if (name === 'answering') states.answering = answering(build, following(name));
    else if (name === 'prompt') states.prompt = disaPrompt(build, following(name));
    else if (name === 'waiting') states.waiting = waiting(build, input);
  }
  for (const [number, { step, kind }] of steps.entries()) {
    const next = following(String(number));
    const defaultApplies = number === steps.length - 1 && nothingElseFollows(build);
    states[number] = kind.compile(step, {
      ...build,
      at: place(path, number),
      stepSource: `${build.source}.steps[${number}]`,
      hearEntry: hearEntryIn(states, build, input),
      follows: courses.slice(0, number).includes('dwells'),
      next,
      notReached: (target) => {
        if (!defaultApplies || !('employee' in target)) return [next];
        const heard = hearOut(build, input, 'employee', [{ target: to(unanswered(build.scheme)) }]);
        Object.assign(states, heard.states);
        return after([{ type: 'remember', params: { employee: target.employee } }], heard.go);
      },
    });
  }
  return { first: order[0] ?? 'end', states };
}

/** A `noInput` rule and the way back to the main menu are something that follows; only waiting for keys is not. */
const nothingElseFollows = ({ branch }: BranchBuild): boolean => branch.end === 'hangup' && !branch.rules.noInput;

function answering(build: BranchBuild, next: Transition): State {
  const id = place(build.path, 'answering');
  const fault: Action = { type: 'fault', params: { state: id } };
  return {
    id,
    invoke: {
      src: 'answer',
      onDone: [next],
      onError: after([fault], [hangUp(build.scheme, id, 'the caller could not be answered', 'networkFailure')]),
    },
  };
}

function disaPrompt({ branch, path }: BranchBuild, next: Transition): State {
  const id = place(path, 'prompt');
  const audio = branch.rules.disa?.prompt ?? '';
  return {
    id,
    entry: [trace(id, 'play', { audio })],
    invoke: {
      src: 'play',
      input: { audio },
      onDone: [next],
      onError: after([{ type: 'fault', params: { state: id } }], [next]),
    },
  };
}

function waiting(build: BranchBuild, input: TakesInput | undefined): State {
  const id = place(build.path, 'waiting');
  // Where nothing is asked, a wrong key is passed over while somebody rings; once the steps are over it is an answer to silence.
  const on: Record<string, Transitions> = input?.asked ? {} : { unknown: unmatched(build) };
  return { id, entry: [trace(id, 'wait')], on, after: silence(build) };
}
