import type { SipRequest, SipResponse } from '../message/index.ts';
import { parseAppMessage } from './app-message.ts';

/** What a client asks for: one frame, understood. `id` is the frame's own, to which the answer refers. */
export type Command =
  | { readonly kind: 'authenticate'; readonly id: string; readonly secret: string }
  | { readonly kind: 'ping'; readonly id: string }
  | { readonly kind: 'route' | 'remove_route'; readonly id: string; readonly verb: string }
  | SipCommand
  | ProxyCommand;

/** A message to send. A dialog id that is there wins over the transaction id. */
export interface SipCommand {
  readonly kind: 'sip';
  readonly id: string;
  /** Of the request that is answered or cancelled; '' otherwise. */
  readonly transactionId: string;
  readonly dialogId: string;
  /** Next hop of a new request, as a URI; '' to go by the Request-URI. */
  readonly proxy: string;
  readonly message: SipRequest | SipResponse;
}

export interface ProxyCommand {
  readonly kind: 'proxy';
  readonly id: string;
  readonly transactionId: string;
  readonly recordRoute: boolean;
  readonly fullResponse: boolean;
  readonly followRedirects: boolean;
  readonly parallel: boolean;
  /** Milliseconds until the next target is tried when nothing was heard. */
  readonly provisionalTimeout: number | undefined;
  /** Milliseconds until the next target is tried without a final response. */
  readonly finalTimeout: number | undefined;
  readonly targets: readonly string[];
  /** Headers to add. */
  readonly message: SipRequest | SipResponse;
}

/** A frame that is no command. `reply` is what the client is told before its connection is closed. */
export class CommandError extends Error {
  readonly id: string;
  readonly reply: 'Invalid message format' | 'Unknown message type';

  constructor(id: string, reply: CommandError['reply']) {
    super(reply);
    this.name = 'CommandError';
    this.id = id;
    this.reply = reply;
  }
}

/** @throws CommandError for another protocol, AppMessageError for a frame whose SIP part is broken */
export function parseCommand(payload: Buffer): Command {
  const lineEnd = payload.indexOf('\r');
  const leader = payload.toString('utf8', 0, lineEnd < 0 ? payload.length : lineEnd);
  const [id = '', kind, first = '', ...rest] = leader.split('|');
  if (id === '' || kind === undefined) throw new CommandError(id, 'Invalid message format');
  const message = () => {
    if (lineEnd < 0) throw new CommandError(id, 'Invalid message format');
    return parseAppMessage(payload.subarray(lineEnd + 2));
  };
  switch (kind) {
    case 'authenticate':
      return { kind, id, secret: first };
    case 'ping':
      return { kind, id };
    case 'route':
    case 'remove_route':
      return { kind, id, verb: first.toLowerCase() };
    case 'sip':
      return { kind, id, transactionId: first, dialogId: rest[0] ?? '', proxy: rest[1] ?? '', message: message() };
    case 'proxy': {
      const [remain, full, redirects, order, provisional, final, ...targets] = rest;
      return {
        kind,
        id,
        transactionId: first,
        recordRoute: remain === 'remainInDialog',
        fullResponse: full === 'fullResponse',
        followRedirects: redirects === 'followRedirects',
        parallel: order === 'simultaneous',
        provisionalTimeout: milliseconds(provisional),
        finalTimeout: milliseconds(final),
        targets: targets.filter((target) => target !== ''),
        message: message(),
      };
    }
    default:
      throw new CommandError(id, 'Unknown message type');
  }
}

/** `2s`, `1500ms`; anything else means no limit. */
function milliseconds(text: string | undefined): number | undefined {
  const match = /^(\d{1,7})(ms|s)$/.exec(text ?? '');
  if (!match) return undefined;
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}
