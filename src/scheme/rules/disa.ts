import { after, type BranchBuild, ending, goOnDialled, seen } from '../build.ts';
import type { State, Transitions } from '../chart.ts';
import { type Lengths, lengthsBetween, noLength } from '../dial-plan.ts';
import { hearEntryIn, hearOut } from '../hear-out.ts';
import type { TakesInput } from '../keys.ts';
import { place, to } from '../paths.ts';
import { ringing } from '../ringing.ts';
import { unanswered } from '../unanswered.ts';
import { enter } from './enter.ts';

/** Lengths of the extensions that callers may dial in the block: those of the PBX (§4.4.2.2), and those of its `disa` rule. */
export function dialable({ branch, scheme }: BranchBuild): Lengths {
  const { enabled, min, max } = scheme.tables.pbx.document.pbx.extensionDialing;
  const { disa } = branch.rules;
  const lengths = enabled ? lengthsBetween(min, max) : noLength;
  if (!disa) return lengths;
  return (
    lengths | (disa.length ? lengthsBetween(disa.length.min, disa.length.max) : lengthsBetween(1, longestExtension))
  );
}

const longestExtension = 7;

/** «Донабор внутреннего номера»: whom the caller has dialled is rung; he may still choose something else meanwhile. */
export function dialled(build: BranchBuild, input: TakesInput): Readonly<Record<string, State>> {
  const { go, states } = hearOut(build, input, 'dialled', notReached(build));
  const sent: Record<string, State> = {};
  return {
    dialled: ringing(build.scheme, dialledPath(build), {}, go, hearEntryIn(sent, build, input)),
    ...states,
    ...sent,
  };
}

const dialledPath = ({ path }: BranchBuild): string => place(path, 'dialled');

/** What an entry that is a number does. */
export function dialling(build: BranchBuild): Record<'extension' | 'trunk', Transitions> {
  const { path, scheme } = build;
  const call = { target: to(dialledPath(build)) };
  return {
    extension: [
      ...after([seen(path, 'the extension of a scheme')], goOnDialled(scheme, path)),
      { ...call, actions: [seen(path, 'an extension'), { type: 'dial' }] },
    ],
    trunk: [{ ...call, actions: [seen(path, 'a number behind a trunk'), { type: 'dialTrunk' }] }],
  };
}

/** The block of the `disa` rule, if it says something; else an employee's default action, or the end of the branch. */
function notReached(build: BranchBuild): Transitions {
  const says = build.branch.rules.disa?.branches.some(({ steps, menu }) => steps.length + Object.keys(menu).length > 0);
  if (says) return [enter(build, 'disa', 'the number that was dialled was not reached')];
  return [{ guard: { type: 'dialledEmployee' }, target: to(unanswered(build.scheme)) }, ending(build)];
}
