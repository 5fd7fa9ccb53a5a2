import type { Frame, TimeSet, ZonedWhen } from '../../time/almanac.ts';
import { dayOf, msPerDay, parseDate } from '../../time/date.ts';
import { timesText } from '../../time/times-text.ts';
import type { AssistantRule, Employee } from '../schema/employee.ts';
import type { Condition } from '../schema/when.ts';
import { joined } from '../words.ts';
import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** The schedules of people: contacts that never ring, and rules of an assistant of which the first alone acts. */
export const schedules: Rule = {
  codes: ['never-matches', 'past-time', 'overlapping-assistant'],
  *check(pbx: CheckedPbx): Iterable<Finding> {
    for (const [index, employee] of pbx.document.employees.entries()) {
      const whens = schedulesOf(employee);
      if (whens.some(({ when }) => when !== 'always')) {
        const frame = pbx.almanac.frame(whens);
        for (const { when, timezone, path } of whens) {
          const never = when === 'always' ? undefined : neverHolds(pbx, frame, when, timezone);
          if (never) yield { ...never, path: ['employees', index, ...path, ...never.path] };
        }
      }
      if (employee.assistant.length > 1) yield* overlaps(pbx, employee, index);
    }
  },
};

function schedulesOf(employee: Employee) {
  const timezone = employee.timezone || undefined;
  const contacts = employee.contacts.flatMap(({ when, temporary }, at) => [
    { when, timezone, path: ['contacts', at, 'when'] },
    ...(temporary === undefined ? [] : [{ when: temporary, timezone, path: ['contacts', at, 'temporary'] }]),
  ]);
  const rules = employee.assistant.map(({ when }, at) => ({ when, timezone, path: ['assistant', at, 'when'] }));
  return [...contacts, ...rules];
}

/**
 * What is wrong with a schedule that is never met, or a part of it that is not; its path is from the schedule on.
 * @param frame one that the conditions belong to
 */
export function neverHolds(
  { almanac, document }: CheckedPbx,
  frame: Frame,
  conditions: readonly Condition[],
  timezone?: string,
): Finding | undefined {
  for (const [index, condition] of conditions.entries()) {
    const path = conditions.length > 1 ? [index] : [];
    if (frame.timesOf({ when: [condition], timezone }).isEmpty) {
      const why = contradiction(condition, document.pbx.country);
      const hint = 'All keys of a condition must hold at once; write several conditions in a list for "or".';
      return { code: 'never-matches', path, message: `This time never comes: ${why}`, hint };
    }
  }
  if (!conditions.every((condition) => isOver(condition, almanac.now))) return undefined;
  return {
    code: 'past-time',
    path: [],
    message: `This time is over: ${joined(conditions.flatMap(lastDays), 'and')}`,
    hint: 'Remove it, or write the dates of this year.',
  };
}

function contradiction({ days, dates, time, period }: Condition, country: string): string {
  const parts = [
    ...(days ? [`"days" ${days.join(', ')}`] : []),
    ...(dates ? [`"dates" ${dates.join(', ')}`] : []),
    ...(period ? [`"period" ${period.from} to ${period.to}`] : []),
    ...(time ? [`"time" ${time.join(', ')}`] : []),
  ];
  if (parts.length === 1) return `no day in ${country} is one of ${days?.join(', ')}`;
  return `${joined(parts, 'and')} have no moment in common`;
}

/** By dates or a period, with a day for the zone and a night that goes on. */
const isOver = ({ dates, period }: Condition, now: number): boolean => {
  const today = dayOf(now);
  if (period && Date.parse(`${period.to}:00Z`) + 2 * msPerDay < now) return true;
  return dates?.every((date) => parseDate(date) + 2 < today) ?? false;
};

const lastDays = ({ dates, period }: Condition): string[] =>
  period ? [`it ended on ${period.to.slice(0, 10)}`] : [`${dates?.toSorted().at(-1)} is past`];

/** Of rules whose times and directions meet the first acts alone, whatever their "after" (`call/assistant.ts`). */
function* overlaps(pbx: CheckedPbx, employee: Employee, index: number): Generator<Finding> {
  const timezone = employee.timezone || undefined;
  const frame = pbx.almanac.frame(employee.assistant.map(({ when }): ZonedWhen => ({ when, timezone })));
  const timesOf = ({ when }: AssistantRule): TimeSet => frame.timesOf({ when, timezone });
  const left = { external: frame.always, internal: frame.always };
  for (const [at, rule] of employee.assistant.entries()) {
    const own = timesOf(rule);
    const never = !own.isEmpty && rule.direction.every((one) => own.and(left[one]).isEmpty);
    const culprits = employee.assistant.slice(0, at).flatMap((other, earlier) => {
      const directions = rule.direction.filter((one) => other.direction.includes(one));
      const both = own.and(timesOf(other));
      return directions.length === 0 || both.isEmpty ? [] : [{ earlier, directions, both }];
    });
    for (const one of rule.direction) left[one] = left[one].without(own);
    const [first] = culprits;
    if (!first) continue;
    const calls = first.directions.length === 2 ? 'calls' : `${first.directions[0]} calls`;
    const names = culprits.map(({ earlier }) => String(earlier + 1));
    const message = never
      ? `This rule never acts: rule${names.length === 1 ? '' : 's'} ${joined(names, 'and')} of ${employee.name} take${names.length === 1 ? 's' : ''} all its calls before`
      : `Rule ${first.earlier + 1} of ${employee.name} is for the same ${calls} ${timesText(first.both)}, and comes first`;
    const hint = 'Let the two differ in "when" or "direction", or remove one.';
    yield { code: 'overlapping-assistant', path: ['employees', index, 'assistant', at], message, hint };
  }
}
