import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Phone } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { Installation } from '../support/installation.ts';
import { domain, lines, office, password, writeOffice } from '../support/office.ts';
import { sippAnswers, sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Two nodes on one Redis and one PostgreSQL: what the death of a part costs. */

let installation: Installation;
let first: Engine;
let second: Engine;

/** Straight to a group whose only reachable member is anna. */
const toSales = `line6@${domain}`;

function withQueue(peerPort: number): Record<string, unknown> {
  const document = office(peerPort) as { numbers: unknown[]; schemes: unknown[] };
  document.numbers.push({ number: '74950000006', scheme: 'queue', source: { passive: toSales } });
  document.schemes.push({ id: 'queue', steps: [{ forward: { group: 'sales' } }] });
  return document as Record<string, unknown>;
}

beforeAll(async () => {
  installation = await Installation.start(withQueue);
  // One after the other: a start alone takes both cores.
  first = await installation.node('first');
  second = await installation.node('second');
});
afterAll(() => installation[Symbol.asyncDispose]());

/** Calls that this node has said to have come to it. */
const arrived = (engine: Engine): string[] =>
  engine.program.lines.items.filter((line) => line.includes('"call arrived"')).map((line) => JSON.parse(line).call);

const history = async (): Promise<CallRecord[]> =>
  (await second.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=500')).items;

describe('kill -9 of one of two nodes, at 20 calls a second', () => {
  it('costs the calls that it carries: the other keeps its own, its agents are free within 5 s, all calls are in the history', async () => {
    await using anna = await Phone.register({
      user: 'anna',
      password,
      domain,
      proxy: second.sip,
      env: installation.audio,
    });
    const killed = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    // The caller of the node that is to die is offered to the only agent; the other one's waits.
    const offered = sippCalls(first.sip, { to: toSales, talkMs: 60_000 }, { until: killed.promise });
    await anna.next('CALL_INCOMING');
    const waits = sippCalls(second.sip, { to: toSales, talkMs: 60_000 }, { until: over.promise });
    await second.program.lines.find('the caller who waits', (line) => line.includes('"call arrived"'));

    const load = { to: lines.load, talkMs: 2000 };
    const dying = sippCalls(first.sip, load, { calls: 100, rate: 10, until: killed.promise });
    const living = sippCalls(second.sip, load, { calls: 60, rate: 10 });
    await eventually(
      'calls on the node',
      () => first.metric('kommutator_calls'),
      (count) => count >= 20,
    );
    const carried = await first.metric('kommutator_calls');
    await first.program.stop('SIGKILL');
    const died = Date.now();
    killed.resolve();
    await anna.next('CALL_INCOMING');
    expect(Date.now() - died).toBeLessThan(5500);
    over.resolve();

    await Promise.all([offered, waits, dying]);
    expect(await living).toMatchObject({ code: 0, successful: 60, failed: 0 });
    const ids = [...arrived(first), ...arrived(second)];
    const calls = await eventually('the record of every call', history, (items) => items.length >= ids.length - 1);
    // The one who waits waits on: his telephone has been switched off.
    const missing = ids.filter((id) => !calls.some((record) => record.id === id));
    expect(missing.length).toBeLessThanOrEqual(1);
    expect(missing.every((id) => arrived(second).includes(id))).toBe(true);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
    const lost = calls.filter(({ reason }) => reason === 'lost');
    expect(lost.every(({ node }) => node === 'first')).toBe(true);
    expect(lost.length).toBeGreaterThanOrEqual(carried - 1);
    // They talked until the node was heard of last.
    const talked = lost.filter(({ outcome }) => outcome === 'answered');
    expect(talked.length).toBeGreaterThan(5);
    for (const { start, end, talk } of talked)
      expect(talk).toBeLessThanOrEqual((Date.parse(end) - Date.parse(start)) / 1000 + 1);
  });
});

describe('PostgreSQL away', () => {
  it('no call notices, and all are in the history when it is back', async () => {
    const before = await history();
    await installation.postgres.kill();
    const result = await sippCalls(second.sip, { to: lines.load, talkMs: 100 }, { calls: 20, rate: 20 });
    expect(result, result.text).toMatchObject({ code: 0, successful: 20, failed: 0 });
    expect((await fetch(`${second.url}/api/pbxs/acme/history`)).status).toBe(503);
    await installation.postgres.start();
    await eventually(
      'the records',
      () => history().catch(() => []),
      (items) => items.length >= before.length + 20,
    );
  });
});

describe('SIGTERM', () => {
  it('lets the calls end, takes no new ones, and ends', async () => {
    await using folder = await temporaryFolder('drain');
    await using peer = await sippAnswers();
    await writeOffice(folder.path, office(peer.port));
    await using engine = await Engine.start({ config: folder.path, env: { DRAIN_SECONDS: '20', LOG_LEVEL: 'info' } });
    const talks = sippCalls(engine.sip, { to: lines.load, talkMs: 6000 });
    await engine.program.lines.find('the call', (line) => line.includes('"call arrived"'));
    engine.program.child.kill('SIGTERM');
    await engine.program.lines.find('the drain', (line) => line.includes('no more calls are taken'));
    expect((await fetch(`${engine.url}/readyz`)).status).toBe(503);
    const refused = await sippCalls(engine.sip, { to: lines.load, refusedWith: 503 });
    expect(refused.code, refused.text).toBe(0);
    expect(await talks).toMatchObject({ code: 0, successful: 1, failed: 0 });
    expect((await engine.program.exited).code).toBe(0);
  });
});
