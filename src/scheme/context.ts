import type { EndReason } from '../end-reason.ts';
import type { RingTarget } from './actors.ts';
import type { SchemeEnvironment } from './environment.ts';
import type { SchemeTables } from './tables.ts';

/** What a call has behind it; it goes along when the call is sent on to another scheme. */
export interface Journey {
  /** Times back to the main menu (`mainMenu`) and on to another scheme (`schemes`). */
  readonly mainMenu: number;
  readonly schemes: number;
  /** By block: how often nothing matched. */
  readonly invalid: Readonly<Record<string, number>>;
  /** By the menu that the item stands in: wrong passwords. */
  readonly wrongPassword: Readonly<Record<string, number>>;
  /** Steps that are not played again. */
  readonly played: Readonly<Record<string, true>>;
  /**
   * When the latest entry was complete before a `#` could end it, milliseconds since 1970. Many callers end every number with `#`: one that follows is
   * no entry of its own, wherever the call has gone meanwhile.
   */
  readonly entryAt: number | undefined;
  /** Why the last attempt to reach somebody failed. */
  readonly failure: EndReason | undefined;
}

export const noJourney: Journey = {
  mainMenu: 0,
  schemes: 0,
  invalid: {},
  wrongPassword: {},
  played: {},
  entryAt: undefined,
  failure: undefined,
};

/** The state of one running scheme beside its place. All is plain data but the tables, which all calls share, and the way to the world. */
export interface SchemeContext {
  readonly tables: SchemeTables;
  /** Of this call. Not asked by guards and assignments, but for the time. */
  readonly environment: SchemeEnvironment;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The caller's number; undefined when it is hidden. */
  readonly caller: string | undefined;
  readonly journey: Journey;
  /** Keys since the last decision. While a password is asked for these are its digits. */
  readonly entered: string;
  /** Whom the caller has dialled, or whose default action runs. */
  readonly dialled: RingTarget | undefined;
  readonly reason: EndReason;
  /** The scheme that an assistant has sent the call on to, while an entry is heard out. */
  readonly sent: string | undefined;
  /** The scheme that goes on with the call. */
  readonly next: string | undefined;
}

export type SchemeInput = Pick<SchemeContext, 'tables' | 'environment' | 'now' | 'caller' | 'journey'>;

export interface SchemeOutput {
  readonly reason: EndReason;
  readonly next: string | undefined;
  readonly journey: Journey;
}

export type SchemeEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'digit'; readonly digit: string }
  /** In place of the digits of a password, where only what became of it is known: in a replay. */
  | { readonly type: 'password'; readonly right: boolean }
  /** No key for `interDigitTimeout`. */
  | { readonly type: 'pause' }
  /** Raised by the machine itself when an entry is complete: `key:1`, `extension`, `trunk`, `unknown`. */
  | { readonly type: `key:${string}`; readonly digits: string }
  | { readonly type: 'extension' | 'unknown'; readonly digits: string }
  | { readonly type: 'trunk'; readonly digits: string; readonly trunk: string; readonly number: string }
  | { readonly type: 'connected'; readonly whom?: RingTarget | undefined }
  | { readonly type: 'recording' }
  /** The effect of the state has worked, or has not. */
  | { readonly type: 'done'; readonly output: unknown }
  | { readonly type: 'failed'; readonly error: unknown }
  /** The calling tone of a fax was heard. */
  | { readonly type: 'faxTone' }
  | { readonly type: 'callerGone' };
