import type { Logger } from 'pino';
import type { CancelledBy } from '../acd/callback-tasks.ts';
import { type DueCallback, type DueCallbacks, mayCallBack, renewMs } from '../acd/group-callbacks.ts';
import type { Group } from '../config/document.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import type { CallServices } from './call.ts';
import { Callback, type CallbackOutcome } from './callback.ts';
import type { Inbound } from './inbound.ts';

/** How often each node looks for what is due, milliseconds; what is asked for on this node is looked for at once. */
const LOOK_MS = 5000;
/** Of one PBX on one node at a time. */
const AT_ONCE = 20;

export interface CallbackRunnerOptions {
  readonly due: DueCallbacks;
  readonly config: Pick<ConfigStore, 'all'>;
  readonly services: CallServices;
  /** Where its calls are seen and recorded like all others. */
  readonly calls: Pick<Inbound, 'begins' | 'ends'>;
  readonly random: Random;
  readonly clock: Clock;
  readonly node: string;
  readonly log: Logger;
}

/**
 * Calls back who is to be called back (§4.4.6.2.1, §4.6.5.7). Each node takes what is due with a lease and renews it for as long as the attempt lasts, so
 * that another goes on when it dies. Once the two talk the task is done.
 */
export class CallbackRunner {
  readonly #options: CallbackRunnerOptions;
  readonly #running = new Map<string, number>();
  #timer: TimerId;
  #closed = false;

  constructor(options: CallbackRunnerOptions) {
    this.#options = options;
    this.#arm();
  }

  /** Somebody may be due in this PBX. Never rejects. */
  async look(pbx: PbxVersion): Promise<void> {
    const room = AT_ONCE - this.#count(pbx.id);
    if (this.#closed || room <= 0 || !mayCallBack(pbx)) return;
    try {
      const taken = await this.#options.due.take(pbx.id, room);
      // Another node has them when the lease is over.
      if (this.#closed) return;
      for (const task of taken) void this.#see(pbx, task);
    } catch (error) {
      this.#options.log.error({ err: error, pbx: pbx.id }, `callbacks could not be taken: ${errorText(error)}`);
    }
  }

  /** Takes nothing more. The attempts that go on are calls, and end as those do. */
  close(): void {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      for (const pbx of this.#options.config.all()) void this.look(pbx);
      this.#arm();
    }, LOOK_MS);
  }

  #count = (pbx: string): number => this.#running.get(pbx) ?? 0;

  #unattended(work: Promise<unknown>): void {
    work.catch((error) => this.#options.log.error({ err: error }, `a callback could not be kept: ${errorText(error)}`));
  }

  async #see(pbx: PbxVersion, task: DueCallback): Promise<void> {
    const { log } = this.#options;
    this.#running.set(pbx.id, this.#count(pbx.id) + 1);
    try {
      await this.#attempt(pbx, task);
    } catch (error) {
      log.error({ err: error, pbx: pbx.id }, `a callback failed: ${errorText(error)}`);
    } finally {
      this.#running.set(pbx.id, this.#count(pbx.id) - 1);
    }
  }

  async #attempt(pbx: PbxVersion, task: DueCallback): Promise<void> {
    const { due } = this.#options;
    const groups = task.groups.flatMap((id) => pbx.group(id) ?? []).filter((group) => isWanted(pbx, task, group));
    if (groups.length === 0) return void (await due.drop(pbx.id, task));
    // From each of the groups that missed him, in turn: one in which nobody is there leaves it to the next.
    const first = task.attempts % groups.length;
    let outcome: CallbackOutcome = 'nobody';
    for (const group of [...groups.slice(first), ...groups.slice(0, first)]) {
      outcome = await this.#once(pbx, task, group);
      if (outcome !== 'nobody') break;
    }
    // A conversation was reported when it began. What was broken off another node takes up when the lease is over, unless it was cancelled.
    if (outcome === 'talked' || outcome === 'broken') return;
    await due.over(pbx.id, task, outcome === 'failed' ? 'failed' : 'postponed');
  }

  async #once(pbx: PbxVersion, task: DueCallback, group: Group): Promise<CallbackOutcome> {
    const { due, services, calls, clock, random, node, log } = this.#options;
    let renewal: TimerId;
    const stands = () => due.holds(pbx.id, task);
    const check = async (by?: CancelledBy) => {
      if (!(await stands()) && !call.timeline.talked) {
        call.breakOff({ by: 'engine', reason: by === 'user' ? 'userCommand' : 'pickedUp' });
      }
    };
    const unwatch = due.watch(pbx.id, task.number, (by) => this.#unattended(check(by)));
    const release = () => {
      clock.clearTimeout(renewal);
      unwatch();
    };
    const callback = new Callback({
      id: random.uuid(),
      node,
      pbx,
      group,
      task,
      services,
      log,
      stands,
      talking: () => {
        release();
        // What cannot be kept now: he will be called once more, and say so.
        this.#unattended(due.over(pbx.id, task, 'talked'));
      },
    });
    const { call } = callback;
    const renew = () => {
      renewal = clock.setTimeout(() => {
        const renewed = check().then(() => {
          if (!call.end && !call.timeline.talked) renew();
        });
        this.#unattended(renewed);
      }, renewMs);
    };
    renew();
    calls.begins(call);
    try {
      return await callback.run();
    } finally {
      release();
      // Where no phone has rung there is nothing to tell: a group that is away for the night would fill history with it.
      const record = callback.record();
      const { participants } = record;
      const isKept = participants.length === 0 || participants.some(({ address }) => address !== '');
      await calls.ends(call, record, { isKept });
    }
  }
}

/** Whether the configuration still wants this group to call him back: it may have changed since he was missed. */
function isWanted({ document }: PbxVersion, { origin }: DueCallback, { id, callback }: Group): boolean {
  switch (origin) {
    case 'group':
      return callback.onHangup || callback.onPress1;
    case 'menu':
      return document.schemes.some(({ missed }) => missed.callback?.group === id);
    case 'request':
      return true;
  }
}
