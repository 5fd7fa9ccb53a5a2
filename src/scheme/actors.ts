import type { Target } from '../config/document.ts';
import type { EndReason } from '../end-reason.ts';

/**
 * The seam between a compiled scheme and the world: everything that a scheme machine may ask for, by name. The live call
 * (`call/run-scheme.ts`) implements it over SIP and media, the simulator over a script. A machine knows nothing else.
 *
 * Every method that takes time gets an `AbortSignal`: when the machine leaves the state (a digit, a timeout, the caller gone), the
 * signal is aborted and the implementation must stop what it does (audio stops, ringing is cancelled) and settle. What it settles with
 * after that is ignored. The abort may come after the next `startAudio`: each method stops only what is its own. A method that rejects without having been aborted counts as not having worked: it is logged and the scheme goes
 * on with the next step (after `answer`: it ends).
 */
export interface SchemeWorld {
  /**
   * Answers the caller's INVITE (200) unless that has been done. Called on entering a block that needs to hear the caller and whose first step does
   * not answer him itself.
   */
  answer(): Promise<void>;

  /** Plays one audio to its end; answers first if need be. A file that cannot be played counts as played. */
  play(audio: string, signal: AbortSignal): Promise<void>;

  /**
   * `play` with `wait: false`: starts the audio (and answers first if need be) and returns. It goes on while the following steps ring,
   * until it ends, another audio starts, the call is connected, or `stopAudio`.
   */
  startAudio(audio: string): void;
  /** On leaving a block. Called also when nothing plays. */
  stopAudio(): void;

  /**
   * Sends the call to a target. Calls `connected` once when the two parties talk, and says with whom: that may be another than was asked for, because an
   * employee's assistant (§4.4.6.1.5) has sent the call on. Calls `recording` when the caller leaves the assistant a message. From either on the block's
   * digits are dead. Resolves when the conversation has ended (`connected`), or as soon as it is certain that there will be none.
   */
  forward(
    request: ForwardRequest,
    signal: AbortSignal,
    connected: (whom?: RingTarget) => void,
    recording: () => void,
  ): Promise<ForwardResult>;

  /**
   * Records a message; answers first if need be. Calls `recording` when the greeting is over: until then the block's digits are live, from then on they belong
   * to the mailbox (`#` ends a message). Resolves when it is stored, or when the caller has hung up.
   */
  voicemail(request: VoicemailRequest, signal: AbortSignal, recording: () => void): Promise<void>;

  /** Receives a fax, answering first if need be: the last thing that a call does. Empty `to`: the address of `fax.email`. */
  fax(request: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void>;

  /** Each decision, for logs, history and the simulator's path. Must not throw. */
  trace(entry: TraceEntry): void;
}

/** Somebody to ring. Other schemes and short numbers are resolved before the world is asked. */
export type RingTarget = Exclude<Target, { readonly scheme: string } | { readonly extension: string }>;

export interface ForwardRequest {
  readonly target: RingTarget;
  /** Seconds; the smallest of all limits that apply wins (2-call-behaviour §3). */
  readonly timeout?: number;
  /** Heard by the caller instead of ring-back. */
  readonly music?: string;
}

export type ForwardResult =
  | { readonly outcome: 'connected'; readonly reason: EndReason }
  /** Not connected, and why; the scheme goes on with the next step. */
  | { readonly outcome: 'failed'; readonly reason: EndReason }
  /** The call has been dealt with: an assistant has hung up or taken a message, a caller who waited is to be called back. Nothing follows. */
  | { readonly outcome: 'ended'; readonly reason: EndReason }
  /** The assistant of an employee, or his phone, has sent the call on to a scheme; `reason`: why he was not reached. Comes of employees alone. */
  | { readonly outcome: 'scheme'; readonly scheme: string; readonly reason: EndReason };

export interface VoicemailRequest {
  /** Empty: the address of `voicemail.email`. */
  readonly to: readonly string[];
  /** Whose message it is: an employee who was called and not reached. Unset: that of whoever has the address, or the PBX's. */
  readonly employee?: string;
  /** Unset: `voicemail.warning`. */
  readonly greeting?: string;
}

/**
 * Events of a forward, of which the machine knows only that it asked. The call layer knows who was really rung and what came of it, and notes that in
 * their place, at the same state; and audio that could not be played. A path that a call has kept and the traces of its machine are alike but for these.
 */
export const toldByTheCall: ReadonlySet<TraceEvent> = new Set([
  'ring',
  'queue',
  'answer',
  'connect',
  'noAnswer',
  'callback',
  'unheard',
]);

/** What happened, in the words of the simulator. */
export type TraceEvent =
  | 'branch'
  | 'play'
  | 'wait'
  /** A complete entry, not each key. Passwords are never shown. */
  | 'digit'
  | 'password'
  | 'ring'
  /** Somebody has picked up. */
  | 'answer'
  | 'queue'
  | 'connect'
  | 'noAnswer'
  | 'voicemail'
  | 'fax'
  | 'rule'
  | 'mainMenu'
  /** A simulated caller has run out of patience. */
  | 'gaveUp'
  | 'scheme'
  | 'hangup'
  /** Somebody is told of the call, by SMS or e-mail. */
  | 'notice'
  /** The caller has asked the queue of a group to be called back. */
  | 'callback'
  /** Something did not work that should; the scheme went on. */
  | 'fault'
  /** Audio that could not be played: there was silence in its place. */
  | 'unheard';

export interface TraceEntry {
  /** Stable, reads like a path in the scheme: `main/workdays/1/2`, and after a colon the place in that block: `main/workdays/1:0`. */
  readonly state: string;
  readonly event: TraceEvent;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** In words, for a person. */
  readonly why?: string;
}
