import { createActor } from 'xstate';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { SchemeWorld } from './actors.ts';
import type { CompiledScheme } from './compile.ts';
import { type Journey, noJourney, type SchemeEvent, type SchemeOutput } from './context.ts';
import { leave } from './effects.ts';
import type { SchemeEnvironment } from './environment.ts';
import type { FromOutside } from './outside.ts';
import { schemesOf } from './schemes.ts';

export interface RunOptions {
  readonly world: SchemeWorld;
  readonly clock: Clock;
  readonly log: SchemeLog;
  /** The caller's number in international format; undefined when it is hidden. */
  readonly caller?: string;
  /**
   * Told of everything that comes in from outside, before the machine acts on it. Must not throw.
   * @param at milliseconds since 1970: the time that it is for all that the machine decides because of it
   */
  readonly onInput?: (input: FromOutside, at: number) => void;
}

/** The part of a pino logger that a scheme needs. */
export interface SchemeLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SchemeEnd {
  readonly reason: EndReason;
  /** Why the last attempt to reach somebody failed: what a caller is to hear who has not been answered. */
  readonly failure: EndReason | undefined;
}

/** A call on its way through a scheme, and through the schemes that it is sent on to. */
export interface SchemeRun {
  /** The caller pressed a key: one of `0-9*#`. Others, and all after the end, are ignored. */
  press(digit: string): void;
  /** In place of the digits of a password: whether they were right. */
  password(right: boolean): void;
  /** The calling tone of a fax was heard. */
  faxTone(): void;
  callerGone(): void;
  /** Resolves once, never rejects. Everything that was asked of the world has then been told to stop. */
  readonly done: Promise<SchemeEnd>;
  /** A key pressed now would mean something here; a fax tone, too. Nobody listens before the caller can be heard: that is not the scheme's to know. */
  readonly takes: { readonly digit: boolean; readonly faxTone: boolean };
  /** Where the call is: `main/workdays:0`. */
  readonly state: string;
  readonly listening: Listening;
}

/**
 * What keys are now: `open`, those of a menu, `secret`, those of a password, which belong into no log and no history, or `deaf`, those of whoever has the line. Of the
 * latter two no input tells.
 */
export type Listening = 'open' | 'secret' | 'deaf';

/** Starts a compiled scheme for one call. What it asks of the world it may ask before this returns. */
export function runScheme(compiled: CompiledScheme, options: RunOptions): SchemeRun {
  const { promise, resolve } = Promise.withResolvers<SchemeEnd>();
  let stage: Stage;
  const door = new Door(options, () => stage.listening());
  let isGone = false;
  enter(compiled, noJourney);

  function enter(scheme: CompiledScheme, journey: Journey): void {
    stage = newStage(scheme, journey, options, door, ({ reason, next, journey: behind }) => {
      const other = next === undefined ? undefined : schemesOf(scheme.tables.pbx).get(next);
      if (other && !isGone) {
        options.world.trace({ state: other.id, event: 'scheme', detail: { scheme: other.id } });
        enter(other, behind);
        return;
      }
      // Gone while this machine was on its last way, which hears nothing any more.
      const otherwise = other ? 'callerHungUp' : 'schemeMisconfigured';
      resolve({ reason: next === undefined ? reason : otherwise, failure: behind.failure });
    });
    // Only now: it may be over at once, and then the next one is the stage.
    stage.send({ type: 'begin' }, journey === noJourney ? ['begin'] : undefined);
  }

  const isDeaf = () => stage.listening() === 'deaf';

  return {
    press: (digit) => {
      if (/^[0-9*#]$/.test(digit) && !isDeaf()) stage.send({ type: 'digit', digit }, ['digit', digit]);
    },
    password: (right) => {
      door.takeTime();
      stage.send({ type: 'password', right });
    },
    faxTone: () => {
      if (!isDeaf()) stage.send({ type: 'faxTone' }, ['fax']);
    },
    callerGone: () => {
      isGone = true;
      stage.send({ type: 'callerGone' }, ['hangup']);
    },
    done: promise,
    get takes() {
      const takes = (event: SchemeEvent) => !isDeaf() && stage.takes(event);
      return { digit: takes({ type: 'digit', digit: '1' }), faxTone: takes({ type: 'faxTone' }) };
    },
    get state() {
      return stage.state();
    },
    get listening() {
      return stage.listening();
    },
  };
}

/**
 * Where the outside comes in to the machines of a call, one after the other. It takes the time once for each input, so that a machine decides nothing
 * between two times, and passes over in silence what is not to be kept: the digits of a password, and what those press who talk.
 */
class Door {
  readonly #clock: Clock;
  readonly #onInput: RunOptions['onInput'];
  readonly #listening: () => Listening;
  #now: number;

  constructor({ clock, onInput }: RunOptions, listening: () => Listening) {
    this.#clock = clock;
    this.#onInput = onInput;
    this.#listening = listening;
    this.#now = clock.now();
  }

  /** The time of the latest input, milliseconds since 1970. */
  readonly now = (): number => this.#now;

  takeTime(): void {
    this.#now = this.#clock.now();
  }

  readonly heard = (input: FromOutside): void => {
    // What became of a password is a part of what was heard a moment ago.
    if (input[0] !== 'password') this.takeTime();
    if (this.#keeps(input)) this.#onInput?.(input, this.#now);
  };

  /** Times that are over come in like anything else. */
  readonly clock = {
    setTimeout: (fn: () => void, ms: number): TimerId =>
      this.#clock.setTimeout(() => {
        this.heard(['timer', ms]);
        fn();
      }, ms),
    clearTimeout: (id: TimerId): void => this.#clock.clearTimeout(id),
  };

  #keeps([kind]: FromOutside): boolean {
    if (kind === 'digit') return this.#listening() === 'open';
    // How long somebody takes over the keys of his password is nobody's business either.
    return kind !== 'timer' || this.#listening() !== 'secret';
  }
}

interface Stage {
  /** @param input what is told of it, if it comes from outside */
  send(event: SchemeEvent, input?: FromOutside): void;
  takes(event: SchemeEvent): boolean;
  state(): string;
  listening(): Listening;
}

/**
 * The only place where a machine of a scheme is made, so that none is without a listener for its errors: XState makes an error that nobody listens
 * to an uncaught exception, and that would end every call of the process. The machine waits for `begin`.
 */
function newStage(
  { id, machine, tables }: CompiledScheme,
  journey: Journey,
  { world, log, caller }: RunOptions,
  door: Door,
  ended: (output: SchemeOutput) => void,
): Stage {
  const send = (event: SchemeEvent, input?: FromOutside) => {
    if (actor.getSnapshot().status !== 'active') return;
    if (input) door.heard(input);
    actor.send(event);
  };
  const environment: SchemeEnvironment = {
    world,
    heard: door.heard,
    tell: send,
    fault: (state, error) => {
      log.warn({ state, error: errorText(error) }, 'a step of a scheme has failed; the call goes on with the next one');
      world.trace({ state, event: 'fault', detail: { error: errorText(error) } });
    },
    effect: undefined,
  };
  const input = { tables, environment, now: door.now, caller, journey };
  const actor = createActor(machine, { clock: door.clock, input });
  actor.subscribe({
    complete: () => {
      const { output } = actor.getSnapshot();
      if (output) ended(output);
    },
    error: (error) => {
      log.error({ scheme: id, err: error }, 'a scheme machine has failed; the call is ended');
      leave(environment);
      ended({ reason: 'lost', next: undefined, journey });
    },
  });
  actor.start();
  const listening = (): Listening => {
    const snapshot = actor.getSnapshot();
    if (snapshot.hasTag('secret' as never)) return 'secret';
    return snapshot.hasTag('deaf' as never) ? 'deaf' : 'open';
  };
  return {
    send,
    takes: (event) => actor.getSnapshot().can(event),
    state: () => pathOf(actor.getSnapshot().value),
    listening,
  };
}

/** The state's place in the chart as one path: the block, then what is inside it. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [entry] = Object.entries(value as Readonly<Record<string, unknown>>);
  return entry ? `${entry[0]}:${pathOf(entry[1])}` : '';
}
