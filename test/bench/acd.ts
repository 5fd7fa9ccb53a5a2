import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Engine } from '../support/engine-process.ts';
import { Murmur } from '../support/murmur.ts';
import { PhoneBank, type RungPhone } from '../support/phone-bank.ts';
import { freePortRange } from '../support/ports.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';
import { type Datagram, Wire } from '../support/wire.ts';
import type { Figure } from './figure.ts';

/**
 * How long an agent who has hung up waits for his next caller: from the answer to his BYE to the next INVITE, both by the kernel's time on the way to his phone, through the
 * whole engine with its own Redis. Of audio there is only what shows that the parties are there. For each caller who goes another comes, at a time of his own, so that as many wait
 * all the time; now and then the two fall together. There are two baselines. One is the way of one INVITE through the engine without a queue. The other
 * is the machine alone, right before each load: three times to another process and back, as on the way that is measured (twice to Redis, once through the SIP
 * thread to the phone), with nothing to be done there. Where its p99 is milliseconds, other work on the machine, or the host of a virtual one, takes them.
 */
export async function run(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { agents, waiting } of loads) figures.push(...(await measure(agents, waiting)));
  return figures;
}

const isLong = process.env.BENCH_LONG === '1';
const loads = [
  { agents: 1, waiting: 10 },
  { agents: 10, waiting: 100 },
  { agents: 100, waiting: 1000 },
] as const;
const ROUNDS = isLong ? 3000 : 600;
/** A second: 72,000 calls an hour. */
const ENDS_PER_SECOND = 20;
const domain = 'bench.test';
const password = 'Secret123';
const line = '74950000001';
const direct = '74950000002';

async function measure(agents: number, waiting: number): Promise<Figure[]> {
  await using folder = await temporaryFolder('bench');
  const ports = await freePortRange(1);
  await writeCompany(folder.path, agents, ports.from);
  await using engine = await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'warn' } });
  // Neither music nor talk is measured here; but nobody is silent for so long that he would have to be asked whether he is still there.
  await using murmur = await Murmur.open();
  await using callers = await PhoneBank.open(engine.sip, ports.from, murmur);
  await using phones = await PhoneBank.open(engine.sip, 0, murmur);
  const named = `${agents} agents, ${waiting} waiting`;
  const bare = await machineAlone();

  await using wire = await Wire.listen(`udp and (src port ${callers.port} or dst port ${phones.port})`);
  const floor = new Floor(phones);
  const directCalls = await straight(callers, phones, floor);
  await Promise.all(await callAll(callers, waiting));

  for (let i = 0; i < agents; i++) await phones.register(agentName(i), domain, password);
  await eventually(
    'all agents to talk',
    () => floor.talking.size,
    (count) => count >= Math.min(agents, waiting),
  );
  const turns: Turn[] = [];
  const random = seededRandom();
  const everyMs = 1000 / ENDS_PER_SECOND;
  const arrive = async (caller: number) => {
    await pause(random.next() * everyMs);
    callers.call(`7903${String(caller).padStart(7, '0')}@127.0.0.1`, `${line}@127.0.0.1`);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const arrived = arrive(waiting + round);
    const turn = await floor.nextCallAfter(round % agents);
    if (round >= ROUNDS / 10) turns.push(turn);
    await arrived;
    await pause(everyMs - (performance.now() - begun));
  }
  const sip = new Sip(await wire.end());
  const gaps = turns.map(({ ended, next }) => sip.invite(next) - sip.byeAnswered(ended));
  const invites = directCalls.map(({ made, came }) => sip.invite(came) - sip.invite(made));
  const of = (share: number, all: readonly number[]) =>
    all.toSorted((a, b) => a - b)[Math.floor(all.length * share)] ?? 0;
  return [
    { name: `${named}: from BYE to the next INVITE, p50`, value: of(0.5, gaps), unit: 'ms' },
    { name: `${named}: p95`, value: of(0.95, gaps), unit: 'ms' },
    { name: `${named}: p99`, value: of(0.99, gaps), unit: 'ms' },
    { name: `${named}: INVITE straight through, p50`, value: of(0.5, invites), unit: 'ms' },
    { name: `${named}: the machine alone, p50`, value: of(0.5, bare), unit: 'ms' },
    { name: `${named}: the machine alone, p99`, value: of(0.99, bare), unit: 'ms' },
  ];
}

/** One call of an agent after another, by their Call-IDs. */
interface Turn {
  readonly ended: string;
  readonly next: string;
}

/** When each SIP message was on the wire, ms: the first time, if it was sent again. */
class Sip {
  readonly #at = new Map<string, number>();

  constructor(datagrams: readonly Datagram[]) {
    for (const { at, text } of datagrams) {
      const what = /^[A-Z]+(?= sip:)|(?<=^SIP\/2\.0 )\d+/.exec(text)?.[0];
      const callId = /^Call-ID: *(.*?)\r$/im.exec(text)?.[1];
      const method = /^CSeq: *\d+ (\w+)/im.exec(text)?.[1];
      const key = `${callId} ${what} ${method}`;
      if (!this.#at.has(key)) this.#at.set(key, at);
    }
  }

  /** @param callId of its only INVITE in this direction */
  invite(callId: string): number {
    return this.#get(`${callId} INVITE INVITE`);
  }

  byeAnswered(callId: string): number {
    return this.#get(`${callId} 200 BYE`);
  }

  #get(key: string): number {
    const at = this.#at.get(key);
    if (at === undefined) throw new Error(`not on the wire: ${key}`);
    return at;
  }
}

const agentName = (i: number): string => `agent${String(i).padStart(4, '0')}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** The phones of the agents: whoever is rung answers at once. */
class Floor {
  readonly talking = new Map<string, RungPhone>();
  readonly #expected = new Map<string, (call: RungPhone) => void>();

  constructor(phones: PhoneBank) {
    phones.onInvite = (call) => {
      call.answer();
      this.talking.set(call.user, call);
      this.#expected.get(call.user)?.(call);
    };
  }

  /** The next call of whoever's phone that is. */
  next(user: string): Promise<RungPhone> {
    return new Promise((resolve) => {
      this.#expected.set(user, (call) => {
        this.#expected.delete(user);
        resolve(call);
      });
    });
  }

  /** An agent hangs up. Resolves when he is rung again. */
  async nextCallAfter(agent: number): Promise<Turn> {
    const user = agentName(agent);
    const next = this.next(user);
    const call = this.talking.get(user);
    if (!call) throw new Error(`${user} is in no call`);
    await call.bye();
    return { ended: call.callId, next: (await next).callId };
  }
}

/** Three times to another process and back, ms, as often as a load is measured. */
async function machineAlone(): Promise<number[]> {
  const echo = fork(join(import.meta.dirname, 'echo.ts'), { execArgv: [] });
  const socket = createSocket('udp4');
  try {
    const [port] = await once(echo, 'message');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const begun = performance.now();
      for (let there = 0; there < 3; there++) {
        const back = once(socket, 'message');
        socket.send('x');
        await back;
      }
      times.push(performance.now() - begun);
      await pause(10);
    }
    return times.slice(ROUNDS / 10);
  } finally {
    socket.close();
    echo.disconnect();
  }
}

/** Calls to a phone directly: nobody waits, nobody is chosen. @returns their Call-IDs here and there */
async function straight(
  callers: PhoneBank,
  phones: PhoneBank,
  floor: Floor,
): Promise<{ made: string; came: string }[]> {
  await phones.register('desk', domain, password);
  const calls: { made: string; came: string }[] = [];
  for (let i = 0; i < 100; i++) {
    const next = floor.next('desk');
    const call = callers.call('79030000000@127.0.0.1', `${direct}@127.0.0.1`);
    const phone = await next;
    calls.push({ made: call.callId, came: phone.callId });
    await call.answered;
    await pause(20);
    await call.bye();
    await phone.ended;
    floor.talking.delete('desk');
  }
  return calls.slice(20);
}

/** As a trunk does: fast, and not all in one packet time. */
async function callAll(callers: PhoneBank, count: number): Promise<Promise<unknown>[]> {
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    calls.push(callers.call(`7903${String(i).padStart(7, '0')}@127.0.0.1`, `${line}@127.0.0.1`).answered);
    if (i % 5 === 4) await pause(50);
  }
  return calls;
}

async function writeCompany(folder: string, agents: number, trunkPort: number): Promise<void> {
  const ids = Array.from({ length: agents }, (_, i) => agentName(i));
  const someone = (id: string) => ({
    id,
    name: id,
    accounts: [{ user: id, domain, password }],
    contacts: [{ sip: `${id}@${domain}` }],
  });
  await mkdir(join(folder, 'acme'), { recursive: true });
  await writeFile(
    join(folder, 'acme', 'bench.json'),
    JSON.stringify({
      pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU' },
      trunks: [{ id: 'operator', host: '127.0.0.1', ports: String(trunkPort), lines: 0, options: false }],
      numbers: [
        { number: line, scheme: 'queue', source: { trunk: 'operator' } },
        { number: direct, scheme: 'direct', source: { trunk: 'operator' } },
      ],
      employees: [...ids, 'desk'].map(someone),
      groups: [
        {
          id: 'sales',
          members: ids.map((employee) => ({ employee })),
          algorithm: 'longestIdle',
          hold: { maxWait: 0, enqueueMessage: null },
        },
      ],
      schemes: [
        { id: 'queue', steps: [{ forward: { group: 'sales' } }] },
        { id: 'direct', steps: [{ forward: { employee: 'desk' } }] },
      ],
    }),
  );
}
