import { BlockList, isIPv4 } from 'node:net';
import type { EndpointStats } from '../port.ts';
import { printLocal } from './local.ts';
import { isUnspecified, parseRemote, type RemoteAudio } from './remote.ts';

/** The one plain audio stream of a description that wants nothing else; undefined: it is encrypted, on hold, or has other streams that would be lost. @throws MediaError `bad-sdp` */
function plainAudio(sdp: string): RemoteAudio | undefined {
  const { lines, audio, secured } = parseRemote(sdp);
  if (!audio || secured || lines.length !== 1 || lines[0]?.protocol !== 'RTP/AVP') return undefined;
  return audio.direction === 'sendrecv' && !isUnspecified(audio.address) ? audio : undefined;
}

/**
 * What is offered to a party whose audio is to go straight to another (RFC 3264 §8.3). Its o= line is not one of the party's session yet (`SdpOrigin`).
 *
 * @param to the last description of the party who gets it
 * @param from that of the other
 * @returns undefined when the two cannot talk without a media server, or it is not sure that they can: no codec with the same payload type, key presses (RFC 4733) that only one sends,
 * addresses that may not reach each other, encryption, other streams beside the audio
 * @throws MediaError `bad-sdp`
 */
export function directOffer(to: string, from: string): string | undefined {
  const theirs = plainAudio(to);
  const other = plainAudio(from);
  if (!theirs || !other || !canReach(theirs.address, other.address)) return undefined;
  const formats = other.formats.filter(({ payloadType, name }) =>
    theirs.formats.some((format) => format.payloadType === payloadType && format.name === name),
  );
  const keys = [theirs.formats, other.formats, formats].map((some) => some.some(isKeys));
  if (!formats.some((format) => !isKeys(format)) || new Set(keys).size > 1) return undefined;
  const { address, port } = other;
  return printLocal({ sessionId: 0, version: 0, address, port, formats, direction: 'sendrecv', rtcpMux: false });
}

const isKeys = ({ name }: { readonly name: string }): boolean => name === 'telephone-event';

/**
 * Whether two who are both known to be behind no NAT can send to each other: they are in one kind of network. With one address they may be two behind one router, which
 * would have to send back inside what comes from there; only this machine itself surely does.
 */
function canReach(one: string, other: string): boolean {
  const kind = kindOf(one);
  return kind === kindOf(other) && (one !== other || kind.startsWith('loopback'));
}

const kindOf = (address: string): string => {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const kind = KINDS.find(([, list]) => list.check(address, family))?.[0] ?? 'public';
  return `${kind} ${family}`;
};

const networks = (...subnets: readonly (readonly [string, number])[]): BlockList => {
  const list = new BlockList();
  for (const [network, bits] of subnets) list.addSubnet(network, bits, isIPv4(network) ? 'ipv4' : 'ipv6');
  return list;
};

/** Networks that are not the Internet: this machine, a wire (RFC 3927, RFC 4291 §2.5.6), those of companies (RFC 1918, RFC 4193) and of providers (RFC 6598). */
const KINDS = [
  ['loopback', networks(['127.0.0.0', 8], ['::1', 128])],
  ['link', networks(['169.254.0.0', 16], ['fe80::', 10])],
  ['private', networks(['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['fc00::', 7])],
  ['provider', networks(['100.64.0.0', 10])],
] as const;

/** Whether the audio that was heard came from where the description wants its own: there is no NAT in between. @throws MediaError `bad-sdp` */
export function isSentFrom(sdp: string, source: NonNullable<EndpointStats['source']>): boolean {
  const audio = plainAudio(sdp);
  return audio !== undefined && audio.address === source.address && audio.port === source.port;
}

/** Whether two descriptions of one party say the same, whatever their version. */
export const isSameSession = (one: string, other: string | undefined): boolean =>
  other !== undefined && withoutOrigin(one) === withoutOrigin(other);

/** The o= line of a session in which descriptions of several makers are sent: one identity, and a version that grows by one with each change (RFC 3264 §8). */
export class SdpOrigin {
  #last: string;
  #sent: string;

  /** @param sent the last that was sent in the session */
  constructor(sent: string) {
    this.#sent = sent;
    this.#last = withoutOrigin(sent);
  }

  /** The same description, as the next of the session. */
  next(sdp: string): string {
    const bare = withoutOrigin(sdp);
    if (bare === this.#last) return this.#sent;
    const origin = ORIGIN.exec(this.#sent);
    this.#last = bare;
    this.#sent = origin ? sdp.replace(ORIGIN, `${origin[1]} ${Number(origin[2]) + 1} ${origin[3]}`) : sdp;
    return this.#sent;
  }
}

const ORIGIN = /^(o=\S+ \d+) (\d+) (IN IP[46] \S+)/m;
const withoutOrigin = (sdp: string): string => sdp.replace(ORIGIN, '');
