import type { Effect, Machine, Rules, State, TimerName } from './machine.ts';
import { Timer, type TimerOwner, type TimerQueues } from './timer-queues.ts';

export type WorldEffect = Extract<Effect, { do: 'send' | 'tell' }>;

/**
 * Runs one machine: keeps its state and its timers and passes what is to be sent and told to `perform`, together with whatever
 * came with the event. A base class and not a part, because there may be hundreds of thousands at once.
 */
export abstract class MachineRun<Name extends string, Event extends string, Cause> implements TimerOwner {
  readonly #machine: Machine<Name, Event>;
  readonly #rules: Rules;
  readonly #queues: TimerQueues;
  #state: State<Name>;
  /** The first of those that are armed. */
  #timers: Timer | undefined;
  #stopped = false;

  /** @param rules shared by all runs of a kind */
  constructor(machine: Machine<Name, Event>, rules: Rules, queues: TimerQueues) {
    this.#machine = machine;
    this.#rules = rules;
    this.#queues = queues;
    this.#state = machine.initial;
  }

  protected abstract perform(effect: WorldEffect, cause: Cause | undefined): void;

  /** Called once, when the machine has come to `terminated`, before the effects of that step. */
  protected abstract ended(): void;

  get name(): Name {
    return this.#state.name;
  }

  handles(event: Event): boolean {
    return !this.#stopped && this.#machine.handles(this.#state, event);
  }

  apply(event: Event, cause?: Cause): void {
    if (this.#stopped) return;
    const [state, ...effects] = this.#machine.step(this.#state, event, this.#rules);
    this.#state = state;
    if (state.name === 'terminated') {
      this.stop();
      this.ended();
    }
    for (const effect of effects) {
      if (effect.do === 'start') this.#arm(effect.timer, effect.ms);
      else if (effect.do === 'stop') this.#disarm(effect.timer);
      else this.perform(effect, cause);
    }
  }

  /** Clears every timer; no event does anything after this. */
  stop(): void {
    this.#stopped = true;
    for (let timer = this.#timers; timer; timer = timer.sibling) this.#queues.stop(timer);
    this.#timers = undefined;
  }

  fired(timer: Timer): void {
    this.#forget(timer);
    // Every machine that starts a timer has an event of its name.
    this.apply(`timer${timer.name}` as Event);
  }

  #arm(name: TimerName, ms: number): void {
    this.#disarm(name);
    this.#timers = new Timer(name, this, this.#timers);
    this.#queues.arm(this.#timers, ms);
  }

  #disarm(name: TimerName): void {
    let timer = this.#timers;
    while (timer && timer.name !== name) timer = timer.sibling;
    if (!timer) return;
    this.#queues.stop(timer);
    this.#forget(timer);
  }

  #forget(timer: Timer): void {
    if (this.#timers === timer) this.#timers = timer.sibling;
    for (let other = this.#timers; other; other = other.sibling) {
      if (other.sibling === timer) other.sibling = timer.sibling;
    }
  }
}
