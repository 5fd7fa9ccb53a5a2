import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InCallKeys } from '../../../src/call/in-call-keys.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const keys = (...commands: string[]) => {
  const clock = new FakeClock();
  const done: string[] = [];
  let passed = '';
  const one = new InCallKeys(new Map(commands.map((text) => [text, () => void done.push(text)])), clock, (digits) => {
    passed += digits;
  });
  const press = (text: string) => [...text].forEach((digit) => void one.press(digit));
  return { clock, done, press, close: () => one.close(), passed: () => passed };
};

describe('keys during a conversation', () => {
  it.each([
    ['#5', '', ['#5']],
    ['12#5', '12', ['#5']],
    ['#51', '1', ['#5']],
    ['#6', '#6', []],
    ['##5', '#', ['#5']],
    ['#5#5', '', ['#5', '#5']],
    ['*5', '*5', []],
  ])('of %s the other side gets %j', (pressed, passed, done) => {
    const one = keys('#5');
    one.press(pressed);
    expect(one.passed()).toBe(passed);
    expect(one.done).toEqual(done);
    expect(one.clock.pending).toBe(0);
  });

  it('passes on what only might have begun a command, after two seconds', () => {
    const one = keys('#5');
    one.press('#');
    one.clock.advance(1999);
    expect(one.passed()).toBe('');
    one.clock.advance(1);
    expect(one.passed()).toBe('#');
    one.press('5');
    expect([one.passed(), one.done]).toEqual(['#5', []]);
  });

  it('keeps nothing after the end', () => {
    const one = keys('#5');
    one.press('#');
    one.close();
    one.clock.advance(10_000);
    expect([one.passed(), one.clock.pending]).toEqual(['', 0]);
  });

  it('loses no key: each is passed on in its place, or was of a command', () => {
    const presses = fc.array(fc.constantFrom('#', '5', '*', '8', '1'), { maxLength: 30 });
    fc.assert(
      fc.property(presses, (pressed) => {
        const one = keys('#5', '*8', '#*');
        one.press(pressed.join(''));
        one.clock.advance(2000);
        const length = one.passed().length + one.done.join('').length;
        expect(length).toBe(pressed.length);
        expect(one.clock.pending).toBe(0);
      }),
    );
  });
});
