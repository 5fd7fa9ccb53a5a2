import { describe, expect, it } from 'vitest';
import { promisesSettle } from '../../../src/time/simulated-clock.ts';

describe('promisesSettle', () => {
  const chain = async (length: number): Promise<string> => {
    for (let i = 0; i < length; i++) await Promise.resolve();
    return 'done';
  };

  it('lets chains of promises run to their end, those included that they begin, without a turn of the event loop', async () => {
    const seen: string[] = [];
    const turn = setImmediate(() => seen.push('a turn of the event loop'));
    void chain(500).then(async (end) => {
      seen.push(end);
      seen.push(`${await chain(500)} again`);
    });
    await promisesSettle();
    expect(seen).toEqual(['done', 'done again']);
    clearImmediate(turn);
  });
});
