import { beforeEach, describe, expect, it } from 'vitest';
import type { RoomMessage, RoomNodes } from '../../../src/call/far-rooms.ts';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, Switchboard } from '../../support/switchboard.ts';

/** A conference room of one node, and callers who come to another. */

const pbx = pbxOf({
  employees: ['anna', 'boris', 'clara'].map((id, i) => employee(id, `40${i + 1}`)),
  rooms: [{ id: 'board', extension: '1000', seats: 2 }],
});

/** What is between the nodes. */
class Bus {
  readonly holders = new Map<string, string>();
  readonly listeners = new Map<string, (from: string, message: RoomMessage) => void>();
  readonly said: string[] = [];
  /** Redis. */
  isAway = false;
  /** Whose messages get lost. */
  readonly deaf = new Set<string>();

  of(node: string): RoomNodes {
    const mustBeThere = () => {
      if (this.isAway) throw new Error('Redis is away');
    };
    return {
      hold: async (_pbx, room) => {
        mustBeThere();
        const holder = this.holders.get(room) ?? node;
        this.holders.set(room, holder);
        return holder === node ? undefined : holder;
      },
      send: async (to, message) => {
        mustBeThere();
        this.said.push(`${node} → ${to}: ${message.is}`);
        if (!this.deaf.has(to)) this.listeners.get(to)?.(node, message);
      },
      onMessage: (listener) => {
        this.listeners.set(node, listener);
        return () => this.listeners.delete(node);
      },
    };
  }
}

let bus: Bus;
let near: Switchboard;
let far: Switchboard;

beforeEach(() => {
  bus = new Bus();
  near = new Switchboard(pbx, { roomNodes: bus.of('near') });
  far = new Switchboard(pbx, { roomNodes: bus.of('far') });
});

const music = ['builtin:music'];

/** One who dials the room at this node, and his end of the media. */
async function comes(board: Switchboard, who: string) {
  const invite = await board.call(accountOf(who), who, '1000');
  const endpoint = board.media.endpoints.find(
    ({ options }) => options.remoteSdp === 'their offer' && !seen.has(options),
  );
  if (!endpoint) throw new Error('he has no endpoint');
  seen.add(endpoint.options);
  return {
    invite,
    endpoint,
    get hears() {
      return (endpoint.playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));
    },
    listens: async () => {
      endpoint.playing?.end('finished');
      await settle();
    },
    hangsUp: async () => {
      invite.dialog.hangUp();
      await settle();
    },
  };
}
const seen = new WeakSet<object>();

const both = async (ms: number) => {
  for (let passed = 0; passed < ms; passed += 1000) {
    await near.clock.advance(1000);
    await far.clock.advance(1000);
    await settle();
  }
};

const conferenceOf = (board: Switchboard) => [...board.media.conferences][0];

describe('a room of another node', () => {
  it('is entered over a call between the nodes, whose end there sits in it', async () => {
    const anna = await comes(far, 'anna');
    await anna.listens();
    expect(anna.hears).toEqual(music);
    const boris = await comes(near, 'boris');
    expect(boris.hears).toEqual(['builtin:conference-entering']);
    await boris.listens();
    const [, link] = near.media.endpoints;
    const hosted = far.media.endpoints.at(-1);
    expect(link?.options).toMatchObject({ internal: true });
    expect(hosted?.options).toMatchObject({ internal: true, remoteSdp: link?.localSdp });
    expect(link?.remoteSdp).toBe(hosted?.localSdp);
    expect(boris.endpoint.bridgedTo).toBe(link);
    expect([...(conferenceOf(far)?.members.keys() ?? [])]).toEqual([anna.endpoint, hosted]);
    expect(near.media.conferences.size).toBe(0);

    await boris.invite.dialog.reinvite('sendonly');
    await settle();
    expect(conferenceOf(far)?.members.get(hosted as never)?.isMute).toBe(true);

    await boris.hangsUp();
    expect(conferenceOf(far)?.size).toBe(1);
    expect(anna.hears).toEqual(music);
    expect(near.quiet).toBe(true);
    expect(near.records).toMatchObject([{ outcome: 'answered', participants: [{ kind: 'room', id: 'board' }] }]);
    await anna.hangsUp();
    expect(far.quiet).toBe(true);
  });

  it('has the seats that it has', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    const clara = await comes(near, 'clara');
    expect(clara.hears).toEqual(['builtin:conference-full']);
    await clara.listens();
    expect(near.records).toMatchObject([{ reason: 'roomFull' }]);
    for (const one of [boris, anna]) await one.hangsUp();
    expect([near.quiet, far.quiet]).toEqual([true, true]);
  });

  it('goes on for as long as both nodes say that they are there', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    for (const one of [anna, boris]) await one.listens();
    await both(60_000);
    expect(conferenceOf(far)?.size).toBe(2);
    expect(bus.said).toEqual(expect.arrayContaining(['near → far: alive', 'far → near: alive']));
    for (const one of [anna, boris]) await one.hangsUp();
  });

  it('is over for one whose node does not hear of it any more', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    for (const one of [anna, boris]) await one.listens();
    bus.deaf.add('near');
    await both(21_000);
    expect(near.records).toMatchObject([{ reason: 'networkFailure', endedBy: 'engine' }]);
    expect(near.quiet).toBe(true);
    await anna.hangsUp();
  });

  it('is left by those whose node has died', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    for (const one of [anna, boris]) await one.listens();
    await far.clock.advance(21_000);
    await settle();
    expect(conferenceOf(far)?.size).toBe(1);
    expect(far.media.alive).toHaveLength(1);
    expect(anna.hears).toEqual(music);
    for (const one of [anna, boris]) await one.hangsUp();
  });

  it('goes on while Redis is away', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    for (const one of [anna, boris]) await one.listens();
    bus.isAway = true;
    await both(60_000);
    expect(conferenceOf(far)?.size).toBe(2);
    bus.isAway = false;
    await both(60_000);
    expect(conferenceOf(far)?.size).toBe(2);
    for (const one of [anna, boris]) await one.hangsUp();
    expect([near.quiet, far.quiet]).toEqual([true, true]);
  });

  it('is over for all when the media server there has lost it', async () => {
    const [anna, boris] = [await comes(far, 'anna'), await comes(near, 'boris')];
    for (const one of [anna, boris]) await one.listens();
    conferenceOf(far)?.lose('it died');
    await settle();
    expect([near.quiet, far.quiet]).toEqual([true, true]);
    expect(near.records).toMatchObject([{ reason: 'networkFailure' }]);
  });

  it('whose node is silent cannot be entered, and the caller hears so', async () => {
    bus.holders.set('board', 'dead');
    const boris = await comes(near, 'boris');
    await near.clock.advance(4000);
    await settle();
    expect(boris.hears).toEqual(['builtin:error-tone']);
    await boris.listens();
    expect(near.records).toMatchObject([{ reason: 'serviceUnavailable' }]);
    expect(near.quiet).toBe(true);
  });

  it('that has moved is looked for again', async () => {
    // That node has had it, and this one has it by now.
    bus.holders.set('board', 'far');
    const { said } = bus;
    bus.listeners.set('far', (from, message) => {
      bus.holders.set('board', 'near');
      if (message.is === 'ask') void bus.of('far').send(from, { is: 'refused', seat: message.seat, why: 'elsewhere' });
    });
    const boris = await comes(near, 'boris');
    expect(said).toEqual(['near → far: ask', 'far → near: refused']);
    expect(boris.hears).toEqual(['builtin:conference-first']);
    await boris.hangsUp();
    expect(near.quiet).toBe(true);
  });

  it('is not entered while it cannot be known where it is', async () => {
    bus.isAway = true;
    const boris = await comes(near, 'boris');
    expect(boris.hears).toEqual(['builtin:error-tone']);
    await boris.listens();
    expect(near.quiet).toBe(true);
  });
});
