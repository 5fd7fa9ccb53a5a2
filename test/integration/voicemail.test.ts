import { access, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, DatabaseDownError } from '../../src/database/port.ts';
import { wavHeader } from '../../src/media/wav-file.ts';
import { DurableOutbox } from '../../src/messages/durable-outbox.ts';
import { MailCourier } from '../../src/messages/mail/courier.ts';
import type { Letter } from '../../src/messages/outbox.ts';
import { SmsCourier } from '../../src/messages/sms/courier.ts';
import { Voicemail, type VoicemailEvents } from '../../src/messages/voicemail/index.ts';
import type { MessageFacts } from '../../src/messages/voicemail/port.ts';
import { systemRandom } from '../../src/time/random.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MailServer, readMail } from '../support/mail-server.ts';
import { pbxOf } from '../support/pbx.ts';

/** Voice messages on a real disk and in a real database, with the outbox as far as `put`. */

const facts: MessageFacts = {
  pbx: 'acme',
  call: 'call-1',
  employee: 'anna',
  employeeName: 'Анна',
  from: '79031112233',
  fromName: 'Иван\0',
  line: '74950000001',
  to: ['anna@acme.example'],
  delivery: 'attach',
  language: 'ru',
  timezone: 'Europe/Moscow',
  maxMs: 180_000,
};

let database: Database;
let stopDatabase: () => Promise<void>;
let folder: string;
/** Set: the database is away. */
let away = false;
let opened: Voicemail[] = [];
let letters: Letter[] = [];

const faulty: Database = {
  query: async (text, values) => (away ? Promise.reject(new DatabaseDownError('test')) : database.query(text, values)),
  script: (text) => database.script(text),
  transaction: (run) => database.transaction(run),
  close: async () => undefined,
};

beforeAll(async () => {
  ({ database, stop: stopDatabase } = await startTestDatabase());
});
afterAll(() => stopDatabase());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'km-voicemail-'));
  await database.script('delete from voicemails');
  letters = [];
  away = false;
});
afterEach(async () => {
  away = false;
  for (const one of opened) await one.close();
  opened = [];
  await rm(folder, { recursive: true, force: true });
});

interface Node {
  readonly voicemail: Voicemail;
  readonly clock: FakeClock;
  readonly told: string[];
  readonly failures: VoicemailEvents['failed'][];
  readonly silent: VoicemailEvents['silent'][];
}

async function node(name = 'node-1'): Promise<Node> {
  const clock = new FakeClock('2026-11-02T12:00:00');
  const voicemail = new Voicemail({
    database: faulty,
    outbox: { put: async (letter) => void letters.push(letter) },
    varDir: folder,
    node: name,
    clock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
  });
  opened.push(voicemail);
  const told: string[] = [];
  const failures: VoicemailEvents['failed'][] = [];
  voicemail.events.on('changed', ({ what, message, counts }) =>
    told.push(`${what} ${message.employee}: ${counts.new} new, ${counts.old} old`),
  );
  const silent: VoicemailEvents['silent'][] = [];
  voicemail.events.on('failed', (failure) => failures.push(failure));
  voicemail.events.on('silent', (call) => silent.push(call));
  await voicemail.start();
  return { voicemail, clock, told, failures, silent };
}

/** What a recorder writes, `ms` of it. @param counted what its header says */
async function record(file: string, ms: number, counted = ms): Promise<void> {
  await writeFile(file, Buffer.concat([wavHeader(1, counted * 16), Buffer.alloc(ms * 16, 1)]));
}

async function leave({ voicemail }: Node, more: Partial<MessageFacts> = {}, ms = 4000): Promise<string> {
  const draft = await voicemail.begin({ ...facts, ...more });
  await record(draft.file, ms);
  expect(await draft.finish({ ended: 'hangup', speechMs: ms })).toBe('kept');
  await voicemail.settled();
  return draft.id;
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

describe('a message that was left', () => {
  it('is listed, counted, told, and on its way to whom it is for', async () => {
    const one = await node();
    const id = await leave(one);
    const { items, next } = await one.voicemail.query('acme', {}, { limit: 10 });
    expect(items).toEqual([
      {
        id,
        pbx: 'acme',
        call: 'call-1',
        employee: 'anna',
        at: new Date(one.clock.now()).toISOString(),
        from: '79031112233',
        fromName: 'Иван',
        line: '74950000001',
        ms: 4000,
        ended: 'hangup',
        delivery: 'attach',
        to: ['anna@acme.example'],
        node: 'node-1',
        readAt: null,
        mailedAt: null,
      },
    ]);
    expect(next).toBeNull();
    expect(await one.voicemail.counts('acme', 'anna')).toEqual({ new: 1, old: 0 });
    expect(one.told).toEqual(['added anna: 1 new, 0 old']);
    const file = await one.voicemail.file('acme', id);
    expect(file).toBe(join(folder, 'messages', 'voicemail', 'acme', `${id}.wav`));
    expect(letters).toMatchObject([
      {
        pbx: 'acme',
        id: `voicemail-${id}`,
        to: ['anna@acme.example'],
        attachments: [
          { path: file, type: 'audio/wav', name: expect.stringMatching(/^voicemail-2026-11-02-.*79031112233\.wav$/) },
        ],
        about: { kind: 'voicemail', id },
      },
    ]);
    expect(letters[0]?.text).toContain('Анна');
    expect(await readdir(join(folder, 'voicemail-spool'))).toEqual([]);
    expect(await readdir(dirname(file ?? ''))).toEqual([`${id}.wav`]);
  });

  it.each([
    ['attach', 1, true],
    ['notify', 1, false],
    ['attachAndDelete', 1, true],
    ['storeOnly', 0, false],
  ] as const)('is delivered as %s says', async (delivery, count, attached) => {
    await leave(await node(), { delivery });
    expect(letters.map(({ attachments }) => attachments !== undefined)).toEqual(Array(count).fill(attached));
  });

  it('has a name in its letter that leads nowhere, whatever the caller calls himself', async () => {
    await leave(await node(), { from: '../etc/"x"@evil.example' });
    const names = letters.flatMap(({ attachments = [] }) => attachments.map(({ name }) => name));
    expect(names).toEqual([expect.stringMatching(/^voicemail-[\d-]+-\.\._etc__x_@evil\.example\.wav$/)]);
  });

  it('is deleted when its letter has gone to all, if it is to be', async () => {
    const one = await node();
    const id = await leave(one, { delivery: 'attachAndDelete' });
    const kept = await leave(one, { delivery: 'attach' });
    const sent = { pbx: 'acme', to: ['anna@acme.example'], refused: [], omitted: [] };
    const mailed = (message: string, more: object = {}) =>
      one.voicemail.mailed({ ...sent, id: `voicemail-${message}`, about: { kind: 'voicemail', id: message }, ...more });

    await mailed(id, { omitted: ['voicemail.wav'] });
    expect(await one.voicemail.get('acme', id)).toMatchObject({ mailedAt: expect.any(String) });
    await mailed(id);
    await mailed(id);
    await mailed(kept);
    expect(await one.voicemail.get('acme', id)).toBeUndefined();
    expect(await one.voicemail.file('acme', id)).toBeUndefined();
    expect(await one.voicemail.get('acme', kept)).toMatchObject({ mailedAt: expect.any(String) });
    expect(await one.voicemail.file('acme', kept)).toBeDefined();
  });

  it('loses the silence that ended it, but for a breath', async () => {
    const { voicemail } = await node();
    const draft = await voicemail.begin(facts);
    await record(draft.file, 8000);
    await draft.finish({ ended: 'silence', speechMs: 3000 });
    await voicemail.settled();
    expect(await voicemail.get('acme', draft.id)).toMatchObject({ ms: 4000 });
  });

  it.each([
    ['a second of noise without speech', 5000, 0],
    ['less than a second', 900, undefined],
    ['nothing at all', 0, undefined],
  ])('is none: %s', async (_, ms, speechMs) => {
    const one = await node();
    const draft = await one.voicemail.begin(facts);
    if (ms > 0) await record(draft.file, ms);
    expect(await draft.finish({ ended: 'hangup', speechMs })).toBe('tooShort');
    await one.voicemail.settled();
    expect(await one.voicemail.query('acme', {}, { limit: 10 })).toEqual({ items: [], next: null });
    expect(await readdir(dirname(draft.file))).toEqual([]);
    expect([one.told, letters]).toEqual([[], []]);
    expect(one.silent).toEqual([{ pbx: 'acme', call: 'call-1', employee: 'anna' }]);
  });
});

describe('mailboxes', () => {
  it('are listed by employee, the PBX’s own, state and time, in pages', async () => {
    const one = await node();
    const ids: string[] = [];
    for (const employee of ['anna', null, 'boris', 'anna']) {
      ids.push(await leave(one, { employee }));
      one.clock.advance(60_000);
    }
    await leave(one, { pbx: 'other' });
    await one.voicemail.markRead('acme', ids[0] as string, true);
    const list = async (filter: Parameters<Voicemail['query']>[1]) =>
      (await one.voicemail.query('acme', filter, { limit: 10 })).items.map(({ id }) => ids.indexOf(id));
    expect(await list({})).toEqual([3, 2, 1, 0]);
    expect(await list({ mailbox: ['anna'] })).toEqual([3, 0]);
    expect(await list({ mailbox: [null] })).toEqual([1]);
    expect(await list({ mailbox: ['boris', null] })).toEqual([2, 1]);
    expect(await list({ mailbox: [] })).toEqual([]);
    expect(await list({ unread: true })).toEqual([3, 2, 1]);
    expect(await list({ unread: false, mailbox: ['anna'] })).toEqual([0]);
    expect(await list({ since: new Date(one.clock.now() - 120_000) })).toEqual([3, 2]);
    expect(await list({ until: new Date(one.clock.now() - 120_000) })).toEqual([1, 0]);

    const first = await one.voicemail.query('acme', {}, { limit: 3 });
    const rest = await one.voicemail.query('acme', {}, { limit: 3, cursor: first.next as string });
    expect([...first.items, ...rest.items].map(({ id }) => ids.indexOf(id))).toEqual([3, 2, 1, 0]);
    expect(rest.next).toBeNull();
    await expect(one.voicemail.query('acme', {}, { limit: 3, cursor: 'x' })).rejects.toMatchObject({
      code: 'bad-cursor',
    });

    expect(await one.voicemail.mailboxes('acme')).toEqual([
      { employee: 'anna', new: 1, old: 1 },
      { employee: 'boris', new: 1, old: 0 },
      { employee: null, new: 1, old: 0 },
    ]);
    const { fresh, saved } = await one.voicemail.inbox('acme', 'anna');
    expect([fresh.map(({ id }) => id), saved.map(({ id }) => id)]).toEqual([[ids[3]], [ids[0]]]);
    expect(fresh[0]).toMatchObject({ from: '79031112233', file: expect.stringContaining('.wav') });
  });

  it('tell what becomes of their messages', async () => {
    const one = await node();
    const id = await leave(one);
    const read = await one.voicemail.markRead('acme', id, true);
    expect(read?.readAt).toBe(new Date(one.clock.now()).toISOString());
    one.clock.advance(1000);
    expect((await one.voicemail.markRead('acme', id, true))?.readAt).toBe(read?.readAt);
    expect((await one.voicemail.markRead('acme', id, false))?.readAt).toBeNull();
    await one.voicemail.remove('acme', id);
    expect(await one.voicemail.remove('acme', id)).toBeUndefined();
    expect(await one.voicemail.markRead('acme', id, true)).toBeUndefined();
    await one.voicemail.settled();
    expect(one.told).toEqual([
      'added anna: 1 new, 0 old',
      'read anna: 0 new, 1 old',
      'read anna: 0 new, 1 old',
      'unread anna: 1 new, 0 old',
      'deleted anna: 0 new, 0 old',
    ]);
    expect(await one.voicemail.file('acme', id)).toBeUndefined();
    expect(await database.query('select count(*)::int from voicemails')).toEqual([[0]]);
  });

  it('of two nodes are one; a file goes with the node that has it', async () => {
    const one = await node('node-1');
    const id = await leave(one);
    // The other node has a disk of its own.
    const file = (await one.voicemail.file('acme', id)) as string;
    const other = await node('node-2');
    await other.voicemail.remove('acme', id);
    expect(await other.voicemail.get('acme', id)).toBeUndefined();
    expect(await exists(file)).toBe(true);
    one.clock.advance(60_000);
    await one.voicemail.close();
    expect(await exists(file)).toBe(false);
    expect(await database.query('select count(*)::int from voicemails')).toEqual([[0]]);
  });
});

describe('nothing that was said is lost', () => {
  it('while the database is away: it waits on the disk, also through a restart', async () => {
    const first = await node();
    away = true;
    const draft = await first.voicemail.begin(facts);
    await record(draft.file, 4000);
    expect(await draft.finish({ ended: 'key', speechMs: 4000 })).toBe('kept');
    await first.voicemail.settled();
    expect([first.told, letters]).toEqual([[], []]);
    await expect(first.voicemail.inbox('acme', 'anna')).rejects.toThrow(DatabaseDownError);
    await first.voicemail.close();

    const second = await node();
    await second.voicemail.settled();
    expect(letters).toEqual([]);
    away = false;
    second.clock.advance(1000);
    await second.voicemail.settled();
    expect(second.told).toEqual(['added anna: 1 new, 0 old']);
    expect(letters.map(({ id }) => id)).toEqual([`voicemail-${draft.id}`]);
  });

  it('when the node dies in the middle of a message: what was spoken is delivered', async () => {
    const dead = await node();
    const draft = await dead.voicemail.begin(facts);
    // The last block has no header that counts it, and half a sample.
    await record(draft.file, 7000, 6500);
    const torn = await open(draft.file, 'a');
    await torn.write(Buffer.from([1]));
    await torn.close();

    const next = await node();
    await next.voicemail.settled();
    expect(await next.voicemail.get('acme', draft.id)).toMatchObject({
      ms: 7000,
      ended: 'interrupted',
      from: '79031112233',
    });
    expect(next.told).toEqual(['added anna: 1 new, 0 old']);
    expect(letters).toHaveLength(1);
    expect(await readdir(dirname(draft.file))).toEqual([`${draft.id}.wav`]);
  });

  it('when it dies before a word was said: nothing is left of it', async () => {
    const draft = await (await node()).voicemail.begin(facts);
    const next = await node();
    await next.voicemail.settled();
    expect(letters).toEqual([]);
    expect(await readdir(dirname(draft.file))).toEqual([]);
  });

  it('does not take up what is being spoken', async () => {
    const one = await node();
    const draft = await one.voicemail.begin(facts);
    await record(draft.file, 4000);
    one.clock.advance(120_000);
    await one.voicemail.close();
    expect(await exists(draft.file.replace('.wav', '.json'))).toBe(true);
    expect(letters).toEqual([]);
  });

  it('a message that is handed on twice is stored and mailed once', async () => {
    const one = await node();
    const id = await leave(one);
    const [letter] = letters;
    await writeFile(
      join(folder, 'voicemail-spool', 'again.jsonl'),
      `${JSON.stringify({ ...facts, fromName: 'x', id, at: '2026-11-02T12:00:00.000Z', node: 'node-1', ms: 1, ended: 'key' })}\n`,
    );
    const next = await node();
    await next.voicemail.settled();
    expect(next.told).toEqual([]);
    expect(await next.voicemail.get('acme', id)).toMatchObject({ ms: 4000 });
    expect(letters.map((each) => each.id)).toEqual([letter?.id, letter?.id]);
  });
});

/** A database whose node dies in the middle of its work: from then on nothing is answered, and nothing is done. */
class Mortal implements Database {
  readonly died: Promise<void>;
  readonly #die: () => void;
  /** Statements that are still answered. */
  #left = Number.POSITIVE_INFINITY;
  #lastIsDone = false;
  #dead = false;

  constructor() {
    ({ promise: this.died, resolve: this.#die } = Promise.withResolvers<void>());
  }

  /** @param lastIsDone the statement of its death is done, and only its answer is lost */
  dies(after: number, lastIsDone: boolean): void {
    this.#left = after;
    this.#lastIsDone = lastIsDone;
  }

  query: Database['query'] = (text, values) => this.#answer(() => database.query(text, values));
  script: Database['script'] = (text) => this.#answer(() => database.script(text));
  transaction: Database['transaction'] = (run) => this.#answer(() => database.transaction(run));
  close = async () => undefined;

  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#dead) return new Promise<never>(() => undefined);
    if (this.#left-- > 0) return ask();
    this.#dead = true;
    if (this.#lastIsDone) await ask();
    this.#die();
    return new Promise<never>(() => undefined);
  }
}

/** Nodes that have died: their files are closed by the end of the process, as those of a process that was killed are. */
const dead: object[] = [];

describe('a message that is deleted when its letter has gone', () => {
  let server: MailServer;
  beforeEach(async () => {
    server = await MailServer.start();
  });
  afterEach(() => server.stop());

  /** A node with an outbox that sends. */
  async function sending(base: Database) {
    const clock = new FakeClock('2026-11-02T12:00:00');
    const parts = { database: base, node: 'node-1', clock, random: systemRandom, log: pino({ level: 'silent' }) };
    const pbx = pbxOf({ mail: { smtp: server.url, from: 'pbx@acme.example' } });
    const outbox = new DurableOutbox({
      ...parts,
      config: { current: () => pbx, on: () => () => undefined },
      couriers: { mail: new MailCourier(folder, clock), sms: new SmsCourier(clock) },
      directory: join(folder, 'outbox-spool'),
    });
    const voicemail = new Voicemail({ ...parts, outbox, varDir: folder });
    outbox.onSent('voicemail', (sent) => voicemail.mailed(sent));
    await voicemail.start();
    outbox.start();
    return {
      voicemail,
      /** Resolves when nothing is left to do. */
      rests: async () => {
        await voicemail.settled();
        await outbox.idle();
        await voicemail.settled();
      },
      close: async () => {
        await voicemail.close();
        await outbox.close();
      },
    };
  }

  /** @returns how often the letter came; undefined: the node had done its work before it was to die */
  async function run(after: number, lastIsDone: boolean): Promise<number | undefined> {
    await database.script('truncate outbox, voicemails');
    server.taken.length = 0;
    const mortal = new Mortal();
    const first = await sending(mortal);
    // It dies at a statement that follows the acceptance of the letter.
    server.beforeAccepting = async () => mortal.dies(after, lastIsDone);
    const draft = await first.voicemail.begin({ ...facts, delivery: 'attachAndDelete' });
    await record(draft.file, 4000);
    const spoken = await readFile(draft.file);
    await draft.finish({ ended: 'hangup', speechMs: 4000 });
    const ending = await Promise.race([mortal.died.then(() => 'died'), first.rests().then(() => 'rests')]);
    server.beforeAccepting = async () => undefined;
    if (ending === 'rests') await first.close();
    else dead.push(first);
    const second = await sending(database);
    await second.rests();
    expect(await second.voicemail.query('acme', {}, { limit: 10 })).toEqual({ items: [], next: null });
    await second.close();

    for (const letter of server.taken) {
      expect(readMail(letter).attachments.map(({ content }) => content.equals(spoken))).toEqual([true]);
    }
    expect(await readdir(dirname(draft.file)), 'its file').toEqual([]);
    expect(await database.query('select count(*)::int from voicemails')).toEqual([[0]]);
    expect(await database.query('select state from outbox')).toEqual([['sent']]);
    return ending === 'died' ? server.taken.length : undefined;
  }

  it('has arrived, and is gone, wherever between the two its node dies', async () => {
    const arrived: number[] = [];
    for (const lastIsDone of [false, true]) {
      for (let after = 0; ; after++) {
        const letters = await run(after, lastIsDone);
        if (letters === undefined) break;
        arrived.push(letters);
      }
    }
    // Before its acceptance was noted it is sent once more, afterwards never.
    expect(new Set(arrived)).toEqual(new Set([1, 2]));
    expect(arrived.filter((letters) => letters === 2)).toHaveLength(1);
  });
});

describe('when the disk takes nothing', () => {
  it('a folder that cannot be written is told before anybody speaks', async () => {
    const one = await node();
    // Nobody can write into a file as a folder, the superuser included.
    await mkdir(join(folder, 'messages'), { recursive: true });
    await writeFile(join(folder, 'messages', 'voicemail'), '');
    await expect(one.voicemail.begin(facts)).rejects.toMatchObject({
      code: 'no-room-for-message',
      hint: expect.stringContaining('VAR_DIR'),
    });
    expect(one.failures).toMatchObject([{ pbx: 'acme', call: 'call-1', employee: 'anna' }]);
  });

  it('and so does a disk with too little room for the longest message', async () => {
    const one = await node();
    await expect(one.voicemail.begin({ ...facts, maxMs: 1e15 })).rejects.toThrow('the disk is full');
  });

  it('a recording that broke off is kept, and told', async () => {
    const one = await node();
    const draft = await one.voicemail.begin(facts);
    await record(draft.file, 4000);
    await draft.finish({ ended: 'interrupted', speechMs: 4000, error: 'The disk is full' });
    await one.voicemail.settled();
    expect(one.failures).toMatchObject([{ why: 'The disk is full' }]);
    expect(await one.voicemail.get('acme', draft.id)).toMatchObject({ ended: 'interrupted', ms: 4000 });
  });
});
