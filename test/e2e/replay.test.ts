import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Engine } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { lines, office, password, writeOffice } from '../support/office.ts';
import { pressing, sippAnswers, sippCalls, type UacScript } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Real calls through a real node, run again by the real command after the configuration has changed. */

let resources: AsyncDisposableStack;
let engine: Engine;
let config: string;
let peerPort: number;

/** The menu of `loadMenu`: key 5, and key 6 behind a password, with a peer behind both. */
function withMenu(change: (menu: Record<string, unknown>) => void) {
  const document = office(peerPort) as { schemes: { id: string; menu: Record<string, unknown> }[] };
  const scheme = document.schemes.find(({ id }) => id === 'loadMenu');
  if (!scheme) throw new Error('the office has no such menu');
  scheme.menu['6'] = { ...(scheme.menu['5'] as object), password: '8317' };
  change(scheme.menu);
  return document;
}

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  peerPort = resources.use(await sippAnswers()).port;
  config = resources.use(await temporaryFolder('config')).path;
  await writeOffice(
    config,
    withMenu(() => undefined),
  );
  engine = resources.use(await Engine.start({ config }));
});
afterAll(() => resources.disposeAsync());

async function call(script: UacScript): Promise<CallRecord> {
  const before = new Set((await history()).map(({ id }) => id));
  const result = await sippCalls(engine.sip, script);
  expect(result.code, result.text).toBe(0);
  await idle(engine);
  const all = await eventually('the record', history, (items) => items.length > before.size);
  return all.find(({ id }) => !before.has(id)) as CallRecord;
}

const history = async () => (await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=500')).items;

/** The command in a process of its own. */
function kommutator(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const root = join(import.meta.dirname, '../..');
  const env = { ...process.env, HTTP_LISTEN: new URL(engine.url).host };
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/cli.ts', ...argv], { cwd: root, env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('kommutator replay', () => {
  it('names exactly the calls of a period that would go elsewhere, of several versions', async () => {
    const from = new Date().toISOString();
    const direct = await call({ to: lines.load, talkMs: 200 });
    const chosen = await call({ to: lines.loadMenu, during: pressing('5', 1000) });
    const secret = await call({ to: lines.loadMenu, during: pressing('68317#', 1000) });
    const unreached = await call({ to: lines.forwarding, refusedWith: 480 });
    // Whether the peer has answered in time is his affair; he was rung.
    const rung = ({ path }: CallRecord) =>
      path.some(({ event, detail }) => event === 'ring' && detail?.sip !== undefined);
    expect([direct, chosen, secret].map(rung)).toEqual([true, true, true]);
    expect(unreached.outcome).toBe('missed');

    await writeOffice(
      config,
      withMenu((menu) => {
        menu['5'] = { steps: [{ forward: { employee: 'anna' } }] };
      }),
    );
    expect(await (await engine.post('/api/pbxs/acme/reload')).json()).toMatchObject({ accepted: true });
    const later = await call({ to: lines.load, talkMs: 200 });
    expect(later.configVersion).not.toBe(direct.configVersion);

    const all = await kommutator('replay', '--from', from, '--config', config, '--json');
    expect(all.err).toBe('');
    expect(JSON.parse(all.out)).toMatchObject({ total: 5, same: 4, elsewhere: 1, impossible: 0 });
    expect(JSON.parse(all.out).calls).toMatchObject([
      {
        call: { id: chosen.id },
        verdict: 'elsewhere',
        diverged: {
          state: 'loadMenu/5:0',
          was: { event: 'ring', detail: { sip: 'load@127.0.0.1' } },
          now: { event: 'ring', detail: { employee: 'anna' } },
        },
      },
    ]);
    expect(all.code).toBe(2);

    // A call whose caller typed a password, on the version that is not in force any more.
    const one = await kommutator('replay', secret.id, '--config', config);
    expect(one.out).toContain('it goes the same way');
    expect(one.code).toBe(0);
    const kept = await engine.api(`/api/pbxs/acme/config?version=${secret.configVersion}`);
    for (const text of [JSON.stringify(kept), JSON.stringify(secret)]) {
      expect(text).not.toContain('8317');
      expect(text).not.toContain(password);
    }
    expect(secret.inputs.filter(([, kind]) => kind === 'digit' || kind === 'password')).toEqual([
      [expect.any(Number), 'digit', '6'],
      [expect.any(Number), 'password', true],
    ]);
  });
});
