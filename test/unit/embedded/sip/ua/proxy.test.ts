import { describe, expect, it } from 'vitest';
import { Headers, responseTo, type SipResponse } from '../../../../../src/embedded/sip/message/index.ts';
import type { ProxyOrder } from '../../../../../src/embedded/sip/ua/index.ts';
import { settle } from '../../../../support/fake-clock.ts';
import { answer, CONTACT, fromPeer, type Scenario, scenario } from './scenario.ts';

const ORDER: ProxyOrder = {
  recordRoute: false,
  followRedirects: false,
  parallel: false,
  provisionalTimeout: undefined,
  finalTimeout: undefined,
  targets: ['sip:one@127.0.0.8'],
  headers: new Headers(),
};

/** The application proxies its INVITE; what it is told: statuses, then `done` or the refusal. */
async function proxied(world: Scenario, order: Partial<ProxyOrder> = {}): Promise<(number | string)[]> {
  const told: (number | string)[] = [];
  world.ua.proxy(
    world.app,
    world.app.request('INVITE').transactionId,
    { ...ORDER, ...order },
    {
      progress: ({ response }) => told.push(response.status),
      done: () => told.push('done'),
      refused: ({ code }) => told.push(code),
    },
  );
  await settle();
  return told;
}

const back = ({ wire }: Scenario): SipResponse | undefined => wire.responses().at(-1);
/** Who got the INVITE, each once. */
const targets = ({ wire }: Scenario): string[] => [
  ...new Set(wire.sent.flatMap(({ message, hop }) => (message.kind === 'request' ? hop.address : []))),
];

describe('proxying a request', () => {
  it('passes it on with one hop less, our Via on top and the target as Request-URI, and the answers back', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    const told = await proxied(world, { headers: Headers.from([['X-Added', 'yes']]) });
    const forwarded = world.wire.requests('INVITE').at(-1);
    expect(forwarded?.uri).toBe('sip:one@127.0.0.8');
    expect(forwarded?.headers.get('Max-Forwards')).toBe('69');
    expect(forwarded?.headers.all('Via')).toHaveLength(2);
    expect(forwarded?.headers.get('X-Added')).toBe('yes');
    expect(forwarded?.headers.has('Record-Route')).toBe(false);
    answer(world, 'INVITE', 180);
    expect(back(world)?.status).toBe(180);
    answer(world, 'INVITE', 200, { headers: CONTACT });
    expect(back(world)?.headers.all('Via')).toHaveLength(1);
    expect(back(world)?.headers.get('Via')).toContain('127.0.0.2');
    expect(told).toEqual([200, 'done']);
    expect(world.ua.stats()).toMatchObject({ proxied: 0, dialogs: 0, incoming: 0 });
  });

  it('a Request-URI that is not ours stays, the target is only the way', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer({ uri: 'sip:bob@example.org' }));
    await proxied(world);
    expect(world.wire.requests('INVITE').at(-1)?.uri).toBe('sip:bob@example.org');
    expect(targets(world)).toEqual(['127.0.0.8']);
  });

  it('tries the targets one after the other; the caller gets the best refusal', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    const told = await proxied(world, { targets: ['sip:127.0.0.7', 'sip:127.0.0.8'] });
    expect(targets(world)).toEqual(['127.0.0.7']);
    answer(world, 'INVITE', 404);
    await settle();
    expect(targets(world)).toEqual(['127.0.0.7', '127.0.0.8']);
    answer(world, 'INVITE', 503);
    expect(back(world)?.status).toBe(404);
    expect(told).toEqual([404, 503, 'done']);
  });

  it('or all at once; an answer cancels the others, and every 2xx goes back', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    await proxied(world, { parallel: true, targets: ['sip:127.0.0.7', 'sip:127.0.0.8'] });
    const [first] = world.wire.requests('INVITE');
    expect(targets(world)).toEqual(['127.0.0.7', '127.0.0.8']);
    answer(world, 'INVITE', 180, { toTag: 'b' });
    if (first) world.wire.deliver(responseTo(first, 180, { toTag: 'a' }));
    answer(world, 'INVITE', 200, { toTag: 'b', headers: CONTACT });
    expect(world.wire.requests('CANCEL')).toHaveLength(1);
    if (first) world.wire.deliver(responseTo(first, 200, { toTag: 'a', headers: Object.entries(CONTACT) }));
    expect(
      world.wire.responses().filter(({ status, cseq }) => status === 200 && cseq.method === 'INVITE'),
    ).toHaveLength(2);
    expect(world.ua.stats().proxied).toBe(0);
  });

  it('a challenge or a 6xx ends the search', async () => {
    for (const status of [407, 603]) {
      const world = scenario();
      world.wire.deliver(fromPeer());
      const told = await proxied(world, { targets: ['sip:127.0.0.7', 'sip:127.0.0.8'] });
      answer(world, 'INVITE', status, { headers: { 'Proxy-Authenticate': 'Digest realm="x"' } });
      await settle();
      expect([back(world)?.status, targets(world).length]).toEqual([status, 1]);
      expect(told).toEqual([status, 'done']);
    }
  });

  it('follows redirects when asked', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    await proxied(world, { followRedirects: true });
    answer(world, 'INVITE', 302, { headers: { Contact: '<sip:two@127.0.0.7>' } });
    await settle();
    expect(world.wire.requests('INVITE').at(-1)?.uri).toBe('sip:two@127.0.0.7');
  });

  it('gives a silent target up after provisionalTimeout, a ringing one after finalTimeout', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    const order = {
      targets: ['sip:127.0.0.6', 'sip:127.0.0.7', 'sip:127.0.0.8'],
      provisionalTimeout: 1000,
      finalTimeout: 5000,
    };
    await proxied(world, order);
    await world.clock.advanceAsync(1000);
    expect(targets(world).at(-1)).toBe('127.0.0.7');
    answer(world, 'INVITE', 180);
    await world.clock.advanceAsync(4999);
    expect(targets(world).at(-1)).toBe('127.0.0.7');
    await world.clock.advanceAsync(1);
    expect(targets(world).at(-1)).toBe('127.0.0.8');
  });

  it('a caller who gives up cancels the branches and hears 487', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer({ branch: 'z9hG4bK-p' }));
    const told = await proxied(world);
    answer(world, 'INVITE', 180);
    world.wire.deliver(fromPeer({ method: 'CANCEL', branch: 'z9hG4bK-p' }));
    expect(world.wire.requests('CANCEL')).toHaveLength(1);
    answer(world, 'INVITE', 487);
    expect(back(world)?.status).toBe(487);
    expect(told).toEqual([487, 'done']);
    expect(world.ua.stats().proxied).toBe(0);
  });

  it('ends with 408 when nobody answers, with 500 when no target has an address', async () => {
    const silent = scenario();
    silent.wire.deliver(fromPeer());
    const told = await proxied(silent);
    silent.clock.advance(32_000);
    expect([back(silent)?.status, told]).toEqual([408, [408, 'done']]);
    const unresolved = scenario();
    unresolved.wire.deliver(fromPeer());
    expect(await proxied(unresolved, { targets: ['sip:nosuch.invalid'] })).toEqual(['done']);
    expect(back(unresolved)?.status).toBe(500);
  });

  // RFC 3261 §16.6 step 11 and §16.8
  it('cancels a target that rings for more than three minutes without news', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    await proxied(world);
    answer(world, 'INVITE', 180);
    world.clock.advance(185_000);
    expect(world.wire.requests('CANCEL')).toHaveLength(1);
  });

  it('is refused for hops that are used up (483), targets that are no URI, and requests that are not there', async () => {
    const looping = scenario();
    looping.wire.deliver(fromPeer({ headers: { 'Max-Forwards': '0' } }));
    expect(await proxied(looping)).toEqual(['too-many-hops']);
    expect(back(looping)?.status).toBe(483);
    const world = scenario();
    world.wire.deliver(fromPeer());
    expect(await proxied(world, { targets: ['not a uri'] })).toEqual(['no-proxy-target']);
    expect(await proxied(world)).toEqual([]);
    expect(await proxied(world)).toEqual(['unknown-proxy-transaction']);
  });
});

describe('a proxied dialog with Record-Route', () => {
  const connect = async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    await proxied(world, { recordRoute: true });
    const route = world.wire.requests('INVITE').at(-1)?.headers.get('Record-Route') ?? '';
    answer(world, 'INVITE', 200, { toTag: 'callee', headers: { ...CONTACT, 'Record-Route': route } });
    return { world, route };
  };

  it('sends ACK and BYE through us, without the application', async () => {
    const { world, route } = await connect();
    const inside = { uri: 'sip:phone@127.0.0.9:5060', toTag: 'callee', headers: { Route: route } };
    world.wire.deliver(fromPeer({ method: 'ACK', ...inside }));
    await settle();
    expect(world.wire.requests('ACK').at(-1)?.headers.has('Route')).toBe(false);
    world.wire.deliver(fromPeer({ method: 'BYE', cseq: 2, ...inside }));
    await settle();
    expect(world.wire.sent.at(-1)?.hop.address).toBe('127.0.0.9');
    answer(world, 'BYE', 200);
    expect(world.wire.log().at(-1)).toBe('0 200 BYE');
    expect(world.app.heard).toEqual(['INVITE']);
  });

  it('does not make us a relay for strangers', async () => {
    const { world, route } = await connect();
    const stranger = { method: 'MESSAGE', uri: 'sip:victim@127.0.0.7', callId: 'another', fromTag: 'x' };
    world.wire.deliver(fromPeer({ ...stranger, toTag: 'y', headers: { Route: route } }));
    world.wire.deliver(fromPeer({ ...stranger, toTag: 'y', headers: { Route: '<sip:127.0.0.1:5060;lr>' } }));
    await settle();
    expect(world.wire.requests('MESSAGE')).toHaveLength(0);
    expect(
      world.wire
        .responses()
        .slice(-2)
        .map(({ status }) => status),
    ).toEqual([481, 481]);
  });
});
