import { expect, it } from 'vitest';
import { Seldom } from '../../../src/time/seldom.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('says one and the same thing once in so long, and others meanwhile', () => {
  const clock = new FakeClock();
  const seldom = new Seldom(clock, 60_000);
  expect([seldom.may('a'), seldom.may('a'), seldom.may('b')]).toEqual([true, false, true]);
  clock.advance(59_999);
  expect(seldom.may('a')).toBe(false);
  clock.advance(1);
  expect([seldom.may('a'), seldom.may('a')]).toEqual([true, false]);
});

it('does not keep what never comes again', () => {
  const seldom = new Seldom(new FakeClock(), 60_000);
  for (let i = 0; i < 1000; i++) expect(seldom.may(String(i))).toBe(true);
  expect(seldom.may('0')).toBe(false);
  expect(seldom.may('one more')).toBe(true);
  expect(seldom.may('0')).toBe(true);
});
