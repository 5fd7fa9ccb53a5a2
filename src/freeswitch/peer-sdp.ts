import type { CodecName } from '../media/port.ts';
import { type CryptoLine, printCrypto, type SrtpSuite } from '../media/sdp/crypto.ts';
import { imageLines } from '../media/sdp/image.ts';
import type { Capabilities, MediaParameters } from '../media/sdp/negotiate.ts';
import { parseRemote, type RemoteImage } from '../media/sdp/remote.ts';

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
  #encrypts = false;
  /** Stands for his key while he is not known: FreeSWITCH answers with its own only to one who has some. */
  readonly #nobodysKey: string;

  /** @param nobodysKey 30 random bytes in base64 */
  constructor(sessionId: number, nobodysKey: string) {
    this.#sessionId = sessionId;
    this.#nobodysKey = nobodysKey;
  }

  /**
   * What FreeSWITCH says of itself, in an answer or an offer: where its RTP socket is, and its key, which is ours for the peer.
   * @throws MediaError `bad-sdp`; Error if it has no audio, or does not encrypt what is to be encrypted
   */
  hear(description: string, { srtp }: Pick<Capabilities, 'srtp'>): Side {
    const { audio, secured } = parseRemote(description);
    if (this.#encrypts !== (secured !== undefined)) throw new Error('FreeSWITCH refused the encryption');
    const side = secured ?? audio;
    if (!side) throw new Error('FreeSWITCH refused the audio');
    if (srtp && secured) srtp.key = secured.crypto.key;
    return { address: side.address, port: side.port };
  }

  /** While he is not known. */
  unknown({ codecs, dtmf, srtp }: Capabilities): string {
    const name = codecs[0] ?? 'pcma';
    const crypto = srtp?.required ? cryptoOf('AES_CM_128_HMAC_SHA1_80', this.#nobodysKey) : undefined;
    // FreeSWITCH will be asked to offer (`#rekey` of the endpoint), and offers no more than it was offered before.
    const direction = crypto ? 'sendrecv' : 'inactive';
    return this.#print({ name, payloadType: STATIC[name] }, dtmf === 'inband' ? undefined : 101, direction, crypto);
  }

  known({ remote, codec, payloadType, eventPayloadType, sending, receiving, srtp }: MediaParameters): string {
    if (remote) this.#side = remote;
    // From his side: what we send, he receives. By an unspecified address he holds us.
    const direction =
      remote === undefined || !sending ? (receiving ? 'sendonly' : 'inactive') : receiving ? 'sendrecv' : 'recvonly';
    const crypto = srtp && cryptoOf(srtp.suite, srtp.remote);
    return this.#print({ name: codec, payloadType }, eventPayloadType, direction, crypto);
  }

  image({ address, ...image }: RemoteImage): string {
    return this.#description({ address, port: image.port }, imageLines(image));
  }

  #print(
    { name, payloadType }: { readonly name: CodecName; readonly payloadType: number },
    events: number | undefined,
    direction: string,
    crypto: CryptoLine | undefined,
  ): string {
    this.#encrypts = crypto !== undefined;
    const protocol = crypto ? 'RTP/SAVP' : 'RTP/AVP';
    return this.#description(this.#side, [
      `m=audio ${this.#side.port} ${protocol} ${payloadType}${events === undefined ? '' : ` ${events}`}`,
      `a=rtpmap:${payloadType} ${name.toUpperCase()}/${CLOCK_RATE}`,
      ...(crypto ? [printCrypto(crypto)] : []),
      ...(events === undefined ? [] : [`a=rtpmap:${events} telephone-event/${CLOCK_RATE}`, `a=fmtp:${events} 0-15`]),
      'a=ptime:20',
      `a=${direction}`,
    ]);
  }

  #description({ address }: Side, lines: readonly string[]): string {
    const network = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`;
    const origin = `o=- ${this.#sessionId} ${++this.#version} ${network}`;
    return ['v=0', origin, 's=-', `c=${network}`, 't=0 0', ...lines, ''].join('\r\n');
  }
}

const cryptoOf = (suite: SrtpSuite, key: string): CryptoLine => ({ tag: 1, suite, key });
