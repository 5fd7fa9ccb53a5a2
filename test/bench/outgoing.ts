import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TrunkPlan } from '../../src/config/trunk-plan.ts';
import { Engine } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { freePortRange } from '../support/ports.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { UacScript } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import type { Figure } from './figure.ts';
import { highestRate } from './highest-rate.ts';
import { cpuSeconds } from './process-figures.ts';
import { load } from './sipp-load.ts';

/** Calls to the outside: which of many masks takes a number, and how many calls a second can leave the PBX. */
export async function run(): Promise<Figure[]> {
  return [...masks(), ...(await outgoingCalls())];
}

const isLong = process.env.BENCH_LONG === '1';

const MASKS = 10_000;
const NUMBERS = 1000;

/** Of the form that operators give: a code of the network, and the rest in brackets. */
const maskList = (code: string) =>
  Array.from({ length: MASKS }, (_, at) => ({ match: `7${code}${String(at).padStart(4, '0')}(\\d{5})`, to: '8$1' }));

/** The baseline is what one would write first: each mask a regular expression, asked one after the other. */
function masks(): Figure[] {
  const random = seededRandom(6);
  const numbers = Array.from(
    { length: NUMBERS },
    () => `79${String(Math.floor(random.next() * 1e9)).padStart(9, '0')}`,
  );
  const trunks = ['9', '8'].map((code) => ({ id: `trunk${code}`, masks: maskList(code) }));
  const patterns = trunks.map(({ masks: all }) => all.map(({ match }) => new RegExp(`^(?:${match})$`)));
  const baseline = perNumber(numbers.slice(0, 50), (number) =>
    patterns.map((all) => all.findIndex((pattern) => pattern.test(number))),
  );
  const begun = performance.now();
  const plan = new TrunkPlan(trunks);
  const built = performance.now() - begun;
  const first = perNumber(numbers, (number) => plan.calls(number));
  const again = perNumber(numbers, (number) => plan.calls(number));
  const keys = perNumber(numbers, (number) => plan.couldBecome(number.slice(0, 4), { min: 1, max: 20 }));
  return [
    { name: `baseline: regular expressions, 2 trunks of ${MASKS} masks`, value: baseline, unit: 'µs/number' },
    { name: `2 trunks of ${MASKS} masks made`, value: built, unit: 'ms' },
    { name: 'a number that was not asked for before', value: first, unit: 'µs/number' },
    { name: 'a number that was', value: again, unit: 'µs/number' },
    { name: 'a key of a caller who dials (DISA)', value: keys, unit: 'µs/key' },
    { name: 'masks, of the baseline', value: first / baseline, unit: 'ratio' },
  ];
}

function perNumber(numbers: readonly string[], ask: (number: string) => unknown): number {
  const begun = performance.now();
  for (const number of numbers) ask(number);
  return (1000 * (performance.now() - begun)) / numbers.length;
}

const domain = 'bench.test';
const PROBE_SECONDS = isLong ? 20 : 4;
const TALK_MS = 200;
const STEADY_SECONDS = 6;
const search = isLong ? { within: 0.05, seconds: 240 } : { within: 0.2, seconds: 25 };

/**
 * Calls of a peer through us to the telephone network: a line of each of two trunks taken and given back in Redis, the limits of the PBX counted there, caller id,
 * backups. The same sipps without the engine between them are the ceiling.
 */
async function outgoingCalls(): Promise<Figure[]> {
  const { from: callerPort, to: calleePort } = await freePortRange(1);
  await using resources = new AsyncDisposableStack();
  const engine = await engineWith(resources, {
    numbers: [{ number: '74950000001', source: { trunk: 'operator' } }],
    security: { limits: { concurrent: 100_000, callsPerMinute: 1_000_000, minutesPerDay: 1_000_000 } },
    trunks: [
      trunk('operator', calleePort, { pstn: true, lines: 10_000 }),
      trunk('client', callerPort, { lines: 10_000, toPstn: { callerId: '74950000001' } }),
    ],
  });
  const caller: UacScript = { to: `79161234567@${domain}`, talkMs: TALK_MS };
  const at = (target: string, rate: number, seconds = PROBE_SECONDS) =>
    load({ target, caller, callerPort, calleePort, calls: rate * seconds, rate, callMs: TALK_MS });
  const isHeld = async (target: string, rate: number) => {
    const { failed, rate: reached } = await at(target, rate);
    return failed < 0.01 && reached > 0.95 * rate;
  };
  const ceiling = await highestRate({
    ...search,
    from: 500,
    probe: (rate) => isHeld(`127.0.0.1:${calleePort}`, rate),
  });
  await at(engine.sip, 20, 3);
  await at(engine.sip, 50, 4);
  const rate = await highestRate({
    ...search,
    from: 10,
    probe: async (one) => {
      const held = await isHeld(engine.sip, one);
      if (!held) await idle(engine).catch(() => undefined);
      return held;
    },
  });
  await idle(engine);
  const before = cpuSeconds(pidOf(engine));
  // Well below the highest: what is late there is sent again, and counts for nothing.
  const steady = Math.max(5, Math.floor(rate / 3));
  const { failed } = await at(engine.sip, steady, STEADY_SECONDS);
  if (failed > 0) throw new Error(`${failed * 100} % of the calls failed at ${steady} calls/s`);
  await idle(engine);
  const cost = (1000 * (cpuSeconds(pidOf(engine)) - before)) / (steady * STEADY_SECONDS);
  return [
    { name: 'baseline: sipp to sipp, no engine', value: ceiling, unit: 'calls/s' },
    { name: 'outgoing calls', value: rate, unit: 'calls/s' },
    { name: 'outgoing calls, of the baseline', value: rate / ceiling, unit: 'ratio' },
    { name: 'CPU of the engine, at a third of that rate', value: cost, unit: 'ms/call' },
  ];
}

const trunk = (id: string, port: number, more: object) => ({
  ...{ id, host: '127.0.0.1', ports: String(port), options: false },
  ...more,
});

async function engineWith(resources: AsyncDisposableStack, document: object): Promise<Engine> {
  const folder = resources.use(await temporaryFolder('bench'));
  const at = join(folder.path, 'bench');
  await mkdir(at, { recursive: true });
  const pbx = { id: 'bench', domains: [domain], country: 'RU' };
  await writeFile(join(at, 'pbx.json'), JSON.stringify({ pbx, ...document }));
  return resources.use(await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'warn' } }));
}

function pidOf(engine: Engine): number {
  const { pid } = engine.program.child;
  if (pid === undefined) throw new Error('the engine is not running');
  return pid;
}
