import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../../src/config/version.ts';
import { SharedLimits } from '../../../src/redis/index.ts';
import { InviteFailure, type OutgoingRequest } from '../../../src/sip/port.ts';
import { TrunkLines } from '../../../src/trunks/lines.ts';
import { type TrunkChange, TrunkWatch } from '../../../src/trunks/watch.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { pbxOf } from '../../support/pbx.ts';
import { redisAway } from '../../support/redis.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const log = pino({ level: 'silent' });

/** The peers of trunks, as the test says that they answer. */
class Peers {
  readonly asked: string[] = [];
  /** By the text in the URI: a status, or nothing at all. */
  readonly answers = new Map<string, number | 'silence'>();
  state: 'up' | 'down' = 'up';

  async request({ method, target }: OutgoingRequest) {
    this.asked.push(`${method} ${target.uri}`);
    const [, answer = 200] = [...this.answers].find(([host]) => target.uri.includes(host)) ?? [];
    if (answer === 'silence') return new Promise<never>(() => undefined);
    if (answer === 503) throw new InviteFailure({ status: 503, reason: 'unreachable', cause: 'transport' });
    return { status: answer, reason: 'as asked', headers: {}, contacts: [] };
  }
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function watching(trunks: Record<string, unknown>[]) {
  const clock = new FakeClock();
  const peers = new Peers();
  let pbx = pbxOf({ trunks });
  let changed: (() => void) | undefined;
  const config = {
    all: () => [pbx],
    current: () => pbx,
    on: (_event: string, listener: () => void) => {
      changed = listener;
      return () => undefined;
    },
  } as unknown as ConstructorParameters<typeof TrunkWatch>[0]['config'];
  const lines = new TrunkLines(new SharedLimits({ redis: redisAway, clock, log, run: 'n' }));
  const watch = new TrunkWatch({
    config,
    sip: peers,
    lines,
    accept: () => undefined,
    clock,
    random: seededRandom(1),
    log,
  });
  stops.push(() => watch.close());
  const changes: TrunkChange[] = [];
  watch.on('changed', (change) => changes.push(change));
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds * 2; i++) {
      await clock.advance(500);
      await settle();
    }
  };
  const reload = (next: PbxVersion) => {
    pbx = next;
    changed?.();
  };
  return { clock, peers, watch, changes, pass, reload, pbx: () => pbx };
}

const operator = { id: 'operator', host: '192.0.2.1', ports: '5070' };

describe('a peer that is watched by OPTIONS', () => {
  it('is asked where calls to it go, every half a minute', async () => {
    const { peers, pass, watch } = watching([
      { ...operator, outbound: { host: '192.0.2.9', ports: '5080' }, transport: 'tcp' },
    ]);
    await pass(5);
    expect(peers.asked).toEqual(['OPTIONS sip:192.0.2.9:5080;transport=tcp']);
    await pass(60);
    expect(peers.asked.length).toBe(3);
    expect(watch.isUp('acme', 'operator')).toBe(true);
  });

  it.each([
    { answer: 'silence', reason: 'no answer to OPTIONS' },
    { answer: 503, reason: 'no answer to OPTIONS' },
    { answer: 404, reason: 'OPTIONS answered 404 as asked' },
  ] as const)('is down at once with $answer', async ({ answer, reason }) => {
    const { peers, pass, watch, changes } = watching([operator]);
    peers.answers.set('192.0.2.1', answer);
    await pass(10);
    expect(watch.isUp('acme', 'operator')).toBe(false);
    expect(changes).toMatchObject([{ pbx: 'acme', trunk: 'operator', state: 'down', reason }]);
    expect(watch.status('acme', 'operator')?.health).toMatchObject({ state: 'down', reason });
  });

  it('is up again after three answers in a row, and not for one', async () => {
    const { peers, pass, watch, changes } = watching([operator]);
    peers.answers.set('192.0.2.1', 503);
    await pass(6);
    peers.answers.set('192.0.2.1', 200);
    await pass(20);
    peers.answers.set('192.0.2.1', 503);
    await pass(10);
    peers.answers.set('192.0.2.1', 200);
    await pass(19);
    expect(watch.isUp('acme', 'operator')).toBe(false);
    await pass(16);
    expect(changes.map(({ state }) => state)).toEqual(['down', 'up']);
    expect(watch.isUp('acme', 'operator')).toBe(true);
  });

  it('is not blamed while our own SIP server is down', async () => {
    const { peers, pass, watch } = watching([operator]);
    peers.state = 'down';
    peers.answers.set('192.0.2.1', 503);
    await pass(60);
    expect(peers.asked).toEqual([]);
    expect(watch.isUp('acme', 'operator')).toBe(true);
  });

  it('a thousand are not asked in one instant', async () => {
    const { peers, clock } = watching(
      Array.from({ length: 1000 }, (_, i) => ({ id: `t${i}`, host: `10.0.${i >> 8}.${i & 255}` })),
    );
    let most = 0;
    for (let i = 0; i < 100; i++) {
      const before = peers.asked.length;
      await clock.advance(50);
      most = Math.max(most, peers.asked.length - before);
    }
    expect(peers.asked.length).toBe(1000);
    expect(most).toBeLessThan(40);
  });
});

describe('what calls find out', () => {
  it('a peer that a call could not reach is down, asked sooner, and up when it has answered', async () => {
    const { watch, peers, pass, changes } = watching([operator]);
    await pass(6);
    watch.unreachable('acme', 'operator', 'no response');
    expect(watch.isUp('acme', 'operator')).toBe(false);
    const asked = peers.asked.length;
    await pass(31);
    expect(peers.asked.length - asked).toBe(3);
    expect(changes.map(({ state, reason }) => [state, reason])).toEqual([
      ['down', 'no response'],
      ['up', undefined],
    ]);
  });

  it('one that a call has reached is up', () => {
    const { watch } = watching([operator]);
    watch.unreachable('acme', 'operator', 'no response');
    watch.reached('acme', 'operator');
    expect(watch.isUp('acme', 'operator')).toBe(true);
  });

  it('one that is not watched is tried again after half a minute', async () => {
    const { watch, peers, pass } = watching([{ ...operator, options: false }]);
    watch.unreachable('acme', 'operator', 'no response');
    await pass(29);
    expect(watch.isUp('acme', 'operator')).toBe(false);
    await pass(1);
    expect(watch.isUp('acme', 'operator')).toBe(true);
    expect(peers.asked).toEqual([]);
  });

  it('whether it answers anything is known within half a second', async () => {
    const { watch, peers, pass, pbx } = watching([
      operator,
      { id: 'mute', host: '192.0.2.2' },
      { id: 'unwatched', host: '192.0.2.3', options: false },
    ]);
    peers.answers.set('192.0.2.1', 501).set('192.0.2.2', 'silence').set('192.0.2.3', 'silence');
    const probe = (id: string) => watch.probe(pbx(), pbx().trunk(id) ?? (undefined as never));
    const all = Promise.all(['operator', 'mute', 'unwatched'].map(probe));
    await settle();
    await pass(0.5);
    // One that is not to be asked gets the benefit of the doubt.
    expect(await all).toEqual([true, false, true]);
  });
});

describe('another configuration', () => {
  it('keeps what is known of a trunk that stays, and forgets one with another address', async () => {
    const { watch, reload } = watching([operator, { id: 'other', host: '192.0.2.2' }]);
    watch.unreachable('acme', 'operator', 'no response');
    watch.unreachable('acme', 'other', 'no response');
    reload(
      pbxOf({
        trunks: [
          { ...operator, lines: 7 },
          { id: 'other', host: '192.0.2.20' },
        ],
      }),
    );
    expect(watch.isUp('acme', 'operator')).toBe(false);
    expect(watch.isUp('acme', 'other')).toBe(true);
  });

  it('begins and ceases to ask as it says', async () => {
    const { watch, peers, pass, reload, clock } = watching([operator]);
    await pass(6);
    reload(pbxOf({ trunks: [{ ...operator, options: false }] }));
    watch.unreachable('acme', 'operator', 'no response');
    expect(clock.pending).toBe(0);
    const asked = peers.asked.length;
    reload(pbxOf({ trunks: [operator] }));
    await pass(31);
    expect(peers.asked.length).toBeGreaterThan(asked);
  });

  it('leaves no timer for what is gone', async () => {
    const { clock, pass, reload, watch } = watching([operator]);
    await pass(6);
    reload(pbxOf({}));
    expect(clock.pending).toBe(0);
    expect(watch.status('acme', 'operator')).toBeUndefined();
  });
});
