import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Engine } from '../support/engine-process.ts';
import { PhoneBank } from '../support/phone-bank.ts';
import { freePortRange } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';
import type { Figure } from './figure.ts';
import { residentBytes } from './process-figures.ts';

/** Wait before anything is measured: code that is compiled, buffers that stay. */
const FIRST = 200;
const MORE = 500;
const line = '74950000001';

/**
 * What a waiting call costs the whole engine in memory, all of its threads: SIP dialog, timeline, place in the queue, and its end of the media with its two
 * sockets. Real calls by SIP; they are on hold, so that no audio is sent. Resident memory is what the operating system has to find; the heap of the
 * main thread is a part of it. Redis is a process of its own, see `acd-store`.
 */
export async function run(): Promise<Figure[]> {
  await using folder = await temporaryFolder('bench');
  const ports = await freePortRange(1);
  await writeCompany(folder.path, ports.from);
  await using engine = await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'warn' } });
  await using callers = await PhoneBank.open(engine.sip, ports.from);
  const { pid } = engine.program.child;
  if (pid === undefined) throw new Error('the engine is not running');

  const start = await memoryOf(engine, pid);
  await wait(callers, 0, FIRST);
  const before = await memoryOf(engine, pid);
  const calls = await wait(callers, FIRST, MORE);
  const after = await memoryOf(engine, pid);
  const waiting = async () => (await engine.api<readonly { waiting: number }[]>('/api/pbxs/acme/groups'))[0]?.waiting;
  if ((await waiting()) !== FIRST + MORE) throw new Error(`${await waiting()} wait instead of ${FIRST + MORE}`);
  await Promise.all(calls.map((call) => call.bye()));
  await eventually('the callers to be gone', waiting, (count) => count === FIRST);
  const left = await memoryOf(engine, pid);
  const each = (bytes: number) => bytes / MORE / 1024;
  return [
    { name: 'baseline: the engine without a call, resident', value: start.resident / 2 ** 20, unit: 'MiB' },
    { name: 'a waiting call, resident', value: each(after.resident - before.resident), unit: 'KiB' },
    { name: 'a waiting call, heap of the main thread', value: each(after.heap - before.heap), unit: 'KiB' },
    { name: 'the same heap when they have gone, to what there was', value: each(left.heap - before.heap), unit: 'KiB' },
  ];
}

/** So many more callers. @returns their calls, when all of them are in the queue */
async function wait(callers: PhoneBank, from: number, count: number) {
  const calls = [];
  for (let i = from; i < from + count; i++) {
    calls.push(callers.call(`7903${String(i).padStart(7, '0')}@127.0.0.1`, `${line}@127.0.0.1`));
    // As a trunk does: fast, and not all in one packet time.
    if (i % 5 === 4) await pause(50);
  }
  await Promise.all(calls.map(({ answered }) => answered));
  return calls;
}

/** The least of what is seen in 5 s: garbage that waits to be collected is no cost of a call. */
async function memoryOf(engine: Engine, pid: number): Promise<{ readonly resident: number; readonly heap: number }> {
  let [resident, heap] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 20; i++) {
    resident = Math.min(resident, residentBytes(pid));
    const metrics = await (await fetch(`${engine.url}/metrics`)).text();
    heap = Math.min(heap, Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(metrics)?.[1] ?? Number.NaN));
    await pause(250);
  }
  return { resident, heap };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function writeCompany(folder: string, trunkPort: number): Promise<void> {
  await mkdir(join(folder, 'acme'), { recursive: true });
  await writeFile(
    join(folder, 'acme', 'bench.json'),
    JSON.stringify({
      pbx: { id: 'acme', domains: ['bench.test'], timezone: 'Europe/Moscow', country: 'RU' },
      trunks: [{ id: 'operator', host: '127.0.0.1', ports: String(trunkPort), lines: 0, options: false }],
      numbers: [{ number: line, scheme: 'queue', source: { trunk: 'operator' } }],
      // Nobody registers: everybody waits.
      employees: [
        {
          id: 'anna',
          name: 'Anna',
          extension: '401',
          accounts: [{ user: 'anna', domain: 'bench.test', password: 'Secret123' }],
        },
      ],
      groups: [
        { id: 'sales', members: [{ employee: 'anna' }], hold: { maxWait: 0, maxLength: 0, enqueueMessage: null } },
      ],
      schemes: [{ id: 'queue', steps: [{ forward: { group: 'sales' } }] }],
    }),
  );
}
