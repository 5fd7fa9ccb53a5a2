import type { SipServerSettings, SipServerStats } from './sip-server.ts';
import type { ListenerInfo } from './transport/index.ts';

/** What the thread is started with. */
export interface ThreadData {
  readonly settings: SipServerSettings;
  readonly secret: string;
}

/** To the thread: questions with a number, which the answer repeats. */
export interface Ask {
  readonly id: number;
  readonly ask: 'stats' | 'close';
}

export type FromThread =
  | { readonly kind: 'ready'; readonly port: number; readonly listeners: ListenerInfo[] }
  /** It could not start; a UserError has a code. */
  | { readonly kind: 'unable'; readonly message: string; readonly code?: string; readonly hint?: string }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: SipServerStats }
  | { readonly kind: 'closed'; readonly id: number }
  | { readonly kind: 'log'; readonly level: 'warn' | 'error'; readonly message: string };
