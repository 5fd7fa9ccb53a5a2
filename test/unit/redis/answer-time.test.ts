import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AnswerTime, NoAnswerError } from '../../../src/redis/answer-time.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = () => new Promise<never>(() => undefined);

function waitingFor<T>(answer: Promise<T>, limitMs = 400) {
  const clock = new FakeClock();
  const time = new AnswerTime(limitMs, clock);
  const outcomes: unknown[] = [];
  const ask = (asked: Promise<T>) =>
    time.limit(asked).then(
      (reply) => outcomes.push(reply),
      (error) => outcomes.push(error),
    );
  ask(answer);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await turn();
    await turn();
  };
  return { ask, outcomes, pass };
}

describe('AnswerTime', () => {
  it('passes on what is answered, and why it failed', async () => {
    const { ask, outcomes, pass } = waitingFor<string>(Promise.resolve('PONG'));
    ask(Promise.reject('broken'));
    await pass(0);
    expect(outcomes).toEqual(['PONG', 'broken']);
  });

  it('gives up not before the limit, and at the latest a quarter after it', async () => {
    const { ask, outcomes, pass } = waitingFor(never());
    await pass(99);
    ask(never());
    for (const ms of [1, 100, 100, 100]) await pass(ms);
    expect(outcomes).toEqual([]);
    await pass(100);
    expect(outcomes).toEqual([expect.any(NoAnswerError), expect.any(NoAnswerError)]);
  });

  it('counts a look that comes late as one, however late', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const { outcomes, pass } = waitingFor(promise);
    for (const ms of [100, 60_000, 100]) await pass(ms);
    expect(outcomes).toEqual([]);
    resolve('PONG');
    for (let i = 0; i < 5; i++) await pass(100);
    expect(outcomes).toEqual(['PONG']);
  });
});
