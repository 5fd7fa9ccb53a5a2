import { isIPv4 } from 'node:net';
import { type CodecName, type DtmfMode, MediaError } from '../port.ts';
import type { CryptoLine, PeerKey } from './crypto.ts';
import {
  type Direction,
  isUnspecified,
  type RemoteAudio,
  type RemoteDescription,
  type RemoteFormat,
} from './remote.ts';
import type { WebRtcSide } from './webrtc.ts';

/** What we can do and want: fixed for the life of an endpoint. */
export interface Capabilities {
  /** Best first. */
  readonly codecs: readonly CodecName[];
  readonly dtmf: DtmfMode;
  /** Address family of our sockets. */
  readonly family: 4 | 6;
  /** SRTP with keys in the session descriptions (SDES, RFC 4568). Undefined: plain RTP alone. */
  readonly srtp?: Encryption | undefined;
  /** Undefined: no WebRTC. */
  readonly webrtc?: Encryption | undefined;
  /** What a browser is told where there is no WebRTC: what would have to be done. */
  readonly webrtcHint?: string;
}

export interface Encryption {
  /** It is offered, and nothing else is taken. Otherwise the peer has it as he offers it. */
  readonly required: boolean;
}

/** How our side encrypts. It stands in our descriptions as it is when these are printed: a media server that chooses it itself may choose anew in the middle of a call. */
export interface OwnEncryption {
  /** For SRTP: a key and a salt of AES-128, 30 bytes in base64. */
  readonly key?: string | undefined;
  readonly webrtc?: WebRtcSide | undefined;
}

/** All that the worker must know of a negotiation. */
export interface MediaParameters {
  /** Where he wants to receive. Undefined while he holds us by an unspecified address: the former one then stays known. */
  readonly remote: { readonly address: string; readonly port: number } | undefined;
  readonly rtcp: { readonly address: string; readonly port: number; readonly mux: boolean };
  /** What we send, numbered as the peer wants it. */
  readonly codec: CodecName;
  readonly payloadType: number;
  /** Undefined: the peer does not take RFC 4733 events. */
  readonly eventPayloadType: number | undefined;
  /** What the peer may send: his numbers, ours, and the static ones. */
  readonly accepted: readonly RemoteFormat[];
  readonly sending: boolean;
  readonly receiving: boolean;
  /** Undefined: it is plain RTP, or WebRTC. */
  readonly srtp?: PeerKey;
  /** What the peer says of his side. */
  readonly webrtc?: WebRtcSide;
}

export interface Agreement {
  readonly parameters: MediaParameters;
  /** The formats that our answer names. */
  readonly formats: readonly RemoteFormat[];
  readonly direction: Direction;
  readonly heldByPeer: boolean;
  /** Of the peer's description: the line that was taken. */
  readonly index: number;
  /** Of the encryption that was taken: its number, which our answer repeats. */
  readonly crypto?: Omit<CryptoLine, 'key'>;
}

/** Payload types of our own offers. 101 is what most phones use for events. */
const STATIC: Record<CodecName, number> = { pcma: 8, pcmu: 0 };
const OFFERED_EVENT = 101;

/** The encryption of an offer of ours. */
export const offeredCrypto = ({ srtp }: Capabilities, { key }: OwnEncryption): CryptoLine | undefined =>
  srtp?.required && key !== undefined ? { tag: 1, suite: 'AES_CM_128_HMAC_SHA1_80', key } : undefined;

/** The formats of an offer of ours. */
export function offeredFormats({ codecs, dtmf }: Capabilities): RemoteFormat[] {
  const audio = codecs.map((name) => ({ payloadType: STATIC[name], name }));
  return dtmf === 'inband' ? audio : [...audio, { payloadType: OFFERED_EVENT, name: 'telephone-event' }];
}

/**
 * Finds what both sides can do (RFC 3264 §6, §7): the best codec by our order, and telephone-event if both want it. Serves for offers
 * and for answers of the peer alike: either way his description says where, in what form and whether he wants to receive.
 * @throws MediaError `no-common-codec`, or `bad-sdp` if his address is of the other family
 */
export function negotiate(remote: RemoteDescription, capabilities: Capabilities): Agreement {
  const { srtp } = capabilities;
  const audio = audioFor(remote, capabilities);
  if (isIPv4(audio.address) !== (capabilities.family === 4)) {
    throw new MediaError('bad-sdp', `The peer's address ${audio.address} is not IPv${capabilities.family} as ours is`);
  }
  const { crypto, webrtc } = audio;
  const spoken = bestCodec(audio, capabilities.codecs);
  const event = capabilities.dtmf === 'inband' ? undefined : audio.formats.find((f) => f.name === 'telephone-event');
  const formats = event ? [spoken, event] : [spoken];
  const direction = mirrored[audio.direction];
  return {
    parameters: {
      remote: isUnspecified(audio.address) ? undefined : { address: audio.address, port: audio.port },
      rtcp: { ...audio.rtcp, mux: audio.rtcpMux },
      codec: spoken.name,
      payloadType: spoken.payloadType,
      eventPayloadType: event?.payloadType,
      accepted: acceptedFormats(audio, capabilities),
      sending: direction === 'sendrecv' || direction === 'sendonly',
      receiving: direction === 'sendrecv' || direction === 'recvonly',
      ...(crypto && srtp && { srtp: { suite: crypto.suite, remote: crypto.key } }),
      ...(webrtc && { webrtc }),
    },
    formats,
    direction,
    heldByPeer: audio.direction === 'sendonly' || audio.direction === 'inactive',
    index: audio.index,
    ...(crypto && srtp && { crypto: { tag: crypto.tag, suite: crypto.suite } }),
  };
}

/** One who offers both has it encrypted. @throws MediaError `no-common-codec` */
function audioFor(
  { audio, secured, browser, lines }: RemoteDescription,
  { srtp, webrtc, webrtcHint }: Capabilities,
): RemoteAudio & { readonly crypto?: CryptoLine; readonly webrtc?: WebRtcSide } {
  if (webrtc && typeof browser === 'object') return browser;
  if (webrtc?.required || (webrtc && typeof browser === 'string' && !audio && !secured)) {
    throw new MediaError('no-common-codec', `The WebRTC of the peer cannot be used: ${browser ?? 'it has none'}`);
  }
  const isSecure = secured && lines[secured.index]?.protocol.startsWith('RTP/SAVP');
  if (srtp && secured && (srtp.required || isSecure)) return secured;
  if (srtp?.required) {
    if (browser !== undefined) throw noWebRtc(webrtcHint);
    throw new MediaError(
      'no-common-codec',
      'The peer has no audio over SRTP with its key in the description (SDES), which is required',
    );
  }
  if (audio) return audio;
  if (browser !== undefined) throw noWebRtc(webrtcHint);
  const wanted = srtp ? 'plain RTP (RTP/AVP), or SRTP with its key in the description (SDES)' : 'plain RTP (RTP/AVP)';
  throw new MediaError('no-common-codec', `The peer has no audio over ${wanted}`);
}

/** Of a media server that does not speak it. */
export const noWebRtc = (hint = 'this media server does not speak WebRTC'): MediaError =>
  new MediaError('no-common-codec', `This is a browser (WebRTC): ${hint}`);

const mirrored: Record<Direction, Direction> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

function bestCodec(audio: RemoteAudio, codecs: readonly CodecName[]): RemoteFormat & { readonly name: CodecName } {
  for (const name of codecs) {
    const format = audio.formats.find((f) => f.name === name);
    if (format) return { name, payloadType: format.payloadType };
  }
  throw new MediaError('no-common-codec', `The peer speaks none of ${codecs.join(', ')}`);
}

/**
 * A later format of the same number must not replace an earlier one: the peer's own numbers come first. He may send by ours if he answers
 * an offer, and phones that renumber still send G.711 by its static types.
 */
function acceptedFormats(audio: RemoteAudio, capabilities: Capabilities): RemoteFormat[] {
  const accepted = new Map<number, RemoteFormat>();
  for (const format of [...audio.formats, ...offeredFormats(capabilities)]) {
    if (!accepted.has(format.payloadType)) accepted.set(format.payloadType, format);
  }
  if (capabilities.dtmf === 'inband') return [...accepted.values()].filter((f) => f.name !== 'telephone-event');
  return [...accepted.values()];
}
