import { UserError } from '../errors.ts';
import { Zone } from '../time/zone.ts';

const form = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * A moment in ISO 8601: `2026-11-04T12:00`, with an offset (`+03:00`, `Z`) or else as the clocks of the PBX show it; without a time of day its midnight.
 * @returns milliseconds since 1970
 * @throws UserError `moment`
 */
export function parseMoment(text: string, timezone: string): number {
  const [, date, time = '00:00', offset] = form.exec(text.trim()) ?? [];
  const instant =
    date === undefined
      ? Number.NaN
      : offset === undefined
        ? Zone.of(timezone).instantOf(Date.parse(`${date}T${time}Z`))
        : Date.parse(`${date}T${time}${offset}`);
  // JavaScript takes 30 February for 2 March.
  const exists = date !== undefined && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date) === true;
  if (Number.isNaN(instant) || !exists) {
    throw new UserError(
      'moment',
      `--at: "${text}" is no moment`,
      `Write it as 2026-11-04T12:00 (clocks of ${timezone}) or with an offset: 2026-11-04T12:00+03:00.`,
    );
  }
  return instant;
}

/** As the clocks of the PBX show it: `Wednesday 2026-11-04 12:00:00`. */
export function momentText(instant: number, timezone: string): string {
  const wall = new Date(Zone.of(timezone).wallAt(instant));
  const day = wall.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  return `${day} ${wall.toISOString().slice(0, 19).replace('T', ' ')}`;
}
