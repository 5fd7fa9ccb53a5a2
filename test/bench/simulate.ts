/**
 * Schemes: compiling many; simulated calls per second on one core, each from INVITE to record, and the part of it that is the machine alone; what a
 * running machine weighs. No SIP, no media.
 */
import { complete, DocumentForm } from '../../src/config/schema/document.ts';
import { PbxVersion } from '../../src/config/version.ts';
import type { SchemeWorld } from '../../src/scheme/actors.ts';
import { compileScheme } from '../../src/scheme/compile.ts';
import { runScheme, type SchemeRun } from '../../src/scheme/run.ts';
import { originOf } from '../../src/simulator/origin.ts';
import { parseScript } from '../../src/simulator/script.ts';
import { Simulator } from '../../src/simulator/simulator.ts';
import type { Clock } from '../../src/time/clock.ts';
import type { Figure } from './figure.ts';

export async function run(): Promise<Figure[]> {
  return [...compiling(), await simulatedCallsPerSecond(), await callsPerSecond(), memoryPerCall()];
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

const RUNNING = 5_000;

/** Calls that stand in the second menu. */
function memoryPerCall(): Figure {
  const scheme = compiledCallScheme();
  const standing: SchemeRun[] = [];
  begin(scheme).press('1');
  const before = usedHeap();
  for (let i = 0; i < RUNNING; i++) {
    const call = begin(scheme);
    call.press('1');
    standing.push(call);
  }
  const bytes = (usedHeap() - before) / standing.length;
  for (const call of standing) call.callerGone();
  return { name: 'memory per running scheme', value: round(bytes / 1024), unit: 'KB' };
}

/** Exact where the process runs with `--expose-gc`; else the collector is left to itself and the figure is too high. */
function usedHeap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

const round = (value: number): number => Math.round(value * 10) / 10;
