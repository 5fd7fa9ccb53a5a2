import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigChange, ConfigEvents } from '../../src/config/store.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { type Database, DatabaseDownError } from '../../src/database/port.ts';
import { Emitter } from '../../src/emitter.ts';
import { DurableOutbox, type GivenUp } from '../../src/messages/durable-outbox.ts';
import { messageId } from '../../src/messages/mail/compose.ts';
import { MailCourier } from '../../src/messages/mail/courier.ts';
import { OutboxNotices } from '../../src/messages/notices.ts';
import type { AnswerLimits, Letter, SentLetter } from '../../src/messages/outbox.ts';
import { idempotencyKey, SmsCourier } from '../../src/messages/sms/courier.ts';
import { systemRandom } from '../../src/time/random.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MailServer, readMail } from '../support/mail-server.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { SmsGateway } from '../support/sms-gateway.ts';
import { passive, Switchboard } from '../support/switchboard.ts';
import { eventually } from '../support/wait.ts';

let database: Database;
let stopDatabase: () => Promise<void>;
let server: MailServer;
let gateway: SmsGateway;
let directory: string;
let isDatabaseAway: boolean;
const running: { close(): Promise<void> }[] = [];

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

beforeAll(async () => {
  ({ database, stop: stopDatabase } = await startTestDatabase());
}, 60_000);
afterAll(() => stopDatabase());
beforeEach(async () => {
  isDatabaseAway = false;
  directory = await mkdtemp(join(tmpdir(), 'km-outbox-'));
  [server, gateway] = await Promise.all([MailServer.start(), SmsGateway.start()]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((outbox) => outbox.close()));
  await Promise.all([server.stop(), gateway.stop(), rm(directory, { recursive: true, force: true })]);
  await database.script('truncate outbox');
});

const mended: Database = {
  query: (text, values) => (isDatabaseAway ? away() : database.query(text, values)),
  script: (text) => (isDatabaseAway ? away() : database.script(text)),
  transaction: (run) => (isDatabaseAway ? away() : database.transaction(run)),
  close: async () => undefined,
};
const away = () => Promise.reject(new DatabaseDownError('away'));

const mail = () => ({ smtp: server.url, from: 'pbx@acme.example' });
const sms = () => ({ sender: 'ACME', missedText: 'Мы перезвоним', gateway: { url: gateway.url } });

/** The configuration of one node, which a test changes. */
class Config {
  readonly #emitter = new Emitter<ConfigEvents>();
  #pbxs: readonly PbxVersion[];

  constructor(...documents: Record<string, unknown>[]) {
    this.#pbxs = documents.map((document) => pbxOf(document));
  }

  current = (id: string) => this.#pbxs.find((pbx) => pbx.id === id);
  on = this.#emitter.on.bind(this.#emitter);

  change(...documents: Record<string, unknown>[]): void {
    const before = this.#pbxs;
    this.#pbxs = documents.map((document) => pbxOf(document));
    const removed = before.filter(({ id }) => !this.current(id));
    this.#emitter.emit('changed', { changed: this.#pbxs, removed, warnings: [] } satisfies ConfigChange);
  }
}

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly why?: string;
}

function node(
  options: { config?: Config; clock?: FakeClock; name?: string; start?: boolean; silenceMs?: number } = {},
) {
  const { clock = new FakeClock(), name = 'a' } = options;
  const config = options.config ?? new Config({ mail: mail(), sms: sms() });
  const lines: Line[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const outbox = new DurableOutbox({
    ...{ config, clock, log, node: name, database: mended, directory: join(directory, name) },
    couriers: { mail: new MailCourier(directory, clock, options.silenceMs), sms: new SmsCourier(clock) },
    random: seededRandom(1),
  });
  const givenUp: GivenUp[] = [];
  outbox.events.on('givenUp', (one) => givenUp.push(one));
  if (options.start !== false) outbox.start();
  running.push(outbox);
  /** Lets time pass in steps, and everything that falls due in it be done. */
  const pass = (ms: number, step = minute) => passes([outbox], clock, ms, step);
  const warnings = () => lines.filter(({ level }) => level >= 40);
  return { outbox, clock, config, lines, warnings, givenUp, pass };
}

async function passes(nodes: readonly DurableOutbox[], clock: FakeClock, ms: number, step = minute): Promise<void> {
  for (const end = clock.now() + ms; clock.now() < end; ) {
    clock.advance(Math.min(step, end - clock.now()));
    await Promise.all(nodes.map((one) => one.idle()));
  }
}

/** What is left of a node that was killed: its disk, and what it has put into the database. */
function killed(outbox: DurableOutbox): void {
  running.splice(running.indexOf(outbox), 1);
  dead.push(outbox);
}
/** Their files are closed by the end of the process, as those of a process that was killed are. */
const dead: DurableOutbox[] = [];

const letter = (more: Partial<Letter> = {}): Letter => ({
  pbx: 'acme',
  id: systemRandom.uuid(),
  to: ['anna@acme.example'],
  subject: 'Голосовое сообщение',
  text: 'Здравствуйте.',
  ...more,
});

const rows = async () =>
  (await database.query('select id, state, why, attempts from outbox order by created_at')).map(
    ([id, state, why, attempts]) => ({ id, state, why, attempts }),
  );

describe('a letter', () => {
  it('arrives as it was put, over a server that asks for a password', async () => {
    const { outbox, warnings } = node();
    const content = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 256));
    await writeFile(join(directory, 'message.wav'), content);
    const attachments = [{ path: 'message.wav', name: 'Сообщение 1.wav', type: 'audio/wav' }];
    const put = letter({ to: ['anna@acme.example', 'Борис@пример.рф'], attachments });
    await outbox.put(put);
    await outbox.idle();
    const [taken] = server.taken;
    if (!taken) throw new Error('nothing came');
    expect(taken).toMatchObject({ from: 'pbx@acme.example', user: 'pbx' });
    expect(taken.to).toHaveLength(2);
    const read = readMail(taken);
    expect(read.headers).toMatchObject({
      subject: 'Голосовое сообщение',
      'auto-submitted': 'auto-generated',
      'message-id': messageId('acme', put.id, 'pbx@acme.example'),
    });
    expect(read.text).toBe('Здравствуйте.');
    expect(read.attachments).toEqual([{ name: 'Сообщение 1.wav', type: 'audio/wav', content }]);
    expect(await rows()).toMatchObject([{ state: 'sent', attempts: 1 }]);
    expect(warnings()).toEqual([]);
  });

  it('is sent once, however often it is put', async () => {
    const { outbox } = node();
    const put = letter();
    await Promise.all([outbox.put(put), outbox.put(put)]);
    await outbox.idle();
    await outbox.put(put);
    await outbox.idle();
    expect(server.taken).toHaveLength(1);
  });

  it('carries nothing into its headers that a caller calls himself', async () => {
    const { outbox } = node();
    const subject = 'Факс от "Мария"\r\nBcc: thief@evil.example\r\n\r\nhello \u2028\u0000 \ud83d';
    await outbox.put(letter({ subject, text: 'x\r\n.\r\nMAIL FROM:<thief@evil.example>' }));
    await outbox.idle();
    const [taken] = server.taken;
    if (!taken) throw new Error('nothing came');
    const { headers, text } = readMail(taken);
    expect(headers.bcc).toBeUndefined();
    expect(headers.subject).toBe('Факс от "Мария" Bcc: thief@evil.example hello \ufffd');
    expect(text).toBe('x\r\n.\r\nMAIL FROM:<thief@evil.example>');
    expect(taken.to).toEqual(['anna@acme.example']);
  });

  it('does not go to what is no address, but to the others', async () => {
    const { outbox, givenUp } = node();
    const wrong = 'anna@acme.example>\r\nRCPT TO:<thief@evil.example';
    await outbox.put(letter({ to: [wrong, 'boris@acme.example'] }));
    await outbox.idle();
    expect(server.taken.map(({ to }) => to)).toEqual([['boris@acme.example']]);
    expect(givenUp).toMatchObject([{ to: [wrong], why: 'it is no e-mail address' }]);
  });

  it('whose file is gone, or too large, goes without it and says so', async () => {
    const { outbox } = node();
    const told: SentLetter[] = [];
    outbox.onSent('voicemail', async (sent) => void told.push(sent));
    await writeFile(join(directory, 'small.wav'), 'small');
    await writeFile(join(directory, 'large.wav'), Buffer.alloc(19 * 1024 * 1024));
    const attachments = ['gone', 'small', 'large'].map((name) => ({
      ...{ path: `${name}.wav`, name: `${name}.wav`, type: 'audio/wav' },
    }));
    await outbox.put(letter({ attachments, about: { kind: 'voicemail', id: '7' } }));
    await outbox.idle();
    const [taken] = server.taken;
    if (!taken) throw new Error('nothing came');
    const { text, attachments: came } = readMail(taken);
    expect(came.map(({ name, content }) => `${name} ${content}`)).toEqual(['small.wav small']);
    expect(text).toContain('Файл «gone.wav» не приложен: его больше нет.');
    expect(text).toContain('Файл «large.wav» не приложен: он слишком велик для письма.');
    expect(told).toMatchObject([{ about: { kind: 'voicemail', id: '7' }, omitted: ['gone.wav', 'large.wav'] }]);
  });

  it('too large for the mail server goes without its file', async () => {
    await server.stop();
    server.size = 50_000;
    await server.start();
    const { outbox, givenUp } = node();
    await writeFile(join(directory, 'a.wav'), Buffer.alloc(100_000));
    await outbox.put(letter({ attachments: [{ path: 'a.wav', name: 'a.wav', type: 'audio/wav' }] }));
    await outbox.idle();
    const [taken] = server.taken;
    if (!taken) throw new Error('nothing came');
    expect(readMail(taken)).toMatchObject({ attachments: [], text: expect.stringContaining('слишком велик') });
    expect(givenUp).toEqual([]);
  });
});

describe('a mail server', () => {
  it('that is away for a day loses nothing, and is asked less and less', async () => {
    await server.stop();
    const { outbox, pass, warnings, clock, givenUp } = node();
    const put = Array.from({ length: 5 }, () => letter());
    for (const one of put) await outbox.put(one);
    await outbox.idle();
    await pass(day, 10 * minute);
    expect(server.taken).toEqual([]);
    // Once, not for every attempt.
    expect(warnings().map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^letters wait: the mail server cannot be reached/),
    ]);
    const [figures] = await outbox.figures();
    expect(figures).toMatchObject({ way: 'mail', waiting: 5, oldestMs: day });
    await server.start();
    await pass(20 * minute);
    expect(server.taken.map(({ raw }) => readMail({ raw }).headers['message-id']).sort()).toEqual(
      put.map(({ id }) => messageId('acme', id, 'pbx@acme.example')).sort(),
    );
    expect(givenUp).toEqual([]);
    expect((await outbox.figures())[0]).toMatchObject({ waiting: 0, oldestMs: 0, givenUp: 0 });
    expect(clock.now()).toBeGreaterThan(day);
  });

  it('that takes a letter and never says so is given it again, and holds up nobody else', async () => {
    const another = await MailServer.start();
    const hangs = Promise.withResolvers<void>();
    try {
      server.beforeAccepting = () => hangs.promise;
      const elsewhere = { pbx: { id: 'other', domains: ['other.test'] }, mail: { ...mail(), smtp: another.url } };
      const config = new Config({ mail: mail() }, elsewhere);
      const { outbox, pass } = node({ config, silenceMs: 1000 });
      const put = letter();
      await outbox.put(put);
      await eventually(
        'the letter to hang',
        () => server.taken.length,
        (count) => count === 1,
      );
      await outbox.put(letter({ pbx: 'other' }));
      await eventually(
        'the letter of the other company',
        () => another.taken.length,
        (count) => count === 1,
      );
      expect(await rows()).toContainEqual({ id: put.id, state: 'waiting', why: null, attempts: 0 });

      await outbox.idle();
      expect(await rows()).toContainEqual({
        id: put.id,
        state: 'waiting',
        why: expect.stringContaining('fell silent'),
        attempts: 0,
      });
      server.beforeAccepting = async () => undefined;
      await pass(2 * minute);
      expect((await rows()).filter(({ state }) => state === 'waiting')).toEqual([]);
      // Whoever reads it twice sees that it is one letter (RFC 5322 §3.6.4).
      const ids = server.taken.map((one) => readMail(one).headers['message-id']);
      expect(ids).toEqual([ids[0], ids[0]]);
    } finally {
      hangs.resolve();
      await another.stop();
    }
  });

  it('is asked again after 1, 2, 4, 8, 15, 15… minutes', async () => {
    await server.stop();
    await server.start();
    server.refuse.sender = { code: 451, text: 'try later' };
    const { outbox, clock } = node();
    await outbox.put(letter());
    await outbox.idle();
    const moments: number[] = [];
    const began = clock.now();
    for (let sessions = 0; moments.length < 7; ) {
      if (server.sessions > sessions) moments.push((clock.now() - began) / minute);
      sessions = server.sessions;
      clock.advance(5000);
      await outbox.idle();
    }
    const pauses = moments.slice(1).map((at, i) => at - (moments[i] ?? 0));
    for (const [i, base] of [1, 2, 4, 8, 15, 15].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(base * 0.8);
      expect(pauses[i]).toBeLessThanOrEqual(base * 1.2 + 5 / 60);
    }
  });

  it.each([
    {
      what: 'another password',
      spoil: () => (server.password = 'Coffee4one!'),
      says: /does not accept user and password/,
    },
    {
      what: 'another sender',
      spoil: () => (server.refuse.sender = { code: 550, text: 'not yours' }),
      says: /does not accept the sender of "mail.from": 550 not yours/,
    },
  ])('that wants $what loses nothing until the settings are right', async ({ spoil, says }) => {
    const config = new Config({ mail: mail() });
    spoil();
    const { outbox, pass, warnings, givenUp } = node({ config });
    await outbox.put(letter());
    await outbox.idle();
    await pass(hour);
    expect(warnings().map(({ msg }) => msg)).toEqual([expect.stringMatching(says)]);
    expect(givenUp).toEqual([]);
    delete server.refuse.sender;
    config.change({ mail: { ...mail(), from: 'office@acme.example' } });
    await outbox.idle();
    expect(server.taken.map(({ from }) => from)).toEqual(['office@acme.example']);
  });

  it('that refuses one recipient for good and another for now gets the letter for each of the others once', async () => {
    server.refuse.recipients = {
      'gone@acme.example': { code: 550, text: 'no such user' },
      'grey@acme.example': { code: 451, text: 'come again' },
    };
    const { outbox, pass, givenUp } = node();
    const told: SentLetter[] = [];
    outbox.onSent('voicemail', async (sent) => void told.push(sent));
    const to = ['anna@acme.example', 'gone@acme.example', 'grey@acme.example'];
    await outbox.put(letter({ to, about: { kind: 'voicemail', id: '7' } }));
    await outbox.idle();
    expect(givenUp).toMatchObject([{ to: ['gone@acme.example'], why: expect.stringContaining('550 no such user') }]);
    expect(told).toEqual([]);
    server.refuse.recipients = {};
    await pass(3 * minute);
    expect(server.taken.map((one) => one.to)).toEqual([['anna@acme.example'], ['grey@acme.example']]);
    expect(told).toMatchObject([
      { to: ['anna@acme.example', 'grey@acme.example'], refused: [{ to: 'gone@acme.example' }], omitted: [] },
    ]);
    expect(givenUp).toHaveLength(1);
  });

  it('that refuses the letter itself is not asked again, and the next letter goes', async () => {
    server.refuse.data = { code: 554, text: 'looks like spam' };
    const { outbox, pass, givenUp, warnings } = node();
    await outbox.put(letter({ id: 'spam' }));
    await outbox.idle();
    delete server.refuse.data;
    await outbox.put(letter({ id: 'good' }));
    await pass(day, hour);
    expect(server.taken).toHaveLength(1);
    expect(givenUp).toMatchObject([{ id: 'spam', way: 'mail', why: 'the mail server said: 554 looks like spam' }]);
    expect(warnings()).toMatchObject([{ msg: 'a letter was given up: the mail server said: 554 looks like spam' }]);
    expect((await outbox.figures())[0]).toMatchObject({ givenUp: 1, waiting: 0 });
  });

  it('that is away for five days: the letters are given up, with what was last known', async () => {
    await server.stop();
    const { outbox, pass, givenUp } = node();
    await outbox.put(letter({ id: 'one' }));
    await outbox.put(letter({ id: 'two' }));
    await outbox.idle();
    await pass(5 * day - hour, hour);
    expect(givenUp).toEqual([]);
    await pass(2 * hour, hour);
    expect(givenUp.map(({ id }) => id).sort()).toEqual(['one', 'two']);
    expect(givenUp[0]?.why).toMatch(
      /^could not be delivered in time; the last try: the mail server cannot be reached: /,
    );
    await server.start();
    await pass(day, hour);
    expect(server.taken).toEqual([]);
  });
});

describe('settings', () => {
  it('that are not there, or are taken away, let letters wait and are said once', async () => {
    const config = new Config({});
    const { outbox, pass, warnings } = node({ config });
    await outbox.put(letter());
    await outbox.put(letter());
    await outbox.idle();
    await pass(hour);
    expect(warnings().map(({ msg }) => msg)).toEqual(['letters wait: the configuration has no "mail" settings']);
    config.change({ mail: mail() });
    await outbox.idle();
    expect(server.taken).toHaveLength(2);
    config.change();
    await outbox.put(letter());
    await outbox.idle();
    expect(warnings().at(-1)?.msg).toBe('letters wait: the configuration has no PBX "acme" any more');
    config.change({ mail: mail() });
    await outbox.idle();
    expect(server.taken).toHaveLength(3);
  });
});

describe('a node that dies', () => {
  it('between acceptance and its note: one double, under the same Message-ID, and those who want to know are told', async () => {
    const first = node({ name: 'a' });
    const accepted = Promise.withResolvers<void>();
    server.beforeAccepting = () => {
      accepted.resolve();
      // Dead: it does not see the 250, and notes nothing.
      return new Promise(() => undefined);
    };
    const put = letter({ about: { kind: 'fax', id: '9' } });
    await first.outbox.put(put);
    await accepted.promise;
    killed(first.outbox);
    server.beforeAccepting = async () => undefined;
    const other = node({ name: 'b', start: false, clock: new FakeClock(first.clock.now()) });
    const told: SentLetter[] = [];
    other.outbox.onSent('fax', async (sent) => void told.push(sent));
    other.outbox.start();
    await other.outbox.idle();
    await other.pass(50_000, 1000);
    expect(server.taken).toHaveLength(1);
    await other.pass(hour, 5 * minute);
    const ids = server.taken.map(({ raw }) => readMail({ raw }).headers['message-id']);
    expect(ids).toEqual([messageId('acme', put.id, 'pbx@acme.example'), ids[0]]);
    expect(told).toMatchObject([{ id: put.id, about: { kind: 'fax', id: '9' } }]);
  });

  it('before the database had a letter: it is read from the disk', async () => {
    isDatabaseAway = true;
    const first = node();
    await first.outbox.put(letter());
    killed(first.outbox);
    isDatabaseAway = false;
    const again = node({ clock: new FakeClock(first.clock.now()) });
    await again.outbox.idle();
    expect(server.taken).toHaveLength(1);
    // The file of the dead run is gone.
    expect(await readdir(join(directory, 'a'))).toEqual([]);
  });

  it('in the middle of telling that a letter has gone: it is told again, and not sent again', async () => {
    const first = node({ start: false });
    const reached = Promise.withResolvers<void>();
    first.outbox.onSent('voicemail', () => {
      reached.resolve();
      return new Promise(() => undefined);
    });
    first.outbox.start();
    await first.outbox.put(letter({ about: { kind: 'voicemail', id: '7' } }));
    await reached.promise;
    killed(first.outbox);
    const again = node({ start: false, clock: new FakeClock(first.clock.now()) });
    const told: string[] = [];
    again.outbox.onSent('voicemail', async ({ about }) => void told.push(about.id));
    again.outbox.start();
    await again.pass(2 * minute);
    expect(told).toEqual(['7']);
    expect(server.taken).toHaveLength(1);
  });
});

it('a listener that fails is called again, and the letter is not sent again', async () => {
  const { outbox, pass } = node({ start: false });
  let calls = 0;
  outbox.onSent('recording', async () => {
    if (++calls < 3) throw new Error('the disk is full');
  });
  outbox.start();
  await outbox.put(letter({ about: { kind: 'recording', id: '1' } }));
  await outbox.idle();
  await pass(hour);
  expect(calls).toBe(3);
  expect(server.taken).toHaveLength(1);
  expect(await rows()).toMatchObject([{ state: 'sent' }]);
});

it('several nodes send each letter once, and one with files is sent by the node that has them', async () => {
  const clock = new FakeClock();
  const nodes = ['a', 'b', 'c'].map((name) => node({ name, clock }));
  const [a, b, c] = nodes;
  if (!a || !b || !c) throw new Error('no nodes');
  const put = Array.from({ length: 12 }, (_, i) => letter({ id: `letter-${i}` }));
  await Promise.all(put.map((one, i) => nodes[i % 3]?.outbox.put(one)));
  await Promise.all(nodes.map(({ outbox }) => outbox.idle()));
  expect(server.taken).toHaveLength(12);

  await server.stop();
  const attachments = [{ path: 'a.wav', name: 'a.wav', type: 'audio/wav' }];
  await writeFile(join(directory, 'a.wav'), 'audio');
  await a.outbox.put(letter({ id: 'of-a', attachments }));
  await a.outbox.idle();
  await a.outbox.close();
  await server.start();
  // Time is the same for both who are left: neither may be in the middle of something when it goes on.
  const others = [b.outbox, c.outbox];
  await passes(others, clock, 50 * minute);
  expect(server.taken).toHaveLength(12);
  // Its node does not come back.
  await passes(others, clock, 2 * hour);
  expect(server.taken).toHaveLength(13);
});

it('while the database is away letters wait on the disk, and the engine goes on', async () => {
  const { outbox, pass, warnings } = node();
  isDatabaseAway = true;
  await outbox.put(letter());
  await outbox.idle();
  await pass(10 * minute);
  expect(warnings().map(({ msg }) => msg)).toEqual(['letters and SMS wait for the database']);
  expect(server.taken).toEqual([]);
  isDatabaseAway = false;
  await pass(2 * minute);
  expect(server.taken).toHaveLength(1);
  await pass(2 * minute);
  expect(await readdir(join(directory, 'a'))).toEqual([]);
});

it('a letter that was sent while the database went away is noted when it is back, and not sent again', async () => {
  const { outbox, clock } = node();
  server.beforeAccepting = async () => {
    isDatabaseAway = true;
  };
  await outbox.put(letter());
  for (let i = 0; i < 20; i++) await clock.advanceAsync(100);
  while (server.taken.length === 0) await clock.advanceAsync(0);
  isDatabaseAway = false;
  server.beforeAccepting = async () => undefined;
  const idle = outbox.idle();
  for (let i = 0; i < 50; i++) await clock.advanceAsync(1000);
  await idle;
  expect(await rows()).toMatchObject([{ state: 'sent' }]);
  expect(server.taken).toHaveLength(1);
});

describe('a text message', () => {
  const text = (id: string, to = '79161234567', answer?: AnswerLimits) => ({
    ...{ pbx: 'acme', id, to, text: 'Мы перезвоним' },
    ...(answer ? { answer } : {}),
  });

  it('is posted as the gateway’s contract says', async () => {
    const url = gateway.url.replace('//', '//user:p%40ss@');
    const { outbox } = node({ config: new Config({ sms: { ...sms(), gateway: { url } } }) });
    await outbox.putText(text('one'));
    await outbox.idle();
    const key = idempotencyKey('acme', 'one');
    expect(gateway.requests).toMatchObject([
      {
        method: 'POST',
        url: '/send',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': key,
          authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
        },
        body: { id: key, to: '79161234567', from: 'ACME', text: 'Мы перезвоним' },
      },
    ]);
    expect(await rows()).toMatchObject([{ state: 'sent' }]);
  });

  it('carries a bearer token where the address has a password alone', async () => {
    const url = gateway.url.replace('//', '//:tok%2Fen@');
    const { outbox } = node({ config: new Config({ sms: { ...sms(), gateway: { url } } }) });
    await outbox.putText(text('one'));
    await outbox.idle();
    expect(gateway.requests[0]?.headers.authorization).toBe('Bearer tok/en');
  });

  it.each([
    { what: '500', answer: { status: 500 } },
    { what: '503', answer: { status: 503, body: 'maintenance' } },
    { what: '429', answer: { status: 429 } },
    { what: 'a lost connection', answer: 'hang up' as const },
  ])('is tried again after $what, under the same key', async ({ answer }) => {
    gateway.answer = () => answer;
    const { outbox, pass, givenUp } = node();
    await outbox.putText(text('one'));
    await outbox.idle();
    gateway.answer = () => ({ status: 200 });
    await pass(minute, 1000);
    expect(gateway.requests.length).toBe(2);
    expect(gateway.requests[0]?.headers['idempotency-key']).toBe(gateway.requests[1]?.headers['idempotency-key']);
    expect(await rows()).toMatchObject([{ state: 'sent' }]);
    expect(givenUp).toEqual([]);
  });

  it.each([400, 401, 404, 302])('is given up after %d', async (status) => {
    gateway.answer = () => ({ status, body: '{"error":"no credit"}', headers: { Location: gateway.url } });
    const { outbox, pass, givenUp } = node();
    await outbox.putText(text('one'));
    await outbox.idle();
    await pass(hour);
    expect(gateway.requests).toHaveLength(1);
    expect(givenUp).toMatchObject([
      { way: 'sms', to: ['79161234567'], why: `the SMS gateway answered ${status}: {"error":"no credit"}` },
    ]);
  });

  it('waits for as long as Retry-After says, and so do the others', async () => {
    gateway.answer = () => ({ status: 429, headers: { 'Retry-After': '600' } });
    const { outbox, pass } = node();
    await outbox.putText(text('one'));
    await outbox.putText(text('two'));
    await outbox.idle();
    const asked = gateway.requests.length;
    gateway.answer = () => ({ status: 200 });
    await pass(9 * minute + 59_000, 30_000);
    expect(gateway.requests).toHaveLength(asked);
    await pass(2000, 1000);
    expect(gateway.requests).toHaveLength(asked + 2);
  });

  it('is given up after a day', async () => {
    await gateway.stop();
    const { outbox, pass, givenUp } = node();
    await outbox.putText(text('one'));
    await outbox.idle();
    await pass(23 * hour, hour);
    expect(givenUp).toEqual([]);
    await pass(2 * hour);
    expect(givenUp).toMatchObject([{ id: 'one', why: expect.stringContaining('the SMS gateway cannot be reached: ') }]);
  });
});

describe('answers to missed calls (§4.4.2.3)', () => {
  const midnight = Date.parse('2026-11-01T21:00:00Z');
  const at = (clock: FakeClock) => {
    const today = midnight + Math.floor((clock.now() - midnight) / day) * day;
    return (id: string, to: string, limits: Partial<AnswerLimits> = {}) => ({
      ...{ pbx: 'acme', id, to, text: 'Мы перезвоним' },
      answer: { notAgainForMs: day, dailyLimit: null, midnight: today, ...limits },
    });
  };

  it('go to a client once in so many days', async () => {
    const { outbox, clock, pass } = node();
    const put = async (id: string, to: string, days: number) => {
      await outbox.putText(at(clock)(id, to, { notAgainForMs: days * day }));
      await outbox.idle();
      return gateway.requests.length;
    };
    expect(await put('1', '79160000001', 2)).toBe(1);
    expect(await put('2', '79160000001', 2)).toBe(1);
    expect(await put('3', '79160000002', 2)).toBe(2);
    await pass(2 * day - minute, hour);
    expect(await put('4', '79160000001', 2)).toBe(2);
    await pass(2 * minute);
    expect(await put('5', '79160000001', 2)).toBe(3);
    expect((await rows()).filter(({ state }) => state === 'withheld').map(({ id, why }) => `${id} ${why}`)).toEqual([
      '2 the client has had an answer lately',
      '4 the client has had an answer lately',
    ]);
  });

  it('are bound by the daily limit, over all nodes, until the PBX’s midnight', async () => {
    const clock = new FakeClock('2026-11-02T20:30:00Z');
    const [a, b] = [node({ clock, name: 'a' }), node({ clock, name: 'b' })];
    const put = async (from: number) => {
      const of = at(clock);
      await Promise.all(
        Array.from({ length: 6 }, (_, i) =>
          (i % 2 === 0 ? a : b).outbox.putText(of(`${from + i}`, `7916000000${from + i}`, { dailyLimit: 4 })),
        ),
      );
      await Promise.all([a.outbox.idle(), b.outbox.idle()]);
      return gateway.requests.length;
    };
    expect(await put(0)).toBe(4);
    clock.advance(31 * minute);
    expect(await put(10)).toBe(8);
  });

  it('are none with a limit of 0; what was given up counts for nothing, and other messages are not counted', async () => {
    const { outbox, clock } = node();
    const of = at(clock);
    await outbox.putText(of('zero', '79160000001', { dailyLimit: 0 }));
    await outbox.idle();
    expect(gateway.requests).toEqual([]);
    gateway.answer = () => ({ status: 400 });
    await outbox.putText(of('refused', '79160000001', { dailyLimit: 1 }));
    await outbox.idle();
    gateway.answer = () => ({ status: 200 });
    await outbox.putText({ pbx: 'acme', id: 'notice', to: '79160000001', text: 'пропущен звонок' });
    await outbox.putText(of('again', '79160000001', { dailyLimit: 1 }));
    await outbox.idle();
    expect((await rows()).map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
      ...['again sent', 'notice sent', 'refused failed', 'zero withheld'],
    ]);
  });

  it('are decided once: what was withheld is not sent when the disk is read again', async () => {
    const { outbox, clock, pass } = node();
    const of = at(clock);
    await outbox.putText(of('one', '79160000001', { dailyLimit: 1 }));
    await outbox.putText(of('two', '79160000002', { dailyLimit: 1 }));
    await outbox.idle();
    await pass(day, hour);
    expect(gateway.requests).toHaveLength(1);
  });
});

describe('what calls leave to be told', () => {
  const line = '74950000001';
  const office = () => ({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [
      {
        ...{ id: 'main', missed: { sms: true }, steps: [{ play: 'welcome', wait: true }] },
        menu: { '1': { steps: [{ forward: { employee: 'anna' } }] } },
      },
    ],
    employees: [
      employee('anna', '401', {
        name: 'Анна Петрова',
        timezone: 'Asia/Vladivostok',
        // biome-ignore lint/suspicious/noThenProperty: the format names it so
        assistant: [{ then: { hangup: true }, notify: { sms: '79990000001', email: 'anna@acme.example' } }],
      }),
    ],
    audio: [{ id: 'welcome', file: 'welcome.wav' }],
    mail: mail(),
    sms: { ...sms(), notAgainFor: 3, dailyLimit: 1 },
  });

  async function telling() {
    const document = office();
    const board = new Switchboard(pbxOf(document), { unregistered: ['anna'] });
    const { outbox, warnings, lines } = node({ config: new Config(document), clock: board.clock });
    const notices = new OutboxNotices(outbox, pino({ level: 'silent' }));
    const send = async () => {
      for (const notice of board.notices.splice(0)) notices.send(notice);
      // `send` tells nobody when it is done.
      await eventually(
        'nothing on its way',
        async () => (await rows()).some(({ state }) => state === 'waiting'),
        (any) => !any,
      );
      await outbox.idle();
    };
    return { board, send, warnings, lines };
  }

  it('an employee’s assistant writes a letter and an SMS in the manual’s words (§4.4.6.1.5)', async () => {
    const { board, send } = await telling();
    await board.call(passive(line), '79031112233', line);
    board.callerEndpoint.press('1');
    await board.clock.advanceAsync(4000);
    // His assistant has sent the caller away: as history has it, that was in the menu.
    expect(board.notices.map(({ kind, way }) => `${kind} ${way}`)).toEqual([
      ...['missedCall sms', 'missedCall email', 'lostInMenu sms'],
    ]);
    board.notices.pop();
    await send();
    await eventually(
      'both',
      () => server.taken.length + gateway.requests.length,
      (count) => count === 2,
    );
    const [letterTaken] = server.taken;
    if (!letterTaken) throw new Error('no letter');
    const text = /^02\.11\.2026 в 19:00 сотрудником Анна Петрова пропущен звонок с номера \+79031112233$/;
    const { headers, text: said } = readMail(letterTaken);
    expect(headers.subject).toBe('Пропущенный звонок от 02.11.2026 в 19:00');
    expect(said).toMatch(text);
    expect(gateway.requests).toMatchObject([{ body: { to: '79990000001', text: expect.stringMatching(text) } }]);
  });

  it('clients who were lost in the voice menu are answered, within the limits of the configuration (§4.4.2.3)', async () => {
    const { board, send } = await telling();
    for (const from of ['79161234567', '79161234568']) {
      const caller = await board.call(passive(line), from, line);
      caller.dialog.hangUp();
      await board.clock.advanceAsync(1);
    }
    await send();
    await eventually(
      'an answer',
      () => gateway.requests.length,
      (count) => count === 1,
    );
    expect(gateway.requests).toMatchObject([{ body: { to: '79161234567', from: 'ACME', text: 'Мы перезвоним' } }]);
    expect((await rows()).map(({ state, why }) => `${state} ${why}`).sort()).toEqual([
      ...['sent null', 'withheld the limit of 1 a day is reached'],
    ]);
  });
});

it('what has ended is forgotten after a month, and its words at once', async () => {
  const { outbox, pass } = node();
  await outbox.put(letter());
  await outbox.idle();
  expect(await database.query('select content from outbox')).toEqual([[null]]);
  await pass(31 * day, 6 * hour);
  expect(await rows()).toEqual([]);
});
