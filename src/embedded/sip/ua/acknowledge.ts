import { SipParseError, type SipRequest } from '../message/index.ts';
import { type Hop, TransportError } from '../transport/index.ts';
import { addAppHeaders } from './app-headers.ts';
import { type Core, localEnd } from './core.ts';
import type { Dialog } from './dialog.ts';
import { hopsOf } from './next-hop.ts';
import type { SentAck } from './sent-ack.ts';

/**
 * Sends the ACK of a 2xx that we got, and keeps it for the repeats of the 2xx. RFC 3261 §13.2.2.4.
 * @param draft the application's headers and body
 * @returns the ACK and the hop it took; `undefined` when there is no way to the peer, who will then hang up
 */
export async function acknowledge(
  core: Core,
  dialog: Dialog,
  owed: SentAck,
  draft?: SipRequest,
): Promise<{ ack: SipRequest; hop: Hop } | undefined> {
  try {
    const [hop] = await hopsOf(core, dialog);
    if (!hop) return undefined;
    const ack = dialog.state.ack(owed.cseq);
    for (const [name, value] of owed.credentials) ack.headers.append(name, value);
    if (draft) {
      addAppHeaders(ack.headers, draft.headers, localEnd(core.ways, hop));
      ack.body = draft.body;
      dialog.describe(ack);
    }
    owed.keep(ack, hop);
    repeatAck(core, owed);
    return { ack, hop };
  } catch (error) {
    if (error instanceof TransportError || error instanceof SipParseError) return undefined;
    throw error;
  }
}

/** The 2xx came again: our ACK got lost. Nothing is done while the application still owes it. */
export function repeatAck(core: Core, { sent }: SentAck): void {
  // If this one does not get through, the next repeat of the 2xx brings another.
  if (sent) core.layer.sendStateless(sent.ack, sent.hop).catch(() => undefined);
}
