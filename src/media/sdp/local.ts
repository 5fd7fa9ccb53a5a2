import { isIPv4 } from 'node:net';
import { type CryptoLine, printCrypto } from './crypto.ts';
import { type ImageForm, imageLines } from './image.ts';
import type { Direction, RemoteFormat, RemoteLine } from './remote.ts';
import { type WebRtcSide, webRtcLines } from './webrtc.ts';

/** Our side of a session, ready to be printed. */
export interface LocalDescription {
  /** Numbers of the o= line: the session's never changes, the version grows with each change of the text (RFC 3264 §8). */
  readonly sessionId: number;
  readonly version: number;
  readonly address: string;
  readonly port: number;
  readonly formats: readonly RemoteFormat[];
  readonly direction: Direction;
  readonly rtcpMux: boolean;
  /** SRTP, with this key of ours. */
  readonly crypto?: CryptoLine | undefined;
  /** WebRTC, with our side of it. */
  readonly webrtc?: WebRtcSide | undefined;
  /** T.38 in the place of the audio. */
  readonly image?: ImageForm | undefined;
  /** The m-lines of the offer that this answers, or of the session that this changes (RFC 3264 §8). All but the one at `index` are refused. Default: one line. */
  readonly among?: Among | undefined;
}

export interface Among {
  readonly lines: readonly RemoteLine[];
  readonly index: number;
}

export function printLocal(local: LocalDescription): string {
  const network = `IN ${isIPv4(local.address) ? 'IP4' : 'IP6'} ${local.address}`;
  const { lines, index: ours } = local.among ?? { lines: [offeredLine(local)], index: 0 };
  const stream = (line: RemoteLine) => (local.image ? imageLines(local.image) : audioLines(line, local));
  return [
    'v=0',
    `o=- ${local.sessionId} ${local.version} ${network}`,
    's=-',
    `c=${network}`,
    't=0 0',
    ...lines.flatMap((line, index) => (index === ours ? stream(line) : [refused(line)])),
    '',
  ].join('\r\n');
}

const OFFERED: RemoteLine = { type: 'audio', protocol: 'RTP/AVP', formats: '' };
const OFFERED_SECURE: RemoteLine = { ...OFFERED, protocol: 'RTP/SAVP' };
const OFFERED_WEBRTC: RemoteLine = { ...OFFERED, protocol: 'UDP/TLS/RTP/SAVPF' };

const offeredLine = ({ crypto, webrtc }: Pick<LocalDescription, 'crypto' | 'webrtc'>): RemoteLine =>
  webrtc ? OFFERED_WEBRTC : crypto ? OFFERED_SECURE : OFFERED;

/** RFC 3264 §6: a refused stream keeps its line, with port 0. */
const refused = ({ type, protocol, formats }: RemoteLine): string => `m=${type} 0 ${protocol} ${formats}`;

function audioLines(line: RemoteLine, local: LocalDescription): string[] {
  const { port, formats, direction, rtcpMux, crypto, webrtc } = local;
  const { protocol } = line.type === 'audio' ? line : offeredLine(local);
  return [
    `m=audio ${port} ${protocol} ${formats.map((format) => format.payloadType).join(' ')}`,
    ...(crypto ? [printCrypto(crypto)] : []),
    ...formats.flatMap(formatLines),
    'a=ptime:20',
    ...(webrtc ? webRtcLines(webrtc) : []),
    ...(rtcpMux ? ['a=rtcp-mux'] : []),
    `a=${direction}`,
  ];
}

function formatLines({ payloadType, name }: RemoteFormat): string[] {
  const map = `a=rtpmap:${payloadType} ${name === 'telephone-event' ? name : name.toUpperCase()}/8000`;
  return name === 'telephone-event' ? [map, `a=fmtp:${payloadType} 0-15`] : [map];
}
