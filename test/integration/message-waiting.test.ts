import { writeFile } from 'node:fs/promises';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigChange, ConfigStore } from '../../src/config/store.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import type { SipRequest } from '../../src/embedded/sip/message/index.ts';
import { Emitter } from '../../src/emitter.ts';
import { tellPhones } from '../../src/engine-mailboxes.ts';
import { wavHeader } from '../../src/media/wav-file.ts';
import { Voicemail } from '../../src/messages/voicemail/index.ts';
import { type RedisConnection, RedisSubscriber } from '../../src/redis/index.ts';
import { Subscriptions } from '../../src/sip/subscriptions.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { startTestDatabase } from '../support/database.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { RawPhone, type RawRequest } from '../support/raw-phone.ts';
import { configOf, type SipStack, startSipStack } from '../support/sip-stack.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/**
 * The lamp of a phone (RFC 3842) from SUBSCRIBE to NOTIFY: real sockets, the SIP server, a real Redis and a real database. The phones are on one node, messages
 * are left on another; the two have Redis and the database in common.
 */

const password = 'Secret123';
const names = ['anna', 'boris', 'clara', 'dora', 'egor', 'fedor', 'galya'];
const document = (users: readonly string[]) =>
  pbxOf({ employees: users.map((name, at) => employee(name, String(101 + at))) });
const log = pino({ level: 'silent' });

let resources: AsyncDisposableStack;
let stack: SipStack;
/** The node that takes messages; the other has the phones. */
let there: Voicemail;
let here: Voicemail;
let version: PbxVersion;
const changes = new Emitter<{ changed: ConfigChange }>();
const phones: RawPhone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const { database, stop } = await startTestDatabase();
  resources.defer(stop);
  version = document(names);
  const config = {
    ...configOf([version]),
    all: () => [version],
    current: () => version,
    findByDomain: () => version,
    on: changes.on.bind(changes),
  } as unknown as ConfigStore;
  stack = await startSipStack({ pbxs: [version], config, subscriptionLimits: { minExpires: 2, ofAccount: 2, all: 5 } });
  resources.defer(() => stack.stop());
  const node = async (redis: RedisConnection, subscriptions: Subscriptions, name: string) => {
    const folder = resources.use(await temporaryFolder(name));
    const voicemail = new Voicemail({
      ...{ database, log, random: systemRandom, clock: systemClock },
      outbox: { put: async () => undefined },
      varDir: folder.path,
      node: name,
    });
    await voicemail.start();
    resources.defer(() => voicemail.close());
    const subscriber = new RedisSubscriber(redis);
    resources.defer(() => subscriber.close());
    resources.defer(tellPhones({ config, voicemail, subscriptions, redis, subscriber, log }));
    return voicemail;
  };
  here = await node(stack.connection, stack.sip.subscriptions, 'here');
  const none = new Subscriptions({ clock: systemClock, random: systemRandom, log });
  there = await node(await stack.redis.connect(), none, 'there');
});

afterAll(() => resources.disposeAsync());

beforeEach(() => {
  version = document(names);
});

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.close();
  stack.sip.subscriptions.lose();
});

async function phoneOf(user: string, protocol: 'udp' | 'tcp' = 'udp'): Promise<RawPhone> {
  const phone = await RawPhone.open({ user, domain: 'acme.example', server: stack.endpoint(protocol), protocol });
  phones.push(phone);
  return phone;
}

const subscribeOf = (phone: RawPhone, expires?: number, more: RawRequest['headers'] = []): RawRequest => ({
  method: 'SUBSCRIBE',
  uri: `sip:${phone.user}@acme.example`,
  headers: [
    ['Contact', `<${phone.contact}>`],
    ...(more.some(([name]) => name === 'Event') ? [] : [['Event', 'message-summary'] as const]),
    ...(expires === undefined ? [] : [['Expires', String(expires)] as const]),
    ...more,
  ],
});

/** A subscription as the phone sees it. */
class Lamp {
  readonly phone: RawPhone;
  readonly first: SipRequest;
  #seen: number;

  constructor(phone: RawPhone, first: SipRequest, seen: number) {
    [this.phone, this.first, this.#seen] = [phone, first, seen];
  }

  static async on(phone: RawPhone, expires = 600, more: RawRequest['headers'] = []): Promise<Lamp> {
    const from = phone.received.items.length;
    const accepted = await phone.authenticated(subscribeOf(phone, expires, more), password);
    expect(accepted.status).toBe(200);
    expect(accepted.headers.get('Expires')).toBe(String(expires));
    const { request, index } = await phone.takes('NOTIFY', from);
    phone.answer(request, '200 OK');
    return new Lamp(phone, request, index + 1);
  }

  async next(answer = '200 OK', headers: RawRequest['headers'] = []): Promise<SipRequest> {
    const { request, index } = await this.phone.takes('NOTIFY', this.#seen);
    this.#seen = index + 1;
    this.phone.answer(request, answer, { headers });
    return request;
  }

  /** A SUBSCRIBE inside the dialog. */
  again(expires: number, cseq: number) {
    const { first, phone } = this;
    return phone.request({
      ...subscribeOf(phone, expires),
      uri: /<([^>]+)>/.exec(first.headers.get('Contact') ?? '')?.[1] ?? '',
      from: first.headers.get('To') ?? '',
      to: first.headers.get('From') ?? '',
      callId: first.headers.get('Call-ID') ?? '',
      cseq,
    });
  }
}

const voiceOf = (request: SipRequest) => /^Voice-Message: (\S+) /m.exec(request.body.toString())?.[1];
const stateOf = (request: SipRequest) => request.headers.get('Subscription-State');

async function leave(at: Voicemail, employee: string): Promise<string> {
  const draft = await at.begin({
    ...{ pbx: 'acme', call: 'call-1', employee, employeeName: employee, from: '79031112233', fromName: null },
    ...{ line: null, to: [], delivery: 'storeOnly', language: 'ru', timezone: 'Europe/Moscow', maxMs: 60_000 },
  });
  await writeFile(draft.file, Buffer.concat([wavHeader(1, 32_000), Buffer.alloc(32_000, 1)]));
  expect(await draft.finish({ ended: 'hangup', speechMs: 2000 })).toBe('kept');
  return draft.id;
}

describe('the lamp', () => {
  it.each(['udp', 'tcp'] as const)(
    'over %s shows what is left, heard and deleted on another node',
    async (protocol) => {
      const owner = protocol === 'udp' ? 'anna' : 'boris';
      const lamp = await Lamp.on(await phoneOf(owner, protocol), 600, [['Event', 'message-summary;id=42']]);
      const { headers } = lamp.first;
      expect(lamp.first.body.toString()).toBe(
        `Messages-Waiting: no\r\nMessage-Account: sip:${owner}@acme.example\r\nVoice-Message: 0/0 (0/0)\r\n`,
      );
      expect(headers.get('Event')).toBe('message-summary;id=42');
      expect(headers.get('Content-Type')).toBe('application/simple-message-summary');
      expect(stateOf(lamp.first)).toMatch(/^active;expires=(?:600|599)$/);
      // RFC 6665 §8.2.1: without it some phones drop the NOTIFY.
      expect(headers.get('Contact')).toMatch(/^<sip:/);

      const id = await leave(there, owner);
      const lit = await lamp.next();
      expect(lit.body.toString()).toContain('Messages-Waiting: yes\r\n');
      expect(voiceOf(lit)).toBe('1/0');
      await there.markRead('acme', id, true);
      expect(voiceOf(await lamp.next())).toBe('0/1');
      await here.remove('acme', id);
      expect(voiceOf(await lamp.next())).toBe('0/0');
    },
  );

  it('of somebody else stays as it is', async () => {
    const [anna, clara] = [await Lamp.on(await phoneOf('anna')), await Lamp.on(await phoneOf('clara'))];
    const count = anna.phone.received.items.length;
    await leave(there, 'clara');
    expect(voiceOf(await clara.next())).toBe('1/0');
    expect(anna.phone.received.items).toHaveLength(count);
  });

  it('is renewed in its dialog, and put out there', async () => {
    const lamp = await Lamp.on(await phoneOf('dora'));
    const renewed = await lamp.again(300, 10);
    expect([renewed.status, renewed.headers.get('Expires')]).toEqual([200, '300']);
    expect(stateOf(await lamp.next())).toMatch(/^active;expires=(?:300|299)$/);
    expect((await lamp.again(1, 11)).headers.get('Min-Expires')).toBe('2');
    expect((await lamp.again(0, 12)).status).toBe(200);
    const last = await lamp.next();
    expect([stateOf(last), voiceOf(last)]).toEqual(['terminated;reason=timeout', '0/0']);
    await eventually(
      'the subscription to be gone',
      async () => stack.sip.subscriptions.size,
      (size) => size === 0,
    );
    // The dialog is gone at the SIP server too.
    expect((await lamp.again(300, 13)).status).toBe(481);
  });

  it('goes out by itself when nobody renews it', async () => {
    const lamp = await Lamp.on(await phoneOf('dora'), 2);
    expect(stateOf(await lamp.next())).toBe('terminated;reason=timeout');
    await eventually(
      'the subscription to be gone',
      async () => stack.sip.subscriptions.size,
      (size) => size === 0,
    );
  });

  it('can be asked for just once', async () => {
    const phone = await phoneOf('dora');
    const lamp = await Lamp.on(phone, 0);
    expect([stateOf(lamp.first), voiceOf(lamp.first)]).toEqual(['terminated;reason=timeout', '0/0']);
  });

  it('is given up with a phone that does not know it', async () => {
    const dialogs = async () => (await stack.embedded?.stats())?.dialogs;
    const before = await dialogs();
    const lamp = await Lamp.on(await phoneOf('egor'));
    await leave(there, 'egor');
    expect(voiceOf(await lamp.next('481 Call/Transaction Does Not Exist'))).toBe('1/0');
    await eventually(
      'the subscription to be gone',
      async () => stack.sip.subscriptions.size,
      (size) => size === 0,
    );
    expect((await lamp.again(300, 10)).status).toBe(481);
    expect(await dialogs()).toBe(before);
  });

  it('waits for a phone that says when it can be asked again', async () => {
    const lamp = await Lamp.on(await phoneOf('egor'));
    const id = await leave(there, 'egor');
    const refused = await lamp.next('503 Busy', [['Retry-After', '1']]);
    expect(voiceOf(await lamp.next())).toBe(voiceOf(refused));
    await there.remove('acme', id);
    await lamp.next();
  });

  it('goes out when the account is taken away', async () => {
    const lamp = await Lamp.on(await phoneOf('galya'));
    version = document(names.filter((name) => name !== 'galya'));
    changes.emit('changed', { changed: [version], removed: [], warnings: [] });
    expect(stateOf(await lamp.next())).toBe('terminated;reason=noresource');
  });

  it('shows what was missed while Redis was away', async () => {
    const lamp = await Lamp.on(await phoneOf('fedor'));
    const down = new Promise<void>((resolve) => stack.connection.on('down', () => resolve()));
    process.kill(stack.redis.server.pid, 'SIGKILL');
    await down;
    await leave(there, 'fedor');
    expect(voiceOf(await lamp.next())).toBe('1/0');
  });
});

describe('a SUBSCRIBE', () => {
  it('needs the password of the account that it names', async () => {
    const phone = await phoneOf('anna');
    const asked = await phone.request(subscribeOf(phone));
    expect(asked.status).toBe(401);
    expect((await phone.authenticated(subscribeOf(phone), 'Wrong1234')).status).toBe(401);
    expect(stack.sip.subscriptions.size).toBe(0);
  });

  it.each([
    ['another event', [['Event', 'dialog']], 489, 'Allow-Events', 'message-summary'],
    ['a body that there is none of', [['Accept', 'text/html']], 406, 'Accept', 'application/simple-message-summary'],
    ['less than is worth it', [['Expires', '1']], 423, 'Min-Expires', '2'],
    ['an extension that nobody has', [['Require', 'eventlist']], 420, 'Unsupported', 'eventlist'],
    ['no number of seconds', [['Expires', 'soon']], 400, undefined, undefined],
  ] as const)('for %s is refused', async (_, headers, status, header, value) => {
    const phone = await phoneOf('anna');
    const answer = await phone.authenticated(subscribeOf(phone, undefined, headers), password);
    expect(answer.status).toBe(status);
    if (header) expect(answer.headers.get(header)).toBe(value);
    expect(stack.sip.subscriptions.size).toBe(0);
  });

  it("for somebody else's mailbox is refused", async () => {
    const phone = await phoneOf('anna');
    const answer = await phone.authenticated({ ...subscribeOf(phone), uri: 'sip:boris@acme.example' }, password);
    expect(answer.status).toBe(403);
  });

  it('has an hour unless it asks for less', async () => {
    const phone = await phoneOf('anna');
    for (const asked of [undefined, 86_400]) {
      const answer = await phone.authenticated(subscribeOf(phone, asked), password);
      expect([answer.status, answer.headers.get('Expires')]).toEqual([200, '3600']);
      await phone.takes('NOTIFY', phone.received.items.length - 1);
    }
  });

  it('too many of one account ends its oldest; too many of all get 503', async () => {
    const [one, two] = [await Lamp.on(await phoneOf('anna')), await Lamp.on(await phoneOf('anna'))];
    await Lamp.on(await phoneOf('anna'));
    expect(stateOf(await one.next())).toBe('terminated;reason=probation;retry-after=3600');
    await Lamp.on(await phoneOf('boris'));
    await Lamp.on(await phoneOf('boris'));
    await Lamp.on(await phoneOf('clara'));
    const refused = await phoneOf('dora');
    const answer = await refused.authenticated(subscribeOf(refused), password);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThanOrEqual(5);
    const id = await leave(there, 'anna');
    expect(voiceOf(await two.next())).toMatch(/^1\//);
    await there.remove('acme', id);
  });
});

it('a node that goes tells its phones to come again', async () => {
  const lamp = await Lamp.on(await phoneOf('anna'));
  await stack.sip.close();
  expect(stateOf(await lamp.next())).toMatch(/^terminated;reason=probation;retry-after=\d+$/);
});
