import type { Condition, Day, When } from '../config/document.ts';

/** A `When` in words, for a sentence that goes on with it: `on working days, 09:00–18:59`. */
export function whenText(when: When): string {
  if (when === 'always') return 'at any time';
  if (when === 'otherwise') return 'at any other time';
  return when.map(conditionText).join(', or ');
}

function conditionText({ days, dates, time, period, timezone }: Condition): string {
  const parts = [
    ...(days ? [`on ${list(days.map((day) => names[day]))}`] : []),
    ...(dates ? [`on ${list(dates)}`] : []),
    ...(time ? [list(time.map((range) => range.replace('-', '–')))] : []),
    ...(period ? [`from ${moment(period.from)} to ${moment(period.to)}`] : []),
  ];
  return `${parts.join(', ')}${timezone === undefined ? '' : ` (${timezone})`}`;
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

const moment = (local: string): string => local.replace('T', ' ');

const names: Readonly<Record<Day, string>> = {
  mon: 'Mondays',
  tue: 'Tuesdays',
  wed: 'Wednesdays',
  thu: 'Thursdays',
  fri: 'Fridays',
  sat: 'Saturdays',
  sun: 'Sundays',
  workdays: 'working days',
  weekend: 'weekends',
  holidays: 'holidays',
  preholidays: 'days before holidays',
};
