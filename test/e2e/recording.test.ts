import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { lastRecord } from '../support/observe.ts';
import { domain, office, password, writeOffice } from '../support/office.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody, sounds } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';
import { wavChannels } from '../support/wav-channels.ts';

/** Two real phones that say different things: what is in the recordings is heard, not believed. */

interface Listed {
  readonly id: string;
  readonly call: string;
  readonly employee: string;
  readonly other: string;
  readonly manual: boolean;
  readonly length: number;
  readonly bytes: number;
}

let resources: AsyncDisposableStack;
let config: string;
let varDir: string;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  config = resources.use(await temporaryFolder('config')).path;
  varDir = resources.use(await temporaryFolder('var')).path;
  const recording = {
    mode: 'rules',
    rules: [{ employee: 'anna' }, { employee: 'clara' }],
    quality: 'high',
    minDuration: 1,
  };
  await writeOffice(config, { ...office(), recording });
  engine = await Engine.start({ config, varDir });
  resources.defer(() => engine[Symbol.asyncDispose]());
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(() => resources.disposeAsync());

async function phone(user: string, options: Partial<PhoneOptions>): Promise<Phone> {
  const one = await Phone.register({ user, password, domain, proxy: engine.sip, env: jack.env, ...options });
  phones.push(one);
  return one;
}

/** Boris (1000 Hz) has called anna (440 Hz), and both have heard the other. */
async function talk() {
  const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto' });
  const boris = await phone('boris', { says: { hz: 1000 } });
  boris.dial('401');
  await boris.next('CALL_ESTABLISHED');
  const hears = (one: Phone, hz: number) =>
    eventually(
      `${one.options.user} to hear ${hz} Hz`,
      async () => melody(await one.heard(), [440, 1000]),
      (heard) => heard.includes(hz),
    );
  await Promise.all([hears(boris, 440), hears(anna, 1000)]);
  return { anna, boris };
}

const recordings = (count: number) =>
  eventually(
    `${count} recordings`,
    async () => (await engine.api<{ items: Listed[] }>('/api/pbxs/acme/recordings')).items,
    (items) => items.length >= count,
  );

/** The audio as the API gives it. */
async function audio(id: string): Promise<[Int16Array, Int16Array]> {
  const answer = await fetch(`${engine.url}/api/pbxs/acme/recordings/${id}/audio`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'audio/wav']);
  const path = join(varDir, `${id}-downloaded.wav`);
  await writeFile(path, Buffer.from(await answer.arrayBuffer()));
  return wavChannels(path) as [Int16Array, Int16Array];
}

/** What sounds in most of it, the beginning left out, in which the other may not have spoken yet. */
const isMostly = (hz: number, samples: Int16Array): boolean => {
  const pieces = Array.from({ length: Math.floor(samples.length / 1600) - 2 }, (_, i) =>
    samples.subarray(1600 * (i + 1), 1600 * (i + 2)),
  );
  return pieces.filter((piece) => sounds(hz, piece)).length > pieces.length / 2;
};

const recordedFiles = async () => {
  const folder = join(varDir, 'messages', 'recordings', 'acme');
  const names = await readdir(folder).catch(() => []);
  const wavs = names.filter((name) => name.endsWith('.wav')).map((name) => join(folder, name));
  return Promise.all(wavs.map(async (path) => ({ path, bytes: (await stat(path)).size })));
};

describe('a conversation that is recorded', () => {
  it('has each side in its channel, by the rules and by #5, and stands in the history', async () => {
    const { anna, boris } = await talk();
    boris.press('#5');
    // Until there is more than `minDuration` of both: one was begun by the rule, one by the keys.
    await eventually('two recordings to grow', recordedFiles, (files) => {
      return files.length === 2 && files.every(({ bytes }) => bytes > 44 + 3000 * 32);
    });
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    const listed = await recordings(2);
    const record = await lastRecord(engine);
    expect(record.recordings.toSorted()).toEqual(listed.map(({ id }) => id).toSorted());
    const [ofAnna, ofBoris] = ['anna', 'boris'].map((id) => listed.find(({ employee }) => employee === id));
    expect(ofAnna).toMatchObject({ call: record.id, other: 'boris', manual: false });
    expect(ofBoris).toMatchObject({ call: record.id, other: 'anna', manual: true });

    const [annaSaid, annaHeard] = await audio(ofAnna?.id ?? '');
    expect([isMostly(440, annaSaid), isMostly(1000, annaHeard)]).toEqual([true, true]);
    const [borisSaid, borisHeard] = await audio(ofBoris?.id ?? '');
    expect(isMostly(1000, borisSaid)).toBe(true);
    // What he is told ("recording started") is heard by him before anna is again.
    expect(melody(borisHeard, [440]).includes(440)).toBe(true);
    // Nobody but the engine has heard his keys.
    expect(isMostly(1000, annaHeard.subarray(-16_000))).toBe(true);

    const part = await fetch(`${engine.url}/api/pbxs/acme/recordings/${ofAnna?.id}/audio`, {
      headers: { range: 'bytes=8-11' },
    });
    expect([part.status, await part.text()]).toEqual([206, 'WAVE']);
    expect(part.headers.get('content-range')).toBe(`bytes 8-11/${ofAnna?.bytes}`);
  });

  it('goes on at the phone of whom it is transferred to', async () => {
    const before = await recordings(0);
    const known = new Set((await recordedFiles()).map(({ path }) => path));
    // More than `minDuration` of so many new ones.
    const grown = (count: number) =>
      eventually(`${count} recordings to grow`, recordedFiles, (files) => {
        const long = files.filter(({ path, bytes }) => !known.has(path) && bytes > 44 + 2000 * 32);
        return long.length === count;
      });
    const clara = await phone('clara', { says: { hz: 1500 }, answers: 'auto' });
    const { anna, boris } = await talk();
    await grown(1);
    anna.transfer('403');
    await anna.next('CALL_CLOSED');
    await grown(2);
    boris.hangUp();
    await clara.next('CALL_CLOSED');
    const all = await recordings(before.length + 2);
    const added = all.filter(({ id }) => !before.some((one) => one.id === id));
    const record = await lastRecord(engine);
    expect(record.recordings.toSorted()).toEqual(added.map(({ id }) => id).toSorted());
    for (const [employee, hz] of [
      ['anna', 440],
      ['clara', 1500],
    ] as const) {
      const one = added.find((recording) => recording.employee === employee);
      expect(one).toMatchObject({ call: record.id, other: 'boris' });
      const [said, heard] = await audio(one?.id ?? '');
      expect([employee, isMostly(hz, said), isMostly(1000, heard)]).toEqual([employee, true, true]);
    }
  });

  it('is there but for the last second when the engine is killed in the middle of it', async () => {
    const before = (await recordings(0)).length;
    await talk();
    const known = (await recordedFiles()).length;
    const begun = await eventually('a recording to begin', recordedFiles, (files) => files.length >= known);
    const growing = (files: Awaited<ReturnType<typeof recordedFiles>>) =>
      files.reduce((sum, { bytes }) => sum + bytes, 0);
    const start = growing(begun);
    await eventually('two seconds of it', recordedFiles, (files) => growing(files) > start + 2000 * 32);
    const [live] = await engine.api<{ parties: { since: string }[] }[]>('/api/pbxs/acme/calls');
    const since = Date.parse(live?.parties[0]?.since ?? '');
    const killed = Date.now();
    await engine.program.stop('SIGKILL');
    // They would wait for its answers.
    await Promise.all(phones.map((one) => one.kill()));

    await using _dead = engine;
    engine = await Engine.start({ config, varDir });
    const [newest] = await recordings(before + 1);
    const talked = (killed - since) / 1000;
    expect(newest?.length).toBeGreaterThan(talked - 1);
    expect(newest?.length).toBeLessThanOrEqual(talked + 0.1);
    const [said, heard] = await audio(newest?.id ?? '');
    expect([isMostly(440, said), isMostly(1000, heard)]).toEqual([true, true]);
  });
});
