import { beforeEach, describe, expect, it } from 'vitest';
import { Precedence } from '../../../src/time/precedence.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('Precedence', () => {
  let clock: FakeClock;
  let precedence: Precedence;
  let seen: string[];
  beforeEach(() => {
    clock = new FakeClock();
    precedence = new Precedence(clock);
    seen = [];
  });
  const later = (name: string) => void precedence.clear().then(() => seen.push(name));

  it('holds nobody up while nothing is urgent', async () => {
    later('a');
    await clock.advanceAsync(0);
    expect(seen).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  it('lets urgent things go first, and what follows from them', async () => {
    const done = precedence.begin();
    later('a');
    await clock.advanceAsync(10);
    done();
    later('b');
    await clock.advanceAsync(0.5);
    const followed = precedence.begin();
    done();
    await clock.advanceAsync(10);
    expect(seen).toEqual([]);
    followed();
    await clock.advanceAsync(1);
    expect(seen).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });

  it('waits for all that is urgent', async () => {
    const [one, other] = [precedence.begin(), precedence.begin()];
    later('a');
    one();
    one();
    await clock.advanceAsync(5);
    expect(seen).toEqual([]);
    other();
    await clock.advanceAsync(1);
    expect(seen).toEqual(['a']);
  });

  it('goes on after 50 ms at the latest', async () => {
    precedence.begin();
    later('a');
    await clock.advanceAsync(40);
    precedence.begin();
    later('b');
    await clock.advanceAsync(10);
    expect(seen).toEqual(['a']);
    await clock.advanceAsync(40);
    expect(seen).toEqual(['a', 'b']);
  });

  describe('rest', () => {
    beforeEach(() => {
      precedence = new Precedence(clock, () => seen.push('rest'));
    });

    it('comes a moment after somebody who gave way, once for all of that moment', async () => {
      later('a');
      later('b');
      await clock.advanceAsync(4);
      expect(seen).toEqual(['a', 'b']);
      await clock.advanceAsync(1);
      expect(seen).toEqual(['a', 'b', 'rest']);
      later('c');
      await clock.advanceAsync(5);
      expect(seen).toEqual(['a', 'b', 'rest', 'c', 'rest']);
      expect(clock.pending).toBe(0);
    });

    it('gives way as well', async () => {
      later('a');
      await clock.advanceAsync(4);
      const done = precedence.begin();
      await clock.advanceAsync(10);
      expect(seen).toEqual(['a']);
      done();
      await clock.advanceAsync(1);
      expect(seen).toEqual(['a', 'rest']);
      expect(clock.pending).toBe(0);
    });
  });
});
