import { isIP, isIPv4 } from 'node:net';

/**
 * What one side of a WebRTC stream says of its transport (RFC 8827): ICE (RFC 8839), and DTLS-SRTP with the fingerprint of its certificate (RFC 5763, RFC 8122).
 * Everything has been checked, and printed is nothing else.
 */
export interface WebRtcSide {
  readonly ufrag: string;
  readonly password: string;
  /** `sha-256 4A:AD:…` */
  readonly fingerprint: string;
  /** Who begins the handshake (RFC 4145 §4). */
  readonly setup: Setup;
  /** Over UDP, of the first component. */
  readonly candidates: readonly Candidate[];
  /** The name of the line (RFC 5888 §4), which an answer repeats. */
  readonly mid: string | undefined;
}

export type Setup = 'active' | 'passive' | 'actpass';

export interface Candidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: string;
}

/** How sdp-transform reads the attributes of a line, or of the session where they hold for all lines. */
interface Attributes {
  readonly iceUfrag?: string | number | undefined;
  readonly icePwd?: string | number | undefined;
  readonly setup?: string | undefined;
  readonly fingerprint?: { readonly type: string; readonly hash: string } | undefined;
}

interface LineAttributes extends Attributes {
  readonly mid?: string | number | undefined;
  readonly candidates?: readonly ParsedCandidate[] | undefined;
}

interface ParsedCandidate {
  readonly foundation: string | number;
  readonly component: number;
  readonly transport: string;
  readonly priority: number | string;
  readonly ip: string;
  readonly port: number;
  readonly type: string;
}

/** Of a machine with many networks; more is not believed. */
const MOST_CANDIDATES = 20;

/** @returns a text: what is missing */
export function readWebRtc(line: LineAttributes, session: Attributes): WebRtcSide | string {
  const ufrag = String(line.iceUfrag ?? session.iceUfrag ?? '');
  const password = String(line.icePwd ?? session.icePwd ?? '');
  if (!/^[\w+/-]{4,256}$/.test(ufrag) || !/^[\w+/-]{22,256}$/.test(password)) return 'it has no ice-ufrag and ice-pwd';
  const { type = '', hash = '' } = line.fingerprint ?? session.fingerprint ?? {};
  if (!/^sha-(1|224|256|384|512)$/i.test(type) || !/^[0-9A-F]{2}(:[0-9A-F]{2}){19,63}$/i.test(hash)) {
    return 'it has no fingerprint of a certificate';
  }
  const setup = line.setup ?? session.setup ?? 'actpass';
  if (setup !== 'active' && setup !== 'passive' && setup !== 'actpass') return `a=setup:${setup} says nothing`;
  const candidates = (line.candidates ?? []).flatMap(candidateOf).slice(0, MOST_CANDIDATES);
  if (candidates.length === 0) {
    return 'it has no candidate over UDP with an IP address: the page must have the microphone before it describes itself, and wait until all candidates are gathered';
  }
  const mid = String(line.mid ?? '');
  return {
    ...{ ufrag, password, setup, candidates },
    fingerprint: `${type.toLowerCase()} ${hash.toUpperCase()}`,
    mid: /^[\w.+-]{1,32}$/.test(mid) ? mid : undefined,
  };
}

/** A name in the place of the address (mDNS) is one that only a neighbour could resolve. */
function candidateOf({ foundation, component, transport, priority, ip, port, type }: ParsedCandidate): Candidate[] {
  const isUsable =
    component === 1 &&
    /^udp$/i.test(transport) &&
    isIP(ip) !== 0 &&
    port >= 1 &&
    port <= 65_535 &&
    /^[\w+/-]{1,32}$/.test(String(foundation)) &&
    /^(host|srflx|prflx|relay)$/.test(type);
  const rank = Number(priority);
  if (!isUsable || !Number.isInteger(rank) || rank < 1 || rank >= 2 ** 31) return [];
  return [{ foundation: String(foundation), priority: rank, address: ip, port, type }];
}

/** Where something is sent until ICE has found a better way: IPv4 if there is one. */
export const defaultCandidate = ({ candidates }: WebRtcSide): Candidate | undefined =>
  candidates.find(({ address }) => isIPv4(address)) ?? candidates[0];

/** Attributes of its line. */
export const webRtcLines = ({ ufrag, password, fingerprint, setup, candidates, mid }: WebRtcSide): string[] => [
  ...(mid === undefined ? [] : [`a=mid:${mid}`]),
  ...iceLines({ ufrag, password, candidates }),
  `a=fingerprint:${fingerprint}`,
  `a=setup:${setup}`,
];

export const iceLines = ({
  ufrag,
  password,
  candidates,
}: Pick<WebRtcSide, 'ufrag' | 'password' | 'candidates'>): string[] => [
  `a=ice-ufrag:${ufrag}`,
  `a=ice-pwd:${password}`,
  ...candidates.map(
    ({ foundation, priority, address, port, type }) =>
      `a=candidate:${foundation} 1 udp ${priority} ${address} ${port} typ ${type}`,
  ),
  'a=end-of-candidates',
];
