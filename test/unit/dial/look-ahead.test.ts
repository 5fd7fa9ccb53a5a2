import { beforeEach, describe, expect, it } from 'vitest';
import { LookAhead } from '../../../src/dial/look-ahead.ts';
import type { Binding } from '../../../src/redis/registrations.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('LookAhead', () => {
  let clock: FakeClock;
  let asked: string[];
  let isAway: boolean;
  let ahead: LookAhead;
  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    isAway = false;
    const contacts = async (pbx: string, account: string) => {
      asked.push(`${pbx} ${account}`);
      if (isAway) throw new Error('Redis is away');
      return [{ uri: `sip:${asked.length}` } as Binding];
    };
    ahead = new LookAhead({ contacts }, clock);
  });

  it('has looked up what is asked for a moment later, once', async () => {
    ahead.expect('acme', 'anna');
    clock.advance(10);
    expect(await ahead.contacts('acme', 'anna')).toEqual([{ uri: 'sip:1' }]);
    expect(asked).toEqual(['acme anna']);
    expect(await ahead.contacts('acme', 'anna')).toEqual([{ uri: 'sip:2' }]);
  });

  it('looks up again what is older, and what was expected of others', async () => {
    ahead.expect('acme', 'anna');
    await ahead.contacts('acme', 'boris');
    await ahead.contacts('other', 'anna');
    clock.advance(11);
    expect(await ahead.contacts('acme', 'anna')).toEqual([{ uri: 'sip:4' }]);
    expect(asked).toEqual(['acme anna', 'acme boris', 'other anna', 'acme anna']);
  });

  it('fails only for whoever asks', async () => {
    isAway = true;
    ahead.expect('acme', 'anna');
    await expect(ahead.contacts('acme', 'anna')).rejects.toThrow('Redis is away');
    expect(asked).toEqual(['acme anna']);
  });
});
