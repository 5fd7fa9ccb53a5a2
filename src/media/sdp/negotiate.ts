import { isIPv4 } from 'node:net';
import { type CodecName, type DtmfMode, MediaError } from '../port.ts';
import {
  type Direction,
  isUnspecified,
  type RemoteAudio,
  type RemoteDescription,
  type RemoteFormat,
} from './remote.ts';

/** What we can do and want: fixed for the life of an endpoint. */
export interface Capabilities {
  /** Best first. */
  readonly codecs: readonly CodecName[];
  readonly dtmf: DtmfMode;
  /** Address family of our sockets. */
  readonly family: 4 | 6;
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
}

export interface Agreement {
  readonly parameters: MediaParameters;
  /** The formats that our answer names. */
  readonly formats: readonly RemoteFormat[];
  readonly direction: Direction;
  readonly heldByPeer: boolean;
}

/** Payload types of our own offers. 101 is what most phones use for events. */
const STATIC: Record<CodecName, number> = { pcma: 8, pcmu: 0 };
const OFFERED_EVENT = 101;

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
  const { audio } = remote;
  if (!audio)
    throw new MediaError(
      'no-common-codec',
      'The peer has no audio over plain RTP (RTP/AVP): encrypted audio and WebRTC are not spoken here',
    );
  if (isIPv4(audio.address) !== (capabilities.family === 4)) {
    throw new MediaError('bad-sdp', `The peer's address ${audio.address} is not IPv${capabilities.family} as ours is`);
  }
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
    },
    formats,
    direction,
    heldByPeer: audio.direction === 'sendonly' || audio.direction === 'inactive',
  };
}

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
