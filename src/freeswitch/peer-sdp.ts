import type { CodecName } from '../media/port.ts';
import { type CryptoLine, newKey, printCrypto, type SrtpSuite } from '../media/sdp/crypto.ts';
import { imageLines } from '../media/sdp/image.ts';
import type { Capabilities, MediaParameters, OwnEncryption } from '../media/sdp/negotiate.ts';
import { parseRemote, type RemoteImage } from '../media/sdp/remote.ts';
import { iceLines, type Setup, type WebRtcSide, webRtcLines } from '../media/sdp/webrtc.ts';
import type { Random } from '../time/random.ts';

interface Side {
  readonly address: string;
  readonly port: number;
}

const CLOCK_RATE = 8000;
const STATIC: Readonly<Record<CodecName, number>> = { pcma: 8, pcmu: 0 };

/** Before anything is known of the peer nothing is sent to him; the port is that of the discard service. */
const NOBODY: Side = { address: '127.0.0.1', port: 9 };

/**
 * The peer as FreeSWITCH is to see him: one audio line with the codec that we have agreed with him, plain or with his key (RFC 4568), or the T.38 of his fax machine. What he really wrote
 * stays with us (`media/sdp`), so FreeSWITCH negotiates nothing else by itself, and no hostile description reaches it.
 */
export class PeerSdp {
  readonly #sessionId: number;
  #version = 0;
  #side = NOBODY;
  /** As he was last described. */
  #secrecy: Secrecy = 'none';
  #own: OwnEncryption = {};
  readonly #random: Random;

  constructor(random: Random) {
    this.#sessionId = random.below(2 ** 47);
    this.#random = random;
  }

  /** How FreeSWITCH encrypts, which is how we do for the peer, as it said last. */
  get own(): OwnEncryption {
    return this.#own;
  }

  /**
   * What FreeSWITCH says of itself, in an answer or an offer: where its RTP socket is, and how it encrypts.
   * @throws MediaError `bad-sdp`; Error if it has no audio, or does not encrypt what is to be encrypted
   */
  hear(description: string): Side {
    const { audio, secured, browser } = parseRemote(description);
    const side = { none: audio, key: secured, webrtc: browser }[this.#secrecy];
    if (typeof side !== 'object') {
      throw new Error(`FreeSWITCH refused the ${this.#secrecy === 'none' ? 'audio' : `encryption: ${side ?? ''}`}`);
    }
    if (this.#secrecy === 'key') this.#own = { key: secured?.crypto.key };
    if (typeof browser === 'object') this.#own = { webrtc: browser.webrtc };
    return { address: side.address, port: side.port };
  }

  /** While he is not known. */
  unknown(capabilities: Capabilities): string {
    const { srtp, webrtc } = capabilities;
    if (webrtc?.required)
      return this.#print(formatsOf(capabilities), 'sendrecv', { webrtc: this.#nobodysWebRtc('active') });
    if (!srtp?.required) return this.#print(formatsOf(capabilities), 'inactive');
    // FreeSWITCH answers with a key only to one who has some.
    const crypto = cryptoOf('AES_CM_128_HMAC_SHA1_80', newKey(this.#random));
    // It will be asked to offer (`#rekey` of the endpoint), and offers no more than it was offered before.
    return this.#print(formatsOf(capabilities), 'sendrecv', { crypto });
  }

  /**
   * A peer with ICE and without encryption, to begin with where there will be WebRTC: FreeSWITCH would do nothing else before the handshake of DTLS is over, and without ICE at the
   * beginning have no password of its own for it. Who begins the handshake is said here: FreeSWITCH when the peer has offered, which makes him the one who controls ICE too
   * (RFC 8445 §6.1.1).
   */
  opening(capabilities: Capabilities): string {
    const setup = capabilities.webrtc?.required ? 'active' : 'passive';
    return this.#print(formatsOf(capabilities), 'inactive', { ice: this.#nobodysWebRtc(setup) });
  }

  known({ remote, codec, payloadType, eventPayloadType, sending, receiving, srtp, webrtc }: MediaParameters): string {
    if (remote) this.#side = remote;
    // From his side: what we send, he receives. By an unspecified address he holds us.
    const direction =
      remote === undefined || !sending ? (receiving ? 'sendonly' : 'inactive') : receiving ? 'sendrecv' : 'recvonly';
    const formats = { name: codec, payloadType, events: eventPayloadType };
    if (webrtc) return this.#print(formats, direction, { webrtc });
    return this.#print(formats, direction, srtp ? { crypto: cryptoOf(srtp.suite, srtp.remote) } : {});
  }

  image({ address, ...image }: RemoteImage): string {
    return this.#description({ address, port: image.port }, imageLines(image));
  }

  #print({ name, payloadType, events }: Formats, direction: string, { crypto, webrtc, ice }: Encryption = {}): string {
    this.#secrecy = crypto ? 'key' : webrtc ? 'webrtc' : 'none';
    const protocol = crypto ? 'RTP/SAVP' : webrtc ? 'UDP/TLS/RTP/SAVPF' : 'RTP/AVP';
    return this.#description(this.#side, [
      `m=audio ${this.#side.port} ${protocol} ${payloadType}${events === undefined ? '' : ` ${events}`}`,
      `a=rtpmap:${payloadType} ${name.toUpperCase()}/${CLOCK_RATE}`,
      ...(events === undefined ? [] : [`a=rtpmap:${events} telephone-event/${CLOCK_RATE}`, `a=fmtp:${events} 0-15`]),
      ...(crypto ? [printCrypto(crypto)] : []),
      ...(webrtc ? [...webRtcLines(webrtc), 'a=rtcp-mux'] : []),
      ...(ice ? [...iceLines(ice), `a=setup:${ice.setup}`, 'a=rtcp-mux'] : []),
      'a=ptime:20',
      `a=${direction}`,
    ]);
  }

  #nobodysWebRtc(setup: Setup): WebRtcSide {
    const fingerprint = this.#random.hex(32).toUpperCase().match(/../g)?.join(':');
    return {
      ...{ ufrag: this.#random.hex(4), password: this.#random.hex(16), setup, mid: undefined },
      fingerprint: `sha-256 ${fingerprint}`,
      candidates: [{ foundation: '1', priority: 1, ...NOBODY, type: 'host' }],
    };
  }

  #description({ address }: Side, lines: readonly string[]): string {
    const network = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
    const origin = `o=- ${this.#sessionId} ${++this.#version} ${network}`;
    return ['v=0', origin, 's=-', `c=${network}`, 't=0 0', ...lines, ''].join('\r\n');
  }
}

type Secrecy = 'none' | 'key' | 'webrtc';

interface Formats {
  readonly name: CodecName;
  readonly payloadType: number;
  readonly events: number | undefined;
}

interface Encryption {
  readonly crypto?: CryptoLine;
  readonly webrtc?: WebRtcSide;
  readonly ice?: WebRtcSide;
}

function formatsOf({ codecs, dtmf }: Capabilities): Formats {
  const name = codecs[0] ?? 'pcma';
  return { name, payloadType: STATIC[name], events: dtmf === 'inband' ? undefined : 101 };
}

const cryptoOf = (suite: SrtpSuite, key: string): CryptoLine => ({ tag: 1, suite, key });
