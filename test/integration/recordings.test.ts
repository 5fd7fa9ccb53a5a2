import { copyFile, mkdir, open, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MPEGDecoder } from 'mpg123-decoder';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Talk } from '../../src/call/recording.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import type { Database } from '../../src/database/port.ts';
import { DatabaseDownError } from '../../src/database/port.ts';
import { wavHeader } from '../../src/media/wav-file.ts';
import type { Letter } from '../../src/messages/outbox.ts';
import { type Recorded, Recordings } from '../../src/messages/recording/index.ts';
import { systemRandom } from '../../src/time/random.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeEndpoint } from '../support/fake-media.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody, sounds, tone } from '../support/tones.ts';
import { wavChannels } from '../support/wav-channels.ts';

/** From two who talk to what is in the list: a real database, real files, real encoding; the media alone is none, and its files are written by the test. */

let database: Awaited<ReturnType<typeof startTestDatabase>>;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let clock: FakeClock;
/** The database, while it is there. */
let isAway = false;
let letters: Letter[];
const opened: Recordings[] = [];

beforeAll(async () => {
  database = await startTestDatabase();
});
afterAll(() => database.stop());
beforeEach(async () => {
  folder = await temporaryFolder('recordings');
  clock = new FakeClock();
  isAway = false;
  letters = [];
  await database.database.script('delete from recordings');
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await folder[Symbol.asyncDispose]();
});

const pbx = (recording: Record<string, unknown>): PbxVersion =>
  pbxOf({
    employees: [employee('anna', '401')],
    mail: { smtp: 'smtp://127.0.0.1', from: 'pbx@acme.example' },
    recording,
  });

function recordingsOf(version: PbxVersion, node = 'one'): Recordings {
  const guarded = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (isAway) throw new DatabaseDownError('stopped by the test');
      return call(...args);
    };
  };
  const real = database.database;
  const fallible: Database = {
    query: guarded((text, values) => real.query(text, values)),
    script: guarded((text) => real.script(text)),
    transaction: (run) => real.transaction(run),
    close: async () => undefined,
  };
  const recordings = new Recordings({
    database: Promise.resolve(fallible),
    varDir: folder.path,
    config: { all: () => [version], current: (id) => (id === version.id ? version : undefined) },
    outbox: { put: async (letter) => void letters.push(letter) },
    node,
    clock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
  });
  opened.push(recordings);
  return recordings;
}

const at = (...names: string[]) => join(folder.path, 'messages', 'recordings', 'acme', ...names);
const files = async () => (await readdir(at())).toSorted();

/** A client talks to anna. */
function talk(version: PbxVersion): Talk & { readonly end: FakeEndpoint } {
  const [client, anna] = [new FakeEndpoint('client', { callId: 'c' }), new FakeEndpoint('anna', { callId: 'c' })];
  return {
    pbx: version,
    call: 'call-1',
    direction: 'in',
    from: '79031112233',
    to: '74950000001',
    line: '74950000001',
    group: 'sales',
    caller: { endpoint: client, employee: undefined, contact: '79031112233' },
    callee: { endpoint: anna, employee: 'anna', contact: 'anna@acme.example' },
    end: anna,
  };
}

/** What a recorder writes: left 440 Hz, right 1000 Hz. */
async function write(file: string, ms: number, { header = ms } = {}): Promise<void> {
  const [left, right] = [tone(440, ms), tone(1000, ms)];
  const samples = Int16Array.from({ length: 2 * left.length }, (_, i) => (i % 2 ? right : left)[i >> 1] as number);
  await writeFile(file, Buffer.concat([wavHeader(2, header * 8 * 4), Buffer.from(samples.buffer)]));
}

/** A conversation of so long, recorded, and all that follows from it. @returns the id of its recording */
async function converse(recordings: Recordings, version: PbxVersion, ms: number): Promise<string | undefined> {
  const talking = talk(version);
  const running = recordings.begin(talking);
  const [recording] = talking.end.recordings;
  if (recording) {
    recording.ms = ms;
    await write(recording.options.file, ms);
  }
  const [id] = await running.over();
  await recordings.settled();
  return id;
}

async function decoded(id: string): Promise<{ channels: Int16Array[]; rate: number }> {
  const decoder = new MPEGDecoder();
  await decoder.ready;
  const { channelData, sampleRate } = decoder.decode(await readFile(at(`${id}.mp3`)));
  decoder.free();
  return { channels: channelData.map((data) => Int16Array.from(data, (x) => 32_767 * x)), rate: sampleRate };
}

const heard = (samples: Int16Array | undefined) =>
  melody(samples ?? new Int16Array(), [440, 1000]).filter((hz) => hz !== 0);

describe('what becomes of a recording', () => {
  it('is in the list, as an MP3 with a side in each channel, and is mailed', async () => {
    const version = pbx({ mode: 'all', email: 'all@acme.example' });
    const recordings = recordingsOf(version);
    const added: Recorded[] = [];
    recordings.events.on('added', (one) => void added.push(one));
    const id = (await converse(recordings, version, 5000)) ?? '';
    expect(added).toMatchObject([{ id, format: 'wav', ms: 5000 }]);
    expect(await recordings.get('acme', id)).toMatchObject({
      call: 'call-1',
      start: clock.now(),
      ms: 5000,
      direction: 'in',
      employee: 'anna',
      group: 'sales',
      other: '79031112233',
      format: 'mp3',
      stereo: true,
      mark: null,
      error: null,
      node: 'one',
    });
    expect(await files()).toEqual([`${id}.mp3`]);
    const { channels, rate } = await decoded(id);
    expect(rate).toBe(8000);
    expect(channels.map(heard)).toEqual([[440], [1000]]);
    expect((channels[0]?.length ?? 0) / 8).toBeGreaterThan(4950);
    expect(letters).toMatchObject([
      {
        pbx: 'acme',
        id: `recording-${id}`,
        to: ['all@acme.example'],
        attachments: [
          { path: at(`${id}.mp3`), name: '2026.11.02__12-00-00__79031112233__anna.mp3', type: 'audio/mpeg' },
        ],
        about: { kind: 'recording', id },
      },
    ]);
  });

  it.each([
    ['low', true, 2 * 8],
    ['medium', true, 2 * 16],
    ['good', false, 24],
  ])('in %s quality, stereo %s, takes %i kbit/s', async (quality, stereo, kbps) => {
    const version = pbx({ mode: 'all', quality, stereo });
    const recordings = recordingsOf(version);
    const id = (await converse(recordings, version, 8000)) ?? '';
    const recorded = await recordings.get('acme', id);
    expect(recorded).toMatchObject({ format: 'mp3', stereo });
    expect(((recorded?.bytes ?? 0) * 8) / 8000 / kbps).toBeCloseTo(1, 1);
    const { channels } = await decoded(id);
    if (stereo) expect(channels.map(heard)).toEqual([[440], [1000]]);
    else expect(sounds([440, 1000], (channels[0] as Int16Array).subarray(4000, 12_000))).toBe(true);
  });

  it('in high quality stays as it was recorded, and is mixed where it is not to be stereo', async () => {
    const stereo = pbx({ mode: 'all', quality: 'high' });
    const kept = recordingsOf(stereo);
    const id = (await converse(kept, stereo, 5000)) ?? '';
    expect(await kept.get('acme', id)).toMatchObject({ format: 'wav', stereo: true, bytes: 44 + 5000 * 8 * 4 });
    expect(wavChannels(at(`${id}.wav`)).map(heard)).toEqual([[440], [1000]]);
    const mono = pbx({ mode: 'all', quality: 'high', stereo: false });
    const mixed = recordingsOf(mono);
    const other = (await converse(mixed, mono, 5000)) ?? '';
    expect(await mixed.get('acme', other)).toMatchObject({ format: 'wav', stereo: false, bytes: 44 + 5000 * 8 * 2 });
    const [only, none] = wavChannels(at(`${other}.wav`));
    expect(none).toBeUndefined();
    expect(sounds([440, 1000], (only as Int16Array).subarray(4000, 12_000))).toBe(true);
    expect(only?.some((sample) => Math.abs(sample) > 20_000)).toBe(true);
  });

  it('leaves nothing when it was shorter than it must be', async () => {
    const version = pbx({ mode: 'all' });
    const recordings = recordingsOf(version);
    expect(await converse(recordings, version, 3900)).toBeUndefined();
    expect(await files()).toEqual([]);
    expect((await recordings.query('acme', {}, { limit: 10 })).items).toEqual([]);
  });

  it('that broke off is kept with the reason, however short', async () => {
    const version = pbx({ mode: 'all' });
    const recordings = recordingsOf(version);
    const talking = talk(version);
    const running = recordings.begin(talking);
    const [recording] = talking.end.recordings;
    await write(recording?.options.file ?? '', 1000);
    recording?.end({ reason: 'failed', ms: 1000, error: 'The disk is full' });
    const [id = ''] = await running.over();
    await recordings.settled();
    expect(await recordings.get('acme', id)).toMatchObject({ error: 'The disk is full', ms: 1000 });
  });
});

describe('what an earlier run has left', () => {
  /** A conversation in the middle of which the engine dies: `seconds` are in the file, its header knows fewer. */
  async function dies(version: PbxVersion, ms: number, header: number): Promise<string> {
    const recordings = recordingsOf(version);
    const talking = talk(version);
    recordings.begin(talking);
    const file = talking.end.recordings[0]?.options.file ?? '';
    await write(file, ms, { header });
    const id = /([^/]+)\.wav$/.exec(file)?.[1] ?? '';
    // What is known of it is written at once, but not in the same moment.
    await expect.poll(() => files()).toContain(`${id}.json`);
    return id;
  }

  it('is mended and kept, down to the last sample', async () => {
    const version = pbx({ mode: 'all' });
    const id = await dies(version, 6000, 5400);
    const file = await open(at(`${id}.wav`), 'a');
    // Half a sample.
    await file.write(Buffer.from([1]));
    await file.close();
    const next = recordingsOf(version);
    await next.open();
    await next.settled();
    expect(await next.get('acme', id)).toMatchObject({ ms: 6000, format: 'mp3', employee: 'anna', call: 'call-1' });
    expect(await files()).toEqual([`${id}.mp3`]);
    expect((await decoded(id)).channels.map(heard)).toEqual([[440], [1000]]);
  });

  it('is dropped when it is too short, or empty', async () => {
    const version = pbx({ mode: 'all' });
    await dies(version, 2000, 1000);
    const empty = await dies(version, 1000, 0);
    await truncate(at(`${empty}.wav`), 20);
    const next = recordingsOf(version);
    await next.open();
    await next.settled();
    expect(await files()).toEqual([]);
  });

  it('is seen through from whichever step it died in, once', async () => {
    const version = pbx({ mode: 'all', email: 'all@acme.example' });
    const id = await dies(version, 5000, 5000);
    const facts = await readFile(at(`${id}.json`), 'utf8');
    const first = recordingsOf(version);
    await first.open();
    await first.settled();
    const done = await first.get('acme', id);
    // Died after the WAV had gone, and before the letter was put.
    await writeFile(at(`${id}.json`), facts);
    const second = recordingsOf(version);
    const added: string[] = [];
    second.events.on('added', ({ id: one }) => void added.push(one));
    await second.open();
    await second.settled();
    expect(added).toEqual([]);
    expect(await second.get('acme', id)).toEqual(done);
    expect(letters.map((letter) => letter.id)).toEqual([`recording-${id}`, `recording-${id}`]);
    expect(await files()).toEqual([`${id}.mp3`]);
  });

  it('waits for the database', async () => {
    const version = pbx({ mode: 'all' });
    const recordings = recordingsOf(version);
    await recordings.open();
    isAway = true;
    const id = (await converse(recordings, version, 5000)) ?? '';
    expect(await files()).toEqual([`${id}.json`, `${id}.wav`]);
    isAway = false;
    clock.advance(60_000);
    await expect.poll(() => files(), { timeout: 5000 }).toEqual([`${id}.mp3`]);
    expect(await recordings.get('acme', id)).toMatchObject({ ms: 5000 });
  });
});

describe('the list', () => {
  it('is filtered, and read page by page', async () => {
    const version = pbx({ mode: 'all', quality: 'high' });
    const recordings = recordingsOf(version);
    const ids: string[] = [];
    for (const ms of [4000, 5000, 6000]) {
      ids.push((await converse(recordings, version, ms)) ?? '');
      clock.advance(3_600_000);
    }
    const [oldest = '', middle = '', newest = ''] = ids;
    const found = async (filter: Parameters<Recordings['query']>[1]) =>
      (await recordings.query('acme', filter, { limit: 10 })).items.map(({ id }) => ids.indexOf(id));
    await recordings.mark('acme', middle, 'good');
    expect(await found({})).toEqual([2, 1, 0]);
    expect(await found({ employee: ['anna'], direction: ['in'], group: ['sales'], call: 'call-1' })).toEqual([2, 1, 0]);
    expect(await found({ employee: ['boris'] })).toEqual([]);
    expect(await found({ number: '+7 (903) 111' })).toEqual([2, 1, 0]);
    expect(await found({ number: '999' })).toEqual([]);
    expect(await found({ minMs: 5000, maxMs: 5500 })).toEqual([1]);
    expect(await found({ marked: true })).toEqual([1]);
    expect(await found({ marked: false })).toEqual([2, 0]);
    expect(await found({ mark: ['favourite'] })).toEqual([]);
    expect(await found({ since: new Date('2026-11-02T10:00:00Z'), until: new Date('2026-11-02T11:00:00Z') })).toEqual([
      1,
    ]);

    const first = await recordings.query('acme', {}, { limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual([newest, middle]);
    const second = await recordings.query('acme', {}, { limit: 2, cursor: first.next ?? '' });
    expect([second.items.map(({ id }) => id), second.next]).toEqual([[oldest], null]);
    expect((await recordings.query('other', {}, { limit: 2 })).items).toEqual([]);
    await expect(recordings.query('acme', {}, { limit: 2, cursor: 'nonsense' })).rejects.toThrow(/cursor/);
  });

  it('forgets what is deleted, with its file; another node leaves it to the one that has it', async () => {
    const version = pbx({ mode: 'all', quality: 'high' });
    const recordings = recordingsOf(version);
    const id = (await converse(recordings, version, 5000)) ?? '';
    await database.database.query(`update recordings set node = 'far', id = 'far-away' where id = $1`, [id]);
    expect(await recordings.remove('acme', 'far-away')).toBe('elsewhere');
    await database.database.query(`update recordings set node = 'one', id = $1 where id = 'far-away'`, [id]);
    expect(await recordings.remove('acme', id)).toBe('removed');
    expect(await recordings.remove('acme', id)).toBe('none');
    expect([await recordings.get('acme', id), await files()]).toEqual([undefined, []]);
  });
});

describe('retention', () => {
  const day = 86_400_000;

  it('removes what is too old, and no favourite', async () => {
    const version = pbx({ mode: 'all', quality: 'high', retentionDays: 30 });
    const recordings = recordingsOf(version);
    const removed: string[] = [];
    recordings.events.on('removed', ({ id }) => void removed.push(id));
    const [old = '', favourite = ''] = [
      await converse(recordings, version, 4000),
      await converse(recordings, version, 4000),
    ];
    await recordings.mark('acme', favourite, 'favourite');
    clock.advance(29 * day);
    const young = (await converse(recordings, version, 4000)) ?? '';
    await recordings.prune();
    expect(removed).toEqual([]);
    clock.advance(day + 1);
    await recordings.prune();
    expect(removed).toEqual([old]);
    expect(await files()).toEqual([`${favourite}.wav`, `${young}.wav`].toSorted());
  });

  it('removes the oldest when there is too much, but counts favourites, and leaves those of other nodes to them', async () => {
    const size = 44 + 4000 * 8 * 4;
    const version = pbx({ mode: 'all', quality: 'high', maxBytes: 3 * size });
    const recordings = recordingsOf(version);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      ids.push((await converse(recordings, version, 4000)) ?? '');
      clock.advance(1000);
    }
    await recordings.mark('acme', ids[0] ?? '', 'favourite');
    await recordings.prune();
    expect(await files()).toEqual([ids[0], ids[3], ids[4]].map((id) => `${id}.wav`).toSorted());
    // The oldest that may go is now on another node: that will remove it, and this one has nothing to do.
    await rm(at(`${ids[3]}.wav`));
    await database.database.query(`update recordings set node = 'far' where id = $1`, [ids[3]]);
    const sixth = (await converse(recordings, version, 4000)) ?? '';
    await recordings.prune();
    expect(await files()).toEqual([ids[0], ids[4], sixth].map((id) => `${id}.wav`).toSorted());
    expect(await recordings.get('acme', ids[3] ?? '')).toBeDefined();
  });
});

describe('files', () => {
  it('are served from their folder alone', async () => {
    const version = pbx({ mode: 'all', quality: 'high' });
    const recordings = recordingsOf(version);
    const id = (await converse(recordings, version, 4000)) ?? '';
    const recorded = (await recordings.get('acme', id)) as Recorded;
    expect(await recordings.fileOf(recorded)).toBe(at(`${id}.wav`));
    await expect(recordings.fileOf({ ...recorded, id: '../../secret' })).rejects.toThrow(RangeError);
    await expect(recordings.fileOf({ ...recorded, pbx: '..' })).rejects.toThrow(RangeError);
    const outside = join(folder.path, 'outside.wav');
    await copyFile(at(`${id}.wav`), outside);
    await mkdir(at('..', 'other'), { recursive: true });
    await symlink(outside, at('linked.wav'));
    expect(await recordings.fileOf({ ...recorded, id: 'linked', node: 'far' })).toBeUndefined();
  });
});
