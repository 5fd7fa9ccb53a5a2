import { describe, expect, it } from 'vitest';
import {
  nextRegisterIn,
  nothingKnown,
  type RegisterOutcome,
  registrationAfter,
} from '../../../src/trunks/registration-state.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const granted: RegisterOutcome = { kind: 'granted', expiresMs: 300_000 };
const refused: RegisterOutcome = { kind: 'refused', reason: '403' };
const failed: RegisterOutcome = { kind: 'failed', reason: 'no answer' };

const random = seededRandom(7);
/** The pauses after so many outcomes of a kind in a row, each drawn many times: from the shortest to the longest. */
function pauses(outcome: RegisterOutcome, count: number): [number, number][] {
  let health = nothingKnown(0);
  return Array.from({ length: count }, () => {
    health = registrationAfter(health, outcome, 0);
    const drawn = Array.from({ length: 200 }, () => nextRegisterIn(outcome, health, random));
    return [Math.min(...drawn), Math.max(...drawn)] as [number, number];
  });
}

describe('the next REGISTER', () => {
  it('comes long before the registration ends, at no fixed moment', () => {
    const [[least, most] = [0, 0]] = pauses(granted, 1);
    expect(least).toBeGreaterThanOrEqual(150_000);
    expect(most).toBeLessThanOrEqual(210_000);
    expect(most - least).toBeGreaterThan(30_000);
  });

  it('after failures comes with growing pauses, up to five minutes', () => {
    const longest = pauses(failed, 10).map(([least, most]) => {
      expect(least).toBeGreaterThanOrEqual(most / 2 - most / 20);
      return Math.round(most / 1000);
    });
    expect(longest.map((s) => Math.round(s / 5))).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });

  it('after a refusal comes after minutes, at last once an hour', () => {
    const all = pauses(refused, 9);
    expect(all[0]?.[0]).toBeGreaterThanOrEqual(30_000);
    expect(all.at(-1)?.[0]).toBeGreaterThanOrEqual(1_800_000);
    expect(all.at(-1)?.[1]).toBeLessThanOrEqual(3_600_000);
  });

  it('is not sooner than the operator asks, within reason', () => {
    const health = registrationAfter(nothingKnown(0), failed, 0);
    expect(nextRegisterIn({ ...failed, retryAfterMs: 120_000 }, health, random)).toBe(120_000);
    expect(nextRegisterIn({ ...failed, retryAfterMs: 1 }, health, random)).toBeGreaterThan(2_000);
    expect(nextRegisterIn({ ...failed, retryAfterMs: 1e12 }, health, random)).toBe(3_600_000);
  });
});

describe('what is known', () => {
  it('a registration lives on while refreshing it fails, and no longer', () => {
    const registered = registrationAfter(nothingKnown(0), granted, 1000);
    expect(registered).toMatchObject({ state: 'registered', since: 1000, until: 301_000, failures: 0 });
    const failing = registrationAfter(registered, failed, 200_000);
    expect(failing).toMatchObject({
      state: 'failing',
      since: 200_000,
      until: 301_000,
      reason: 'no answer',
      failures: 1,
    });
    expect(registrationAfter(failing, failed, 301_000)).toMatchObject({
      state: 'failing',
      since: 200_000,
      until: undefined,
      failures: 2,
    });
    expect(registrationAfter(failing, granted, 400_000)).toMatchObject({
      state: 'registered',
      since: 400_000,
      until: 700_000,
      reason: undefined,
      failures: 0,
    });
  });
});
