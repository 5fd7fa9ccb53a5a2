import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { lines, office, writeOffice } from '../support/office.ts';
import { pressing, sippAnswers, sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Many calls through real sockets: none fails, and nothing of them stays. */

let resources: AsyncDisposableStack;
let engine: Engine;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const peer = resources.use(await sippAnswers());
  const folder = resources.use(await temporaryFolder('config'));
  await writeOffice(folder.path, office(peer.port));
  engine = resources.use(await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'warn' } }));
});
afterAll(() => resources.disposeAsync());

describe('200 calls at 20 a second', () => {
  it.each([
    { way: 'forwarded to a peer', script: { to: lines.load, talkMs: 1000 } },
    {
      way: 'through a menu to a peer',
      script: { to: lines.loadMenu, during: pressing('5', 1000) },
    },
  ])('$way: none fails, nothing is left', async ({ script }) => {
    const before = await engine.metric('kommutator_calls_ended_total');
    const result = await sippCalls(engine.sip, script, { calls: 200, rate: 20 });
    expect(result, result.text).toMatchObject({ code: 0, successful: 200, failed: 0 });
    await idle(engine);
    expect((await engine.metric('kommutator_calls_ended_total')) - before).toBe(200);
    await eventually(
      'the history of all calls',
      async () => (await engine.api<{ items: { outcome: string }[] }>('/api/pbxs/acme/history?limit=500')).items,
      (items) => items.filter(({ outcome }) => outcome === 'answered').length === before + 200,
    );
  });
});
