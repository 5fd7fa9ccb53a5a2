import type { ActorLogic, Snapshot } from 'xstate';
import { errorText } from '../errors.ts';
import type { ForwardRequest, ForwardResult, RingTarget, VoicemailRequest } from './actors.ts';
import type { EffectInputs } from './chart.ts';
import type { SchemeContext } from './context.ts';
import type { SchemeEnvironment, ToldEvent } from './environment.ts';
import type { FromOutside } from './outside.ts';

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

/** @param state the one that the effect is invoked by, which is what XState calls it */
type Work<Params, Output> = (
  environment: SchemeEnvironment,
  params: Params,
  signal: AbortSignal,
  state: string,
) => Promise<Output>;

/**
 * An actor that does one thing in the world and is done. As XState's `fromPromise`, but aborting with a shared reason, and with two thirds
 * of its cost per call: each call starts several.
 * @param told how its end is told of, as something that came in from outside
 */
function effect<Params, Output>(
  work: Work<Params, Output>,
  told: (state: string, output: Output) => FromOutside = (state) => ['done', state],
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
      const settle = (event: Exclude<EffectEvent<Output>, { readonly type: 'xstate.stop' }>) => {
        environment.running.delete(stop);
        if (signal.aborted) return;
        environment.heard(
          event.type === 'settled' ? told(self.id, event.output) : ['failed', self.id, errorText(event.error)],
        );
        self.send(event);
      };
      environment.running.add(stop);
      work(environment, params, signal, self.id).then(
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
  ({ tell }: SchemeEnvironment, signal: AbortSignal, state: string) =>
  (event: ToldEvent) => {
    if (!signal.aborted) tell(event, state);
  };

const forward: Work<ForwardRequest, ForwardResult> = (environment, request, signal, state) => {
  const tell = teller(environment, signal, state);
  const connected = (whom?: RingTarget) => tell({ type: 'connected', whom });
  return environment.world.forward(request, signal, connected, () => tell({ type: 'recording' }));
};

const forwardDialled: Work<undefined, ForwardResult> = async (environment, _, signal, state) => {
  const { dialled } = environment.context();
  if (!dialled) throw new Error('nobody was dialled');
  return forward(environment, { target: dialled }, signal, state);
};

const forwarded = (state: string, result: ForwardResult): FromOutside =>
  result.outcome === 'scheme'
    ? ['forwarded', state, 'scheme', result.reason, result.scheme]
    : ['forwarded', state, result.outcome, result.reason];

const voicemail: Work<VoicemailRequest, void> = (environment, request, signal, state) => {
  const tell = teller(environment, signal, state);
  return environment.world.voicemail(request, signal, () => tell({ type: 'recording' }));
};

const voicemailOfDialled: Work<undefined, void> = async (environment, _, signal, state) =>
  voicemail(environment, mailboxOfDialled(environment.context()), signal, state);

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
  forward: effect(forward, forwarded),
  forwardDialled: effect(forwardDialled, forwarded),
  voicemail: effect(voicemail),
  voicemailOfDialled: effect(voicemailOfDialled),
  fax: effect(({ world }, request: EffectInputs['fax'], signal) => world.fax(request, signal)),
} satisfies Record<keyof EffectInputs, unknown>;
