import { describe, expect, it } from 'vitest';
import { Timer, TimerQueues } from '../../../../../src/embedded/sip/transaction/timer-queues.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const queues = new TimerQueues(clock);
  const log: string[] = [];
  const timer = (label: string, then: () => void = () => undefined): Timer =>
    new Timer(
      'J',
      {
        fired: () => {
          log.push(`${clock.monotonic()} ${label}`);
          then();
        },
      },
      undefined,
    );
  return { clock, queues, log, timer };
}

describe('the timers of transactions', () => {
  it('fire each at its time, with one timer of the clock for each length', () => {
    const { clock, queues, log, timer } = setUp();
    for (const label of ['a', 'b', 'c']) {
      queues.arm(timer(label), 500);
      queues.arm(timer(`${label} long`), 32_000);
      clock.advance(100);
    }
    expect(clock.pending).toBe(2);
    clock.advance(40_000);
    expect(log).toEqual(['500 a', '600 b', '700 c', '32000 a long', '32100 b long', '32200 c long']);
    expect(clock.pending).toBe(0);
  });

  it('stopped ones do not fire: first, middle, last, and all of them', () => {
    const { clock, queues, log, timer } = setUp();
    const timers = ['a', 'b', 'c', 'd', 'e'].map((label) => timer(label));
    for (const one of timers) {
      queues.arm(one, 500);
      clock.advance(1);
    }
    for (const at of [0, 2, 4, 4]) queues.stop(timers[at] as Timer);
    clock.advance(1_000);
    expect(log).toEqual(['501 b', '503 d']);
    queues.arm(timer('f'), 500);
    const last = timer('g');
    queues.arm(last, 700);
    queues.stop(last);
    expect(clock.pending).toBe(1);
  });

  it('one that is armed while its queue fires takes its whole time', () => {
    const { clock, queues, log, timer } = setUp();
    queues.arm(
      timer('a', () => queues.arm(timer('again'), 500)),
      500,
    );
    queues.arm(timer('b'), 500);
    clock.advance(2_000);
    expect(log).toEqual(['500 a', '500 b', '1000 again']);
    expect(clock.pending).toBe(0);
  });

  it('one that throws does not take the others with it', () => {
    const { clock, queues, log, timer } = setUp();
    const broken = (): void => {
      throw new Error('a bug');
    };
    queues.arm(timer('a', broken), 500);
    queues.arm(timer('b'), 500);
    expect(() => clock.advance(500)).toThrow('a bug');
    clock.advance(1);
    expect(log).toEqual(['500 a', '500 b']);
  });
});
