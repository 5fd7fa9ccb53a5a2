import type { FsmrfDialog, FsmrfSrf } from 'drachtio-fsmrf';
import type { Dialog, SipServer } from '../sip/port.ts';

/** The SIP leg between us and FreeSWITCH, in the form in which drachtio-fsmrf keeps it. */
export interface Leg extends FsmrfDialog {
  readonly dialog: Dialog;
}

const SECURE = ' RTP/SAVP ';
const UNREAD = ' RTP/savp ';

/** drachtio-fsmrf takes whatever is encrypted for WebRTC and refuses it; so it does not see that it is. */
export const unreadByFsmrf = (sdp: string): string => sdp.replace(SECURE, UNREAD);

/** The part of drachtio-srf that drachtio-fsmrf calls, made of our own SIP side: so its legs are reconnected, counted and ended as all others. */
export function legsOver(sip: () => Pick<SipServer, 'invite'>): FsmrfSrf<Leg> {
  return {
    async createUAC(uri, { headers, localSdp }) {
      const from = { user: 'kommutator', host: '', display: '' };
      const { dialog, sdp } = await sip().invite({
        target: { uri },
        from,
        headers,
        sdp: localSdp.replace(UNREAD, SECURE),
      }).answered;
      return { dialog, remote: { sdp }, destroy: () => void dialog.bye() };
    },
  };
}
