import { errorText } from '../errors.ts';
import type { ForwardRequest, ForwardResult, RingTarget, SchemeWorld, VoicemailRequest } from './actors.ts';
import type { ActionParams, EffectInputs } from './chart.ts';
import type { SchemeContext } from './context.ts';
import type { SchemeEnvironment } from './environment.ts';
import type { FromOutside } from './outside.ts';

/** What the world does for a state while the machine is in it. */
type Work<Params, Output> = (effect: Running, params: Params) => Promise<Output>;

/** One that has begun. */
interface Running {
  readonly context: SchemeContext;
  /** Aborted when the machine leaves the state. */
  readonly signal: AbortSignal;
  /** The one that it is done for. */
  readonly state: string;
}

/** One for all: a new DOMException with its stack for every prompt that is cut short costs more than all the rest of cutting it. */
const left = new DOMException('the scheme has gone on', 'AbortError');

/**
 * Entering a state begins its effect. What comes of it is an event: `done` or `failed`; of what comes of it once the state has been left nobody
 * hears. As actors that XState invokes they would be a third of all that a machine costs.
 */
export function begin(context: SchemeContext, { state, effect }: ActionParams['begin']): void {
  const { environment } = context;
  const stop = new AbortController();
  environment.effect = stop;
  const { signal } = stop;
  // What is over needs no stopping.
  const over = () => {
    if (environment.effect === stop) environment.effect = undefined;
    return !signal.aborted;
  };
  works[effect.src]({ context, signal, state }, ('input' in effect ? effect.input : undefined) as never).then(
    (output) => {
      if (!over()) return;
      const told = forwards.has(effect.src) ? forwarded(state, output as ForwardResult) : (['done', state] as const);
      environment.tell({ type: 'done', output }, told);
    },
    (error: unknown) => {
      if (over()) environment.tell({ type: 'failed', error }, ['failed', state, errorText(error)]);
    },
  );
}

/** The state is left. */
export const leave = (environment: SchemeEnvironment): void => environment.effect?.abort(left);

/** Told only while the effect is wanted. */
const connected = ({ context, signal, state }: Running, whom?: RingTarget): void => {
  if (!signal.aborted) context.environment.tell({ type: 'connected', whom }, ['connected', state]);
};

const recording = ({ context, signal, state }: Running): void => {
  if (!signal.aborted) context.environment.tell({ type: 'recording' }, ['recording', state]);
};

const forward: Work<ForwardRequest, ForwardResult> = (effect, request) =>
  effect.context.environment.world.forward(
    request,
    effect.signal,
    (whom) => connected(effect, whom),
    () => recording(effect),
  );

const forwardDialled: Work<undefined, ForwardResult> = async (effect) => {
  const { dialled } = effect.context;
  if (!dialled) throw new Error('nobody was dialled');
  return forward(effect, { target: dialled });
};

const forwards: ReadonlySet<keyof EffectInputs> = new Set(['forward', 'forwardDialled']);

const forwarded = (state: string, result: ForwardResult): FromOutside =>
  result.outcome === 'scheme'
    ? ['forwarded', state, 'scheme', result.reason, result.scheme]
    : ['forwarded', state, result.outcome, result.reason];

const voicemail: Work<VoicemailRequest, void> = (effect, request) =>
  effect.context.environment.world.voicemail(request, effect.signal, () => recording(effect));

/** The employee who was not reached, and where his messages go. */
export function mailboxOfDialled({ dialled, tables }: SchemeContext): {
  readonly employee?: string;
  readonly to: readonly string[];
} {
  const employee = dialled && 'employee' in dialled ? tables.pbx.employee(dialled.employee) : undefined;
  return employee ? { employee: employee.id, to: employee.email ? [employee.email] : [] } : { to: [] };
}

const world = ({ context }: Running): SchemeWorld => context.environment.world;

/** What a state of a chart may invoke. */
export const works: { readonly [Name in keyof EffectInputs]: Work<EffectInputs[Name], unknown> } = {
  answer: async (effect) => world(effect).answer(),
  play: async (effect, { audio }) => world(effect).play(audio, effect.signal),
  forward: async (effect, request) => forward(effect, request),
  forwardDialled,
  voicemail: async (effect, request) => voicemail(effect, request),
  voicemailOfDialled: async (effect) => voicemail(effect, mailboxOfDialled(effect.context)),
  fax: async (effect, request) => world(effect).fax(request, effect.signal),
};
