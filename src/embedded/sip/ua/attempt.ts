import { errorText } from '../../../errors.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { ClientTransaction } from '../transaction/index.ts';
import { type Hop, type Source, TransportError } from '../transport/index.ts';
import type { Core } from './core.ts';

export interface AttemptEvents {
  response(response: SipResponse, source: Source): void;
  /**
   * Nobody answered on any hop. Nothing follows.
   * @param detail what the last hop's transport said
   */
  failed(why: 'timeout' | 'transport', detail?: string): void;
  /** A hop failed; this transaction tries the next. */
  moved(tx: ClientTransaction): void;
  /** Whether it is still worth while to try another hop. */
  wanted(): boolean;
}

/**
 * Sends a request by the first of several hops, and by the next when a hop fails without a word (RFC 3263 §4.3).
 * @throws TransportError when the first hop has no listener
 */
export function attempt(core: Core, request: SipRequest, hops: readonly Hop[], on: AttemptEvents): ClientTransaction {
  const [hop, ...others] = hops;
  if (!hop) throw new TransportError('unresolved', 'no hop');
  let heard = false;
  const failed = (why: 'timeout' | 'transport', detail?: string) => {
    const next = heard || others.length === 0 || !on.wanted() ? undefined : tryNext();
    if (next) on.moved(next);
    else on.failed(why, detail);
  };
  const tryNext = () => {
    try {
      return attempt(core, request, others, on);
    } catch (error) {
      if (error instanceof TransportError) return undefined;
      throw error;
    }
  };
  return core.layer.request(request, hop, {
    response: (response, source) => {
      heard = true;
      on.response(response, source);
    },
    timeout: () => failed('timeout'),
    transportError: (error) => failed('transport', errorText(error)),
  });
}
