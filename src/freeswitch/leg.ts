import type { FsmrfDialog, FsmrfSrf } from 'drachtio-fsmrf';
import type { Dialog, SipServer } from '../sip/port.ts';

/** The SIP leg between us and FreeSWITCH, in the form in which drachtio-fsmrf keeps it. */
export interface Leg extends FsmrfDialog {
  readonly dialog: Dialog;
}

/**
 * A description that drachtio-fsmrf hands to `createUAC` without looking into it: it refuses one that is encrypted, because with DTLS FreeSWITCH would not connect to us before the peer
 * has its answer.
 */
export const sealed = (sdp: string): string => Buffer.from(sdp).toString('base64');

/** The part of drachtio-srf that drachtio-fsmrf calls, made of our own SIP side: so its legs are reconnected, counted and ended as all others. */
export function legsOver(sip: () => Pick<SipServer, 'invite'>): FsmrfSrf<Leg> {
  return {
    async createUAC(uri, { headers, localSdp }) {
      const from = { user: 'kommutator', host: '', display: '' };
      const offer = Buffer.from(localSdp, 'base64').toString();
      const { dialog, sdp } = await sip().invite({ target: { uri }, from, headers, sdp: offer }).answered;
      return { dialog, remote: { sdp }, destroy: () => void dialog.bye() };
    },
  };
}
