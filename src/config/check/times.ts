import type { Frame, TimeSet } from '../../time/almanac.ts';
import { dayOf, isoDate, parseDate } from '../../time/date.ts';
import { timesText } from '../../time/times-text.ts';
import type { Path } from '../issue.ts';
import type { Branch, Rules, Scheme } from '../schema/scheme.ts';
import type { Condition } from '../schema/when.ts';
import { joined } from '../words.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';
import { neverHolds } from './schedules.ts';

/**
 * Branches by the times that they are for: those that no time is left for, times that no branch is for, and holidays that nobody thought
 * of. Exact for all the years of the almanac (`time/almanac.ts`), changes of clocks included.
 */
export const times: Rule = {
  codes: ['unreachable-branch', 'never-matches', 'past-time', 'uncovered-time', 'no-holiday-branch'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    for (const [index, scheme] of pbx.document.schemes.entries()) yield* ofScheme(pbx, scheme, index);
  },
};

function* ofScheme(pbx: CheckedPbx, scheme: Scheme, index: number): Generator<Finding> {
  const block = ['schemes', index, 'branches'];
  const conditions = conditionsIn(scheme.branches);
  const frame = pbx.almanac.frame([{ when: conditions }]);
  yield* ofBlock(pbx, frame, scheme.branches, block, frame.always);
  yield* forgottenHolidays(pbx, scheme, block);
}

/** Of all blocks inside. */
function conditionsIn(branches: readonly Branch[]): Condition[] {
  return branches.flatMap((branch) => [
    ...(typeof branch.when === 'string' ? [] : branch.when),
    ...inner(branch).flatMap(({ branches: inside }) => conditionsIn(inside)),
  ]);
}

interface Block {
  readonly path: Path;
  readonly branches: readonly Branch[];
}

function inner({ menu, rules }: Branch): Block[] {
  const items = Object.entries(menu).map(([key, item]) => ({ path: ['menu', key], branches: item.branches }));
  const blocks = Object.entries(rules) as [string, Rules[keyof Rules]][];
  return [
    ...items,
    ...blocks.flatMap(([name, rule]) =>
      rule && 'branches' in rule ? [{ path: ['rules', name], branches: rule.branches }] : [],
    ),
  ];
}

/**
 * @param entered when the block is entered for sure. A caller may come to it later too, since time goes on while he listens; whether a
 *   branch can be reached is therefore judged by all times, and a gap is one that is met at once
 */
function* ofBlock(
  pbx: CheckedPbx,
  frame: Frame,
  branches: readonly Branch[],
  block: Path,
  entered: TimeSet,
): Generator<Finding> {
  const before: TimeSet[] = [];
  let left = frame.always;
  for (const [index, branch] of branches.entries()) {
    const own = frame.timesOf(branch);
    const path = [...block, index];
    const never = typeof branch.when === 'string' ? undefined : neverHolds(pbx, frame, branch.when);
    if (never) {
      yield { ...never, path: [...path, 'when', ...never.path] };
      // A list may hold other conditions that are met.
      if (own.isEmpty) continue;
    }
    const free = own.and(left);
    if (free.isEmpty) {
      yield covered(own, before, path);
    } else {
      const then = free.and(entered);
      for (const { path: at, branches: inside } of inner(branch))
        yield* ofBlock(pbx, frame, inside, [...path, ...at, 'branches'], then);
    }
    before.push(own);
    left = left.without(own);
  }
  const gap = left.and(entered).fromNowOn;
  if (gap.isEmpty) return;
  yield {
    code: 'uncovered-time',
    path: block,
    message: `Calls are hung up on at times that no branch is for: ${timesText(gap)}`,
    hint: 'Add a last branch with "when": "otherwise".',
  };
}

function covered(own: TimeSet, before: readonly TimeSet[], path: Path): Finding {
  const whole = before.findIndex((other) => own.without(other).isEmpty);
  const culprits = whole >= 0 ? [whole] : before.flatMap((other, index) => (own.and(other).isEmpty ? [] : [index]));
  const always = whole >= 0 && before[whole]?.frame.always.without(before[whole] as TimeSet).isEmpty;
  const names = joined(
    culprits.map((index) => String(index + 1)),
    'and',
  );
  const why = always
    ? `branch ${names} of the block always matches`
    : culprits.length === 1
      ? `branch ${names} of the block takes all of its time`
      : `branches ${names} of the block together take all of its time`;
  const hint = always ? 'Give that one a "when", or put it last.' : 'Put this one before, or change the times.';
  return { code: 'unreachable-branch', path, message: `This branch is never tried: ${why}`, hint };
}

/** §4.4.2.1 «Оповещение о начале праздничных дней»: a scheme with working hours, to which a holiday is a day like any other. */
function* forgottenHolidays(pbx: CheckedPbx, { branches }: Scheme, block: Path): Generator<Finding> {
  const conditions = branches.flatMap(({ when }) => (typeof when === 'string' ? [] : when));
  const hours = conditions.some(({ days, time, dates, period }) => (days ?? time) && !dates && !period);
  if (!hours) return;
  if (conditions.some(({ days }) => days?.some((day) => day === 'holidays' || day === 'workdays'))) return;
  const next = nextHoliday(pbx);
  if (!next || conditions.some(({ dates }) => dates?.some((date) => isHoliday(pbx, date)))) return;
  yield {
    code: 'no-holiday-branch',
    path: block,
    message: `Has working hours, but none of its branches tells holidays from other days: ${next} is like any day of that weekday`,
    hint: 'Add a branch for "days": ["holidays"] first, or write "workdays" for Monday to Friday.',
  };
}

const isHoliday = ({ almanac }: CheckedPbx, date: string): boolean =>
  almanac.timetable.calendar.isHoliday(parseDate(date));

/** A day off that anybody would notice; undefined for a country without. */
function nextHoliday({ almanac }: CheckedPbx): string | undefined {
  const { calendar } = almanac.timetable;
  const today = dayOf(almanac.now);
  for (let day = today; day < today + 2 * 366; day++) {
    if (!calendar.isHoliday(day)) continue;
    const name = calendar.holidayName(day);
    return isoDate(day) + (name ? ` (${name})` : '');
  }
  return undefined;
}
