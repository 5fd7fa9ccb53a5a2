import type { FsmrfDialog, FsmrfSrf } from 'drachtio-fsmrf';
import type { Dialog, SipServer } from '../sip/port.ts';

/** The SIP leg between us and FreeSWITCH, in the form in which drachtio-fsmrf keeps it. */
export interface Leg extends FsmrfDialog {
  readonly dialog: Dialog;
}

/** The part of drachtio-srf that drachtio-fsmrf calls, made of our own SIP side: so its legs are reconnected, counted and ended as all others. */
export function legsOver(sip: () => Pick<SipServer, 'invite'>): FsmrfSrf<Leg> {
  return {
    async createUAC(uri, { headers, localSdp }) {
      const from = { user: 'kommutator', host: '', display: '' };
      const { dialog, sdp } = await sip().invite({ target: { uri }, from, headers, sdp: localSdp }).answered;
      return { dialog, remote: { sdp }, destroy: () => void dialog.bye() };
    },
  };
}
