import { type BranchBuild, seen, trace } from './build.ts';
import type { Action, Transitions } from './chart.ts';
import { noLength } from './dial-plan.ts';
import { Input } from './input.ts';
import { inner, place, to } from './paths.ts';
import { unmatched } from './rules/any-other-input.ts';
import { dialable, dialling } from './rules/disa.ts';

/** How a branch takes keys. */
export interface TakesInput {
  readonly matcher: Input;
  /** The admin wants an input here: there is a menu, or a rule about input. Else keys are only an offer: callers may dial extensions. */
  readonly asked: boolean;
  /** Numbers may be dialled. */
  readonly dials: boolean;
}

/** Undefined where keys mean nothing. */
export function inputOf(build: BranchBuild): TakesInput | undefined {
  const { menu, rules } = build.branch;
  const { disa, noInput, anyOtherInput, invalidInput } = rules;
  const extensions = dialable(build);
  const keys = Object.keys(menu);
  const asked = keys.length > 0 || Boolean(disa ?? noInput ?? anyOtherInput ?? invalidInput);
  if (!asked && extensions === noLength) return undefined;
  const matcher = new Input({
    keys,
    extensions,
    plan: build.scheme.tables.dialPlan,
    ...(disa ? { disa: disa.length ? { length: disa.length } : {} } : {}),
  });
  return { matcher, asked, dials: extensions !== noLength || disa !== undefined };
}

/** What the branch does about keys, and about the entries that they make. */
export function keysOf(build: BranchBuild, { asked, dials }: TakesInput): Record<string, Transitions> {
  const { path, branch, scheme } = build;
  const take: Action = { type: 'take', params: { input: path, pauseMs: scheme.menu.interDigitTimeout * 1000 } };
  const on: Record<string, Transitions> = {
    digit: [{ actions: [take] }],
    pause: [{ actions: [{ type: 'settle', params: { input: path } }] }],
    unknown: asked ? unmatched(build) : [{ actions: [seen(path, 'matches nothing, and nothing is asked here')] }],
  };
  for (const [key, { password }] of Object.entries(branch.menu)) {
    const item = inner(path, key);
    const actions = [trace(item, 'digit', { digits: key }, `key ${key} of the menu`)];
    on[`key:${key}`] = [{ target: to(password === undefined ? item : place(item, 'password')), actions }];
  }
  if (dials) {
    const { extension, trunk } = dialling(build);
    on.extension = extension;
    if (branch.rules.disa) on.trunk = trunk;
  }
  return on;
}
