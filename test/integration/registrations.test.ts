import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Binding, RedisRegistrations, type Register, type RegistrationEvents } from '../../src/redis/index.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';

let redis: TestRedis;
let pbx: string;
let clock: FakeClock;
let store: RedisRegistrations;
let events: [keyof RegistrationEvents, string][];

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

beforeEach(async () => {
  pbx = somePbx();
  clock = new FakeClock();
  store = await open();
  events = [];
  for (const name of ['bound', 'refreshed', 'removed', 'expired'] as const) {
    store.on(name, ({ key }) => events.push([name, key]));
  }
});

const open = async () => new RedisRegistrations(await redis.connect(), () => clock.now());

const many = { max: 10, beyond: 'refuse' } as const;

/** `desk:60` is a contact with that key for 60 seconds; the Call-ID follows from the key, as phones do it. */
function register(contacts: string, cseq = 1, changes: Partial<Register> = {}): Register {
  const list = contacts.split(' ').map((contact) => {
    const [key = '', expires] = contact.split(':');
    return { key, uri: `sip:${key}@127.0.0.1:5070;ob`, expires: Number(expires), q: 1 };
  });
  return {
    callId: `call-of-${list[0]?.key}`,
    cseq,
    contacts: list,
    receivedFrom: { protocol: 'udp', address: '127.0.0.9', port: 40_000 },
    path: [],
    node: 'node-1',
    ...changes,
  };
}

const keys = (bindings: readonly Binding[]) => bindings.map((binding) => binding.key);

describe('RegistrationStore', () => {
  it('gives back everything that it was told, with the seconds left', async () => {
    const told = register('desk:60', 7, {
      userAgent: 'baresip v1 «тест»',
      path: ['<sip:edge1.example;lr>', '<sip:edge2.example;lr>'],
      contacts: [
        { key: '<urn:uuid:1>;1', uri: 'sip:a@1.2.3.4', expires: 60, q: 0.5, instance: '<urn:uuid:1>', regId: 1 },
      ],
    });
    await store.bind(pbx, 'ivanov@acme.example', told, many);
    clock.advance(12_345);
    expect(await store.contacts(pbx, 'ivanov@acme.example')).toEqual([
      {
        pbx,
        account: 'ivanov@acme.example',
        key: '<urn:uuid:1>;1',
        uri: 'sip:a@1.2.3.4',
        q: 0.5,
        instance: '<urn:uuid:1>',
        regId: 1,
        callId: 'call-of-desk',
        cseq: 7,
        userAgent: 'baresip v1 «тест»',
        path: ['<sip:edge1.example;lr>', '<sip:edge2.example;lr>'],
        receivedFrom: { protocol: 'udp', address: '127.0.0.9', port: 40_000 },
        node: 'node-1',
        boundAt: clock.now() - 12_345,
        expiresAt: clock.now() - 12_345 + 60_000,
        expires: 48,
      },
    ]);
  });

  it('keeps several devices of an account, best q first, then the latest', async () => {
    await store.bind(pbx, 'a', register('desk:60'), many);
    clock.advance(1);
    await store.bind(pbx, 'a', register('mobile:60'), many);
    const loud = { key: 'loud', uri: 'sip:loud@127.0.0.1', expires: 60, q: 0.9 };
    const result = await store.bind(pbx, 'a', register('x:1', 1, { contacts: [loud] }), many);
    expect(result.outcome === 'bound' && keys(result.bindings)).toEqual(['mobile', 'desk', 'loud']);
    expect(await store.contacts(pbx, 'somebody-else')).toEqual([]);
    expect(await store.contacts(somePbx(), 'a')).toEqual([]);
  });

  it('refreshes, keeping since when it is bound', async () => {
    await store.bind(pbx, 'a', register('desk:60', 1), many);
    const since = clock.now();
    clock.advance(50_000);
    await store.bind(pbx, 'a', register('desk:60', 2), many);
    clock.advance(50_000);
    expect(await store.contacts(pbx, 'a')).toMatchObject([{ boundAt: since, expires: 10 }]);
    expect(events).toEqual([
      ['bound', 'desk'],
      ['refreshed', 'desk'],
    ]);
  });

  it.each([
    ['an equal', 5],
    ['a lower', 4],
  ])('refuses %s CSeq of the same Call-ID, and changes nothing (RFC 3261 §10.3)', async (_, cseq) => {
    await store.bind(pbx, 'a', register('desk:60', 5), many);
    // The fault is in the second contact: the first must not be applied either.
    const request = register('new:60 desk:90', cseq, { callId: 'call-of-desk' });
    expect(await store.bind(pbx, 'a', request, many)).toEqual({ outcome: 'outOfOrder' });
    expect(await store.removeAll(pbx, 'a', request)).toEqual({ outcome: 'outOfOrder' });
    expect(await store.contacts(pbx, 'a')).toMatchObject([{ key: 'desk', expires: 60, cseq: 5 }]);
    expect(await store.count(pbx)).toBe(1);
  });

  it('takes any CSeq of another Call-ID: the phone has restarted', async () => {
    await store.bind(pbx, 'a', register('desk:60', 500), many);
    await store.bind(pbx, 'a', register('desk:60', 1, { callId: 'fresh' }), many);
    expect(await store.contacts(pbx, 'a')).toMatchObject([{ callId: 'fresh', cseq: 1 }]);
  });

  it('adds and removes in one request; removing what is not there is no error', async () => {
    await store.bind(pbx, 'a', register('old:60', 1), many);
    await store.bind(pbx, 'a', register('old:0 new:60 never:0', 2), many);
    expect(keys(await store.contacts(pbx, 'a'))).toEqual(['new']);
    expect(events).toEqual([
      ['bound', 'old'],
      ['removed', 'old'],
      ['bound', 'new'],
    ]);
    expect(await store.count(pbx)).toBe(1);
  });

  it('lets the last of two equal contacts in one request win', async () => {
    const result = await store.bind(pbx, 'a', register('desk:60 desk:30'), many);
    expect(result).toMatchObject({ outcome: 'bound', bindings: [{ key: 'desk', expires: 30 }] });
    expect(events).toEqual([['bound', 'desk']]);
    await store.bind(pbx, 'a', register('desk:60 desk:0', 2), many);
    expect(await store.count(pbx)).toBe(0);
  });

  it('removes all on "*", and does not mind that there is nothing', async () => {
    await store.bind(pbx, 'a', register('desk:60'), many);
    await store.bind(pbx, 'a', register('mobile:60'), many);
    const request = { callId: 'another', cseq: 1 };
    expect(await store.removeAll(pbx, 'a', request)).toEqual({ outcome: 'bound', bindings: [] });
    expect(events.slice(2)).toEqual([
      ['removed', 'desk'],
      ['removed', 'mobile'],
    ]);
    expect(await store.removeAll(pbx, 'a', request)).toEqual({ outcome: 'bound', bindings: [] });
    expect(await store.count(pbx)).toBe(0);
  });

  it('removes one on command', async () => {
    await store.bind(pbx, 'a', register('desk:60 mobile:60'), many);
    expect(await store.remove(pbx, 'a', 'desk')).toBe(true);
    expect(await store.remove(pbx, 'a', 'desk')).toBe(false);
    expect(keys(await store.contacts(pbx, 'a'))).toEqual(['mobile']);
  });

  it('refuses a device too many, and changes nothing', async () => {
    const two = { max: 2, beyond: 'refuse' } as const;
    await store.bind(pbx, 'a', register('one:60'), two);
    await store.bind(pbx, 'a', register('two:60'), two);
    expect(await store.bind(pbx, 'a', register('three:60'), two)).toEqual({ outcome: 'tooMany' });
    expect(keys(await store.contacts(pbx, 'a')).sort()).toEqual(['one', 'two']);
    // A refresh is none too many, and neither is a replacement, nor a newcomer after an expiry.
    expect(await store.bind(pbx, 'a', register('one:60', 2), two)).toMatchObject({ outcome: 'bound' });
    expect(await store.bind(pbx, 'a', register('one:0 three:60', 3), two)).toMatchObject({ outcome: 'bound' });
    clock.advance(60_000);
    expect(await store.bind(pbx, 'a', register('four:60'), two)).toMatchObject({ outcome: 'bound' });
  });

  it('drops what was refreshed longest ago, where that is wanted', async () => {
    const two = { max: 2, beyond: 'dropOldest' } as const;
    await store.bind(pbx, 'a', register('one:60'), two);
    clock.advance(1000);
    await store.bind(pbx, 'a', register('two:60'), two);
    clock.advance(1000);
    await store.bind(pbx, 'a', register('one:60', 2), two);
    clock.advance(1000);
    await store.bind(pbx, 'a', register('three:60'), two);
    expect(keys(await store.contacts(pbx, 'a')).sort()).toEqual(['one', 'three']);
    expect(events).toContainEqual(['removed', 'two']);
    expect(await store.count(pbx)).toBe(2);
  });

  it('stops showing a binding at the moment of its expiry, swept or not', async () => {
    await store.bind(pbx, 'a', register('desk:60'), many);
    clock.advance(59_999);
    expect(await store.contacts(pbx, 'a')).toMatchObject([{ expires: 1 }]);
    expect(await store.count(pbx)).toBe(1);
    clock.advance(1);
    expect(await store.contacts(pbx, 'a')).toEqual([]);
    expect(await store.list(pbx)).toEqual([]);
    expect(await store.count(pbx)).toBe(0);
  });

  it('reports each expiry once, on one of several nodes', async () => {
    const nodes = await Promise.all([open(), open(), open()]);
    const expired: string[] = [];
    for (const node of nodes) node.on('expired', ({ account }) => expired.push(account));
    const accounts = Array.from({ length: 450 }, (_, i) => `account-${i}`);
    await Promise.all(accounts.map((account) => store.bind(pbx, account, register('desk:60'), many)));
    await store.bind(pbx, 'long', register('desk:3600'), many);
    clock.advance(60_000);
    const counts = await Promise.all(nodes.map((node) => node.sweep(pbx)));
    expect(counts.reduce((a, b) => a + b)).toBe(450);
    expect(expired.sort()).toEqual(accounts.sort());
    expect(keys(await store.list(pbx))).toEqual(['desk']);
  });

  it('reports an expiry that a new REGISTER finds before the sweep does', async () => {
    await store.bind(pbx, 'a', register('desk:60'), many);
    clock.advance(61_000);
    await store.bind(pbx, 'a', register('desk:60', 1), many); // the same CSeq: the old binding is gone, so it is no replay
    expect(events).toEqual([
      ['bound', 'desk'],
      ['expired', 'desk'],
      ['bound', 'desk'],
    ]);
    expect(await store.sweep(pbx)).toBe(0);
    expect(await store.count(pbx)).toBe(1);
  });

  it('lists a whole PBX by account', async () => {
    for (const account of ['c', 'a', 'b']) await store.bind(pbx, account, register('desk:60 mobile:60'), many);
    expect((await store.list(pbx)).map(({ account }) => account)).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('leaves no key behind', async () => {
    await store.bind(pbx, 'a', register('desk:60 mobile:60'), many);
    await store.bind(pbx, 'b', register('desk:60'), many);
    await store.removeAll(pbx, 'b', { callId: 'x', cseq: 1 });
    clock.advance(60_000);
    await store.sweep(pbx);
    const connection = await redis.connect();
    expect(await connection.use((client) => client.keys(`*${pbx}*`))).toEqual([]);
  });

  it('goes by the server’s clock when none is given', async () => {
    const real = new RedisRegistrations(await redis.connect());
    const before = Date.now();
    await real.bind(pbx, 'a', register('desk:60'), many);
    const [binding] = await real.contacts(pbx, 'a');
    expect(binding?.expires).toBe(60);
    expect(binding?.boundAt).toBeGreaterThanOrEqual(before);
    expect(binding?.boundAt).toBeLessThanOrEqual(Date.now());
  });

  it('loses no device when many register at once from several nodes', async () => {
    const nodes = await Promise.all([open(), open(), open(), open()]);
    const devices = Array.from({ length: 40 }, (_, i) => `device-${i}`);
    await Promise.all(
      devices.map((device, i) =>
        nodes[i % nodes.length]?.bind(pbx, 'a', register(`${device}:60`), { max: 100, beyond: 'refuse' }),
      ),
    );
    expect(keys(await store.contacts(pbx, 'a')).sort()).toEqual(devices.sort());
    expect(await store.count(pbx)).toBe(40);
  });
});
