import { describe, expect, it } from 'vitest';
import { type Paced, Pacer } from '../../../../../src/embedded/media/worker/pacer.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

/** Notes the deadlines that it is called for. */
const member = (onTick?: () => void): Paced & { readonly due: number[] } => {
  const due: number[] = [];
  return {
    due,
    tick(dueMs) {
      due.push(dueMs);
      onTick?.();
    },
  };
};

const gaps = (numbers: readonly number[]) => numbers.slice(1).map((n, i) => n - (numbers[i] ?? 0));

describe('Pacer', () => {
  it('calls each member every 20 ms, and needs one timer for all of them', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock);
    const members = Array.from({ length: 10 }, () => member());
    for (const each of members) pacer.add(each);
    expect(clock.pending).toBe(1);
    clock.advance(1000);
    for (const each of members) {
      expect(each.due.length).toBe(50);
      expect(new Set(gaps(each.due))).toEqual(new Set([20]));
    }
    expect(clock.pending).toBe(1);
    pacer.stop();
    expect(clock.pending).toBe(0);
  });

  it('spreads the members over the 20 ms', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock);
    const members = Array.from({ length: 8 }, () => member());
    for (const each of members) pacer.add(each);
    clock.advance(20);
    expect(members.map((each) => (each.due[0] ?? 0) % 20).toSorted((a, b) => a - b)).toEqual([
      0, 0, 5, 5, 10, 10, 15, 15,
    ]);
  });

  it('arms no timer while it has no members', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock);
    const one = member(() => pacer.remove(one));
    pacer.add(one);
    clock.advance(100);
    expect(one.due).toHaveLength(1);
    expect(clock.pending).toBe(0);
    pacer.add(one);
    clock.advance(100);
    expect(one.due).toHaveLength(2);
  });

  it('adds a member once, however often it is told', () => {
    const clock = new FakeClock();
    const pacer = new Pacer(clock);
    const one = member();
    for (let i = 0; i < 5; i++) pacer.add(one);
    clock.advance(100);
    expect(one.due).toHaveLength(5);
  });

  it('shifts no deadline when a timer comes late', () => {
    const clock = new LateClock();
    const pacer = new Pacer(clock);
    const one = member();
    pacer.add(one);
    clock.latenessMs = 7;
    clock.advance(1000);
    expect(one.due.length).toBeGreaterThan(45);
    expect(new Set(gaps(one.due))).toEqual(new Set([20]));
  });

  it('makes up for a short standstill, and gives up the frames of a long one', () => {
    const clock = new LateClock();
    const pacer = new Pacer(clock);
    const one = member();
    pacer.add(one);
    clock.advance(100);
    clock.standStill(150);
    clock.advance(100);
    expect(new Set(gaps(one.due))).toEqual(new Set([20]));
    const before = one.due.length;
    clock.standStill(3000);
    clock.advance(100);
    const [longest = 0, ...others] = gaps(one.due).toSorted((x, y) => y - x);
    expect(longest).toBeGreaterThan(2900);
    expect(longest % 20).toBe(0);
    expect(new Set(others)).toEqual(new Set([20]));
    expect(one.due.length - before).toBeLessThan(8);
  });
});

/** A clock whose timers come late, as they do on a busy machine. */
class LateClock extends FakeClock {
  latenessMs = 0;
  #stoodStill = 0;

  override setTimeout(fn: () => void, ms: number) {
    return super.setTimeout(fn, ms + this.latenessMs);
  }

  override monotonic(): number {
    return super.monotonic() + this.#stoodStill;
  }

  /** Time goes on, but nothing runs. */
  standStill(ms: number): void {
    this.#stoodStill += ms;
  }
}
