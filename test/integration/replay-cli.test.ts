import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { redacted } from '../../src/config/redact.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { HistoryStore } from '../../src/history/index.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { VersionStore } from '../../src/history/version-store.ts';
import { startHttp } from '../../src/http/index.ts';
import { systemClock } from '../../src/time/clock.ts';
import { startTestDatabase } from '../support/database.ts';
import { FakeNode } from '../support/http-ports.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { line, recordOf } from '../support/recorded-call.ts';
import { SchemeCall } from '../support/scheme-call.ts';
import { temporaryFolder } from '../support/temp.ts';

/** The command against the real API and database; only the calls are made without phones. */

const to = (id: string, more: object = {}) => ({ steps: [{ forward: { employee: id } }], ...more });
const document = (menu: object, when: unknown = 'always') => ({
  pbx: { id: 'acme', domains: ['acme.example'] },
  numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
  employees: [employee('ivanov', '451'), employee('petrov', '452')],
  schemes: [{ id: 'main', branches: [{ when, steps: [{ play: 'builtin:greeting', wait: true }], menu }] }],
});
const menu = { '1': to('ivanov'), '2': to('petrov'), '3': to('petrov', { password: '83' }) };
const used = pbxOf(document(menu));

let url: string;
let folders: string;
let resources: AsyncDisposableStack;
const ids: Record<string, string> = {};

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  folders = resources.use(await temporaryFolder('replay')).path;
  const { database, stop } = await startTestDatabase();
  resources.defer(stop);
  const [history, versions] = [new HistoryStore(database), new VersionStore(database)];
  await versions.keep({ pbx: 'acme', version: used.version, document: () => redacted(used.document) }, new Date());
  for (const [index, keys] of ['1', '2', '383#', '', '1'].entries()) {
    const record = await recorded(used, keys, new Date(Date.parse('2026-11-02T09:00:00Z') + index * 60_000));
    ids[`${index}:${keys}`] = record.id;
    await history.insert([record]);
  }
  const lost = await recorded(used, '1', new Date('2026-11-10T09:00:00Z'));
  ids.lost = lost.id;
  await history.insert([{ ...lost, configVersion: 'lost' }]);
  const node = new FakeNode(pbxOf({ ...document({}), pbx: { id: 'acme', domains: ['acme.example'], name: 'other' } }));
  // What is in force now is another version: that of the calls has to come out of the database.
  Object.defineProperty(node.pbxs[0], 'version', { value: 'in-force' });
  const server = await startHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: undefined,
    ports: { ...node.ports, history, versions },
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  resources.defer(() => server.close());
  url = server.url;
});
afterAll(() => resources.disposeAsync());

async function recorded(pbx: PbxVersion, keys: string, at: Date): Promise<CallRecord> {
  const caller = '79161234567';
  const script = { calls: { ivanov: { answers: 4, talks: 30 }, petrov: { answers: 4, talks: 30 } } };
  const call = new SchemeCall(pbx, 'main', { at: at.toISOString(), caller, script });
  await call.wait(2);
  await call.press(keys);
  await call.toEnd();
  return recordOf(pbx, call, { at: at.toISOString(), caller });
}

/** A configuration folder with another menu. */
async function folder(name: string, other: object, when?: unknown): Promise<string> {
  const at = join(folders, name);
  await mkdir(join(at, 'acme'), { recursive: true });
  await writeFile(join(at, 'acme', 'pbx.json'), JSON.stringify(document(other, when)));
  return at;
}

async function run(...argv: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await main(['replay', ...argv], {
    env: { HTTP_LISTEN: new URL(url).host },
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    color: false,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const week = ['--from', '2026-11-02', '--to', '2026-11-09T00:00:00Z'];

describe('kommutator replay', () => {
  it('finds nothing elsewhere on an equal configuration', async () => {
    const { code, out } = await run(...week, '--config', await folder('equal', menu));
    expect(out).toMatch(/^5 calls on version [0-9a-f]{12}: 5 the same, 0 elsewhere, 0 could not be run again$/);
    expect(code).toBe(0);
  });

  it('lists the calls that would go elsewhere, each with its first difference', async () => {
    const config = await folder('changed', { ...menu, '1': to('petrov') });
    const { code, out } = await run(...week, '--config', config);
    const lines = out.split('\n');
    expect(lines[0]).toBe(`2026-11-02 09:04:00Z  79161234567 → line  ${ids['4:1']}`);
    expect(lines[1]).toBe('  diverged at 2.0 s in main/1:0: then ring employee ivanov, now ring employee petrov');
    expect(lines[2]).toContain(ids['0:1']);
    expect(lines.at(-1)).toContain('5 calls on version');
    expect(lines.at(-1)).toContain('3 the same, 2 elsewhere, 0 could not be run again');
    expect(code).toBe(2);
  });

  it('for machines', async () => {
    const config = await folder('changed', { ...menu, '1': to('petrov') });
    const { out } = await run(...week, '--config', config, '--json');
    expect(JSON.parse(out)).toMatchObject({
      pbx: 'acme',
      total: 5,
      same: 3,
      elsewhere: 2,
      impossible: 0,
      calls: [
        {
          call: { id: ids['4:1'] },
          verdict: 'elsewhere',
          diverged: { t: 2, was: { detail: { employee: 'ivanov' } }, now: { detail: { employee: 'petrov' } } },
        },
        { call: { id: ids['0:1'] } },
      ],
    });
  });

  it('one call: its way, and where today’s configuration would differ', async () => {
    const config = await folder('changed', { ...menu, '1': to('petrov') });
    const one = await run(ids['0:1'] as string, '--config', config);
    expect(one.code).toBe(2);
    expect(one.out).toMatch(/2 +digit +main\/1 +digits 1 +key 1 of the menu/);
    expect(one.out).toMatch(/it would go elsewhere: diverged at 2.0 s/);
    const other = await run(ids['1:2'] as string, '--config', config);
    expect(other.code).toBe(0);
    expect(other.out).toMatch(/it goes the same way\.$/);
  });

  it('a call with a password, whose digits nobody has kept', async () => {
    const changed = await folder('password', { ...menu, '3': to('ivanov', { password: '4711' }) });
    const { out } = await run(ids['2:383#'] as string, '--config', changed);
    expect(out).toContain('then ring employee petrov, now ring employee ivanov');
    expect(out).not.toContain('83#');
  });

  it('does not take hours that changed for another way, though the kept version has lost the passwords behind it', async () => {
    const hours = await folder('hours', menu, { days: ['workdays'] });
    const { code, out } = await run(ids['2:383#'] as string, '--config', hours);
    expect(out).toMatch(/it goes the same way\.$/);
    expect(code).toBe(0);
  });

  it('a call whose version is not kept any more, alone and among others', async () => {
    const equal = await folder('equal', menu);
    const alone = await run(ids.lost as string, '--config', equal);
    expect(alone.code).toBe(3);
    expect(alone.out).toContain('It cannot be run again: version lost of the configuration is not kept any more.');
    const all = await run('--from', '2026-11-02', '--config', equal);
    expect(all.code).toBe(3);
    expect(all.out).toContain('5 the same, 0 elsewhere, 1 could not be run again');
    expect(all.out).toContain('1: version lost of the configuration is not kept any more');
  });

  it('says what it takes and how it ends', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const text of ['[call]', '--from <ISO>', '--to <ISO>', '--pbx <id>', '--config <folder>', '--json']) {
      expect(out).toContain(text);
    }
    expect(out).toMatch(/2 +some call would go elsewhere/);
    expect(out).toMatch(/3 +none would, but some could not be run again/);
  });

  it('tells people what is wrong', async () => {
    const equal = await folder('equal', menu);
    expect(await run()).toMatchObject({ code: 64, err: expect.stringContaining('say which calls') });
    expect(await run('a', '--from', '2026-11-02')).toMatchObject({ code: 64 });
    expect(await run('--from', 'monday')).toMatchObject({ code: 64, err: expect.stringContaining('"monday"') });
    expect(await run('--from', '2026-11-03', '--to', '2026-11-02')).toMatchObject({ code: 64 });
    expect(await run('--from', '2026-12-01', '--config', equal)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('acme has no calls since 2026-12-01T00:00:00.000Z'),
    });
    expect(await run(...week, '--pbx', 'nobody', '--config', equal)).toMatchObject({
      code: 1,
      err: expect.stringContaining('"nobody"'),
    });
    expect(await run('nobody', '--config', equal)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no call "nobody"'),
    });
    await mkdir(join(folders, 'broken', 'acme'), { recursive: true });
    await writeFile(join(folders, 'broken', 'acme', 'pbx.json'), '{');
    expect(await run(...week, '--config', join(folders, 'broken'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('kommutator check'),
    });
  });
});
