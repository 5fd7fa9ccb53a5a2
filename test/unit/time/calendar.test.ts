import { describe, expect, it } from 'vitest';
import { Calendar } from '../../../src/time/calendar.ts';
import { isoDate, parseDate, weekday } from '../../../src/time/date.ts';
import { publicHolidays } from '../../../src/time/holidays.ts';

const kindsOf = (calendar: Calendar, date: string) => {
  const day = parseDate(date);
  return [
    calendar.isWorkday(day) && 'workday',
    calendar.isWeekend(day) && 'weekend',
    calendar.isHoliday(day) && 'holiday',
    calendar.isPreholiday(day) && 'preholiday',
  ].filter(Boolean);
};

describe('Calendar', () => {
  const russia = new Calendar({ country: 'RU' });

  it.each([
    ['2026-11-02', ['workday']],
    ['2026-11-03', ['workday', 'preholiday']],
    ['2026-11-04', ['holiday']],
    ['2026-11-07', ['weekend']],
    ['2026-05-09', ['weekend', 'holiday']], // Victory Day on a Saturday
    ['2026-01-05', ['holiday']], // inside holidays of several days
    ['2026-05-08', ['workday', 'preholiday']],
    ['2026-12-31', ['workday', 'preholiday']], // the next year is asked too
  ])('in Russia %s is %j', (date, kinds) => {
    expect(kindsOf(russia, date)).toEqual(kinds);
  });

  it("lets the company's own days beat the country's", () => {
    const own = new Calendar({
      country: 'RU',
      holidays: ['2026-11-05'],
      workdays: ['2026-11-07', '2026-06-12'],
      preholidays: ['2026-12-30'],
    });
    expect(kindsOf(own, '2026-11-05')).toEqual(['holiday']);
    expect(kindsOf(own, '2026-11-07')).toEqual(['workday']);
    expect(kindsOf(own, '2026-06-12')).toEqual(['workday']);
    expect(kindsOf(own, '2026-06-11')).toEqual(['workday']);
    expect(kindsOf(own, '2026-12-30')).toEqual(['workday', 'preholiday']);
  });

  it('counts neither half days nor days of schools and banks', () => {
    expect(publicHolidays('IS', 2026).has(parseDate('2026-12-24'))).toBe(false); // from 13:00
    expect(publicHolidays('DE', 2026).has(parseDate('2026-12-24'))).toBe(false); // banks only
  });

  it('has no holidays for a country that it does not know', () => {
    expect(publicHolidays('XX', 2026).size).toBe(0);
  });
});

describe('dates', () => {
  it.each([
    ['1970-01-01', 3],
    ['1969-12-31', 2],
    ['2026-11-02', 0],
    ['2028-02-29', 1],
  ])('%s has weekday %i', (date, day) => {
    expect(weekday(parseDate(date))).toBe(day);
    expect(isoDate(parseDate(date))).toBe(date);
  });
});
