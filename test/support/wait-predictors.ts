import { type Prediction, WaitEstimator } from '../../src/acd/estimate.ts';
import type { Predicted } from '../../src/acd/estimate-accuracy.ts';
import type { HandledCall, QueueView, SimulatedCaller } from './queue-simulation.ts';

/**
 * Those who predict waits, side by side on the same calls: ours and the formulas of four others, read in their sources. Of the others the value is
 * taken before it is rounded for speech, which is kind to them. Milliseconds; undefined = says nothing.
 */
export interface WaitPredictor {
  readonly name: string;
  /** As he comes. */
  queued(caller: SimulatedCaller, view: QueueView): number | undefined;
  /** Each minute after that; without it the predictor speaks once. */
  stillWaiting?(caller: SimulatedCaller, view: QueueView): number | undefined;
  answered?(caller: SimulatedCaller, at: number, ringMs: number): void;
  abandoned?(caller: SimulatedCaller, at: number): void;
  handled?(call: HandledCall): void;
}

const second = 1000;
const minute = 60 * second;

/**
 * Asterisk, apps/app_queue.c (f0c1c1a7b7): recalc_holdtime() moves the queue's hold time by a quarter towards each answered caller's wait, in whole
 * seconds; say_position() announces |hold time + 30 − waited so far| in whole minutes, rounded down, and nothing if that is 0. Neither the position nor the
 * members enter. Here the value of which those minutes are made, without the 30 s that round it; silent where app_queue is.
 */
export class AppQueue implements WaitPredictor {
  readonly name = 'app_queue';
  #hold = 0;
  #first = true;

  queued(caller: SimulatedCaller, view: QueueView): number | undefined {
    return this.stillWaiting(caller, view);
  }

  stillWaiting(caller: SimulatedCaller, { now }: QueueView): number | undefined {
    const waited = Math.floor((now - caller.arrivedAt) / second);
    const minutes = Math.trunc(Math.abs(this.#hold + 30 - waited) / 60);
    return minutes > 0 ? Math.abs(this.#hold - waited) * second : undefined;
  }

  answered(caller: SimulatedCaller, at: number): void {
    const waited = Math.floor((at - caller.arrivedAt) / second);
    this.#hold = this.#first ? waited : (this.#hold * 3 + waited) >> 2;
    this.#first = false;
  }

  abandoned(): void {
    this.#first = false;
  }
}

/**
 * OpenSIPS, modules/call_center/call_center.c (8f4f1e1b40): mean duration of all calls handled so far × calls queued ÷ members logged in, computed once,
 * when the caller comes. The caller himself is not among those queued yet. Never again later: silent while he waits.
 */
export class OpenSips implements WaitPredictor {
  readonly name = 'OpenSIPS';
  #calls = 0;
  #mean = 0;

  queued(_caller: SimulatedCaller, { position, members }: QueueView): number | undefined {
    return members.length > 0 ? (this.#mean * (position - 1)) / members.length : undefined;
  }

  handled({ talkMs }: HandledCall): void {
    this.#calls++;
    this.#mean += (talkMs - this.#mean) / this.#calls;
  }
}

/**
 * Kazoo, acdc_stats.erl and acdc_announcements.erl (kazoo-acdc 6f71c85): the mean wait of all handled calls that the statistics still hold (a day),
 * the same for everybody, however long he has waited and wherever he stands. Here before it becomes one of eight phrases («about 5 minutes» is any wait
 * from one to five).
 */
export class Kazoo implements WaitPredictor {
  readonly name = 'Kazoo';
  readonly #waits: { readonly enteredAt: number; readonly ms: number }[] = [];
  #total = 0;

  queued(caller: SimulatedCaller, view: QueueView): number | undefined {
    return this.stillWaiting(caller, view);
  }

  stillWaiting(_caller: SimulatedCaller, { now }: QueueView): number | undefined {
    for (let [oldest] = this.#waits; oldest && oldest.enteredAt < now - 24 * 60 * minute; [oldest] = this.#waits) {
      this.#total -= oldest.ms;
      this.#waits.shift();
    }
    return this.#waits.length > 0 ? this.#total / this.#waits.length : 0;
  }

  /** Calls that found a free member count too, as they do there. */
  answered(caller: SimulatedCaller, at: number): void {
    const ms = at - caller.arrivedAt;
    this.#waits.push({ enteredAt: caller.arrivedAt, ms });
    this.#total += ms;
  }
}

/** What everybody would write first: position × mean handling time (talk and after-call work) ÷ members at work. */
export class PositionTimesHandling implements WaitPredictor {
  readonly name = 'position × handling ÷ members';
  #calls = 0;
  #mean = 0;

  queued(caller: SimulatedCaller, view: QueueView): number | undefined {
    return this.stillWaiting(caller, view);
  }

  stillWaiting(_caller: SimulatedCaller, { position, members }: QueueView): number | undefined {
    return members.length > 0 && this.#calls > 0 ? (position * this.#mean) / members.length : undefined;
  }

  handled({ ringMs, talkMs, wrapUpMs }: HandledCall): void {
    this.#calls++;
    this.#mean += (ringMs + talkMs + wrapUpMs - this.#mean) / this.#calls;
  }
}

/** Ours, as the engine uses it. Silence is silence. */
export class Ours implements WaitPredictor {
  readonly name = 'Kommutator';
  readonly estimator = new WaitEstimator();
  readonly #first = new Map<number, { readonly range: Predicted; readonly atMs: number }>();
  /** The range behind the last value said. */
  lastRange: Predicted | undefined;

  queued(caller: SimulatedCaller, view: QueueView): number | undefined {
    const prediction = this.estimator.predict(view);
    if (prediction.range) this.#first.set(caller.id, { range: prediction.range, atMs: 0 });
    return this.#said(prediction);
  }

  stillWaiting(_caller: SimulatedCaller, view: QueueView): number | undefined {
    return this.#said(this.estimator.predict(view));
  }

  #said({ range, silent }: Prediction): number | undefined {
    this.lastRange = silent ? undefined : range;
    return this.lastRange?.expectedMs;
  }

  answered(caller: SimulatedCaller, at: number, ringMs: number): void {
    this.estimator.answered(at - caller.arrivedAt, ringMs, this.#first.get(caller.id));
    this.#first.delete(caller.id);
  }

  abandoned(caller: SimulatedCaller, at: number): void {
    this.estimator.abandoned(at - caller.arrivedAt);
    this.#first.delete(caller.id);
  }

  handled({ ringMs, talkMs }: HandledCall): void {
    this.estimator.handled(ringMs + talkMs);
  }
}
