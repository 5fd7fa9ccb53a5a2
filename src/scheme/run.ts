import { createActor } from 'xstate';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { SchemeWorld } from './actors.ts';
import type { CompiledScheme } from './compile.ts';
import { type Journey, noJourney, type SchemeEvent, type SchemeOutput } from './context.ts';
import { stopAll } from './effects.ts';
import type { SchemeEnvironment } from './environment.ts';
import { schemesOf } from './schemes.ts';

export interface RunOptions {
  readonly world: SchemeWorld;
  readonly clock: Clock;
  readonly log: SchemeLog;
  /** The caller's number in international format; undefined when it is hidden. */
  readonly caller?: string;
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
  /** The calling tone of a fax was heard. */
  faxTone(): void;
  callerGone(): void;
  /** Resolves once, never rejects. Everything that was asked of the world has then been told to stop. */
  readonly done: Promise<SchemeEnd>;
  /** A key pressed now would mean something here; a fax tone, too. Nobody listens before the caller can be heard: that is not the scheme's to know. */
  readonly takes: { readonly digit: boolean; readonly faxTone: boolean };
  /** Where the call is: `main/workdays:0`. */
  readonly state: string;
  /** The keys that are pressed now are a password: they belong into no log and no history. */
  readonly secret: boolean;
}

/** Starts a compiled scheme for one call. What it asks of the world it may ask before this returns. */
export function runScheme(compiled: CompiledScheme, options: RunOptions): SchemeRun {
  const { promise, resolve } = Promise.withResolvers<SchemeEnd>();
  let stage: Stage;
  enter(compiled, noJourney);

  function enter(scheme: CompiledScheme, journey: Journey): void {
    stage = newStage(scheme, journey, options, ({ reason, next, journey: behind }) => {
      const other = next === undefined ? undefined : schemesOf(scheme.tables.pbx).get(next);
      if (other) {
        options.world.trace({ state: other.id, event: 'scheme', detail: { scheme: other.id } });
        enter(other, behind);
      } else resolve({ reason: next === undefined ? reason : 'schemeMisconfigured', failure: behind.failure });
    });
    // Only now: it may be over at once, and then the next one is the stage.
    stage.send({ type: 'begin' });
  }

  return {
    press: (digit) => {
      if (/^[0-9*#]$/.test(digit)) stage.send({ type: 'digit', digit });
    },
    faxTone: () => stage.send({ type: 'faxTone' }),
    callerGone: () => stage.send({ type: 'callerGone' }),
    done: promise,
    get takes() {
      return { digit: stage.takes({ type: 'digit', digit: '1' }), faxTone: stage.takes({ type: 'faxTone' }) };
    },
    get state() {
      return stage.state();
    },
    get secret() {
      return stage.state().includes(':password');
    },
  };
}

interface Stage {
  send(event: SchemeEvent): void;
  takes(event: SchemeEvent): boolean;
  state(): string;
}

/**
 * The only place where a machine of a scheme is made, so that none is without a listener for its errors: XState makes an error that nobody listens
 * to an uncaught exception, and that would end every call of the process. The machine waits for `begin`.
 */
function newStage(
  { id, machine, tables }: CompiledScheme,
  journey: Journey,
  { world, clock, log, caller }: RunOptions,
  ended: (output: SchemeOutput) => void,
): Stage {
  const send = (event: SchemeEvent) => {
    if (actor.getSnapshot().status === 'active') actor.send(event);
  };
  const environment: SchemeEnvironment = {
    world,
    context: () => actor.getSnapshot().context,
    tell: (event) => send(event),
    fault: (state, error) => {
      log.warn({ state, error: errorText(error) }, 'a step of a scheme has failed; the call goes on with the next one');
      world.trace({ state, event: 'fault', detail: { error: errorText(error) } });
    },
    running: new Set(),
  };
  const input = { tables, environment, now: () => clock.now(), caller, journey };
  const actor = createActor(machine, { clock, input });
  actor.subscribe({
    complete: () => {
      const { output } = actor.getSnapshot();
      if (output) ended(output);
    },
    error: (error) => {
      log.error({ scheme: id, err: error }, 'a scheme machine has failed; the call is ended');
      stopAll(environment);
      ended({ reason: 'lost', next: undefined, journey });
    },
  });
  actor.start();
  return { send, takes: (event) => actor.getSnapshot().can(event), state: () => pathOf(actor.getSnapshot().value) };
}

/** The state's place in the chart as one path: the block, then what is inside it. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [entry] = Object.entries(value as Readonly<Record<string, unknown>>);
  return entry ? `${entry[0]}:${pathOf(entry[1])}` : '';
}
