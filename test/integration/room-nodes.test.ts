import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RedisConnection, RedisRoomNodes, RedisSubscriber } from '../../src/redis/index.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { redisAway, somePbx, startTestRedis, type TestRedis } from '../support/redis.ts';
import { Inbox } from '../support/wait.ts';

let redis: TestRedis;
let connection: RedisConnection;
let clock: FakeClock;
let pbx: string;
const open: RedisSubscriber[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  connection = await redis.connect();
});
afterAll(() => redis.stop());
beforeEach(() => {
  clock = new FakeClock();
  pbx = somePbx();
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function node(run: string, over: RedisConnection = connection) {
  const subscriber = new RedisSubscriber(over);
  open.push(subscriber);
  return new RedisRoomNodes({ redis: over, subscriber, run, now: () => clock.now() });
}

describe('conference rooms over all nodes', () => {
  it('are held by one node, for as long as it says so', async () => {
    const [a, b] = [node('a'), node('b')];
    expect(await a.hold(pbx, 'board')).toBeUndefined();
    expect(await b.hold(pbx, 'board')).toBe('a');
    expect(await b.hold(pbx, 'other')).toBeUndefined();
    await clock.advance(14_000);
    expect(await a.hold(pbx, 'board')).toBeUndefined();
    await clock.advance(14_000);
    expect(await b.hold(pbx, 'board')).toBe('a');
    await clock.advance(1000);
    expect(await b.hold(pbx, 'board')).toBeUndefined();
    expect(await a.hold(pbx, 'board')).toBe('b');
  });

  it('have nodes that tell each other of seats, and pass over what they do not understand', async () => {
    const [a, b] = [node(`a-${pbx}`), node(`b-${pbx}`)];
    const heard = new Inbox<string>('messages');
    const off = b.onMessage((from, message) => heard.push(`${from}: ${JSON.stringify(message)}`));
    // Until the subscription stands nothing is heard.
    await new Promise<void>((resolve) =>
      open.at(-1)?.subscribe(`km:{-}:room-node:b-${pbx}`, (text) => text === undefined && resolve()),
    );
    await connection.use((client) =>
      client.publish(`km:{-}:room-node:b-${pbx}`, '{"from":"x","message":{"is":"odd"}}'),
    );
    await a.send(`b-${pbx}`, { is: 'alive', seats: ['2'] });
    await heard.find('the last', (text) => text.includes('alive'));
    expect(heard.items.at(-1)).toBe(`a-${pbx}: {"is":"alive","seats":["2"]}`);
    expect(heard.items).toHaveLength(1);
    off();
  });

  it('cannot be known while Redis is away', async () => {
    await expect(node('a', redisAway).hold(pbx, 'board')).rejects.toThrow();
  });
});
