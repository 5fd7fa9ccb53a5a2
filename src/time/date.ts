/** Calendar dates as whole numbers: days since 1970-01-01, so that tomorrow is plus one. */
export type DayNumber = number;

export const msPerDay = 86_400_000;
export const msPerMinute = 60_000;

/** @param wall a wall time (`zone.ts`) */
export const dayOf = (wall: number): DayNumber => Math.floor(wall / msPerDay);

/** 0 = Monday … 6 = Sunday. */
export const weekday = (day: DayNumber): number => (((day + 3) % 7) + 7) % 7;

/** @param iso `2026-12-31` */
export const parseDate = (iso: string): DayNumber => Date.parse(`${iso}T00:00:00Z`) / msPerDay;

export const isoDate = (day: DayNumber): string => new Date(day * msPerDay).toISOString().slice(0, 10);

export const yearOf = (day: DayNumber): number => new Date(day * msPerDay).getUTCFullYear();
