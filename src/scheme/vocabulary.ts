import { assign, enqueueActions, setup } from 'xstate';
import type { ForwardResult } from './actors.ts';
import type { ActionParams, Chart, GuardParams, State } from './chart.ts';
import type { Journey, SchemeContext, SchemeEvent, SchemeInput, SchemeOutput } from './context.ts';
import { begin, leave, mailboxOfDialled, works } from './effects.ts';
import type { Verdict } from './input.ts';
import { regionOf } from './regions.ts';
import { recipients } from './steps/voicemail.ts';
import { resolve } from './targets.ts';

/** Returns to the main menu in one call (2-call-behaviour §2). */
const maxMainMenu = 20;
/** Schemes that a call may be sent on to. More is a circle. */
const maxSchemes = 20;
/** Digits. One more is kept than a password can have, so that a longer one is wrong. */
const longestPassword = 16;

/**
 * Everything that a compiled scheme may name, and what it does. One vocabulary for all schemes, so that a machine is made of data alone.
 * Guards and assignments are pure; the other actions speak to the world of the running call.
 */
const vocabulary = setup({
  types: {} as { context: SchemeContext; events: SchemeEvent; input: SchemeInput; output: SchemeOutput },
  actions: {
    trace: ({ context }, entry: ActionParams['trace']) => context.environment.world.trace(entry),
    traceBranch: ({ context }, { state, block, index, before }: ActionParams['traceBranch']) => {
      const explain = (branch: string) => context.tables.whens.get(branch)?.explain(context.now()) ?? '';
      const why = before.length === 0 ? explain(state) : `${explain(state)}: ${before.map(explain).join(', and ')}`;
      context.environment.world.trace({ state, event: 'branch', detail: { block, index }, why });
    },
    traceEntry: ({ context, event }, { state, why }: ActionParams['traceEntry']) => {
      context.environment.world.trace({ state, event: 'digit', detail: { digits: digitsOf(event) }, why });
    },
    traceCall: ({ context, event }, { state, event: what, target }: ActionParams['traceCall']) => {
      const whom = ('whom' in event ? event.whom : undefined) ?? target ?? context.dialled ?? {};
      const reason = what === 'noAnswer' ? { reason: resultOf(event)?.reason } : {};
      const name = what === 'ring' && 'group' in whom ? 'queue' : what;
      context.environment.world.trace({ state, event: name, detail: { ...whom, ...reason } });
    },
    traceMailbox: ({ context }, { state }: ActionParams['traceMailbox']) => {
      const { employee, to } = mailboxOfDialled(context);
      const { voicemail } = context.tables.pbx.document;
      const detail = { ...(employee === undefined ? {} : { employee }), to: recipients(to, voicemail) };
      context.environment.world.trace({ state, event: 'voicemail', detail });
    },
    fault: ({ context, event }, { state }: ActionParams['fault']) => {
      context.environment.fault(state, 'error' in event ? event.error : undefined);
    },
    begin: ({ context }, params: ActionParams['begin']) => begin(context, params),
    leave: ({ context }) => leave(context.environment),
    startAudio: ({ context }, { audio }: ActionParams['startAudio']) => context.environment.world.startAudio(audio),
    stopAudio: ({ context }) => context.environment.world.stopAudio(),

    take: enqueueActions(({ enqueue, context, event }, { input, pauseMs }: ActionParams['take']) => {
      if (event.type !== 'digit') return;
      const entered = context.entered + event.digit;
      const verdict = context.tables.inputs.get(input)?.match(entered);
      if (verdict?.kind === 'unknown' && endsFormer(context, event, pauseMs)) {
        enqueue.assign(after(context, () => ({ entryAt: undefined })));
        return;
      }
      if (context.entered !== '') enqueue.cancel('pause');
      if (!verdict || verdict.kind === 'more') {
        enqueue.assign({ entered });
        enqueue.raise({ type: 'pause' }, { id: 'pause', delay: pauseMs });
      } else {
        const entryAt = event.digit === '#' ? undefined : context.now();
        enqueue.assign({ entered: '', ...after(context, () => ({ entryAt })) });
        enqueue.raise(entryOf(verdict));
      }
    }),
    settle: enqueueActions(({ enqueue, context }, { input }: ActionParams['settle']) => {
      const verdict = context.tables.inputs.get(input)?.settle(context.entered);
      enqueue.assign({ entered: '', ...after(context, () => ({ entryAt: context.now() })) });
      if (verdict) enqueue.raise(entryOf(verdict));
    }),
    keep: assign(({ context, event }) =>
      event.type === 'digit' && context.entered.length <= longestPassword
        ? { entered: context.entered + event.digit }
        : {},
    ),
    endFormer: assign(({ context }) => after(context, () => ({ entryAt: undefined }))),
    forget: enqueueActions(({ enqueue, context }) => {
      if (context.entered === '') return;
      enqueue.assign({ entered: '' });
      enqueue.cancel('pause');
    }),

    toldPassword: ({ context }, { right }: ActionParams['toldPassword']) =>
      context.environment.heard(['password', right]),

    remember: assign((_, { employee }: ActionParams['remember']) => ({
      dialled: { employee, contact: 'asConfigured' },
    })),
    dial: assign(({ context, event }) => {
      const whom = resolve({ extension: digitsOf(event) }, context.tables.pbx);
      return whom && !('scheme' in whom) ? { dialled: whom } : {};
    }),
    dialTrunk: assign(({ event }) =>
      event.type === 'trunk' ? { dialled: { trunk: event.trunk, number: event.number } } : {},
    ),

    countInvalid: assign(({ context }, { block }: ActionParams['countInvalid']) =>
      after(context, ({ invalid }) => ({ invalid: oneMore(invalid, block) })),
    ),
    countWrongPassword: assign(({ context }, { block }: ActionParams['countWrongPassword']) =>
      after(context, ({ wrongPassword }) => ({ wrongPassword: oneMore(wrongPassword, block) })),
    ),
    countMainMenu: assign(({ context }) => after(context, ({ mainMenu }) => ({ mainMenu: mainMenu + 1 }))),
    played: assign(({ context }, { step }: ActionParams['played']) =>
      after(context, ({ played }) => ({ played: { ...played, [step]: true as const } })),
    ),
    failed: assign(({ context, event }) => after(context, () => ({ failure: resultOf(event)?.reason }))),

    end: assign((_, { reason }: ActionParams['end']) => ({ reason })),
    endOfForward: assign(({ context, event }) => ({ reason: resultOf(event)?.reason ?? context.reason })),
    goOn: assign(({ context }, { scheme }: ActionParams['goOn']) => onTo(context, scheme)),
    goOnDialled: assign(({ context, event }) => {
      const scheme = schemeWith(context, digitsOf(event));
      return scheme === undefined ? {} : onTo(context, scheme);
    }),
    goOnSent: assign(({ context, event }) => {
      const scheme = sentTo(context, event);
      return scheme === undefined ? {} : onTo(context, scheme);
    }),
    sent: assign(({ context, event }) => ({ sent: sentTo(context, event) })),
  },
  guards: {
    when: ({ context }, { branch }: GuardParams['when']) =>
      context.tables.whens.get(branch)?.holds(context.now()) ?? false,
    nothingEntered: ({ context }) => context.entered === '',
    entryBegun: ({ context }) => context.entered !== '',
    endsEntry: ({ event }) => event.type === 'digit' && event.digit === '#',
    endsFormer: ({ context, event }, { pauseMs }: GuardParams['endsFormer']) => endsFormer(context, event, pauseMs),
    isPassword: ({ context }, { item }: GuardParams['isPassword']) =>
      context.tables.passwords.get(item) === context.entered,
    wasPassword: ({ event }) => event.type === 'password' && event.right,
    lastInvalid: ({ context }, { block, max }: GuardParams['lastInvalid']) =>
      (context.journey.invalid[block] ?? 0) + 1 >= max,
    lastWrongPassword: ({ context }, { block, max }: GuardParams['lastWrongPassword']) =>
      (context.journey.wrongPassword[block] ?? 0) + 1 >= max,
    mayReturn: ({ context }) => context.journey.mainMenu < maxMainMenu,
    mayGoOn: ({ context }) => context.journey.schemes < maxSchemes,
    dialsScheme: ({ context, event }) => schemeWith(context, digitsOf(event)) !== undefined,
    mayGoOnDialled: ({ context, event }) =>
      context.journey.schemes < maxSchemes && schemeWith(context, digitsOf(event)) !== undefined,
    dialledEmployee: ({ context }) => context.dialled !== undefined && 'employee' in context.dialled,
    wasPlayed: ({ context }, { step }: GuardParams['wasPlayed']) => context.journey.played[step] === true,
    dealtWith: ({ event }) => ['connected', 'ended'].includes(resultOf(event)?.outcome ?? ''),
    sentToScheme: ({ context, event }) => sentTo(context, event) !== undefined,
    sentInEntry: ({ context, event }) => context.entered !== '' && sentTo(context, event) !== undefined,
    mayGoOnSent: ({ context, event }) => context.journey.schemes < maxSchemes && sentTo(context, event) !== undefined,
    inRegion: ({ context }, { rules, index }: GuardParams['inRegion']) =>
      regionOf(context.tables.pbx.document.regionRules, rules, context.caller) === index,
  },
});

/** @param chart the whole scheme */
export function makeMachine({ id, initial, on, states }: Chart) {
  const config = {
    id,
    initial,
    on,
    states: mapStates(states),
    context: ({ input }: { input: SchemeInput }): SchemeContext => ({
      ...input,
      entered: '',
      dialled: undefined,
      reason: 'schemeEnded',
      sent: undefined,
      next: undefined,
    }),
    output: ({ context: { reason, next, journey } }: { context: SchemeContext }): SchemeOutput => ({
      reason,
      next,
      journey,
    }),
  };
  // The chart's types are ours (`chart.ts`), narrower than XState's: they allow the names of this vocabulary and no others.
  return vocabulary.createMachine(config as unknown as Parameters<typeof vocabulary.createMachine>[0]);
}

const mapStates = (states: Readonly<Record<string, State>>): Record<string, object> =>
  Object.fromEntries(Object.entries(states).map(([key, state]) => [key, mapState(state)]));

function mapState({ invoke, states, ...state }: State): object {
  const inside = states ? { states: mapStates(states) } : {};
  if (!invoke) return { ...state, ...inside };
  const { onDone, onError, ...effect } = invoke;
  return {
    ...state,
    ...inside,
    entry: [...(state.entry ?? []), { type: 'begin', params: { state: state.id, effect } }],
    exit: [...(state.exit ?? []), { type: 'leave' }],
    on: { ...state.on, done: onDone, failed: onError },
  };
}

export type SchemeMachine = ReturnType<typeof makeMachine>;

const digitsOf = (event: object): string => ('digits' in event ? String(event.digits) : '');

/** A lone `#`, so soon after an entry that it belongs to it. */
const endsFormer = (
  { entered, journey: { entryAt }, now }: SchemeContext,
  event: SchemeEvent,
  pauseMs: number,
): boolean =>
  event.type === 'digit' &&
  event.digit === '#' &&
  entered === '' &&
  entryAt !== undefined &&
  now() - entryAt <= pauseMs;

/** How a forward ended, from the event of its end. */
const resultOf = (event: object): ForwardResult | undefined =>
  'output' in event ? (event.output as ForwardResult | undefined) : undefined;

/** Where an assistant has sent the call on to: as the event of his end says, or as it said before an entry that came to nothing. */
function sentTo({ sent }: SchemeContext, event: SchemeEvent): string | undefined {
  if (event.type === 'unknown') return sent;
  const result = resultOf(event);
  return result?.outcome === 'scheme' ? result.scheme : undefined;
}

function entryOf(verdict: Exclude<Verdict, { kind: 'more' }>): SchemeEvent {
  switch (verdict.kind) {
    case 'key':
      return { type: `key:${verdict.digits}`, digits: verdict.digits };
    case 'trunk':
      return { type: 'trunk', digits: verdict.digits, trunk: verdict.trunk, number: verdict.number };
    default:
      return { type: verdict.kind, digits: verdict.digits };
  }
}

function schemeWith({ tables: { pbx } }: SchemeContext, extension: string): string | undefined {
  const found = pbx.extension(extension);
  return found?.kind === 'scheme' ? found.scheme.id : undefined;
}

const after = ({ journey }: SchemeContext, change: (journey: Journey) => Partial<Journey>) => ({
  journey: { ...journey, ...change(journey) },
});

const oneMore = (counts: Readonly<Record<string, number>>, key: string) => ({
  ...counts,
  [key]: (counts[key] ?? 0) + 1,
});

const onTo = (context: SchemeContext, scheme: string) => ({
  next: scheme,
  ...after(context, ({ schemes }) => ({ schemes: schemes + 1 })),
});

const { actions, guards } = makeMachine({
  id: 'nothing',
  initial: 'end',
  on: {},
  states: { end: { id: 'end', type: 'final' } },
}).implementations;

/** What a chart may name. */
export const names = {
  actions: new Set(Object.keys(actions)),
  guards: new Set(Object.keys(guards)),
  effects: new Set(Object.keys(works)),
};
