import type { ActorLogic, Snapshot } from 'xstate';
import type { ForwardRequest, ForwardResult, VoicemailRequest } from './actors.ts';
import type { EffectInputs } from './chart.ts';
import type { SchemeContext, SchemeEvent } from './context.ts';
import type { SchemeEnvironment } from './environment.ts';

/** What an effect is given: what the chart says, and the world of this call. */
export interface EffectInput<Params> {
  readonly environment: SchemeEnvironment;
  readonly params: Params;
}

type EffectSnapshot<Params, Output> = Snapshot<Output> & {
  readonly input: EffectInput<Params>;
  readonly stop: AbortController;
};

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
function effect<Params, Output>(
  work: (environment: SchemeEnvironment, params: Params, signal: AbortSignal) => Promise<Output>,
): ActorLogic<EffectSnapshot<Params, Output>, EffectEvent<Output>, EffectInput<Params>> {
  return {
    getInitialSnapshot: (_, input) => ({
      status: 'active',
      output: undefined,
      error: undefined,
      input,
      stop: new AbortController(),
    }),
    start: ({ input: { environment, params }, stop }, { self }) => {
      const { signal } = stop;
      const settle = (event: EffectEvent<Output>) => {
        environment.running.delete(stop);
        if (!signal.aborted) self.send(event);
      };
      environment.running.add(stop);
      work(environment, params, signal).then(
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
  if (!dialled) throw new Error('nobody was dialled');
  return forward(environment, { target: dialled }, signal);
}

const voicemail = (environment: SchemeEnvironment, request: VoicemailRequest, signal: AbortSignal): Promise<void> =>
  environment.world.voicemail(request, signal, teller(environment, signal, { type: 'recording' }));

async function voicemailOfDialled(environment: SchemeEnvironment, _: undefined, signal: AbortSignal): Promise<void> {
  return voicemail(environment, { to: mailboxOfDialled(environment.context()).to }, signal);
}

/** The employee who was not reached, and where his messages go. */
export function mailboxOfDialled({ dialled, tables }: SchemeContext): {
  readonly employee?: string;
  readonly to: readonly string[];
} {
  const employee = dialled && 'employee' in dialled ? tables.pbx.employee(dialled.employee) : undefined;
  return employee ? { employee: employee.id, to: employee.email ? [employee.email] : [] } : { to: [] };
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
