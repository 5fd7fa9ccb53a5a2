import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { g711 } from '../../src/embedded/media/dsp/g711.ts';
import { RtpPacket, writeHeader } from '../../src/embedded/media/rtp/packet.ts';
import { Srtp } from '../../src/embedded/media/rtp/srtp.ts';
import { eventOf, KeyPresses, writeEventPayload } from '../../src/embedded/media/rtp/telephone-event.ts';
import type { CodecName } from '../../src/media/port.ts';
import { describeSound, sounds, tone } from './tones.ts';

const FRAME = 160;
const FRAME_MS = 20;

export interface RtpPeerOptions {
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Best first, as the SDP lists them. Default A-law, µ-law. */
  readonly codecs?: readonly CodecName[];
  /** Payload type of telephone-event, or null for a peer that does not know it. Default 101. */
  readonly events?: number | null;
  /** What stands in the SDP instead of the socket's own port: a peer behind a NAT. */
  readonly signalledPort?: number;
  /** It speaks SRTP alone, with this key and salt in base64 (SDES). */
  readonly srtpKey?: string;
}

export interface ReceivedPacket {
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
  /** The port that it came from. */
  readonly from: number;
  /** `performance.now()` of its arrival. */
  readonly atMs: number;
}

type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/**
 * The other end of an RTP session, as a phone would be it: describes itself in SDP, talks in tones and key presses at the pace of real audio,
 * and keeps all that it hears.
 */
export class RtpPeer {
  readonly address: string;
  readonly port: number;
  readonly ssrc = Math.floor(Math.random() * 2 ** 32);
  /** Everything that came, in order of arrival. */
  readonly packets: ReceivedPacket[] = [];
  /** Keys that came as RFC 4733 events, each press once. */
  keys = '';

  /** Of the next packet; a test may set them to make a gap. */
  sequence = Math.floor(Math.random() * 2 ** 16);
  timestamp = Math.floor(Math.random() * 2 ** 32);
  codec: CodecName;
  /** Of what it sends, as its next description says. */
  srtpKey: string | undefined;

  readonly #socket: Socket;
  readonly #options: RtpPeerOptions;
  readonly #presses = new KeyPresses();
  readonly #arrivals = new Set<() => void>();
  #target: { readonly address: string; readonly port: number } | undefined;
  #srtp: Srtp | undefined;
  #talking: NodeJS.Timeout | undefined;
  #sdpVersion = 0;

  static async open(options: RtpPeerOptions = {}): Promise<RtpPeer> {
    const socket = createSocket('udp4');
    socket.bind(0, options.address ?? '127.0.0.1');
    await once(socket, 'listening');
    return new RtpPeer(socket, options);
  }

  private constructor(socket: Socket, options: RtpPeerOptions) {
    this.#socket = socket;
    this.#options = options;
    ({ address: this.address, port: this.port } = socket.address());
    this.codec = options.codecs?.[0] ?? 'pcma';
    this.srtpKey = options.srtpKey;
    socket.on('message', (bytes, { port }) => this.#receive(bytes, port));
  }

  async close(): Promise<void> {
    this.quiet();
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  // What it says of itself

  /** An offer, or an answer: they look alike. @param address `0.0.0.0` holds the old way. @param extra further m-lines and their attributes */
  sdp({
    direction = 'sendrecv' as SdpDirection,
    address = this.address,
    codecs = this.#options.codecs ?? (['pcma', 'pcmu'] as readonly CodecName[]),
    attributes = [] as readonly string[],
    extra = [] as readonly string[],
  } = {}): string {
    const { events = 101, signalledPort } = this.#options;
    const { srtpKey } = this;
    const protocol = srtpKey === undefined ? 'RTP/AVP' : 'RTP/SAVP';
    const types = codecs.map((codec) => STATIC[codec]);
    return [
      'v=0',
      `o=peer 1 ${++this.#sdpVersion} IN IP4 ${this.address}`,
      's=-',
      `c=IN IP4 ${address}`,
      't=0 0',
      `m=audio ${signalledPort ?? this.port} ${protocol} ${[...types, ...(events === null ? [] : [events])].join(' ')}`,
      ...codecs.map((codec) => `a=rtpmap:${STATIC[codec]} ${codec.toUpperCase()}/8000`),
      ...(events === null ? [] : [`a=rtpmap:${events} telephone-event/8000`, `a=fmtp:${events} 0-15`]),
      ...(srtpKey === undefined ? [] : [`a=crypto:7 ${SUITE} inline:${srtpKey}|2^31`]),
      `a=${direction}`,
      ...attributes,
      ...extra,
      '',
    ].join('\r\n');
  }

  /** Where to send to, and in which codec: the other side's SDP. */
  connect(sdp: string): this {
    const audio = /^m=audio (\d+) RTP\/S?AVPF? (\d+)/m.exec(sdp);
    const theirs = /^a=crypto:\d+ (\S+) inline:(\S{40})/m.exec(sdp);
    const { srtpKey } = this;
    if (srtpKey !== undefined) {
      if (theirs?.[1] !== SUITE) throw new Error(`no key in this SDP:\n${sdp}`);
      this.#srtp = new Srtp({ suite: SUITE, local: srtpKey, remote: theirs[2] as string });
    }
    const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1];
    if (!audio || !address) throw new Error(`no audio in this SDP:\n${sdp}`);
    this.#target = { address, port: Number(audio[1]) };
    const name = new RegExp(`^a=rtpmap:${audio[2]} (\\w+)/`, 'm').exec(sdp)?.[1]?.toLowerCase();
    this.codec = name === 'pcma' || name === 'pcmu' ? name : audio[2] === '8' ? 'pcma' : 'pcmu';
    return this;
  }

  // Talking

  /** Sounds a tone without end, a packet every 20 ms, until `quiet` or the next `talk`. */
  talk(hz: number | readonly number[]): void {
    this.quiet();
    const period = tone(hz, 1000);
    const begun = performance.now();
    let frames = 0;
    const send = () => {
      for (; begun + frames * FRAME_MS <= performance.now(); frames++) {
        const at = (frames % 50) * FRAME;
        this.sendAudio(period.subarray(at, at + FRAME));
      }
    };
    send();
    this.#talking = setInterval(send, FRAME_MS / 2);
  }

  quiet(): void {
    clearInterval(this.#talking);
    this.#talking = undefined;
  }

  /** One packet with these samples, at once. */
  sendAudio(samples: Int16Array): void {
    const payload = new Uint8Array(samples.length);
    g711[this.codec].encode(samples, payload);
    this.send(payload, STATIC[this.codec]);
    this.timestamp = (this.timestamp + samples.length) >>> 0;
  }

  /** One packet with this payload; the sequence number goes on, the timestamp does not. */
  send(payload: Uint8Array, payloadType: number, { marker = false, timestamp = this.timestamp } = {}): void {
    const packet = new Uint8Array(12 + payload.length);
    writeHeader(packet, 0, marker, payloadType, this.sequence, timestamp, this.ssrc);
    packet.set(payload, 12);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.sendBytes(this.#srtp ? this.#srtp.protect(packet) : packet);
  }

  /** A packet as it would go out, for another to send. */
  protected(payload: Uint8Array, payloadType: number): Uint8Array {
    const packet = new Uint8Array(12 + payload.length);
    writeHeader(packet, 0, false, payloadType, this.sequence, this.timestamp, this.ssrc);
    packet.set(payload, 12);
    this.sequence = (this.sequence + 1) & 0xffff;
    if (!this.#srtp) throw new Error('it does not encrypt');
    return this.#srtp.protect(packet);
  }

  /** Encrypts with `srtpKey` from now on; what the other side sends goes on. */
  rekey(sdp: string): void {
    const theirs = /^a=crypto:\d+ \S+ inline:(\S{40})/m.exec(sdp)?.[1];
    if (theirs === undefined || this.srtpKey === undefined) throw new Error('it does not encrypt');
    this.#srtp = new Srtp({ suite: SUITE, local: this.srtpKey, remote: theirs });
  }

  /** Anything, from the peer's own port. @param to default: where `connect` says */
  sendBytes(bytes: Uint8Array, to = this.#target): void {
    if (!to) throw new Error('connect() the peer first');
    this.#socket.send(bytes, to.port, to.address);
  }

  /**
   * Presses a key as RFC 4733 says: an update every 20 ms, the end three times. Resolves when it is released. A tone that is being talked
   * pauses meanwhile.
   */
  async press(key: string, { ms = 100 } = {}): Promise<void> {
    const payloadType = this.#options.events ?? 101;
    const event = eventOf(key);
    if (event === undefined) throw new RangeError(`no such key: ${key}`);
    this.quiet();
    const { timestamp } = this;
    const frames = ms / FRAME_MS;
    for (let frame = 1; frame <= frames + 3; frame++) {
      const payload = new Uint8Array(4);
      writeEventPayload(payload, 0, event, frame > frames, Math.min(frame, frames) * FRAME);
      this.send(payload, payloadType, { marker: frame === 1, timestamp });
      this.timestamp = (this.timestamp + FRAME) >>> 0;
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
  }

  /** Plays samples at the pace of audio. Resolves when the last packet is out. */
  async say(samples: Int16Array): Promise<void> {
    this.quiet();
    const begun = performance.now();
    for (let at = 0, frame = 0; at < samples.length; at += FRAME, frame++) {
      const wait = begun + frame * FRAME_MS - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      this.sendAudio(samples.subarray(at, at + FRAME));
    }
  }

  // Hearing

  /** Forgets what was heard so far. */
  forget(): void {
    this.packets.length = 0;
    this.keys = '';
  }

  /** The audio of all packets, or of the last `ms`, in order of arrival. */
  heard(ms = Number.POSITIVE_INFINITY): Int16Array {
    const pieces: Int16Array[] = [];
    let wanted = ms * 8;
    for (const packet of this.packets.toReversed()) {
      if (wanted <= 0) break;
      const codec = packet.payloadType === 8 ? 'pcma' : packet.payloadType === 0 ? 'pcmu' : undefined;
      if (!codec) continue;
      const piece = new Int16Array(packet.payload.length);
      g711[codec].decode(packet.payload, piece);
      pieces.unshift(piece);
      wanted -= piece.length;
    }
    return Int16Array.from(pieces.flatMap((piece) => [...piece]));
  }

  /** Resolves when what was heard last, for 200 ms, is this tone; rejects with what was heard instead. */
  async hears(hz: number | readonly number[], withinMs = 3000): Promise<void> {
    const listen = () => {
      const last = this.heard(200);
      return last.length >= 1600 && sounds(hz, last);
    };
    await this.until(listen, withinMs, () => `${hz} Hz not heard, but ${describeSound(this.heard(200))}`);
  }

  /** Resolves when these keys, in all, have come as RFC 4733 events. */
  async getsKeys(keys: string, withinMs = 3000): Promise<void> {
    await this.until(
      () => this.keys.length >= keys.length,
      withinMs,
      () => `keys ${keys} expected, got '${this.keys}'`,
    );
    if (this.keys !== keys) throw new Error(`keys ${keys} expected, got '${this.keys}'`);
  }

  /** Resolves when the condition holds: it is asked after each packet. */
  until(condition: () => boolean, withinMs: number, describe: () => string): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.#arrivals.delete(check);
        settle();
      };
      const check = () => condition() && done(resolve);
      const timer = setTimeout(
        () => done(() => reject(new Error(`${describe()} (${this.packets.length} packets came)`))),
        withinMs,
      );
      this.#arrivals.add(check);
    });
  }

  #receive(wire: Uint8Array, from: number): void {
    const packet = new RtpPacket();
    const bytes = this.#srtp ? this.#srtp.unprotect(wire) : wire;
    if (!bytes || !packet.parse(bytes)) return;
    const { payloadType, marker, sequence, timestamp, ssrc } = packet;
    const payload = bytes.slice(packet.start, packet.end);
    this.packets.push({ payloadType, marker, sequence, timestamp, ssrc, payload, from, atMs: performance.now() });
    if (payloadType === (this.#options.events ?? 101)) this.keys += this.#presses.receive(bytes, packet) ?? '';
    for (const check of [...this.#arrivals]) check();
  }
}

const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const STATIC: Record<CodecName, number> = { pcma: 8, pcmu: 0 };

/** Two peers talk at once with these tones; resolves when each hears the other. */
export async function talkBothWays(a: RtpPeer, b: RtpPeer, toneOfA = 440, toneOfB = 1000): Promise<void> {
  a.talk(toneOfA);
  b.talk(toneOfB);
  try {
    await Promise.all([a.hears(toneOfB), b.hears(toneOfA)]);
  } finally {
    a.quiet();
    b.quiet();
  }
}
