import type { Trunk } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { CodecName, EndpointOptions } from '../media/port.ts';
import type { SipTarget } from '../sip/port.ts';

/**
 * What the sound of all calls over a trunk is bound to, in both directions (§5.3.1.1): of its codecs those that there are, and how keys come and go. A trunk
 * whose codecs are all missing here is not bound to any: its calls are made with what there is.
 */
export function trunkSound({ codecs, dtmfMode }: Trunk): Pick<EndpointOptions, 'codecs' | 'dtmf'> {
  const known = codecs.filter((codec): codec is CodecName => codec === 'pcma' || codec === 'pcmu');
  return { dtmf: dtmfMode, ...(known.length > 0 ? { codecs: known } : {}) };
}

/** A phone at this address: one that is called by WebSocket (RFC 7118 §5.2.2) is a web page, which has no audio but WebRTC. */
export const soundAt = ({ uri }: Pick<SipTarget, 'uri'>): Pick<EndpointOptions, 'webrtc'> =>
  /;transport=wss?(;|$)/i.test(uri) ? { webrtc: true } : {};

/** The same of phones of ours (`security.srtp`). */
export const phoneSound = ({ document: { security } }: PbxVersion): Pick<EndpointOptions, 'srtp'> =>
  security.srtp ? { srtp: 'required' } : {};
