import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { Zone } from '../../../src/time/zone.ts';

const zones = [
  'Europe/Moscow',
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago', // changes at midnight
  'Australia/Lord_Howe', // changes by half an hour
  'Asia/Kathmandu', // +05:45
  'Pacific/Apia',
  'Africa/Casablanca', // changes around Ramadan
  'UTC',
];
const years = { min: Date.UTC(2000), max: Date.UTC(2037) };

describe('Zone', () => {
  it('shows the wall time that Temporal shows', () => {
    const property = fc.property(fc.constantFrom(...zones), fc.integer(years), (name, instant) => {
      const expected = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(name).toPlainDateTime();
      expect(new Date(Zone.of(name).wallAt(instant)).toISOString()).toBe(
        `${expected.toString({ fractionalSecondDigits: 3 })}Z`,
      );
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('finds the instant of a wall time: the earlier of two, and for one that is skipped the moment of the change', () => {
    const nearChange = fc.constantFrom(
      '2026-03-29',
      '2026-10-25',
      '2026-03-08',
      '2026-11-01',
      '2026-04-05',
      '2026-10-04',
      '2026-09-06',
    );
    const wall = fc
      .tuple(
        fc.oneof(
          nearChange.map((date) => Date.parse(`${date}T00:00Z`)),
          fc.integer(years),
        ),
        fc.integer({ min: 0, max: 1439 }),
      )
      .map(([day, minute]) => Math.floor(day / 86_400_000) * 86_400_000 + minute * 60_000);
    const property = fc.property(fc.constantFrom(...zones), wall, (name, at) => {
      const plain = Temporal.PlainDateTime.from(new Date(at).toISOString().slice(0, -1));
      const exists = plain.toZonedDateTime(name, { disambiguation: 'earlier' }).toPlainDateTime().equals(plain);
      const instant = Zone.of(name).instantOf(at);
      if (exists) expect(instant).toBe(plain.toZonedDateTime(name, { disambiguation: 'earlier' }).epochMilliseconds);
      else {
        const after = plain.toZonedDateTime(name, { disambiguation: 'later' });
        expect(instant).toBe(after.add({ milliseconds: 1 }).getTimeZoneTransition('previous')?.epochMilliseconds);
      }
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('refuses a name that is no zone', () => {
    expect(() => Zone.of('Europe/Nowhere')).toThrow(RangeError);
  });
});
