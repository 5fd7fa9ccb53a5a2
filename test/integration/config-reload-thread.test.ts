import { Worker } from 'node:worker_threads';
import { afterEach, expect, it, vi } from 'vitest';
import { partLength } from '../../src/config/reload-messages.ts';
import { ReloadThread } from '../../src/config/reload-thread.ts';
import { ConfigStore } from '../../src/config/store.ts';
import { acme, Folder } from '../unit/config/folder.ts';

const ended: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ended.splice(0).reverse()) await end();
});

async function opened(files: Parameters<typeof Folder.with>[0]) {
  const folder = await Folder.with(files);
  ended.push(() => folder[Symbol.asyncDispose]());
  const thread = new ReloadThread(folder.path);
  ended.push(() => thread.close());
  const store = new ConfigStore(folder.path, { reader: thread.read });
  await store.load();
  return { folder, store };
}

const rooms = (...ids: string[]) => acme(`"rooms": ${JSON.stringify(ids.map((id) => ({ id })))}`);
const globex = '{ "pbx": { "id": "globex", "domains": ["globex.example"] } }';

it('brings over what the files say, long lists in parts, as if it had been read here', async () => {
  const { folder, store } = await opened({ 'acme.json': rooms('old'), 'globex.json': globex });
  const ids = Array.from({ length: 2 * partLength + 1 }, (_, index) => `room${index}`);
  await folder.write({ 'acme.json': rooms(...ids) });
  expect(await store.reload()).toEqual({ accepted: true, issues: [] });

  const here = new ConfigStore(folder.path);
  await here.load();
  expect(store.current('acme')?.document).toEqual(here.current('acme')?.document);
  expect(store.current('acme')?.version).toBe(here.current('acme')?.version);
  expect(store.current('acme')?.document.rooms.map(({ id }) => id)).toEqual(ids);
  expect(store.current('acme')?.room('room400')).toBeDefined();
});

it('leaves what has not changed as it is', async () => {
  const { folder, store } = await opened({ 'acme.json': rooms('old'), 'globex.json': globex });
  const before = store.current('globex');
  await folder.write({ 'acme.json': rooms('new') });
  await store.reload();
  expect(store.current('acme')?.room('new')).toBeDefined();
  expect(store.current('globex')).toBe(before);
});

it('tells every error with its place, and changes nothing', async () => {
  const { folder, store } = await opened({ 'acme.json': rooms('old') });
  await folder.write({ 'acme.json': acme('"rooms": {}, "groups": 5') });
  const { accepted, issues } = await store.reload();
  expect(accepted).toBe(false);
  expect(issues.map(({ code, line }) => [code, line])).toEqual([
    ['wrong-type', 3],
    ['wrong-type', 3],
  ]);
  expect(store.current('acme')?.room('old')).toBeDefined();
});

it('says so when its thread dies, and starts another for the next reload', async () => {
  const { folder, store } = await opened({ 'acme.json': rooms('old') });
  const threads: Worker[] = [];
  const postMessage = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...message) {
    threads.push(this);
    if (threads.length === 1) void this.terminate();
    else postMessage.apply(this, message as Parameters<typeof postMessage>);
  });
  await folder.write({ 'acme.json': rooms('new') });
  await expect(store.reload()).rejects.toThrow('has ended');
  expect(store.current('acme')?.room('old')).toBeDefined();
  await store.reload();
  expect(store.current('acme')?.room('new')).toBeDefined();
  expect(threads[1]).not.toBe(threads[0]);
});

it('knows what was removed since the load that is in force, though the thread has not read that', async () => {
  const uses = '"forwarding": [{ "from": "7*", "to": { "room": "board" } }]';
  const { folder, store } = await opened({ 'acme.json': acme(`${uses}, "rooms": [{ "id": "board" }]`) });
  await folder.write({ 'acme.json': acme(uses) });
  const { issues } = await store.reload();
  expect(issues.map(({ code }) => code)).toEqual(['removed-reference']);
});
