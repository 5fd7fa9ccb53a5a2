/**
 * Schemes: compiling many; simulated calls per second on one core, each from INVITE to record, and the part of it that is the machine alone; what a
 * running machine weighs. No SIP, no media.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { complete, DocumentForm } from '../../src/config/schema/document.ts';
import { PbxVersion } from '../../src/config/version.ts';
import type { SchemeWorld } from '../../src/scheme/actors.ts';
import { compileScheme } from '../../src/scheme/compile.ts';
import { runScheme, type SchemeRun } from '../../src/scheme/run.ts';
import { originOf } from '../../src/simulator/origin.ts';
import { parseScript } from '../../src/simulator/script.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import type { Clock } from '../../src/time/clock.ts';
import { settle } from '../../src/time/simulated-clock.ts';
import type { FakeIncomingInvite } from '../support/fake-sip.ts';
import { Switchboard } from '../support/switchboard.ts';
import type { Figure } from './figure.ts';

export async function run(): Promise<Figure[]> {
  return [
    ...compiling(),
    await simulatedCallsPerSecond(),
    await callsPerSecond(),
    await memoryPerScheme(),
    await memoryPerCall(),
  ];
}

const SCHEMES = 1_000;
const BLOCKS = 50;

/** A menu of seven items, each with a menu of six: fifty blocks, by time, with steps, rules and a password here and there. */
function bigScheme(id: string) {
  const leaf = (key: number) => ({
    ...(key === 6 ? { password: '1234' } : {}),
    steps: [{ play: 'builtin:connecting' }, { forward: { group: 'sales' }, timeout: 20 }, { voicemail: {} }],
  });
  const menu = (items: number, item: (key: number) => object) =>
    Object.fromEntries(Array.from({ length: items }, (_, index) => [String(index + 1), item(index + 1)]));
  const department = () => ({ steps: [{ play: 'builtin:greeting', wait: true }], menu: menu(6, leaf) });
  return {
    id,
    branches: [
      {
        when: { days: ['workdays'], time: ['09:00-18:59'] },
        steps: [{ play: 'builtin:greeting', wait: true }],
        menu: menu(7, department),
        rules: { noInput: { steps: [{ forward: { group: 'sales' } }], end: 'mainMenu' } },
      },
      { when: 'otherwise', steps: [{ play: 'builtin:closed', wait: true }] },
    ],
  };
}

function pbxWith(schemes: readonly object[]): PbxVersion {
  const document = DocumentForm.parse({
    pbx: { id: 'bench', domains: ['bench.example'] },
    groups: [{ id: 'sales', extension: '600' }],
    employees: Array.from({ length: 100 }, (_, index) => ({
      id: `e${index}`,
      extension: String(500 + index),
      accounts: [{ user: `user${index}`, domain: 'bench.example', password: 'Secret123' }],
    })),
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@bench.example' } }],
    schemes,
  });
  return new PbxVersion('bench', complete(document), new Map());
}

function compiling(): Figure[] {
  const schemes = Array.from({ length: SCHEMES }, (_, index) => bigScheme(`scheme${index}`));
  const pbx = pbxWith(schemes);
  const beginning = process.cpuUsage();
  for (const scheme of schemes) if (!JSON.parse(JSON.stringify(scheme))) throw new Error('no scheme');
  const baseline = cpuMs(beginning);
  for (const scheme of pbx.document.schemes.slice(0, 50)) compileScheme(pbx, scheme);
  const start = process.cpuUsage();
  const compiled = pbx.document.schemes.map((scheme) => compileScheme(pbx, scheme));
  const ms = cpuMs(start);
  const few = compiled.slice(0, 50);
  const making = process.cpuUsage();
  for (const scheme of few) if (!scheme.machine) throw new Error('no machine');
  return [
    {
      name: `baseline: ${SCHEMES} schemes of ${BLOCKS} blocks, written and read as JSON`,
      value: round(baseline),
      unit: 'ms',
    },
    { name: `compile ${SCHEMES} schemes of ${BLOCKS} blocks`, value: Math.round(ms), unit: 'ms' },
    { name: 'first call of such a scheme waits', value: round(cpuMs(making) / few.length), unit: 'ms' },
  ];
}

/** Its timers never fire: each call is decided before. */
const stillClock: Clock = {
  now: () => noon,
  monotonic: () => 0,
  setTimeout: () => 0,
  clearTimeout: () => undefined,
};
const noon = Date.parse('2026-11-02T09:00:00Z');

const untilCut = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** Prompts last until they are cut short; the first who is called is busy, the second answers. */
function quickWorld(): SchemeWorld {
  let calls = 0;
  return {
    answer: async () => undefined,
    play: (_, signal) => untilCut(signal),
    startAudio: () => undefined,
    stopAudio: () => undefined,
    forward: async (_, __, connected) => {
      if (calls++ === 0) return { outcome: 'failed', reason: 'busy' };
      connected();
      return { outcome: 'connected', reason: 'calleeHungUp' };
    },
    voicemail: (_, signal) => untilCut(signal),
    fax: (_, signal) => untilCut(signal),
    trace: () => undefined,
  };
}

const log = { warn: () => undefined, error: (fields: object) => console.error(fields) };
const CALLS = 20_000;
const SIMULATED = 4_000;

/** Four decisions: the branch by time, a key, a key in the second menu, and from an employee who is busy to the one who answers. */
async function callsPerSecond(): Promise<Figure> {
  const scheme = compiledCallScheme();
  await calls(scheme, CALLS / 2);
  const start = process.cpuUsage();
  await calls(scheme, CALLS);
  return {
    name: 'machines of four decisions, without the rest of a call',
    value: Math.round(CALLS / (cpuMs(start) / 1000)),
    unit: 'calls/s per core',
  };
}

/** The same call, through the whole call layer. */
async function simulatedCallsPerSecond(): Promise<Figure> {
  const simulator = await Simulator.open();
  const pbx = callPbx();
  const origin = originOf(pbx, '74951234567', line);
  const script = parseScript('press 1 2; wait 60; hangup');
  const call = { pbx, origin, at: noon, script, roles: { busy: ['e1'], answer: ['e2'] } };
  const simulate = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const { record } = await simulator.run(call);
      if (record.outcome !== 'answered') throw new Error(`the call ended as ${record.outcome}`);
    }
  };
  await simulate(SIMULATED / 4);
  const start = process.cpuUsage();
  await simulate(SIMULATED);
  return {
    name: 'simulated calls of four decisions',
    value: Math.round(SIMULATED / (cpuMs(start) / 1000)),
    unit: 'calls/s per core',
  };
}

function compiledCallScheme() {
  const pbx = callPbx();
  const [scheme] = pbx.document.schemes;
  if (!scheme) throw new Error('no scheme');
  return compileScheme(pbx, scheme);
}

const line = '74950000001';

function callPbx(): PbxVersion {
  return pbxWith([
    {
      id: 'main',
      branches: [
        {
          when: { days: ['workdays'] },
          steps: [{ play: 'builtin:greeting', wait: true }],
          menu: {
            '1': {
              steps: [{ play: 'builtin:greeting', wait: true }],
              menu: { '2': { steps: [{ forward: { employee: 'e1' } }, { forward: { employee: 'e2' } }] } },
            },
          },
        },
      ],
    },
  ]);
}

async function calls(scheme: ReturnType<typeof compiledCallScheme>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const call = begin(scheme);
    await Promise.resolve();
    call.press('1');
    call.press('2');
    const { reason } = await call.done;
    if (reason !== 'calleeHungUp') throw new Error(`the call ended as ${reason}`);
  }
}

const begin = (scheme: ReturnType<typeof compiledCallScheme>): SchemeRun =>
  runScheme(scheme, { world: quickWorld(), clock: stillClock, log, caller: '74951234567' });

/** Calls that stand in the second menu. */
const STANDING = 10_000;
const STANDING_CALLS = 2_000;
const ROUNDS = 5;

/** The machine, with all that is kept for it. */
async function memoryPerScheme(): Promise<Figure> {
  const scheme = compiledCallScheme();
  const value = await kilobytesEach(STANDING, async () => {
    const runs: SchemeRun[] = [];
    for (let i = 0; i < STANDING; i++) {
      const call = begin(scheme);
      runs.push(call);
      call.press('1');
    }
    return () => {
      for (const run of runs) run.callerGone();
    };
  });
  return { name: 'memory per running scheme', value, unit: 'KB' };
}

/** The whole call as the engine keeps it beside its machine, on a network and media that keep next to nothing. */
async function memoryPerCall(): Promise<Figure> {
  const pbx = callPbx();
  const value = await kilobytesEach(STANDING_CALLS, async () => {
    const board = new Switchboard(pbx);
    const callers: FakeIncomingInvite[] = [];
    for (let i = 0; i < STANDING_CALLS; i++) {
      callers.push(await board.call({ kind: 'passive', pbx: pbx.id, number: line }, '74951234567', line));
      board.media.endpoints[i]?.press('1');
    }
    await settle();
    return async () => {
      for (const caller of callers) caller.dialog.hangUp();
      await settle();
      if (!board.quiet) throw new Error('the calls have left something behind');
    };
  });
  return { name: 'memory per call in a menu, its scheme included', value, unit: 'KB' };
}

/** The median of some rounds: what one leaves in the heap besides (code, caches) is small beside the many. */
async function kilobytesEach(count: number, stand: () => Promise<() => unknown>): Promise<number> {
  const rounds: number[] = [];
  // The first one makes the code.
  await heapOf(stand);
  for (let i = 0; i < ROUNDS; i++) rounds.push((await heapOf(stand)) / count / 1024);
  return round(rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN);
}

/** Bytes. By itself, so that nothing of one round is still held when the next one begins. */
async function heapOf(stand: () => Promise<() => unknown>): Promise<number> {
  const before = await usedHeap();
  const end = await stand();
  const bytes = (await usedHeap()) - before;
  await end();
  return bytes;
}

/** When there is nothing left to collect. */
async function usedHeap(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    collect();
    await settle();
  }
  return process.memoryUsage().heapUsed;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

const round = (value: number): number => Math.round(value * 10) / 10;
