import { availableMedia } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { pressing, type UacScript } from '../support/sipp.ts';
import { eventually } from '../support/wait.ts';
import { answerTime } from './answer-time.ts';
import { addressOf, BenchPbx, lines } from './bench-pbx.ts';
import type { Figure } from './figure.ts';
import { highestRate } from './highest-rate.ts';
import { type LoadOptions, type LoadResult, load } from './sipp-load.ts';

/**
 * Calls through the whole engine, a process of its own with its own Redis and database, on the same machine as the two sipps that call and answer: the
 * highest rate at which less than one call in a hundred fails, what a call costs, what it weighs. The same sipps without the engine between them are the
 * ceiling. With FREESWITCH_BINARY all is measured twice, beside each other: with the embedded media, and with a FreeSWITCH whose processor time and memory
 * are counted with the engine's.
 */
export async function run(): Promise<Figure[]> {
  const figures = [await ceiling()];
  for (const media of availableMedia) {
    await using pbx = await BenchPbx.open(media);
    const which = availableMedia.length > 1 ? `, ${media} media` : '';
    for (const figure of await through(pbx)) figures.push({ ...figure, name: figure.name + which });
  }
  return figures;
}

async function ceiling(): Promise<Figure> {
  await using pbx = await BenchPbx.open();
  const value = await highestRate({
    ...search,
    from: 500,
    probe: async (rate) => isHeld(await direct(pbx, rate), rate),
  });
  return { name: 'sipp to sipp, no engine', value, unit: 'calls/s' };
}

async function through(pbx: BenchPbx): Promise<Figure[]> {
  await warmUp(pbx, ways.straight);
  const figures: Figure[] = [
    ...(await steady(pbx, ways.straight, 'straight')),
    ...(await steady(pbx, ways.menu, 'through a menu')),
    { name: 'from INVITE to 200, one call at a time', value: await answerTime(pbx), unit: 'ms' },
    ...(await memory(pbx)),
  ];
  // Last: whoever was asked too much has other costs for a while.
  const straight = await rateThrough(pbx, ways.straight);
  const menu = await rateThrough(pbx, ways.menu);
  return [
    { name: 'straight to a peer', value: straight, unit: 'calls/s' },
    { name: 'through a menu to a peer', value: menu, unit: 'calls/s' },
    ...figures,
  ];
}

const isLong = process.env.BENCH_LONG === '1';
const search = isLong ? { within: 0.05, seconds: 240 } : { within: 0.2, seconds: 30 };
const PROBE_SECONDS = isLong ? 20 : 4;
/** Calls per second that every media server holds: the cost of a call is compared at one rate. */
const STEADY_RATE = 20;

/** One way of a call through the engine. */
interface Way {
  readonly caller: UacScript;
  /** From INVITE to the end, milliseconds. */
  readonly callMs: number;
}

const TALK_MS = 200;
/** From the digit to the hang-up: the peer has so long to be called and to answer. */
const AFTER_DIGIT_MS = 1000;

const ways = {
  straight: { caller: { to: addressOf(lines.straight), talkMs: TALK_MS }, callMs: TALK_MS },
  menu: { caller: { to: addressOf(lines.menu), during: pressing('5', AFTER_DIGIT_MS) }, callMs: AFTER_DIGIT_MS },
} as const satisfies Record<string, Way>;

async function direct(pbx: BenchPbx, rate: number): Promise<LoadResult> {
  return load({
    ...ports(pbx),
    target: `127.0.0.1:${pbx.peerPort}`,
    caller: ways.straight.caller,
    callMs: TALK_MS,
    rate,
    calls: rate * PROBE_SECONDS,
  });
}

async function callsThrough(
  pbx: BenchPbx,
  { caller, callMs }: Way,
  rate: number,
  seconds: number,
): Promise<LoadResult> {
  const { sip } = await pbx.engine();
  return load({ ...ports(pbx), target: sip, caller, callMs, rate, calls: rate * seconds });
}

const ports = ({ trunkPort, peerPort }: BenchPbx): Pick<LoadOptions, 'callerPort' | 'calleePort'> => ({
  callerPort: trunkPort,
  calleePort: peerPort,
});

/** Less than one per cent failed, and sipp itself kept the pace. */
const isHeld = ({ failed, rate }: LoadResult, asked: number): boolean => failed < 0.01 && rate > 0.95 * asked;

async function rateThrough(pbx: BenchPbx, way: Way): Promise<number> {
  await warmUp(pbx, way);
  return highestRate({
    ...search,
    from: STEADY_RATE,
    probe: async (rate) => {
      const held = isHeld(await callsThrough(pbx, way, rate, PROBE_SECONDS), rate);
      if (!held) await recover(pbx, way);
      return held;
    },
  });
}

/** Code that has hardly run yet takes several times as long: that is not what is measured. */
async function warmUp(pbx: BenchPbx, way: Way): Promise<void> {
  await callsThrough(pbx, way, STEADY_RATE, 8);
}

/** One that was asked too much is busy for a while with calls that nobody waits for any more; one that cannot cope with that is replaced. */
async function recover(pbx: BenchPbx, way: Way): Promise<void> {
  try {
    await idle(await pbx.engine());
  } catch {
    await pbx.stopEngine();
    await warmUp(pbx, way);
  }
}

/** What a call costs, and how many fail, which says more of a media server than that the bench has ended. */
async function steady(pbx: BenchPbx, way: Way, named: string): Promise<Figure[]> {
  const rate = STEADY_RATE;
  const seconds = isLong ? 60 : 12;
  await idle(await pbx.engine());
  const before = pbx.cpuSeconds();
  const { failed } = await callsThrough(pbx, way, rate, seconds);
  await idle(await pbx.engine());
  const cpu = (1000 * (pbx.cpuSeconds() - before)) / (rate * seconds);
  return [
    { name: `CPU at ${rate} calls/s, ${named}`, value: cpu, unit: 'ms/call' },
    { name: `calls that fail at ${rate} calls/s, ${named}`, value: 100 * failed, unit: '%' },
  ];
}

async function memory(pbx: BenchPbx): Promise<Figure[]> {
  // On two cores a media server that starts 20 calls a second cannot always carry 200 as well.
  const [calls, rate] = isLong ? [1000, STEADY_RATE] : [100, 10];
  const holdMs = 1000 * (calls / rate) + 4000;
  const engine = await pbx.engine();
  await idle(engine);
  const before = pbx.residentBytes();
  const held = callsThrough(
    pbx,
    { caller: { to: addressOf(lines.straight), talkMs: holdMs }, callMs: holdMs },
    rate,
    calls / rate,
  );
  const standing = await eventually(
    `nearly ${calls} calls to stand`,
    () => engine.metric('kommutator_calls'),
    (count) => count >= 0.98 * calls,
  );
  const during = pbx.residentBytes();
  await held;
  return [
    { name: 'memory of the idle engine', value: before / 2 ** 20, unit: 'MiB' },
    { name: `memory per call, ${calls} at once`, value: (during - before) / standing / 1024, unit: 'KiB' },
  ];
}
