import { describe, expect, it } from 'vitest';
import { ConfigError, ConfigStore } from '../../../src/config/store.ts';
import { acme, Folder } from './folder.ts';

const globex = (keys: object = {}) => ({ pbx: { id: 'globex', domains: ['globex.example'] }, ...keys });

async function open(files: Parameters<typeof Folder.with>[0]) {
  const folder = await Folder.with(files);
  const store = new ConfigStore(folder.path);
  await store.load();
  const events: string[] = [];
  store.on('changed', ({ changed, removed }) =>
    events.push(`changed ${changed.map(({ id }) => id)}; removed ${removed.map(({ id }) => id)}`),
  );
  store.on('rejected', ({ issues }) => events.push(`rejected ${issues.map(({ code }) => code)}`));
  return { folder, store, events, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

describe('the configuration store', () => {
  it('finds a PBX by what a call brings', async () => {
    await using at = await open({
      'acme.json': acme('"numbers": [{ "number": "74951234567", "source": { "passive": "Line@acme.example" } }]'),
      'globex.json': globex(),
    });
    const { store } = at;
    expect(store.all().map(({ id }) => id)).toEqual(['acme', 'globex']);
    expect(store.current('acme')?.id).toBe('acme');
    expect(store.current('nobody')).toBeUndefined();
    expect(store.findByDomain('GLOBEX.example')?.id).toBe('globex');
    expect(store.findByDomain('elsewhere.example')).toBeUndefined();
    expect(store.findByNumber('74951234567')).toMatchObject({ pbx: { id: 'acme' }, number: { number: '74951234567' } });
    expect(store.findByNumber('74950000000')).toBeUndefined();
    expect(store.findPassiveLine('line', 'Acme.Example')?.number.number).toBe('74951234567');
    expect(store.findPassiveLine('other', 'acme.example')).toBeUndefined();
  });

  it('refuses to start with any error, and has them all', async () => {
    await using folder = await Folder.with({ 'acme.json': acme('"rooms": {}, "groups": 5'), 'globex.json': globex() });
    const store = new ConfigStore(folder.path);
    const error = await store.load().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).loaded.issues).toHaveLength(2);
    expect((error as ConfigError).message).toBe(`2 errors in ${folder.path}`);
    expect(store.all()).toEqual([]);
  });

  it('takes a change, and leaves the old version to whoever holds it', async () => {
    await using at = await open({ 'acme.json': acme('"rooms": [{ "id": "old" }]'), 'globex.json': globex() });
    const held = at.store.current('acme');
    const other = at.store.current('globex');
    await at.folder.write({ 'acme.json': acme('"rooms": [{ "id": "new" }]') });
    expect(await at.store.reload()).toEqual({ accepted: true, issues: [] });
    expect(at.events).toEqual(['changed acme; removed ']);
    expect(held?.room('old')).toBeDefined();
    expect(at.store.current('acme')?.room('new')).toBeDefined();
    expect(at.store.current('globex')).toBe(other);
  });

  it('changes nothing at all when there is an error anywhere', async () => {
    await using at = await open({ 'acme.json': acme(''), 'globex.json': globex() });
    const before = at.store.all();
    await at.folder.write({ 'acme.json': acme('"rooms": [{ "id": "new" }]'), 'globex.json': globex({ rooms: [{}] }) });
    const { accepted, issues } = await at.store.reload();
    expect(accepted).toBe(false);
    expect(issues.map(({ code }) => code)).toEqual(['missing-key']);
    expect(at.events).toEqual(['rejected missing-key']);
    expect(at.store.all()).toEqual(before);

    await at.folder.write({ 'globex.json': globex() });
    expect((await at.store.reload()).accepted).toBe(true);
    expect(at.store.current('acme')?.room('new')).toBeDefined();
  });

  it('says nothing when nothing has changed', async () => {
    await using at = await open({ 'acme.json': acme('') });
    const before = at.store.current('acme');
    await at.store.reload();
    await at.folder.write({ 'acme.json': acme('') });
    await at.store.reload();
    expect(at.events).toEqual([]);
    expect(at.store.current('acme')).toBe(before);
  });

  it('takes PBXs in and lets them go', async () => {
    await using at = await open({ 'acme.json': acme('') });
    await at.folder.write({ 'globex/pbx.json': globex() });
    await at.store.reload();
    await at.folder.remove('acme.json');
    await at.store.reload();
    expect(at.events).toEqual(['changed globex; removed ', 'changed ; removed acme']);
    expect(at.store.findByDomain('acme.example')).toBeUndefined();
  });

  it('does not take an emptied folder for a configuration', async () => {
    await using at = await open({ 'acme.json': acme('') });
    await at.folder.remove('acme.json');
    expect((await at.store.reload()).accepted).toBe(false);
    expect(at.store.current('acme')).toBeDefined();
  });

  it('keeps its warnings at hand', async () => {
    await using at = await open({ 'acme.json': acme('"groups": [{ "id": "sales", "extension": "50" }]') });
    expect(at.store.warnings.map(({ code }) => code)).toEqual(['empty-group']);
    await at.folder.write({ 'acme.json': acme('') });
    await at.store.reload();
    expect(at.store.warnings).toEqual([]);
  });

  it('ends with the newest state when reloads overlap', async () => {
    await using at = await open({ 'acme.json': acme('') });
    const reloads: Promise<unknown>[] = [];
    for (const id of ['one', 'two', 'three']) {
      await at.folder.write({ 'acme.json': acme(`"rooms": [{ "id": "${id}" }]`) });
      reloads.push(at.store.reload());
    }
    await Promise.all(reloads);
    expect(at.store.current('acme')?.room('three')).toBeDefined();
  });
});
