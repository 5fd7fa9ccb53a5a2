import type { EndReason } from '../call/end-reason.ts';
import type { Target } from '../config/document.ts';

/**
 * The seam between a compiled scheme and the world: everything that a scheme machine may ask for, by name. The live call
 * (`call/scheme-runner.ts`) implements it over SIP and media, the simulator over a script. A machine knows nothing else.
 *
 * Every method that takes time gets an `AbortSignal`: when the machine leaves the state (a digit, a timeout, the caller gone), the
 * signal is aborted and the implementation must stop what it does (audio stops, ringing is cancelled) and settle.
 */
export interface SchemeWorld {
  /** Answers the caller's INVITE (200) unless that has been done. Called on entering a block whose digits are live. */
  answer(): Promise<void>;

  /** Plays one audio to its end; answers first if need be. A file that cannot be played counts as played. */
  play(audio: string, signal: AbortSignal): Promise<void>;

  /**
   * `play` with `wait: false`: starts the audio and returns. It goes on while the following steps ring, until it ends, another audio starts, the
   * call is connected, or `stopAudio`.
   */
  startAudio(audio: string): void;
  stopAudio(): void;

  /**
   * Sends the call to a target. Calls `connected` once when the two parties talk: from then on the block's digits are dead. Resolves
   * when the conversation has ended (`connected`), or as soon as it is certain that there will be none.
   */
  forward(request: ForwardRequest, signal: AbortSignal, connected: () => void): Promise<ForwardResult>;

  /** Records a message. Resolves when it is stored, or when the caller has hung up. */
  voicemail(
    request: { readonly to: readonly string[]; readonly greeting?: string },
    signal: AbortSignal,
  ): Promise<void>;

  /** Receives a fax: the last thing that a call does. */
  fax(request: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void>;

  /** Each decision, for logs, history and the simulator's path. Must not throw. */
  trace(entry: TraceEntry): void;
}

export interface ForwardRequest {
  readonly target: Target | { readonly regionRules: string };
  /** Seconds; the smallest of all limits that apply wins (2-call-behaviour §3). */
  readonly timeout?: number;
  /** Heard by the caller instead of ring-back. */
  readonly music?: string;
  /** Nothing follows in the scheme: if an employee cannot be reached, his default action applies (§4.4.3), which is the world's business. */
  readonly last?: boolean;
}

export type ForwardResult =
  | { readonly outcome: 'connected'; readonly reason: EndReason }
  /** Not connected, and why; the scheme goes on with the next step. */
  | { readonly outcome: 'failed'; readonly reason: EndReason };

export interface TraceEntry {
  /** Stable, reads like a path in the scheme: `main/workdays/1/2`. */
  readonly state: string;
  readonly event: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** In words, for a person. */
  readonly why?: string;
}
