import { describe, expect, it } from 'vitest';
import { LaneHealth, pauseAfter } from '../../../src/messages/lane-health.ts';
import { retryAfter } from '../../../src/messages/sms/courier.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const patience = { first: 1000, longest: 60_000, longestAway: 8000, ttl: 1e9 };
const middle = { ...seededRandom(1), next: () => 0.5 };

describe('pauses', () => {
  it('double up to the longest', () => {
    expect([1, 2, 3, 4, 9, 1000].map((n) => pauseAfter(n, 1000, 60_000, middle))).toEqual([
      ...[1000, 2000, 4000, 8000, 60_000, 60_000],
    ]);
  });

  it('differ by a fifth, so that nodes do not all come at once', () => {
    const random = seededRandom(7);
    const pauses = Array.from({ length: 500 }, () => pauseAfter(1, 1000, 60_000, random));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(800);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1200);
    expect(new Set(pauses).size).toBeGreaterThan(100);
  });
});

describe('a lane', () => {
  it('lets one try when nothing could be sent, then all', () => {
    const lane = new LaneHealth(patience, middle);
    expect(lane.room(3, 0)).toBe(3);
    expect(lane.isAway('no route', 0)).toBe(true);
    expect([lane.room(3, 999), lane.room(3, 1000)]).toEqual([0, 1]);
    expect(lane.isAway('no route', 1000)).toBe(false);
    expect([lane.room(3, 2999), lane.room(3, 3000)]).toEqual([0, 1]);
    expect(lane.works()).toBe(true);
    expect(lane.works()).toBe(false);
    expect(lane.room(3, 3000)).toBe(3);
  });

  it('counts several failures of the same outage once', () => {
    const lane = new LaneHealth(patience, middle);
    for (let i = 0; i < 3; i++) lane.isAway('no route', i);
    expect(lane.until).toBe(1000);
  });

  it('says another reason anew, and waits as long as it is asked to', () => {
    const lane = new LaneHealth(patience, middle);
    lane.isAway('no route', 0);
    expect(lane.isAway('wrong password', 1000, 90_000)).toBe(true);
    expect(lane.until).toBe(91_000);
  });

  it('is not asked without a pause by one who says "at once"', () => {
    const lane = new LaneHealth(patience, middle);
    lane.isAway('overloaded', 0, 0);
    expect(lane.until).toBe(1000);
  });

  it('begins anew with other settings', () => {
    const lane = new LaneHealth(patience, middle);
    lane.isAway('wrong password', 0);
    lane.forget();
    expect(lane.room(3, 0)).toBe(3);
    lane.isAway('wrong password', 0);
    expect(lane.until).toBe(1000);
  });
});

it.each([
  [null, undefined],
  ['0', 0],
  ['120', 120_000],
  ['999999999', 3_600_000],
  ['Mon, 02 Nov 2026 09:00:30 GMT', 30_000],
  ['Mon, 02 Nov 2026 08:00:00 GMT', 0],
  ['soon', undefined],
])('Retry-After: %s', (value, ms) => {
  expect(retryAfter(value, Date.parse('2026-11-02T09:00:00Z'))).toBe(ms);
});
