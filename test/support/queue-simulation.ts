import type { MemberAtWork } from '../../src/acd/estimate.ts';
import type { Random } from '../../src/time/random.ts';

/**
 * A discrete-event simulation of one queue, first come, first served: Poisson arrivals that follow the hours, ringing, log-normal talk, after-call work,
 * exponential patience, members who go to a break or take a call from elsewhere now and then. It only tells what happens; predictors listen.
 */
export interface QueueScenario {
  readonly agents: number;
  /** Arrivals per hour as a multiple of what the members can handle, by the hour from the start; afterwards from the beginning again. */
  readonly load: readonly number[];
  readonly hours: number;
  readonly talk: (random: Random) => number;
  readonly meanTalkMs: number;
  readonly wrapUpMs: number;
  readonly meanPatienceMs: number;
  /** Chance of a break after a call, and its mean length. */
  readonly breaks: { readonly chance: number; readonly meanMs: number };
  /** Chance that a member's next call is one from elsewhere (another group, his own number), and its mean length. It looks like any call. */
  readonly otherCalls?: { readonly chance: number; readonly meanMs: number };
}

export interface SimulatedCaller {
  readonly id: number;
  readonly arrivedAt: number;
}

/** Everybody in the queue at an instant; `position` counts from 1. */
export interface QueueView {
  readonly now: number;
  readonly position: number;
  readonly members: readonly MemberAtWork[];
  readonly wrapUpMs: number;
}

export interface HandledCall {
  readonly ringMs: number;
  readonly talkMs: number;
  readonly wrapUpMs: number;
}

/** What happens, in the order of time. Milliseconds. */
export interface QueueListener {
  /** He has to wait: nobody was free. */
  queued?(caller: SimulatedCaller, view: QueueView): void;
  /** Each minute after that, while he waits. */
  stillWaiting?(caller: SimulatedCaller, view: QueueView): void;
  answered?(caller: SimulatedCaller, at: number, ringMs: number): void;
  abandoned?(caller: SimulatedCaller, at: number): void;
  /** A member is through with a call. */
  handled?(call: HandledCall): void;
}

const HOUR = 3_600_000;
const ASK_EVERY_MS = 60_000;
const RING = { shortest: 2_000, longest: 8_000 };
const MEAN_RING = (RING.shortest + RING.longest) / 2;

interface Waiting extends SimulatedCaller {
  state: 'waiting' | 'gone';
}

interface Agent {
  now: MemberAtWork | { readonly doing: 'break' };
}

export function simulateQueue(scenario: QueueScenario, random: Random, listener: QueueListener): void {
  const { agents: count, load, hours, talk, meanTalkMs, wrapUpMs, meanPatienceMs, breaks, otherCalls } = scenario;
  const events = new EventQueue();
  const agents = Array.from({ length: count }, (): Agent => ({ now: { doing: 'free' } }));
  const queue: Waiting[] = [];
  const capacityPerMs = count / (meanTalkMs + wrapUpMs + MEAN_RING);
  const highest = Math.max(...load);
  const exponential = (mean: number) => -Math.log(1 - random.next()) * mean;
  const end = hours * HOUR;
  let ids = 0;

  const view = (now: number, caller: Waiting): QueueView => ({
    now,
    position: queue.indexOf(caller) + 1,
    members: agents.flatMap(({ now: doing }) => (doing.doing === 'break' ? [] : [doing])),
    wrapUpMs,
  });

  const serve = (caller: SimulatedCaller, agent: Agent, now: number) => {
    agent.now = { doing: 'call', since: now };
    const ringMs = RING.shortest + random.next() * (RING.longest - RING.shortest);
    const talkMs = talk(random);
    events.at(now + ringMs, (answer) => listener.answered?.(caller, answer, ringMs));
    events.at(now + ringMs + talkMs, (hangUp) => {
      agent.now = { doing: 'wrapUp', until: hangUp + wrapUpMs };
    });
    events.at(now + ringMs + talkMs + wrapUpMs, (free) => {
      listener.handled?.({ ringMs, talkMs, wrapUpMs });
      if (random.next() >= breaks.chance) return release(agent, free);
      agent.now = { doing: 'break' };
      events.at(free + exponential(breaks.meanMs), (back) => release(agent, back));
    });
  };

  const release = (agent: Agent, now: number) => {
    if (otherCalls && random.next() < otherCalls.chance) {
      agent.now = { doing: 'call', since: now };
      events.at(now + exponential(otherCalls.meanMs), (end) => release(agent, end));
      return;
    }
    agent.now = { doing: 'free' };
    const caller = queue.shift();
    if (!caller) return;
    caller.state = 'gone';
    serve(caller, agent, now);
  };

  const ask = (caller: Waiting) => (now: number) => {
    if (caller.state === 'gone') return;
    listener.stillWaiting?.(caller, view(now, caller));
    events.at(now + ASK_EVERY_MS, ask(caller));
  };

  const arrive = (now: number) => {
    const next = now + exponential(1 / (capacityPerMs * highest));
    if (next < end) events.at(next, arrive);
    // Thinning: candidates come at the highest rate, and count with the chance of their hour.
    if (random.next() * highest >= (load[Math.floor(now / HOUR) % load.length] ?? 0)) return;
    const caller: Waiting = { id: ids++, arrivedAt: now, state: 'waiting' };
    const free = agents.find((agent) => agent.now.doing === 'free');
    if (free) return serve(caller, free, now);
    queue.push(caller);
    listener.queued?.(caller, view(now, caller));
    events.at(now + ASK_EVERY_MS, ask(caller));
    events.at(now + exponential(meanPatienceMs), (gone) => {
      if (caller.state === 'gone') return;
      caller.state = 'gone';
      queue.splice(queue.indexOf(caller), 1);
      listener.abandoned?.(caller, gone);
    });
  };

  events.at(0, arrive);
  events.run();
}

/** Log-normal lengths with this mean and coefficient of variation (standard deviation ÷ mean). */
export function logNormal(meanMs: number, variation: number): (random: Random) => number {
  const sigma = Math.sqrt(Math.log(1 + variation ** 2));
  const mu = Math.log(meanMs) - sigma ** 2 / 2;
  return (random) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return Math.exp(mu + sigma * normal);
  };
}

type Happening = (now: number) => void;

/** A binary heap by time; equal times in the order of adding. */
class EventQueue {
  readonly #heap: { readonly at: number; readonly order: number; readonly run: Happening }[] = [];
  #order = 0;

  at(at: number, run: Happening): void {
    const heap = this.#heap;
    const entry = { at, order: this.#order++, run };
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (!above || !isBefore(entry, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  run(): void {
    for (let next = this.#take(); next; next = this.#take()) next.run(next.at);
  }

  #take() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const right = heap[child + 1];
      let candidate = heap[child];
      if (candidate && right && isBefore(right, candidate)) {
        candidate = right;
        child++;
      }
      if (!candidate || isBefore(last, candidate)) break;
      heap[i] = candidate;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

const isBefore = (a: { at: number; order: number }, b: { at: number; order: number }): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);
