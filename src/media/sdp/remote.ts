import { isIP, isIPv4 } from 'node:net';
import * as sdpTransform from 'sdp-transform';
import { errorText } from '../../errors.ts';
import { type CodecName, MediaError } from '../port.ts';
import { type CryptoLine, usableCrypto } from './crypto.ts';
import { type ImageForm, imageAttributes } from './image.ts';
import { defaultCandidate, readWebRtc, type WebRtcSide } from './webrtc.ts';

/** What a peer's session description says, as far as it concerns us. */
export interface RemoteDescription {
  /** All m-lines in order: an answer must have as many. */
  readonly lines: readonly RemoteLine[];
  /** The first audio line over plain RTP that is not refused. */
  readonly audio: RemoteAudio | undefined;
  /** The first over SRTP with keys that we can use (SDES, RFC 4568); else the first over plain RTP that offers such keys, as phones do that would rather encrypt. */
  readonly secured: (RemoteAudio & { readonly crypto: CryptoLine }) | undefined;
  /** The first over DTLS-SRTP and ICE, as browsers have it; a text: what is wrong with it. */
  readonly browser: (RemoteAudio & { readonly webrtc: WebRtcSide }) | string | undefined;
  /** The first line of T.38 that is not refused. */
  readonly image: RemoteImage | undefined;
}

export interface RemoteLine {
  readonly type: string;
  readonly protocol: string;
  readonly formats: string;
}

export interface RemoteAudio {
  /** Its place among `lines`. */
  readonly index: number;
  /** Unspecified (`0.0.0.0`, `::`) if he holds us the old way. */
  readonly address: string;
  readonly port: number;
  readonly rtcp: { readonly address: string; readonly port: number };
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  /** Best first, as the peer ordered them; what we do not speak is left out. */
  readonly formats: readonly RemoteFormat[];
}

export interface RemoteImage extends ImageForm {
  /** Its place among `lines`. */
  readonly index: number;
  readonly address: string;
}

/** From the speaker's own view, RFC 3264 §5.1. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface RemoteFormat {
  readonly payloadType: number;
  readonly name: CodecName | 'telephone-event';
}

/** Bytes. A large real one (video, many candidates) has 10 KiB; the parser should not be kept busy by worse. */
const LONGEST = 64 * 1024;

type Session = ReturnType<typeof sdpTransform.parse>;
type SdpMedia = Session['media'][number];

/**
 * Reads a session description (RFC 8866). Tolerant of what does not concern us, strict about where our audio would go.
 * @throws MediaError `bad-sdp`
 */
export function parseRemote(text: string): RemoteDescription {
  if (text.length > LONGEST) throw bad(`it has ${text.length} characters`);
  if (!/^v=0\s*$/m.test(text)) throw bad('it has no line v=0');
  const session = parse(text);
  if (session.media.length === 0) throw bad('it has no media line');
  const lines = session.media.map(lineOf);
  const first = <T>(
    is: (media: SdpMedia) => boolean,
    read: (media: SdpMedia, index: number, session: Session) => T,
  ): T | undefined => {
    const index = session.media.findIndex((media) => is(media) && media.port !== 0);
    const media = session.media[index];
    return media && read(media, index, session);
  };
  const withKeys = (protocols: (media: SdpMedia) => boolean) => (media: SdpMedia) =>
    protocols(media) && usableCrypto(media.crypto) !== undefined;
  return {
    lines,
    audio: first(isPlainAudio, audioOf),
    secured: first(withKeys(isSecureAudio), securedOf) ?? first(withKeys(isPlainAudio), securedOf),
    browser: first(isWebRtcAudio, browserOf),
    image: first(isImage, imageOf),
  };
}

function parse(text: string): Session {
  try {
    return sdpTransform.parse(text);
  } catch (error) {
    throw bad(errorText(error));
  }
}

function lineOf(media: SdpMedia): RemoteLine {
  // The library leaves the fields out if the line does not match its grammar.
  if (typeof media.type !== 'string' || typeof media.protocol !== 'string') throw bad('a media line is malformed');
  return { type: media.type, protocol: media.protocol, formats: String(media.payloads ?? '0') };
}

const isPlainAudio = ({ type, protocol }: SdpMedia): boolean =>
  type === 'audio' && (protocol === 'RTP/AVP' || protocol === 'RTP/AVPF');

const isSecureAudio = ({ type, protocol }: SdpMedia): boolean =>
  type === 'audio' && (protocol === 'RTP/SAVP' || protocol === 'RTP/SAVPF');

function securedOf(media: SdpMedia, index: number, session: Session): RemoteAudio & { readonly crypto: CryptoLine } {
  const crypto = usableCrypto(media.crypto);
  if (!crypto) throw bad('it has no key');
  return { ...audioOf(media, index, session), crypto };
}

const isWebRtcAudio = ({ type, protocol }: SdpMedia): boolean => type === 'audio' && protocol === 'UDP/TLS/RTP/SAVPF';

/** Its c= line says nothing: what counts are the candidates, and `0.0.0.0` does not hold. */
function browserOf(
  media: SdpMedia,
  index: number,
  session: Session,
): (RemoteAudio & { readonly webrtc: WebRtcSide }) | string {
  const webrtc = readWebRtc(media, session);
  if (typeof webrtc === 'string') return webrtc;
  const { address = '', port = 0 } = defaultCandidate(webrtc) ?? {};
  const place = { address: unicastAddress(address), port };
  return {
    ...{ index, webrtc, ...place, rtcp: place },
    rtcpMux: media.rtcpMux !== undefined,
    direction: media.direction ?? session.direction ?? 'sendrecv',
    formats: formatsOf(media),
  };
}

const isImage = ({ type, protocol, payloads }: SdpMedia): boolean =>
  type === 'image' && protocol.toLowerCase() === 'udptl' && String(payloads).toLowerCase() === 't38';

function imageOf(media: SdpMedia, index: number, session: Session): RemoteImage {
  // What the library does not know it leaves as it is.
  const { invalid = [] } = media as { invalid?: readonly { readonly value: string }[] };
  return {
    index,
    address: unicastAddress(media.connection?.ip ?? session.connection?.ip),
    port: checkedPort(media.port),
    attributes: imageAttributes(invalid.map(({ value }) => value)),
  };
}

function audioOf(media: SdpMedia, index: number, session: Session): RemoteAudio {
  const address = unicastAddress(media.connection?.ip ?? session.connection?.ip);
  const port = checkedPort(media.port);
  return {
    index,
    address,
    port,
    rtcp: {
      address: media.rtcp?.address === undefined ? address : unicastAddress(media.rtcp.address),
      port: media.rtcp ? checkedPort(media.rtcp.port) : Math.min(port + 1, 65535),
    },
    rtcpMux: media.rtcpMux !== undefined,
    // RFC 2543's way to hold, still sent by old phones (RFC 3264 §8.4).
    direction: isUnspecified(address) ? 'sendonly' : (media.direction ?? session.direction ?? 'sendrecv'),
    formats: formatsOf(media),
  };
}

const formatsOf = (media: SdpMedia): RemoteFormat[] =>
  String(media.payloads ?? '')
    .split(' ')
    .flatMap((payload) => formatOf(payload, media));

/** G.711 without rtpmap has its static payload types (RFC 3551 §6). */
const STATIC = new Map<number, CodecName>([
  [0, 'pcmu'],
  [8, 'pcma'],
]);
const NAMES: ReadonlySet<string> = new Set(['pcma', 'pcmu', 'telephone-event'] satisfies RemoteFormat['name'][]);

function formatOf(payload: string, media: SdpMedia): RemoteFormat[] {
  const payloadType = /^\d{1,3}$/.test(payload) ? Number(payload) : 128;
  if (payloadType > 127) return [];
  const map = media.rtp.find((rtp) => rtp.payload === payloadType);
  if (!map) {
    const name = STATIC.get(payloadType);
    return name ? [{ payloadType, name }] : [];
  }
  const name = String(map.codec).toLowerCase();
  if (!NAMES.has(name) || map.rate !== 8000 || (map.encoding !== undefined && Number(map.encoding) !== 1)) return [];
  return [{ payloadType, name: name as RemoteFormat['name'] }];
}

function unicastAddress(address: unknown): string {
  if (typeof address !== 'string' || isIP(address) === 0) throw bad(`'${address}' is no IP address`);
  const first = isIPv4(address) ? Number(address.split('.')[0]) : 0;
  if (first >= 224 || /^ff/i.test(address)) throw bad(`${address} is no unicast address`);
  return address;
}

function checkedPort(port: unknown): number {
  if (typeof port !== 'number' || !(port >= 1 && port <= 65535)) throw bad(`'${port}' is no UDP port`);
  return port;
}

export const isUnspecified = (address: string): boolean => /^(0\.0\.0\.0|[0:]+)$/.test(address);

const bad = (why: string) => new MediaError('bad-sdp', `The session description cannot be used: ${why}`);
