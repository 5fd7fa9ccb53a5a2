import type { ActorLogic, ActorScope, EventObject, Snapshot } from 'xstate';
import type { ForwardRequest, ForwardResult, SchemeWorld, VoicemailRequest } from './actors.ts';
import type { EffectInputs } from './chart.ts';
import type { SchemeContext, SchemeEvent } from './context.ts';

/** What one running scheme can reach. */
export interface SchemeEnvironment {
  readonly world: SchemeWorld;
  context(): SchemeContext;
  /** Tells the machine what happened in the middle of an effect. */
  tell(event: SchemeEvent): void;
  /** Something did not work that should. */
  fault(state: string, error: unknown): void;
  /** What is being done now. */
  readonly running: Set<AbortController>;
}

type System = ActorScope<Snapshot<unknown>, EventObject>['system'];

/** The machine and its contexts are data, so the world is found by the actor system, of which every running scheme has its own. */
const environments = new WeakMap<System, SchemeEnvironment>();

export const connect = (system: System, environment: SchemeEnvironment): void => {
  environments.set(system, environment);
};

export function environmentOf(system: System): SchemeEnvironment {
  const environment = environments.get(system);
  if (!environment) throw new Error('a scheme runs without a world: start it with runScheme');
  return environment;
}

type EffectSnapshot<Input, Output> = Snapshot<Output> & { readonly input: Input; readonly stop: AbortController };

type EffectEvent<Output> =
  | { readonly type: 'settled'; readonly output: Output }
  | { readonly type: 'rejected'; readonly error: unknown }
  | { readonly type: 'xstate.stop' };

/** One for all: a new DOMException with its stack for every prompt that is cut short costs more than all the rest of cutting it. */
const left = new DOMException('the scheme has gone on', 'AbortError');

/**
 * An actor that does one thing in the world and is done. As XState's `fromPromise`, but aborting with a shared reason, and with two thirds
 * of its cost per call: each call starts several.
 */
function effect<Input, Output>(
  work: (environment: SchemeEnvironment, input: Input, signal: AbortSignal) => Promise<Output>,
): ActorLogic<EffectSnapshot<Input, Output>, EffectEvent<Output>, Input> {
  return {
    getInitialSnapshot: (_, input) => ({
      status: 'active',
      output: undefined,
      error: undefined,
      input,
      stop: new AbortController(),
    }),
    start: ({ input, stop }, { self, system }) => {
      const environment = environmentOf(system);
      const { signal } = stop;
      const settle = (event: EffectEvent<Output>) => {
        environment.running.delete(stop);
        if (!signal.aborted) self.send(event);
      };
      environment.running.add(stop);
      work(environment, input, signal).then(
        (output) => settle({ type: 'settled', output }),
        (error) => settle({ type: 'rejected', error }),
      );
    },
    transition: (snapshot, event) => {
      switch (event.type) {
        case 'settled':
          return { ...snapshot, status: 'done', output: event.output, error: undefined };
        case 'rejected':
          return { ...snapshot, status: 'error', output: undefined, error: event.error };
        case 'xstate.stop':
          snapshot.stop.abort(left);
          return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
      }
    },
    getPersistedSnapshot: (snapshot) => snapshot,
  };
}

/** After an error of the machine itself, which leaves its actors alone. */
export function stopAll({ running }: SchemeEnvironment): void {
  for (const stop of running) stop.abort(left);
}

/** Told only while the effect is wanted. */
const teller =
  ({ tell }: SchemeEnvironment, signal: AbortSignal, event: SchemeEvent) =>
  () => {
    if (!signal.aborted) tell(event);
  };

const forward = (
  environment: SchemeEnvironment,
  request: ForwardRequest,
  signal: AbortSignal,
): Promise<ForwardResult> =>
  environment.world.forward(request, signal, teller(environment, signal, { type: 'connected' }));

async function forwardDialled(
  environment: SchemeEnvironment,
  _: undefined,
  signal: AbortSignal,
): Promise<ForwardResult> {
  const { dialled } = environment.context();
  if (!dialled || 'scheme' in dialled) throw new Error('nobody was dialled');
  return forward(environment, { target: dialled }, signal);
}

const voicemail = (environment: SchemeEnvironment, request: VoicemailRequest, signal: AbortSignal): Promise<void> =>
  environment.world.voicemail(request, signal, teller(environment, signal, { type: 'recording' }));

async function voicemailOfDialled(environment: SchemeEnvironment, _: undefined, signal: AbortSignal): Promise<void> {
  const { dialled, tables } = environment.context();
  const employee = dialled && 'employee' in dialled ? tables.pbx.employee(dialled.employee) : undefined;
  return voicemail(environment, { to: employee?.email ? [employee.email] : [] }, signal);
}

/** What a scheme machine may invoke. */
export const effects = {
  answer: effect(({ world }, _: undefined) => world.answer()),
  play: effect(({ world }, { audio }: EffectInputs['play'], signal) => world.play(audio, signal)),
  forward: effect(forward),
  forwardDialled: effect(forwardDialled),
  voicemail: effect(voicemail),
  voicemailOfDialled: effect(voicemailOfDialled),
  fax: effect(({ world }, request: EffectInputs['fax'], signal) => world.fax(request, signal)),
} satisfies Record<keyof EffectInputs, unknown>;
