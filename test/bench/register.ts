import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { pbxOf } from '../support/pbx.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { eventually } from '../support/wait.ts';
import type { Figure } from './figure.ts';
import { cpuSeconds, residentBytes } from './process-figures.ts';
import type { AnswerAll, RegisterLoad, RegisterResult } from './register-load.ts';

const domain = 'bench.example';
const password = 'Secret123';
const SECONDS = process.env.BENCH_LONG === '1' ? 20 : 5;
/** Phones that register again and again, and phones that register once and stay. */
const busy = 500;
const idle = 10_000;
/** A tenth of the usual, so that finished transactions are gone after 3.2 s (64·T1) instead of 32 s, and the wait for that is short. */
const T1_MS = 50;

/**
 * Registrations with digest, from UDP through the SIP server in its thread, drachtio-srf and the guard into Redis and back; and what a phone
 * weighs that has registered and is silent. The load runs in a thread of this process, beside what it measures: its own ceiling, against a
 * socket that answers without looking, is the first figure.
 */
export async function run(): Promise<Figure[]> {
  const ceiling = await unlooked();
  const accounts = Array.from({ length: busy + 2 * idle }, (_, at) => `phone${String(at).padStart(5, '0')}`);
  const pbx = pbxOf({
    pbx: { id: 'bench', domains: [domain] },
    employees: accounts.map((user) => ({ id: user, accounts: [{ user, domain, password }] })),
  });
  const stack = await startSipStack({ pbxs: [pbx], timers: { t1: T1_MS } });
  try {
    const to = stack.endpoint('udp');
    const again = { ...to, users: busy, firstUser: 0, domain, password, atOnce: 64 };
    await drive({ ...again, until: 2000, reuse: false });
    const challenged = await timed(stack, { ...again, until: SECONDS * 1000, reuse: false });
    const reused = await timed(stack, { ...again, until: SECONDS * 1000, reuse: true });
    const weights = await weigh(stack, {
      ...to,
      users: idle,
      firstUser: busy,
      domain,
      password,
      atOnce: 64,
      until: 'once',
      reuse: false,
    });
    return [
      { name: 'the load alone, challenge and answer', value: rate(ceiling), unit: 'registrations/s' },
      { name: 'challenge and answer', value: rate(challenged.result), unit: 'registrations/s' },
      { name: 'nonce used again', value: rate(reused.result), unit: 'registrations/s' },
      { name: 'refused', value: challenged.result.refused + reused.result.refused, unit: 'registrations' },
      { name: 'sent again', value: challenged.result.resent + reused.result.resent, unit: 'requests' },
      { name: 'CPU of engine and load, challenge and answer', value: challenged.cpuMs, unit: 'ms/registration' },
      { name: 'CPU of Redis, challenge and answer', value: challenged.redisMs, unit: 'ms/registration' },
      ...weights,
    ];
  } finally {
    await stack.stop();
  }
}

const rate = ({ registered, ms }: RegisterResult): number => Math.round((registered / ms) * 1000);

async function timed(stack: SipStack, load: RegisterLoad) {
  const redis = stack.redis.server.pid;
  const [ours, theirs] = [cpuSeconds(process.pid), cpuSeconds(redis)];
  const result = await drive(load);
  const per = (seconds: number) => Math.round((seconds / result.registered) * 1e6) / 1000;
  return { result, cpuMs: per(cpuSeconds(process.pid) - ours), redisMs: per(cpuSeconds(redis) - theirs) };
}

/**
 * Memory before and after the phones have come, garbage collected. As many have come before them: memory that was needed once, for the transactions,
 * is not given back and counts as there already.
 */
async function weigh(stack: SipStack, load: RegisterLoad): Promise<Figure[]> {
  const engine = async () => {
    if (stack.embedded) {
      const { embedded } = stack;
      const alive = async () => (await embedded.stats()).transactions.serverOther;
      await eventually('the end of all transactions', alive, (transactions) => transactions === 0);
    }
    collectGarbage();
    return residentBytes(process.pid);
  };
  const redis = async () => {
    const text = await stack.connection.use((client) => client.info('memory'));
    return Number(/^used_memory:(\d+)/m.exec(text)?.[1]);
  };
  await drive({ ...load, firstUser: load.firstUser + idle });
  const before = [await engine(), await redis()] as const;
  const { registered } = await drive(load);
  const after = [await engine(), await redis()] as const;
  const per = (from: number, to: number) => Math.round((to - from) / registered);
  return [
    { name: 'idle phones', value: registered, unit: 'registered' },
    { name: 'memory of the engine per idle phone', value: per(before[0], after[0]), unit: 'bytes' },
    { name: 'memory of Redis per idle phone', value: per(before[1], after[1]), unit: 'bytes' },
  ];
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function drive(load: RegisterLoad): Promise<RegisterResult> {
  const [result] = (await once(threadFor(load), 'message')) as [RegisterResult];
  return result;
}

async function unlooked(): Promise<RegisterResult> {
  const peer = threadFor({ answerAll: true });
  const [{ port }] = (await once(peer, 'message')) as [{ port: number }];
  const load = { host: '127.0.0.1', port, users: busy, firstUser: 0, domain, password, atOnce: 64 };
  const result = await drive({ ...load, until: 2000, reuse: false });
  await peer.terminate();
  return result;
}

const threadFor = (data: RegisterLoad | AnswerAll): Worker =>
  new Worker(new URL('./register-load.ts', import.meta.url), { workerData: data, execArgv: [] });
