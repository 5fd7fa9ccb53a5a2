import { remember } from './remember.ts';

/**
 * A time zone of the IANA list: what its clocks on the wall show, and when they show it.
 *
 * A *wall time* here is a number: the milliseconds that UTC would be at if its clocks showed the same. So a day of a wall clock always
 * has 86,400,000 ms, and date arithmetic is arithmetic.
 */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();

  private constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  static readonly #known = new Map<string, Zone>();

  /** @throws RangeError for a name that the runtime does not know */
  static of(name: string): Zone {
    return remember(Zone.#known, name, () => new Zone(name));
  }

  /** How far the wall clock is ahead of UTC at an instant, in milliseconds. */
  offsetAt(instant: number): number {
    const quarter = Math.floor(instant / quarterHour);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    const offset = this.#computeOffset(quarter * quarterHour);
    if (this.#offsets.size >= maxCached) this.#offsets.clear();
    this.#offsets.set(quarter, offset);
    return offset;
  }

  wallAt(instant: number): number {
    return instant + this.offsetAt(instant);
  }

  /**
   * The instant at which the wall clock shows `wall`: the first of two when the clocks are set back over it, the moment of the change
   * when they are set forward over it.
   */
  instantOf(wall: number): number {
    const before = this.offsetAt(wall - day);
    const after = this.offsetAt(wall + day);
    if (before === after) return wall - before;
    const early = wall - before;
    if (this.offsetAt(early) === before) return early;
    const late = wall - after;
    if (this.offsetAt(late) === after) return late;
    return this.#change(late, early);
  }

  /** The instants in (from, to] at which the clocks change. Looks once a day: no zone changes twice within one. */
  changes(from: number, to: number): number[] {
    const found: number[] = [];
    for (let at = from; at < to; at += day) {
      const next = Math.min(at + day, to);
      if (this.offsetAt(at) !== this.offsetAt(next)) found.push(this.#change(at, next));
    }
    return found;
  }

  /** The first instant in (from, to] with another offset than `from`, to the quarter of an hour: no zone changes in between. */
  #change(from: number, to: number): number {
    const old = this.offsetAt(from);
    let low = Math.floor(from / quarterHour);
    let high = Math.ceil(to / quarterHour);
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.offsetAt(middle * quarterHour) === old) low = middle;
      else high = middle;
    }
    return high * quarterHour;
  }

  #computeOffset(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, date, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  }
}

/** Zones change their offset on a quarter of an hour of UTC, and at no other time since 1972. */
const quarterHour = 15 * 60_000;
const day = 86_400_000;
/** Quarters of an hour kept per zone: a day's worth of calls and the days around them. */
const maxCached = 1024;
