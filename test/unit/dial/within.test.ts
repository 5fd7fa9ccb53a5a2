import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { within } from '../../../src/dial/within.ts';

describe('within', () => {
  it('stops what it does when the whole is stopped, at once and with its reason', async () => {
    const whole = new AbortController();
    const why = new Error('why');
    const { promise, resolve } = Promise.withResolvers<string>();
    let own: AbortSignal | undefined;
    const done = within(whole.signal, ({ signal }) => {
      own = signal;
      return promise;
    });
    expect(own?.aborted).toBe(false);
    whole.abort(why);
    expect(own?.reason).toBe(why);
    resolve('settled');
    expect(await done).toBe('settled');
  });

  it('begins stopped what is a part of something that is over', async () => {
    const why = new Error('why');
    expect(await within(AbortSignal.abort(why), async ({ signal }) => signal.reason)).toBe(why);
  });

  it('can be stopped alone, and leaves nothing with the whole, also when it fails', async () => {
    const whole = new AbortController();
    await within(whole.signal, async (own) => own.abort());
    await expect(within(whole.signal, () => Promise.reject(new Error('fails')))).rejects.toThrow('fails');
    expect(whole.signal.aborted).toBe(false);
    expect(getEventListeners(whole.signal, 'abort')).toEqual([]);
  });
});
