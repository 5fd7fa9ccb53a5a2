import { Zone } from '../../time/zone.ts';
import type { Told } from './language.ts';

/**
 * A moment as a letter says it: «02.11.2026 в 12:05», "2 November 2026 at 12:05".
 * @param at ms since 1970
 */
export function moment({ language, timezone }: Told, at: number): string {
  const wall = new Date(Zone.of(timezone).wallAt(at));
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(wall.getUTCHours())}:${two(wall.getUTCMinutes())}`;
  const [day, month, year] = [wall.getUTCDate(), wall.getUTCMonth(), wall.getUTCFullYear()];
  return language === 'ru'
    ? `${two(day)}.${two(month + 1)}.${year} в ${time}`
    : `${day} ${months[month]} ${year} at ${time}`;
}

const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November'],
  'December',
];
