import type { CodecName } from '../media/port.ts';
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
 * The peer as FreeSWITCH is to see him: one plain audio line with the codec that we have agreed with him, or the T.38 of his fax machine. What he really wrote
 * stays with us (`media/sdp`), so FreeSWITCH negotiates nothing else by itself, and no hostile description reaches it.
 */
export class PeerSdp {
  readonly #sessionId: number;
  #version = 0;
  #side = NOBODY;

  constructor(sessionId: number) {
    this.#sessionId = sessionId;
  }

  /** While he is not known. */
  unknown({ codecs, dtmf }: Capabilities): string {
    const name = codecs[0] ?? 'pcma';
    return this.#print(name, STATIC[name], dtmf === 'inband' ? undefined : 101, 'inactive');
  }

  known({ remote, codec, payloadType, eventPayloadType, sending, receiving }: MediaParameters): string {
    if (remote) this.#side = remote;
    // From his side: what we send, he receives. By an unspecified address he holds us.
    const direction =
      remote === undefined || !sending ? (receiving ? 'sendonly' : 'inactive') : receiving ? 'sendrecv' : 'recvonly';
    return this.#print(codec, payloadType, eventPayloadType, direction);
  }

  image({ address, ...image }: RemoteImage): string {
    return this.#description({ address, port: image.port }, imageLines(image));
  }

  #print(codec: CodecName, payloadType: number, events: number | undefined, direction: string): string {
    return this.#description(this.#side, [
      `m=audio ${this.#side.port} RTP/AVP ${payloadType}${events === undefined ? '' : ` ${events}`}`,
      `a=rtpmap:${payloadType} ${codec.toUpperCase()}/${CLOCK_RATE}`,
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

/** Where FreeSWITCH has its RTP socket, by its answer. @throws MediaError `bad-sdp`, or Error if it has no audio */
export function sideOf(answer: string): Side {
  const { audio } = parseRemote(answer);
  if (!audio) throw new Error('FreeSWITCH refused the audio');
  return { address: audio.address, port: audio.port };
}
