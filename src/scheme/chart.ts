import type { EndReason } from '../end-reason.ts';
import type { ForwardRequest, RingTarget, TraceEntry, VoicemailRequest } from './actors.ts';

/**
 * The form of a compiled scheme: the part of an XState machine's configuration that the compiler uses, with our names in place of strings. It
 * is data: it prints, and two versions can be compared. What the names do is in `vocabulary.ts`.
 */
export interface State {
  readonly id: string;
  /** Where in the document it comes from: `branches[0].menu["1"]`. */
  readonly description?: string;
  readonly type?: 'final';
  /** What keys mean here: `deaf`, nothing, they belong to whoever has the line; `secret`, they are a password. */
  readonly tags?: readonly ('deaf' | 'secret')[];
  readonly initial?: string;
  readonly states?: Readonly<Record<string, State>>;
  readonly entry?: readonly Action[];
  readonly exit?: readonly Action[];
  readonly invoke?: Invoke;
  readonly on?: Readonly<Record<string, Transitions>>;
  readonly always?: Transitions;
  /** By milliseconds. */
  readonly after?: Readonly<Record<number, Transitions>>;
}

/** The states of a whole scheme by path, flat: to enter a menu item is to leave the menu. */
export interface Chart {
  readonly id: string;
  readonly initial: string;
  readonly on: Readonly<Record<string, Transitions>>;
  readonly states: Readonly<Record<string, State>>;
}

export type Transitions = readonly Transition[];

/** The first whose guard holds is taken. None taken: the event is ignored. */
export interface Transition {
  readonly guard?: Guard;
  /** Of `to(path)`. Without one the state is kept. */
  readonly target?: string;
  /** The target is left and entered again if the machine is in it. */
  readonly reenter?: true;
  readonly actions?: readonly Action[];
}

/** Begins when the state is entered, and is stopped when it is left. No state inside has one. */
export type Invoke = Effect & {
  readonly onDone: Transitions;
  readonly onError: Transitions;
};

/** What the world is asked for, by name. */
export type Effect = Named<'src', 'input', EffectInputs>;

export interface EffectInputs {
  answer: undefined;
  play: { readonly audio: string };
  forward: ForwardRequest;
  /** Rings whom the caller has dialled. */
  forwardDialled: undefined;
  voicemail: VoicemailRequest;
  /** The mailbox of the employee who was not reached. */
  voicemailOfDialled: undefined;
  fax: { readonly to: readonly string[] };
}

export type Action = Named<'type', 'params', ActionParams>;

export interface ActionParams {
  /** Tells the world of a decision. */
  trace: TraceEntry;
  /** As `trace`, with the reason why the branch was chosen at this moment. */
  traceBranch: {
    readonly state: string;
    readonly block: string;
    readonly index: number;
    /** The branches before one that is for any (other) time: that they are not for this one is the reason. */
    readonly before: readonly string[];
  };
  /** As `trace`, with the keys that were pressed. */
  traceEntry: { readonly state: string; readonly why: string };
  /** As `trace`, of an attempt to reach somebody: who took the call, else `target`, else whom the caller has dialled. */
  traceCall: { readonly state: string; readonly event: 'ring' | 'connect' | 'noAnswer'; readonly target?: RingTarget };
  /** As `trace`, of the mailbox of the employee who was not reached. */
  traceMailbox: { readonly state: string };
  /** Logs and traces that an effect has failed. */
  fault: { readonly state: string };
  /** Of the machine: an `invoke` begins, and is stopped. */
  begin: { readonly state: string; readonly effect: Effect };
  leave: undefined;
  startAudio: { readonly audio: string };
  stopAudio: undefined;
  /** A key was pressed: raises an entry if it is complete, else waits for more. */
  take: { readonly input: string; readonly pauseMs: number };
  /** Nothing more was pressed: raises what there is. */
  settle: { readonly input: string };
  /** A key of a password was pressed. */
  keep: undefined;
  /** The `#` has come that belongs to the entry before. */
  endFormer: undefined;
  forget: undefined;
  /** Tells the outside what became of a password. */
  toldPassword: { readonly right: boolean };
  remember: { readonly employee: string };
  dial: undefined;
  dialTrunk: undefined;
  countInvalid: { readonly block: string };
  countWrongPassword: { readonly block: string };
  countMainMenu: undefined;
  played: { readonly step: string };
  failed: undefined;
  /** Why the call ends. */
  end: { readonly reason: EndReason };
  /** The call ends as the forward did. */
  endOfForward: undefined;
  goOn: { readonly scheme: string };
  goOnDialled: undefined;
  goOnSent: undefined;
  /** Keeps where an assistant has sent the call on to. */
  sent: undefined;
}

export type Guard = Named<'type', 'params', GuardParams>;

export interface GuardParams {
  /** The branch's `when` holds now. */
  when: { readonly branch: string };
  nothingEntered: undefined;
  /** Keys have been pressed that are no whole entry yet. */
  entryBegun: undefined;
  endsEntry: undefined;
  /** A `#` that belongs to the entry before: it came within this time of it, and nothing else was pressed. */
  endsFormer: { readonly pauseMs: number };
  isPassword: { readonly item: string };
  /** As the event says, which knows no digits. */
  wasPassword: undefined;
  /** This one would be the `max`-th. */
  lastInvalid: { readonly block: string; readonly max: number };
  lastWrongPassword: { readonly block: string; readonly max: number };
  mayReturn: undefined;
  mayGoOn: undefined;
  /** The extension that was entered is a scheme's. */
  dialsScheme: undefined;
  mayGoOnDialled: undefined;
  dialledEmployee: undefined;
  wasPlayed: { readonly step: string };
  /** The forward ended in a conversation, or in an assistant's hands. */
  dealtWith: undefined;
  /** An assistant has sent the call on to a scheme. */
  sentToScheme: undefined;
  /** He has just done so, while an entry had begun. */
  sentInEntry: undefined;
  mayGoOnSent: undefined;
  inRegion: { readonly rules: string; readonly index: number };
}

type Named<Key extends string, Value extends string, Map> = {
  [Name in keyof Map]: { readonly [K in Key]: Name } & (undefined extends Map[Name]
    ? unknown
    : { readonly [V in Value]: Map[Name] });
}[keyof Map];
