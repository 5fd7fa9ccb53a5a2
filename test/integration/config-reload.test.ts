import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type ConfigEvents, ConfigStore } from '../../src/config/store.ts';
import { watchConfig } from '../../src/config/watch.ts';
import { systemClock } from '../../src/time/clock.ts';
import { acme, Folder } from '../unit/config/folder.ts';

const ended: (() => void | PromiseLike<void>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function watched(files: Parameters<typeof Folder.with>[0]) {
  const folder = await Folder.with(files);
  ended.push(() => folder[Symbol.asyncDispose]());
  const store = new ConfigStore(folder.path);
  await store.load();
  const problems: string[] = [];
  ended.push(watchConfig(store, { clock: systemClock, onProblem: (message) => problems.push(message) }));
  const next = <K extends keyof ConfigEvents>(event: K): Promise<ConfigEvents[K]> =>
    new Promise((resolve) => {
      const off = store.on(event, (payload) => {
        off();
        resolve(payload);
      });
    });
  return { folder, store, next, problems };
}

const rooms = (...ids: string[]) => acme(`"rooms": ${JSON.stringify(ids.map((id) => ({ id })))}`);

it('takes a file that is written in place', async () => {
  const { folder, store, next } = await watched({ 'acme.json': rooms('old') });
  const changed = next('changed');
  await folder.write({ 'acme.json': rooms('new') });
  expect((await changed).changed.map(({ id }) => id)).toEqual(['acme']);
  expect(store.current('acme')?.room('new')).toBeDefined();
});

it('takes a file that an editor replaces by renaming, in a folder that was made later', async () => {
  const { folder, store, next } = await watched({ 'acme.json': rooms('old') });
  const first = next('changed');
  await folder.write({ 'globex/deeper/pbx.json': '{ "pbx": { "id": "globex", "domains": ["globex.example"] } }' });
  await first;
  const second = next('changed');
  const path = join(folder.path, 'globex/deeper/pbx.json');
  await folder.write({ 'globex/deeper/.pbx.json.swp': '{ "pbx": { "id": "globex", "domains": ["other.example"] } }' });
  await rename(join(folder.path, 'globex/deeper/.pbx.json.swp'), path);
  expect((await second).changed.map(({ id }) => id)).toEqual(['globex']);
  expect(store.findByDomain('other.example')?.id).toBe('globex');
  expect(store.findByDomain('globex.example')).toBeUndefined();
});

it('keeps what it has while the folder is broken, and recovers', async () => {
  const { folder, store, next } = await watched({ 'acme.json': rooms('old') });
  const rejected = next('rejected');
  await folder.write({ 'acme.json': rooms('new').slice(0, -3) });
  expect((await rejected).issues.map(({ code }) => code)).toEqual(['json-syntax']);
  expect(store.current('acme')?.room('old')).toBeDefined();
  const changed = next('changed');
  await folder.write({ 'acme.json': rooms('new') });
  await changed;
  expect(store.current('acme')?.room('new')).toBeDefined();
});

it('reloads on SIGHUP', async () => {
  const folder = await Folder.with({ 'acme.json': rooms('old') });
  ended.push(() => folder[Symbol.asyncDispose]());
  const store = new ConfigStore(folder.path);
  await store.load();
  // A clock that stands still: what reloads here is the signal, not the watching.
  const stopped = { ...systemClock, setTimeout: () => 0, clearTimeout: () => undefined };
  ended.push(watchConfig(store, { clock: stopped, onProblem: () => undefined }));
  await folder.write({ 'acme.json': rooms('new') });
  const changed = new Promise((resolve) => store.on('changed', resolve));
  process.kill(process.pid, 'SIGHUP');
  await changed;
  expect(store.current('acme')?.room('new')).toBeDefined();
});

it('says so when the folder is gone, and takes another in its place', async () => {
  const folder = await Folder.with({ 'config/acme.json': rooms('old'), 'next/acme.json': rooms('new') });
  ended.push(() => folder[Symbol.asyncDispose]());
  const store = new ConfigStore(join(folder.path, 'config'));
  await store.load();
  // The only timers are the pause after a change and the one before a retry: both are over at once here.
  const impatient = { ...systemClock, setTimeout: (fn: () => void) => systemClock.setTimeout(fn, 10) };
  const changed = new Promise((resolve) => store.on('changed', resolve));
  const before = process.listenerCount('SIGHUP');
  let stop = (): void => undefined;
  await new Promise<void>((resolve) => {
    stop = watchConfig(store, {
      clock: impatient,
      onProblem(message) {
        expect(message).toMatch(/config cannot be watched for changes: ENOENT/);
        resolve();
      },
    });
    ended.push(stop);
    rename(join(folder.path, 'config'), join(folder.path, 'previous'));
  });
  await rename(join(folder.path, 'next'), join(folder.path, 'config'));
  await changed;
  expect(store.current('acme')?.room('new')).toBeDefined();
  stop();
  expect(process.listenerCount('SIGHUP')).toBe(before);
});
