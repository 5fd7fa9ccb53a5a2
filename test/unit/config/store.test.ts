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

  describe('tells what was removed and is still used', () => {
    const main = (target: string) =>
      `"numbers": [{ "number": "74951234567", "scheme": "main" }], "schemes": [{ "id": "main", "steps": [{ "forward": ${target} }] }]`;
    const group = (id: string) =>
      `"groups": [{ "id": "${id}", "members": [{ "employee": "ivanov" }] }], "employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567" }] }]`;

    it('from what never was there, and where', async () => {
      await using at = await open({ 'acme.json': acme(`${main('{ "group": "sales" }')},\n${group('sales')}`) });
      await at.folder.write({
        'acme.json': acme(
          `${main('{ "group": "sales" }')},\n"recording": { "rules": [{ "group": "sales" }, { "group": "slaes" }] }`,
        ),
      });
      const { accepted, issues } = await at.store.reload();
      expect(accepted).toBe(false);
      expect(
        issues.map(({ code, line, message, hint }) => [code, line, message.replaceAll(at.folder.path, ''), hint]),
      ).toEqual([
        [
          'removed-reference',
          3,
          'Group "sales" was removed, but is still used here and at /acme.json:4:37',
          'Put it back, or change both places.',
        ],
        [
          'removed-reference',
          4,
          'Group "sales" was removed, but is still used here and at /acme.json:3:123',
          'Put it back, or change both places.',
        ],
        ['dangling-reference', 4, 'There is no group "slaes"', 'None is declared: "groups".'],
      ]);
      expect(at.store.current('acme')?.group('sales')).toBeDefined();
    });

    it('and what it may be called now', async () => {
      await using at = await open({ 'acme.json': acme(`${main('{ "group": "sales" }')},\n${group('sales')}`) });
      await at.folder.write({ 'acme.json': acme(`${main('{ "group": "sales" }')},\n${group('verkauf')}`) });
      const { issues } = await at.store.reload();
      expect(issues.map(({ hint }) => hint)).toContain('Put it back, or write "verkauf" if that is its new name.');
    });

    it('of every kind of thing that can be referred to', async () => {
      const things = `"numbers": [{ "number": "74951234567", "scheme": "main" }], "trunks": [{ "id": "office", "host": "192.0.2.1", "numbers": [{ "number": "74957654321" }] }],
        "rooms": [{ "id": "board", "extension": "1000" }], "regionRules": [{ "id": "home" }], "schemes": [{ "id": "main", "steps": [{ "hangup": true }] }]`;
      const uses = `"employees": [{ "id": "a", "outgoing": { "callerId": "74957654321" }, "contacts": [{ "trunk": "office", "number": "1" }],
          "assistant": [{ "direction": ["external"], "then": { "room": "board" } }, { "direction": ["internal"], "then": { "extension": "1000" } }] }],`;
      await using at = await open({ 'acme.json': acme(`${uses}\n${things}`) });
      await at.folder.write({
        'acme.json': acme(
          `${uses} "numbers": [{ "number": "74951234567", "scheme": "main" }], "schemes": [{ "id": "other", "extension": "7", "steps": [{ "forwardByRegion": "home" }] }]`,
        ),
      });
      const { issues } = await at.store.reload();
      expect(issues.map(({ code, message }) => `${code} ${message.split(',')[0]}`).sort()).toEqual([
        'removed-reference Extension "1000" was removed',
        'removed-reference Number "74957654321" was removed',
        'removed-reference Region rules "home" was removed',
        'removed-reference Room "board" was removed',
        'removed-reference Scheme "main" was removed',
        'removed-reference Trunk "office" was removed',
      ]);
    });

    it('not of another PBX that has lost a thing of that name', async () => {
      await using at = await open({ 'acme.json': acme(''), 'globex.json': globex({ rooms: [{ id: 'board' }] }) });
      await at.folder.write({
        'acme.json': acme('"forwarding": [{ "from": "7*", "to": { "room": "board" } }]'),
        'globex.json': globex(),
      });
      expect((await at.store.reload()).issues.map(({ code }) => code)).toEqual(['dangling-reference']);
    });
  });
});
