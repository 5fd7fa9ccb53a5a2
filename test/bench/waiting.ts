import { once } from 'node:events';
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
const FIRST = 100;
const MORE = 300;
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
  await using engine = await Engine.start({
    config: folder.path,
    env: { LOG_LEVEL: 'warn', NODE_OPTIONS: '--inspect=127.0.0.1:0' },
  });
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
  // All in the same moment, as when a way to the operator breaks.
  const begun = performance.now();
  await Promise.all(calls.map((call) => call.bye()));
  await eventually('the callers to be gone', waiting, (count) => count === FIRST);
  const goneMs = performance.now() - begun;
  const left = await memoryOf(engine, pid);
  const each = (bytes: number) => bytes / MORE / 1024;
  return [
    { name: 'baseline: the engine without a call, resident', value: start.resident / 2 ** 20, unit: 'MiB' },
    { name: 'a waiting call, resident', value: each(after.resident - before.resident), unit: 'KiB' },
    { name: 'a waiting call, heap of the main thread', value: each(after.heap - before.heap), unit: 'KiB' },
    { name: `${MORE} callers hang up at once: until all are out of the queue`, value: goneMs, unit: 'ms' },
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

/** After a collection: garbage is no cost of a call. */
async function memoryOf(engine: Engine, pid: number): Promise<{ readonly resident: number; readonly heap: number }> {
  const inspector = /Debugger listening on (ws:\S+)/.exec(engine.program.text)?.[1];
  if (inspector === undefined) throw new Error('the engine has no inspector');
  const socket = new WebSocket(inspector);
  const ask = async (id: number, method: string): Promise<{ readonly result: { readonly usedSize?: number } }> => {
    socket.send(JSON.stringify({ id, method }));
    for (;;) {
      const [{ data }] = (await once(socket, 'message')) as [{ readonly data: string }];
      const message = JSON.parse(data);
      if (message.id === id) return message;
    }
  };
  await once(socket, 'open');
  // What ended last is freed by what its end has set going.
  await pause(2000);
  await ask(1, 'HeapProfiler.collectGarbage');
  const heap = (await ask(2, 'Runtime.getHeapUsage')).result.usedSize ?? Number.NaN;
  socket.close();
  return { resident: residentBytes(pid), heap };
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
