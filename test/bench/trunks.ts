import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Engine } from '../support/engine-process.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { Figure } from './figure.ts';
import { cpuSeconds } from './process-figures.ts';
import type { Asked } from './trunks-peer.ts';

const TRUNKS = 1_000;
/** Rounds that are measured: in each every peer is asked once, or every account is registered once. */
const ROUNDS = process.env.BENCH_LONG === '1' ? 6 : 1;
/** Seconds of a round of OPTIONS, and of accounts at the most: seven tenths of their time and what their beginnings were apart. */
const ROUND_S = { none: 15, options: 30, accounts: 50 } as const;
/** The shortest that can be configured: five times as often as usual. */
const EXPIRES_S = 60;

/** What a thousand trunks cost an engine without calls: peers that are watched by OPTIONS, and accounts that are kept registered, beside an engine with none. */
export async function run(): Promise<Figure[]> {
  const peer = new Worker(new URL('./trunks-peer.ts', import.meta.url), { execArgv: [] });
  try {
    const [port] = (await once(peer, 'message')) as [number];
    const none = await measured(peer, {}, { seconds: ROUND_S.none, first: 0 });
    const trunks = many((at) => ({ id: `t${at}`, host: `127.2.${at >> 8}.${at & 255}`, ports: String(port) }));
    // The second time, too: at first the code that sends them is not compiled yet.
    const watched = await measured(peer, { trunks }, { seconds: ROUND_S.options * ROUNDS, first: 2 * TRUNKS });
    const numbers = many((at) => ({ number: String(74_950_000_000 + at), source: { active: account(at, port) } }));
    const kept = await measured(peer, { numbers }, { seconds: ROUND_S.accounts * ROUNDS, first: TRUNKS });
    const perRefresh = (kept.cpu - (none.cpu / none.seconds) * kept.seconds) / kept.asked.registers;
    return [
      { name: 'no trunk', value: share(none), unit: '% of a core' },
      { name: `${TRUNKS} trunks watched by OPTIONS`, value: share(watched), unit: '% of a core' },
      { name: 'OPTIONS', value: perSecond(watched.asked.options, watched), unit: 'requests/s' },
      { name: 'peers up at the end', value: watched.up, unit: 'trunks' },
      { name: `${TRUNKS} accounts kept registered, for ${EXPIRES_S} s each`, value: share(kept), unit: '% of a core' },
      { name: 'registrations', value: perSecond(kept.asked.registers, kept), unit: 'registrations/s' },
      { name: 'CPU, challenge and answer', value: Math.round(perRefresh * 1e6) / 1000, unit: 'ms/registration' },
      { name: 'accounts registered at the end', value: kept.registered, unit: 'accounts' },
    ];
  } finally {
    await peer.terminate();
  }
}

const many = <T>(make: (at: number) => T): T[] => Array.from({ length: TRUNKS }, (_, at) => make(at));

const account = (at: number, port: number) => ({
  server: `127.0.0.1:${port}`,
  user: `account${at}`,
  password: 'Secret123',
  domain: 'bench.example',
  expires: EXPIRES_S,
});

interface Measured {
  readonly seconds: number;
  /** Seconds of processor time. */
  readonly cpu: number;
  readonly asked: Asked;
  /** Trunks and accounts at the end. */
  readonly up: number;
  readonly registered: number;
}

const share = ({ cpu, seconds }: Measured): number => Math.round((cpu / seconds) * 10_000) / 100;
const perSecond = (count: number, { seconds }: Measured): number => Math.round((count / seconds) * 10) / 10;

/**
 * @param document what the PBX has besides its head
 * @param first requests that the peers get when it begins
 */
async function measured(
  peer: Worker,
  document: Record<string, unknown>,
  { seconds, first }: { readonly seconds: number; readonly first: number },
): Promise<Measured> {
  await using folder = await temporaryFolder('bench');
  const pbx = { id: 'bench', domains: ['bench.example'], country: 'RU', timezone: 'Europe/Moscow' };
  await writeFile(join(folder.path, 'pbx.json'), JSON.stringify({ pbx, ...document }));
  await using engine = await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'error' } });
  const { pid } = engine.program.child;
  if (pid === undefined) throw new Error('the engine is not running');
  await quiet(peer, first, pid);
  const before = cpuSeconds(pid);
  await pause(seconds * 1000);
  const cpu = cpuSeconds(pid) - before;
  const [up, registered] = await Promise.all(
    ['kommutator_trunk_up', 'kommutator_trunk_registered'].map((name) => sum(engine, name)),
  );
  return { seconds, cpu, asked: await asked(peer), up: up ?? 0, registered: registered ?? 0 };
}

/** Until all have been asked and registered for the first time, which is spread over some seconds, and the engine has done what it does after its start. */
async function quiet(peer: Worker, first: number, pid: number): Promise<void> {
  await asked(peer);
  for (let all = 0, turn = 0; turn < 20; turn++) {
    const before = cpuSeconds(pid);
    await pause(4_000);
    const busy = (cpuSeconds(pid) - before) / 4;
    const { options, registers } = await asked(peer);
    all += options + registers;
    if (all >= first && options + registers === 0 && busy < 0.05) return;
  }
  throw new Error('the engine does not come to rest');
}

/** Of the metric; without a sample, of what there is none of, nothing. */
async function sum(engine: Engine, name: string): Promise<number> {
  const text = await (await fetch(`${engine.url}/metrics`)).text();
  const samples = text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'gm'));
  return [...samples].reduce((all, [, value]) => all + Number(value), 0);
}

/** What the peers were asked since the last time. */
async function asked(peer: Worker): Promise<Asked> {
  const answer = once(peer, 'message');
  peer.postMessage('asked');
  return ((await answer) as [Asked])[0];
}
