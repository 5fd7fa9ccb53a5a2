import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../src/config/version.ts';
import { type Database, DatabaseDownError } from '../../src/database/port.ts';
import { Faxes } from '../../src/messages/fax/index.ts';
import { FaxReception } from '../../src/messages/fax/reception.ts';
import type { FaxRecord } from '../../src/messages/fax/record.ts';
import type { Letter, SentLetter } from '../../src/messages/outbox.ts';
import { systemRandom } from '../../src/time/random.ts';
import { startTestDatabase } from '../support/database.ts';
import { settle } from '../support/fake-clock.ts';
import type { FakeEndpoint } from '../support/fake-media.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../support/fax-pages.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { Switchboard } from '../support/switchboard.ts';
import { temporaryFolder } from '../support/temp.ts';

/** Faxes from a call to the list and the letter, and from a document to calls: a real database and real files; what machines say to each other is written by the test. */

const line = '74950000001';

const company = (more: Record<string, unknown> = {}): PbxVersion =>
  pbxOf({
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { unavailableMessage: null, then: { hangup: true } } },
    numbers: [{ number: line, scheme: 'main', source: { trunk: 'operator' } }],
    trunks: [{ id: 'operator', host: 'operator.example', pstn: true, lines: 0 }],
    schemes: [{ id: 'main', steps: [{ fax: { to: ['office@acme.example'] } }] }],
    employees: [employee('anna', '401', { email: 'anna@acme.example' }), employee('boris', '402')],
    fax: { email: 'fax@acme.example' },
    ...more,
  });

const menu = (more: Record<string, unknown> = {}) => ({
  id: 'main',
  steps: [{ play: 'builtin:greeting', wait: true }],
  menu: { '1': { steps: [{ forward: { employee: 'anna' } }] } },
  ...more,
});

let real: Awaited<ReturnType<typeof startTestDatabase>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let isAway = false;

beforeAll(async () => {
  real = await startTestDatabase();
});
afterAll(() => real.stop());
beforeEach(async () => {
  folder = await temporaryFolder('faxes');
  isAway = false;
  await real.database.script('delete from faxes');
});
afterEach(() => folder[Symbol.asyncDispose]());

/** One run of a node, with the call layer and its faxes. */
class Node implements AsyncDisposable {
  readonly board: Switchboard;
  readonly faxes: Faxes;
  readonly letters: Letter[] = [];
  readonly told: (readonly [what: string, state: string])[] = [];
  #sent: ((sent: SentLetter) => Promise<void>) | undefined;

  constructor(version: PbxVersion, at?: string) {
    const guarded = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        if (isAway) throw new DatabaseDownError('stopped by the test');
        return call(...args);
      };
    };
    const database: Database = {
      query: guarded((text, values) => real.database.query(text, values)),
      script: guarded((text) => real.database.script(text)),
      transaction: (run) => real.database.transaction(run),
      close: async () => undefined,
    };
    const log = pino({ level: 'silent' });
    const problem = () => this.board.media.faxProblem;
    this.board = new Switchboard(version, {
      ...(at === undefined ? {} : { at }),
      fax: {
        receive: (...all) => reception.receive(...all),
        receiveWhileTalking: (fax) => reception.receiveWhileTalking(fax),
      },
    });
    const { clock, services, inbound } = this.board;
    const reception = new FaxReception({
      keeper: async () => this.faxes.keeper,
      media: {
        get faxProblem() {
          return problem();
        },
      },
      node: 'one',
      clock,
      random: systemRandom,
    });
    this.faxes = new Faxes({
      ...{ database, services, clock, log, varDir: folder.path, random: systemRandom, node: 'one', calls: inbound },
      outbox: {
        put: async (letter) => void this.letters.push(letter),
        onSent: (_kind, listener) => {
          this.#sent = listener;
          return () => undefined;
        },
      },
      pbx: (id) => (id === version.id ? version : undefined),
    });
    this.faxes.events.on('changed', ({ state }) => void this.told.push(['changed', state]));
    this.faxes.events.on('removed', ({ state }) => void this.told.push(['removed', state]));
  }

  /** The mail server has taken the letter about a fax. */
  async taken(id: string, more: Partial<SentLetter> = {}): Promise<void> {
    const sent = { pbx: 'acme', id: `fax-${id}`, about: { kind: 'fax', id }, to: ['x'], refused: [], omitted: [] };
    await this.#sent?.({ ...sent, ...more } as SentLetter);
  }

  async all(): Promise<readonly FaxRecord[]> {
    return (await this.faxes.query('acme', {}, { limit: 100 })).items;
  }

  /** The only fax, once it is in that state. */
  async fax(state: FaxRecord['state']): Promise<FaxRecord> {
    await expect.poll(async () => (await this.all()).map((one) => one.state), { timeout: 5000 }).toEqual([state]);
    return (await this.all())[0] as FaxRecord;
  }

  /** The fax that an endpoint is receiving or sending. */
  async underWay(): Promise<NonNullable<FakeEndpoint['fax']>> {
    const find = () => this.board.media.alive.find(({ fax }) => fax)?.fax;
    await expect.poll(() => find() !== undefined, { timeout: 5000 }).toBe(true);
    return find() as NonNullable<FakeEndpoint['fax']>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.faxes.rest();
    await this.board.inbound.stop();
    await this.faxes.close();
  }
}

const at = (...names: string[]) => join(folder.path, 'messages', 'fax', 'acme', ...names);
const files = async () => (await readdir(at()).catch(() => [])).toSorted();

/** The other machine has sent so many pages, of those that it was to send. */
async function comes(fax: NonNullable<FakeEndpoint['fax']>, pages: number, more = {}): Promise<void> {
  await writeFile(fax.options.file, tiffOf(Array.from({ length: pages }, (_, i) => pageOf(i))));
  fax.end({
    ...{ pages, remoteStation: '+7 495 1234567', bitRate: 14_400, ecm: true, resolution: { x: 204, y: 196 } },
    ...more,
  });
}

const client = '79031112233';
/** A call from outside to the number of the company. */
const calls = (node: Node) => node.board.call({ kind: 'trunk', pbx: 'acme', trunk: 'operator' }, client, line);

describe('a fax that comes', () => {
  it('by a step of the scheme is stored with its pages and mailed to whom the step says', async () => {
    await using node = new Node(company());
    const invite = await calls(node);
    const under = await node.underWay();
    expect(under).toMatchObject({ kind: 'receive', options: { stationId: `+${line}` } });
    expect(invite.responses).toContain('200');
    await comes(under, 3);
    const fax = await node.fax('received');
    expect(fax).toMatchObject({
      ...{ direction: 'in', number: client, line, station: '+7 495 1234567', pages: 3, error: null, read: false },
      ...{ ecm: true, bitRate: 14_400, recipients: ['office@acme.example'], call: node.board.records[0]?.id },
    });
    const sent = shown([0, 1, 2].map((i) => pageOf(i)));
    expect(await shownByPdf(await readFile(at(`${fax.id}.pdf`)))).toEqual(sent);
    expect(await files()).toEqual([`${fax.id}.pdf`, `${fax.id}.tiff`]);
    expect(node.letters).toMatchObject([
      {
        ...{ to: ['office@acme.example'], about: { kind: 'fax', id: fax.id } },
        attachments: [{ path: at(`${fax.id}.pdf`), name: 'fax-2026-11-02-09-00.pdf', type: 'application/pdf' }],
      },
    ]);
    expect(node.board.records).toMatchObject([{ outcome: 'technical', technical: 'fax' }]);
    expect(node.told).toEqual([
      ['changed', 'receiving'],
      ['changed', 'received'],
    ]);
    expect(node.board.quiet).toBe(true);
  });

  it('and breaks off on page 2 has page 1, and says why', async () => {
    await using node = new Node(company());
    await calls(node);
    await comes(await node.underWay(), 1, { reason: 'failed', error: 'the other machine hung up' });
    const fax = await node.fax('partial');
    expect(fax).toMatchObject({ pages: 1, error: 'the other machine hung up' });
    expect(await shownByPdf(await readFile(at(`${fax.id}.pdf`)))).toEqual(shown([pageOf(0)]));
    expect(node.letters[0]?.text).toMatch(/получены не все страницы/);
  });

  it('of which a full disk has swallowed pages is no whole one, whatever the machines say', async () => {
    await using node = new Node(company());
    await calls(node);
    // What libspandsp does, and so FreeSWITCH: each page counts, those that could not be written too.
    await comes(await node.underWay(), 1, { pages: 3 });
    const fax = await node.fax('partial');
    expect(fax).toMatchObject({ pages: 1, error: '2 of 3 pages could not be written: the disk is full' });
    expect(await shownByPdf(await readFile(at(`${fax.id}.pdf`)))).toEqual(shown([pageOf(0)]));
    expect(node.letters[0]?.text).toMatch(/получены не все страницы/);
    expect(node.told.at(-1)).toEqual(['changed', 'partial']);
  });

  it('of which the media server did not confirm a page, because the disk was full, is no whole one', async () => {
    await using node = new Node(company());
    await calls(node);
    const error = '1 of 2 pages could not be written: the disk is full';
    await comes(await node.underWay(), 1, { reason: 'failed', unwritten: 1, error });
    expect(await node.fax('partial')).toMatchObject({ pages: 1, error });
  });

  it('of which a full disk has swallowed everything has failed', async () => {
    await using node = new Node(company());
    await calls(node);
    await comes(await node.underWay(), 0, { pages: 2 });
    expect(await node.fax('failed')).toMatchObject({ pages: 0, error: expect.stringContaining('the disk is full') });
    expect(node.letters).toEqual([]);
    expect(node.board.records).toMatchObject([{ technical: null }]);
  });

  it('of which no page comes is told and listed, and mailed to nobody', async () => {
    await using node = new Node(company());
    await calls(node);
    (await node.underWay()).end({ reason: 'failed', error: 'no fax machine has answered' });
    expect(await node.fax('failed')).toMatchObject({ pages: 0, error: 'no fax machine has answered' });
    expect(node.letters).toEqual([]);
    expect(node.board.records).toMatchObject([{ technical: null }]);
  });

  it('ends with the call of its machine, whose record says that it was a fax', async () => {
    await using node = new Node(company());
    const invite = await calls(node);
    const under = await node.underWay();
    await writeFile(under.options.file, tiffOf([pageOf(0)]));
    node.board.callerEndpoint.faxPages = 1;
    invite.dialog.hangUp();
    await node.fax('partial');
    await expect.poll(() => node.board.quiet).toBe(true);
    expect(node.board.records).toMatchObject([{ outcome: 'technical', technical: 'fax', endedBy: 'caller' }]);
  });

  it.each([
    ['attach', true, false],
    ['notify', false, false],
    ['attachAndDelete', true, true],
  ])('by %s is attached: %s, and deleted when it has arrived: %s', async (delivery, isAttached, isDeleted) => {
    await using node = new Node(company({ fax: { email: 'fax@acme.example', delivery } }));
    await calls(node);
    await comes(await node.underWay(), 1);
    const { id } = await node.fax('received');
    expect(node.letters[0]?.attachments !== undefined).toBe(isAttached);
    await node.taken(id, { omitted: ['fax.pdf'] });
    await node.taken(id, { refused: [{ to: 'x', why: 'unknown' }] });
    expect(await node.all()).toHaveLength(1);
    await node.taken(id);
    expect(await node.all()).toHaveLength(isDeleted ? 0 : 1);
    expect(await files()).toHaveLength(isDeleted ? 0 : 2);
  });

  it('is kept only, where that is wanted', async () => {
    await using node = new Node(company({ fax: { email: 'fax@acme.example', delivery: 'storeOnly' } }));
    await calls(node);
    await comes(await node.underWay(), 1);
    await node.fax('received');
    expect(node.letters).toEqual([]);
  });
});

describe('the calling tone', () => {
  it.each([
    ['a rule of the block', menu({ rules: { fax: { to: ['rule@acme.example'] } } }), 'rule@acme.example'],
    ['no rule at all', menu(), 'fax@acme.example'],
  ])('heard in the menu begins the reception at once, by %s', async (_, scheme, to) => {
    await using node = new Node(company({ schemes: [scheme] }));
    await calls(node);
    const caller = node.board.callerEndpoint;
    expect([caller.listensForFax, node.board.heardBy({} as never)]).toEqual([true, ['builtin:greeting']]);
    caller.faxTone();
    await comes(await node.underWay(), 1);
    expect(caller.listensForFax).toBe(false);
    expect(await node.fax('received')).toMatchObject({ recipients: [to] });
  });

  it('is not listened for where faxes are not to be detected', async () => {
    const fax = { autoDetect: false, email: 'fax@acme.example' };
    const rules = { fax: { to: ['rule@acme.example'] } };
    await using node = new Node(company({ fax, schemes: [menu({ rules })] }));
    await calls(node);
    expect(node.board.callerEndpoint.listensForFax).toBe(false);
  });

  it('is not listened for by those who talk', async () => {
    await using node = new Node(company({ schemes: [menu()] }));
    await calls(node);
    node.board.callerEndpoint.press('1');
    await settle();
    expect(node.board.callerEndpoint.listensForFax).toBe(true);
    node.board.sip.to('anna').answers();
    await settle();
    expect(node.board.callerEndpoint.listensForFax).toBe(false);
  });
});

describe('#0 in a conversation', () => {
  const talks = async (node: Node) => {
    await calls(node);
    const anna = node.board.sip.to('anna').answers();
    await settle();
    const end = node.board.media.alive.find(({ options }) => options.remoteSdp !== 'their offer') as FakeEndpoint;
    return { anna, end };
  };
  const forwarding = { schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }] };
  const press = async (end: FakeEndpoint) => {
    end.press('#');
    end.press('0');
    await settle();
  };

  it('receives the fax while the employee hears music, and then the two talk on', async () => {
    const fax = { email: 'fax@acme.example', copyToEmployee: true };
    await using node = new Node(company({ ...forwarding, fax }));
    const { anna, end } = await talks(node);
    await press(end);
    const under = await node.underWay();
    expect(node.board.callerEndpoint.fax).toBe(under);
    expect(end.playing).toMatchObject({ loop: true });
    await comes(under, 2);
    expect(await node.fax('received')).toMatchObject({
      ...{ number: client, employee: 'anna', pages: 2, recipients: ['fax@acme.example', 'anna@acme.example'] },
    });
    expect(end.playing?.sources).toEqual([{ file: 'builtin:beep' }]);
    expect(node.board.callerEndpoint.bridgedTo).toBe(end);
    expect(node.board.inbound.live.size).toBe(1);
    anna.hangUp();
    await settle();
    const [record] = node.board.records;
    expect(record).toMatchObject({ outcome: 'answered', technical: null });
    expect(record?.path.find(({ event }) => event === 'fax')).toMatchObject({ detail: { pages: 2 } });
  });

  it('that brings nothing is told by a tone; it can be tried again', async () => {
    await using node = new Node(company(forwarding));
    const { anna, end } = await talks(node);
    for (let i = 1; i <= 2; i++) {
      await press(end);
      (await node.underWay()).end({ reason: 'failed', error: 'no fax machine has answered' });
      await expect.poll(() => end.playing?.sources).toEqual([{ file: 'builtin:error-tone' }]);
    }
    anna.hangUp();
    await expect.poll(() => node.board.quiet).toBe(true);
  });

  it('goes to the end when the employee hangs up meanwhile', async () => {
    await using node = new Node(company(forwarding));
    const { anna, end } = await talks(node);
    await press(end);
    const under = await node.underWay();
    anna.hangUp();
    await settle();
    expect(node.board.callerEndpoint.destroyed).toBe(false);
    await comes(under, 1);
    await node.fax('received');
    await expect.poll(() => node.board.quiet).toBe(true);
    expect(node.board.records).toHaveLength(1);
  });

  it.each([
    ['it is switched off', { fax: { inCall: false } }],
    ['keys of employees are not to be heeded', { security: { ignoreDtmf: true } }],
  ])('does nothing where %s', async (_, more) => {
    await using node = new Node(company({ ...forwarding, ...more }));
    const { end } = await talks(node);
    await press(end);
    node.board.clock.advance(3000);
    expect(node.board.media.alive.some(({ fax }) => fax)).toBe(false);
  });

  it('is no command of the client', async () => {
    await using node = new Node(company(forwarding));
    await talks(node);
    await press(node.board.callerEndpoint);
    node.board.clock.advance(3000);
    expect(node.board.media.alive.some(({ fax }) => fax)).toBe(false);
  });
});

describe('what goes wrong on this node', () => {
  it('a database that is away keeps no fax from arriving', async () => {
    await using node = new Node(company());
    isAway = true;
    await calls(node);
    await comes(await node.underWay(), 1);
    await expect.poll(async () => (await files()).some((name) => name.endsWith('.open.json'))).toBe(true);
    await expect.poll(() => node.board.inbound.live.size).toBe(0);
    isAway = false;
    expect([await node.all(), node.letters]).toEqual([[], []]);
    node.board.clock.advance(15_000);
    const { id } = await node.fax('received');
    expect(node.letters).toHaveLength(1);
    await expect.poll(files).toEqual([`${id}.pdf`, `${id}.tiff`]);
    expect(node.board.quiet).toBe(true);
  });

  it('the end of the engine in the middle of page 2 leaves page 1', async () => {
    const killed = new Node(company());
    await calls(killed);
    const under = await killed.underWay();
    // What the library has written by then: page 1, and a part of the next.
    const whole = tiffOf([pageOf(0), pageOf(1)]);
    await writeFile(under.options.file, whole.subarray(0, whole.length - 300));
    await using node = new Node(company());
    await node.faxes.start();
    const fax = await node.fax('partial');
    expect(fax).toMatchObject({ pages: 1, error: 'the engine was stopped while the fax came in' });
    expect(await shownByPdf(await readFile(at(`${fax.id}.pdf`)))).toEqual(shown([pageOf(0)]));
    expect(node.letters).toHaveLength(1);
    under.end({ reason: 'failed' });
    await killed[Symbol.asyncDispose]();
  });

  it('a place where no folder can be is told of, and the call ends', async () => {
    await writeFile(join(folder.path, 'messages'), 'a file');
    await using node = new Node(company());
    await calls(node);
    expect(await node.fax('failed')).toMatchObject({ pages: 0, error: expect.stringMatching(/ENOTDIR|EEXIST/) });
    expect(node.told).toEqual([['changed', 'failed']]);
    await expect.poll(() => node.board.inbound.live.size).toBe(0);
  });
});

describe('a node without libspandsp', () => {
  const problem = 'Fax needs libspandsp (apt install libspandsp2)';

  it('lets nobody hear a machine that says nothing: he hears that nobody can be reached', async () => {
    await using node = new Node(company());
    node.board.media.faxProblem = problem;
    const invite = await calls(node);
    expect(await node.fax('failed')).toMatchObject({ pages: 0, error: problem });
    await expect.poll(() => invite.responses.at(-1)).toBe('480');
    expect(invite.responses).not.toContain('200');
    expect(node.board.quiet).toBe(true);
  });

  it('says so to who presses #0, and the two talk on', async () => {
    await using node = new Node(company({ schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }] }));
    node.board.media.faxProblem = problem;
    await calls(node);
    node.board.sip.to('anna').answers();
    await settle();
    const end = node.board.media.alive.find(({ options }) => options.remoteSdp !== 'their offer');
    end?.press('#');
    end?.press('0');
    await expect.poll(() => end?.playing?.sources).toEqual([{ file: 'builtin:error-tone' }]);
    expect(node.board.inbound.live.size).toBe(1);
  });

  it('takes nothing to be sent, and rings nobody for what it took before', async () => {
    await using node = new Node(company());
    const document = tiffOf([pageOf(0)]);
    const { id } = await node.faxes.send(company(), { to: '84957654321', document, type: 'image/tiff' });
    node.board.media.faxProblem = problem;
    await expect(node.faxes.send(company(), { to: '84957654321', document, type: 'image/tiff' })).rejects.toMatchObject(
      { code: 'fax-unavailable', hint: problem },
    );
    await node.faxes.start();
    node.board.clock.advance(5000);
    expect(await node.fax('failed')).toMatchObject({ id, error: problem });
    expect(node.board.sip.sent).toEqual([]);
  });
});

describe('a fax that is sent', () => {
  const number = '74957654321';
  const send = (node: Node, more = {}) =>
    node.faxes.send(company(), {
      ...{ to: '8 (495) 765-43-21', document: tiffOf([pageOf(0), pageOf(1)]), type: 'image/tiff' as const },
      ...more,
    });
  const invited = async (node: Node, count: number) => {
    await expect.poll(() => node.board.sip.sent.length, { timeout: 5000 }).toBe(count);
    return node.board.sip.to(number);
  };

  it('goes by a call of ours, which stands in the history', async () => {
    await using node = new Node(company());
    await node.faxes.start();
    const job = await send(node, { name: 'Contract' });
    expect(job).toMatchObject({ state: 'waiting', direction: 'out', number, line, totalPages: 2, name: 'Contract' });
    const invite = await invited(node, 1);
    expect(await node.fax('sending')).toMatchObject({ id: job.id });
    const machine = invite.answers();
    const under = await node.underWay();
    expect(under).toMatchObject({ kind: 'send', options: { stationId: `+${line}`, file: at(`${job.id}.tiff`) } });
    under.end({ pages: 2, remoteStation: 'THEM', bitRate: 9600, ecm: true });
    const sent = await node.fax('sent');
    expect(sent).toMatchObject({ pages: 2, station: 'THEM', error: null, nextAt: null });
    expect(machine.ended).toMatchObject({ by: 'local' });
    await expect.poll(() => node.board.records.length).toBe(1);
    expect(node.board.records).toMatchObject([{ direction: 'out', to: number, outcome: 'answered' }]);
    expect(sent.tries).toMatchObject([{ call: node.board.records[0]?.id, pages: 2, error: null }]);
    expect(node.told.map(([, state]) => state)).toEqual(['waiting', 'sending', 'sent']);
    await expect.poll(files).toEqual([`${job.id}.pdf`, `${job.id}.tiff`]);
  });

  it('is tried for an hour, and each try tells how it ended', async () => {
    await using node = new Node(company());
    await node.faxes.start();
    const job = await send(node);
    for (let tried = 1; tried <= 12; tried++) {
      (await invited(node, tried)).refuses(486);
      if (tried === 12) break;
      const { nextAt, tries } = await node.fax('waiting');
      expect([(nextAt ?? 0) - node.board.clock.now(), tries.length]).toEqual([300_000, tried]);
      // Looking at a real database takes real time.
      node.board.clock.advance(300_000);
    }
    const given = await node.fax('failed');
    expect(given).toMatchObject({ error: 'Busy', nextAt: null });
    expect(given.tries).toHaveLength(12);
    expect((given.tries.at(-1)?.at ?? 0) - job.at).toBe(55 * 60_000);
    node.board.clock.advance(3_600_000);
    await settle();
    expect(node.board.sip.sent).toHaveLength(12);
  });

  it('succeeds in a later try, of which it then tells', async () => {
    await using node = new Node(company());
    await node.faxes.start();
    await send(node);
    (await invited(node, 1)).answers();
    (await node.underWay()).end({ pages: 1, reason: 'failed', error: 'the other machine hung up' });
    expect(await node.fax('waiting')).toMatchObject({ pages: 1, error: 'the other machine hung up' });
    node.board.clock.advance(300_000);
    (await invited(node, 2)).answers();
    (await node.underWay()).end({ pages: 2 });
    const sent = await node.fax('sent');
    expect(sent.tries.map(({ error }) => error)).toEqual(['the other machine hung up', null]);
    expect(sent.error).toBeNull();
  });

  it('where no direction is open fails at once, and says so', async () => {
    const barred = company({ security: { outgoing: ['7812*'] } });
    await using node = new Node(barred);
    await node.faxes.start();
    await node.faxes.send(barred, { to: number, document: tiffOf([pageOf(0)]), type: 'image/tiff' });
    expect(await node.fax('failed')).toMatchObject({ error: 'Direction not allowed', tries: [{ pages: 0 }] });
    expect(node.board.sip.sent).toEqual([]);
  });

  it('is not sent again when the database was away as it arrived, not even after a kill', async () => {
    const killed = new Node(company());
    await killed.faxes.start();
    await send(killed);
    (await invited(killed, 1)).answers();
    const under = await killed.underWay();
    isAway = true;
    under.end({ pages: 2 });
    await expect.poll(async () => (await files()).some((name) => name.endsWith('.open.json'))).toBe(true);
    await using node = new Node(company());
    const started = node.faxes.start();
    await settle();
    isAway = false;
    await started;
    await expect
      .poll(async () => {
        node.board.clock.advance(5000);
        return (await node.all())[0]?.state;
      })
      .toBe('sent');
    expect(node.board.sip.sent).toEqual([]);
    await killed[Symbol.asyncDispose]();
  });

  it('is taken up again by the next run, for what is left of its hour', async () => {
    const killed = new Node(company());
    await killed.faxes.start();
    await send(killed);
    const lost = await invited(killed, 1);
    await using node = new Node(company(), '2026-11-02T09:59:00Z');
    await node.faxes.start();
    node.board.clock.advance(5000);
    (await invited(node, 1)).refuses(486);
    expect((await node.fax('failed')).error).toBe('Busy');
    lost.refuses(486);
    await killed[Symbol.asyncDispose]();
  });

  it('is not sent after its hour, when the engine did not run in it', async () => {
    const ended = new Node(company());
    await send(ended);
    await ended[Symbol.asyncDispose]();
    await using node = new Node(company(), '2026-11-02T10:01:00Z');
    await node.faxes.start();
    node.board.clock.advance(5000);
    expect(await node.fax('failed')).toMatchObject({ tries: [], error: expect.stringMatching(/did not run/) });
    expect(node.board.sip.sent).toEqual([]);
  });

  it('that is deleted is broken off, and leaves nothing', async () => {
    await using node = new Node(company());
    await node.faxes.start();
    const { id } = await send(node);
    (await invited(node, 1)).answers();
    await node.underWay();
    expect(await node.faxes.remove('other', id)).toBe('none');
    expect(await node.faxes.remove('acme', id)).toBe('removed');
    await expect.poll(() => node.board.media.alive.length).toBe(0);
    await expect.poll(files).toEqual([]);
    expect(await node.all()).toEqual([]);
    expect(node.told.at(-1)).toEqual(['removed', 'sending']);
    node.board.clock.advance(600_000);
    expect(node.board.sip.sent).toHaveLength(1);
  });

  it.each([
    ['fax-number', { to: 'nobody' }],
    ['fax-line', { line: '74959999999' }],
    ['fax-document', { document: Buffer.from('no TIFF') }],
    ['fax-document', { document: Buffer.from('no PDF'), type: 'application/pdf' as const }],
  ])('is refused with %s for %j', async (code, more) => {
    await using node = new Node(company());
    await expect(send(node, more)).rejects.toMatchObject({ code });
    expect(await files()).toEqual([]);
  });
});

describe('the list', () => {
  it('shows the newest first, page by page, and only what is asked for', async () => {
    await using node = new Node(company());
    for (let i = 0; i < 3; i++) {
      await calls(node);
      await comes(await node.underWay(), 1);
      await expect.poll(async () => (await node.all()).length).toBe(i + 1);
      node.board.clock.advance(1000);
    }
    const job = await node.faxes.send(company(), {
      ...{ to: '74957654321', document: tiffOf([pageOf(0)]), type: 'image/tiff' as const },
    });
    const ids = (await node.all()).map(({ id }) => id);
    expect(ids[0]).toBe(job.id);
    const first = await node.faxes.query('acme', {}, { limit: 3 });
    const second = await node.faxes.query('acme', {}, { limit: 3, cursor: first.next ?? '' });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
    expect(second.next).toBeNull();
    expect((await node.faxes.query('acme', { direction: 'out' }, { limit: 9 })).items).toMatchObject([{ id: job.id }]);
    expect((await node.faxes.query('acme', { states: ['received'] }, { limit: 9 })).items).toHaveLength(3);
    expect((await node.faxes.query('other', {}, { limit: 9 })).items).toEqual([]);
  });

  it('keeps marks', async () => {
    await using node = new Node(company());
    await calls(node);
    await comes(await node.underWay(), 1);
    const { id } = await node.fax('received');
    expect(await node.faxes.markRead('acme', id, true)).toMatchObject({ read: true });
    expect(await node.faxes.get('acme', id)).toMatchObject({ read: true });
    expect(await node.faxes.markRead('acme', 'other', true)).toBeUndefined();
    expect(await node.faxes.markRead('other', id, true)).toBeUndefined();
  });
});
