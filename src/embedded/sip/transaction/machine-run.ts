import type { Clock, TimerId } from '../../../time/clock.ts';
import type { Effect, Machine, Rules, State, TimerName } from './machine.ts';

export type WorldEffect = Extract<Effect, { do: 'send' | 'tell' }>;

/**
 * Runs one machine: keeps its state and its timers and passes what is to be sent and told to `perform`, together with whatever
 * came with the event.
 */
export class MachineRun<Name extends string, Event extends string, Cause> {
  #state: State<Name>;
  readonly #machine: Machine<Name, Event>;
  readonly #rules: Rules;
  readonly #clock: Clock;
  readonly #perform: (effect: WorldEffect, cause: Cause | undefined) => void;
  readonly #ended: () => void;
  readonly #timers = new Map<TimerName, TimerId>();
  #stopped = false;

  constructor(options: {
    machine: Machine<Name, Event>;
    rules: Rules;
    clock: Clock;
    perform: (effect: WorldEffect, cause: Cause | undefined) => void;
    /** Called once, when the machine has come to `terminated`, before the effects of that step. */
    ended: () => void;
  }) {
    this.#machine = options.machine;
    this.#rules = options.rules;
    this.#clock = options.clock;
    this.#perform = options.perform;
    this.#ended = options.ended;
    this.#state = options.machine.initial;
  }

  get state(): Name {
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
      this.#ended();
    }
    for (const effect of effects) {
      if (effect.do === 'start') this.#start(effect.timer, effect.ms);
      else if (effect.do === 'stop') this.#stop(effect.timer);
      else this.#perform(effect, cause);
    }
  }

  /** Clears every timer; no event does anything after this. */
  stop(): void {
    this.#stopped = true;
    for (const id of this.#timers.values()) this.#clock.clearTimeout(id);
    this.#timers.clear();
  }

  #start(timer: TimerName, ms: number): void {
    this.#stop(timer);
    const fire = () => {
      this.#timers.delete(timer);
      // Every machine that starts a timer has an event of its name.
      this.apply(`timer${timer}` as Event);
    };
    this.#timers.set(timer, this.#clock.setTimeout(fire, ms));
  }

  #stop(timer: TimerName): void {
    const id = this.#timers.get(timer);
    if (id === undefined) return;
    this.#clock.clearTimeout(id);
    this.#timers.delete(timer);
  }
}
