import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedSip, startEmbeddedSip } from '../../src/embedded/sip/index.ts';
import { RedisNonces, RedisRegistrations, RedisSipServers, Throttle } from '../../src/redis/index.ts';
import { Neighbours, type Sip, startSip } from '../../src/sip/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { configOf } from '../support/sip-stack.ts';
import { Inbox } from '../support/wait.ts';

/** Two nodes on one Redis, each with an embedded SIP server of its own that it has opened to the other. */

const password = 'Secret123';
const offer = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n';
const answer = 'v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\n';
const us = { user: '452', host: 'acme.example', display: '' };
const pbx = pbxOf({ employees: [employee('anna', '101'), employee('boris', '102')] });

interface Node {
  readonly sip: Sip;
  readonly embedded: EmbeddedSip;
  readonly log: Inbox<string>;
  stop(): Promise<void>;
}

let redis: TestRedis;
let first: Node;
let second: Node;
const phones: RawPhone[] = [];

async function startNode(name: string): Promise<Node> {
  const connection = await redis.connect();
  const log = new Inbox<string>(`log of ${name}`);
  const logger = pino(
    { level: 'info' },
    { write: (line: string) => log.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const embedded = await startEmbeddedSip({
    listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0 },
  });
  const sip = await startSip({
    servers: [{ name: 'embedded', id: name, address: async () => embedded }],
    config: configOf([pbx]),
    registrations: new RedisRegistrations(connection),
    failures: new Throttle(connection),
    sharedNonces: new RedisNonces(connection, systemRandom),
    patienceMs: 2000,
    clock: systemClock,
    random: systemRandom,
    log: logger,
    node: name,
  });
  const neighbours = new Neighbours({
    directory: new RedisSipServers(connection),
    own: () => ({ server: name, host: embedded.host, port: embedded.port, secret: embedded.secret }),
    follow: sip.follow,
    clock: systemClock,
    log: logger,
  });
  await neighbours.start();
  return {
    sip,
    embedded,
    log,
    async stop() {
      await neighbours.close();
      await sip.close();
      await embedded.close();
    },
  };
}

const endpoint = ({ sip }: Node, protocol: 'udp' | 'tcp') => {
  const found = sip.server.listening.find((one) => one.startsWith(`${protocol}/`)) ?? '';
  const [, host = '', port] = /^\w+\/(.*):(\d+)$/.exec(found) ?? [];
  return { host, port: Number(port) };
};

async function phoneOf(user: string, node: Node, protocol: 'udp' | 'tcp'): Promise<RawPhone> {
  const phone = await RawPhone.open({ user, domain: 'acme.example', server: endpoint(node, protocol), protocol });
  phones.push(phone);
  return phone;
}

const targetOf = async (node: Node, user: string) => {
  const [contact] = await node.sip.registrar.contacts('acme', `${user}@acme.example`);
  if (!contact) throw new Error(`${user} is not registered`);
  return contact.target;
};

beforeAll(async () => {
  redis = await startTestRedis();
  first = await startNode('first');
  second = await startNode('second');
  await second.log.find('the first', (line) => line === 'connected to the SIP server first');
});
afterEach(() => {
  for (const phone of phones.splice(0)) phone.close();
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await redis.stop();
});

describe('a phone that has registered at another node', () => {
  it.each(['tcp', 'udp'] as const)(
    'over %s behind a router is rung by that node’s SIP server, and its call goes on by it',
    async (protocol) => {
      const phone = await phoneOf('anna', first, protocol);
      // What it has at home is no place to send to.
      const home = `sip:anna@192.168.1.5:5060${protocol === 'tcp' ? ';transport=tcp' : ''}`;
      expect((await phone.register(password, { contacts: [`<${home}>`] })).status).toBe(200);
      const target = await targetOf(second, 'anna');
      expect(target.edge).toEqual({ server: 'first', reach: protocol === 'tcp' ? 'held' : 'near' });

      const invite = second.sip.server.invite({ target, from: us, sdp: offer });
      const { request } = await phone.takes('INVITE');
      expect(request.uri).toBe(home);
      const via = endpoint(first, protocol);
      expect(request.headers.get('Via')).toContain(`${via.host}:${via.port}`);
      phone.answer(request, '200 OK', { body: answer });
      const { dialog, sdp } = await invite.answered;
      expect(sdp).toBe(answer);
      await phone.takes('ACK');
      expect(second.sip.server.servers).toMatchObject([
        { name: 'embedded', dialogs: 0 },
        { name: 'first', isNeighbour: true, state: 'up', dialogs: 1 },
      ]);

      const modifying = dialog.modify(offer);
      const { request: again } = await phone.takes('INVITE', phone.received.items.indexOf(request) + 1);
      phone.answer(again, '200 OK', { body: answer });
      expect(await modifying).toBe(answer);

      const ended = new Promise((resolve) => dialog.on('ended', resolve));
      const contact = /<([^>]+)>/.exec(request.headers.get('Contact') ?? '')?.[1] ?? '';
      const bye = await phone.request({
        method: 'BYE',
        uri: contact,
        callId: invite.callId,
        from: `${request.headers.get('To')};tag=raw`,
        to: request.headers.get('From') ?? '',
      });
      expect(bye.status).toBe(200);
      expect(await ended).toMatchObject({ by: 'remote' });
      expect(second.sip.server.stats().dialogs).toBe(0);
      await phone.register(password, { expires: 0, contacts: [`<${home}>`] });
    },
  );

  it('where every server reaches it is rung by our own', async () => {
    const phone = await phoneOf('boris', first, 'udp');
    await phone.register(password);
    const invite = second.sip.server.invite({ target: await targetOf(second, 'boris'), from: us, sdp: offer });
    const { request } = await phone.takes('INVITE');
    const own = endpoint(second, 'udp');
    expect(request.headers.get('Via')).toContain(`${own.host}:${own.port}`);
    invite.cancel();
  });
});

describe('a challenge of one node', () => {
  it('may be answered at another, once in all', async () => {
    const asked = await phoneOf('anna', first, 'udp');
    const other = await phoneOf('anna', second, 'udp');
    const request = { method: 'REGISTER', uri: 'sip:acme.example', to: `<${asked.aor}>` };
    const challenge = await asked.request(request);
    expect(challenge.status).toBe(401);
    const authorization = asked.credentials(challenge, request, password);
    const answered = { ...request, headers: [['Authorization', authorization]] as const };
    expect((await other.request(answered)).status).toBe(200);
    for (const phone of [asked, other]) {
      const refused = await phone.request(answered);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('WWW-Authenticate')).toContain('stale=true');
    }
  });
});

describe('the servers of an installation', () => {
  it('are those that were announced within seven seconds, each once, and not withdrawn', async () => {
    const connection = await redis.connect();
    await connection.use((client) => client.flushall());
    let now = 1_000_000;
    const directory = new RedisSipServers(connection, () => now);
    const one = { server: 'one', host: '10.0.0.1', port: 9030, secret: 'a' };
    const two = { server: 'two', host: '10.0.0.2', port: 9030, secret: 'b' };
    expect(await directory.announce(undefined)).toEqual([]);
    expect(await directory.announce(one)).toEqual([one]);
    now += 4000;
    expect(await directory.announce(two)).toEqual(expect.arrayContaining([one, two]));
    const again = { ...one, secret: 'c' };
    expect(await directory.announce(again)).toEqual(expect.arrayContaining([again, two]));
    now += 6999;
    expect(await directory.announce(undefined)).toHaveLength(2);
    now += 1;
    expect(await directory.announce(one)).toEqual([one]);
    await directory.withdraw('one');
    expect(await directory.announce(undefined)).toEqual([]);
  });
});
