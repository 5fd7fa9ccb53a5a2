import { SipParseError, type SipRequest } from '../message/index.ts';
import { TransportError } from '../transport/index.ts';
import type { Core } from './core.ts';
import type { Dialog } from './dialog.ts';
import { hopsOf } from './next-hop.ts';

/**
 * Ends a dialog by a BYE of our own, for a reason in words, and tells its application if it has one. A subscription knows no BYE: its phone learns from the 481
 * to the next refresh that it is over.
 */
export function hangUp(core: Core, dialog: Dialog, why: string): void {
  if (dialog.phase === 'ended') return;
  core.counters.hungUp++;
  dialog.inviteOut?.tx.cancel();
  removeDialog(core, dialog);
  if (dialog.method === 'SUBSCRIBE') return;
  const bye = dialog.state.request('BYE');
  bye.headers.append('Reason', `SIP;cause=200;text="${why}"`);
  const told = sendUnheard(core, dialog, bye).then((peer) => {
    dialog.owner?.onHungUp({ dialogId: dialog.id, bye, peer });
  });
  core.supervise(told);
}

/** Ends a dialog without a word to the peer. */
export function removeDialog(core: Core, dialog: Dialog): void {
  core.dialogs.delete(dialog);
  dialog.end();
}

/**
 * Sends a request inside a dialog whose response interests nobody: a peer that cannot be reached has hung up already.
 * @returns the end that it left from
 */
async function sendUnheard(core: Core, dialog: Dialog, request: SipRequest) {
  try {
    const [hop] = await hopsOf(core, dialog);
    if (!hop) return undefined;
    const ignored = () => undefined;
    const { local } = core.layer.request(request, hop, {
      response: ignored,
      timeout: ignored,
      transportError: ignored,
    });
    return { protocol: hop.protocol, address: local.address, port: local.port };
  } catch (error) {
    if (error instanceof TransportError || error instanceof SipParseError) return undefined;
    throw error;
  }
}
