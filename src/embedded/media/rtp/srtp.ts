import { type Cipheriv, createCipheriv, hash, timingSafeEqual } from 'node:crypto';
import type { SrtpKeys, SrtpSuite } from '../../../media/sdp/crypto.ts';

/** Bytes that a suite appends to RTP (RFC 4568 §6.2); those of RTCP always have ten (§6.2.2). */
const TAG: Readonly<Record<SrtpSuite, number>> = { AES_CM_128_HMAC_SHA1_80: 10, AES_CM_128_HMAC_SHA1_32: 4 };
const CONTROL_TAG = 10;
/** The word before it: whether it is encrypted, and the number of the packet. */
const CONTROL_INDEX = 4;
const ENCRYPTED = 0x8000_0000;

const HEADER = 12;
const CONTROL_HEADER = 8;

/** Packets that may come late: those before it are taken for replayed (RFC 3711 §3.3.2 asks for 64 at least). */
const WINDOW = 128;
/** Sources of one peer that are told apart. A phone has one, and another after a transfer. */
const SOURCES = 8;

/** What RFC 3711 §4.3.2 calls the labels. */
const LABEL = { rtp: 0, rtcp: 3 } as const;

const BLOCK = 16;
const HASH_BLOCK = 64;

interface SessionKeys {
  readonly cipher: Cipheriv;
  readonly auth: SigningKey;
  readonly salt: Buffer;
}

/** The two blocks that HMAC begins its hashes with. */
interface SigningKey {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

/** Both directions of one RTP session, by SDES keys: SRTP and SRTCP (RFC 3711) with AES in counter mode and HMAC-SHA1. */
export class Srtp {
  #keys: SrtpKeys;
  #tag: number;
  readonly #sending: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys };
  #receiving: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys };
  /** By SSRC: how often its sequence numbers have begun anew, and what was sent last. */
  readonly #sent = new Map<number, { rollovers: number; last: number }>();
  #controlSent = 0;
  readonly #received = new Map<number, Received>();
  readonly #controlReceived = new Map<number, Replays>();

  constructor(keys: SrtpKeys) {
    this.#keys = keys;
    this.#tag = TAG[keys.suite];
    this.#sending = sessionKeys(keys.local);
    this.#receiving = sessionKeys(keys.remote);
  }

  /** The peer has named other keys of his. Ours are the same, and what we send goes on: nothing may be encrypted anew with the same number. */
  renegotiate(keys: SrtpKeys): void {
    if (keys.local !== this.#keys.local) throw new Error('the keys of an endpoint stay the same');
    this.#tag = TAG[keys.suite];
    if (keys.remote !== this.#keys.remote) {
      this.#receiving = sessionKeys(keys.remote);
      this.#received.clear();
      this.#controlReceived.clear();
    }
    this.#keys = keys;
  }

  /** @returns a packet of its own */
  protect(packet: Uint8Array): Uint8Array {
    const view = viewOf(packet);
    const [sequence, ssrc] = [view.getUint16(2), view.getUint32(8)];
    const sent = known(this.#sent, ssrc, () => ({ rollovers: 0, last: sequence }));
    // A number far below the last one is the first after 65535, not one that is late: we send in order.
    if (sent.last - sequence > 0x8000) sent.rollovers = (sent.rollovers + 1) >>> 0;
    sent.last = sequence;
    const { rtp } = this.#sending;
    const begin = payloadOf(packet);
    const out = Buffer.alloc(packet.length + this.#tag);
    out.set(packet.subarray(0, begin));
    out.set(crypted(rtp, ssrc, sent.rollovers * 0x1_0000 + sequence, packet.subarray(begin)), begin);
    signed(rtp.auth, out.subarray(0, packet.length), sent.rollovers).copy(out, packet.length, 0, this.#tag);
    return out;
  }

  /** @returns undefined: it is none of the peer's, or has come before */
  unprotect(packet: Uint8Array): Uint8Array | undefined {
    const end = packet.length - this.#tag;
    if (end < HEADER) return undefined;
    const begin = payloadOf(packet);
    if (begin > end) return undefined;
    const view = viewOf(packet);
    const [sequence, ssrc] = [view.getUint16(2), view.getUint32(8)];
    const source = this.#received.get(ssrc);
    const index = source ? source.indexOf(sequence) : sequence;
    if (index < 0 || source?.replays.has(index)) return undefined;
    const { rtp } = this.#receiving;
    const mac = signed(rtp.auth, packet.subarray(0, end), Math.floor(index / 0x1_0000));
    if (!timingSafeEqual(mac.subarray(0, this.#tag), packet.subarray(end))) return undefined;
    // Only now: who does not have the key cannot make us forget a source, or move its window.
    known(this.#received, ssrc, () => new Received()).note(index);
    const out = Buffer.from(packet.subarray(0, end));
    out.set(crypted(rtp, ssrc, index, packet.subarray(begin, end)), begin);
    return out;
  }

  /** As `protect`, of RTCP. */
  protectControl(packet: Uint8Array): Uint8Array {
    const index = this.#controlSent;
    this.#controlSent = (index + 1) % ENCRYPTED;
    const { rtcp } = this.#sending;
    const out = Buffer.alloc(packet.length + CONTROL_INDEX + CONTROL_TAG);
    out.set(packet.subarray(0, CONTROL_HEADER));
    out.set(crypted(rtcp, viewOf(packet).getUint32(4), index, packet.subarray(CONTROL_HEADER)), CONTROL_HEADER);
    out.writeUInt32BE(ENCRYPTED + index, packet.length);
    const end = packet.length + CONTROL_INDEX;
    signed(rtcp.auth, out.subarray(0, end)).copy(out, end, 0, CONTROL_TAG);
    return out;
  }

  /** As `unprotect`, of RTCP. */
  unprotectControl(packet: Uint8Array): Uint8Array | undefined {
    const signedEnd = packet.length - CONTROL_TAG;
    const end = signedEnd - CONTROL_INDEX;
    if (end < CONTROL_HEADER) return undefined;
    const view = viewOf(packet);
    const word = view.getUint32(end);
    const [ssrc, index] = [view.getUint32(4), word % ENCRYPTED];
    if (this.#controlReceived.get(ssrc)?.has(index)) return undefined;
    const { rtcp } = this.#receiving;
    const mac = signed(rtcp.auth, packet.subarray(0, signedEnd));
    if (!timingSafeEqual(mac.subarray(0, CONTROL_TAG), packet.subarray(signedEnd))) return undefined;
    known(this.#controlReceived, ssrc, () => new Replays()).note(index);
    const out = Buffer.from(packet.subarray(0, end));
    if (word >= ENCRYPTED) out.set(crypted(rtcp, ssrc, index, packet.subarray(CONTROL_HEADER, end)), CONTROL_HEADER);
    return out;
  }
}

/** The packets of one source, numbered beyond 65535 (RFC 3711 §3.3.1). */
class Received {
  readonly replays = new Replays();

  /** What the number stands for: the one that is nearest to the highest so far; below 0: it never was. */
  indexOf(sequence: number): number {
    const highest = this.replays.highest;
    const rollovers = Math.floor(highest / 0x1_0000);
    const last = highest % 0x1_0000;
    if (last < 0x8000) return (sequence - last > 0x8000 ? rollovers - 1 : rollovers) * 0x1_0000 + sequence;
    return (last - 0x8000 > sequence ? rollovers + 1 : rollovers) * 0x1_0000 + sequence;
  }

  note(index: number): void {
    this.replays.note(index);
  }
}

/** Which numbers have come, of the latest `WINDOW`. */
class Replays {
  highest = -1;
  readonly #seen = new Float64Array(WINDOW).fill(-1);

  has(index: number): boolean {
    return index <= this.highest - WINDOW || this.#seen[index % WINDOW] === index;
  }

  note(index: number): void {
    this.#seen[index % WINDOW] = index;
    if (index > this.highest) this.highest = index;
  }
}

function known<T>(sources: Map<number, T>, ssrc: number, make: () => T): T {
  let source = sources.get(ssrc);
  if (!source) {
    source = make();
    const [oldest] = sources.keys();
    if (sources.size >= SOURCES && oldest !== undefined) sources.delete(oldest);
    sources.set(ssrc, source);
  }
  return source;
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);

/** Where what is encrypted begins: behind the sources and the extension. */
function payloadOf(packet: Uint8Array): number {
  const first = packet[0] ?? 0;
  const fixed = HEADER + 4 * (first & 0x0f);
  if ((first & 0x10) === 0 || fixed + 4 > packet.length) return fixed;
  return fixed + 4 + 4 * viewOf(packet).getUint16(fixed + 2);
}

/**
 * AES in counter mode (RFC 3711 §4.1.1), the same to encrypt and to decrypt, as XOR with the encrypted counters: a cipher of that mode would have to be made for
 * each packet, which takes longer than all the rest.
 */
function crypted({ cipher, salt }: SessionKeys, ssrc: number, index: number, bytes: Uint8Array): Buffer {
  const blocks = Buffer.alloc(BLOCK * Math.ceil(bytes.length / BLOCK));
  if (blocks.length === 0) return blocks;
  salt.copy(blocks);
  blocks.writeUInt32BE((blocks.readUInt32BE(4) ^ ssrc) >>> 0, 4);
  blocks.writeUInt16BE(blocks.readUInt16BE(8) ^ Math.floor(index / 0x1_0000_0000), 8);
  blocks.writeUInt32BE((blocks.readUInt32BE(10) ^ (index % 0x1_0000_0000)) >>> 0, 10);
  for (let at = BLOCK; at < blocks.length; at += BLOCK) {
    blocks.copyWithin(at, 0, BLOCK - 2);
    blocks.writeUInt16BE(at / BLOCK, at + BLOCK - 2);
  }
  const stream = cipher.update(blocks);
  const out = Buffer.alloc(bytes.length);
  for (let at = 0; at < out.length; at++) out[at] = (bytes[at] as number) ^ (stream[at] as number);
  return out;
}

/** HMAC-SHA1 (RFC 2104), for the same reason by two hashes. @param rollovers of RTP, which does not carry them */
function signed({ inner, outer }: SigningKey, bytes: Uint8Array, rollovers?: number): Buffer {
  const message = Buffer.alloc(HASH_BLOCK + bytes.length + (rollovers === undefined ? 0 : 4));
  inner.copy(message);
  message.set(bytes, HASH_BLOCK);
  if (rollovers !== undefined) message.writeUInt32BE(rollovers, message.length - 4);
  return hash('sha1', Buffer.concat([outer, hash('sha1', message, 'buffer')]), 'buffer');
}

function signingKey(key: Buffer): SigningKey {
  const padded = Buffer.concat([key], HASH_BLOCK);
  return { inner: padded.map((byte) => byte ^ 0x36) as Buffer, outer: padded.map((byte) => byte ^ 0x5c) as Buffer };
}

function sessionKeys(master: string): { readonly rtp: SessionKeys; readonly rtcp: SessionKeys } {
  const bytes = Buffer.from(master, 'base64');
  const key = bytes.subarray(0, 16);
  const salt = bytes.subarray(16, 30);
  const of = (label: number): SessionKeys => ({
    cipher: createCipheriv('aes-128-ecb', derived(key, salt, label, 16), null).setAutoPadding(false),
    auth: signingKey(derived(key, salt, label + 1, 20)),
    salt: derived(key, salt, label + 2, 14),
  });
  return { rtp: of(LABEL.rtp), rtcp: of(LABEL.rtcp) };
}

/** RFC 3711 §4.3.1, §4.3.3, without renewal (`kdr` 0): nothing of it depends on a packet. */
function derived(key: Buffer, salt: Buffer, label: number, length: number): Buffer {
  const iv = Buffer.alloc(16);
  salt.copy(iv);
  iv.writeUInt8(iv.readUInt8(7) ^ label, 7);
  return createCipheriv('aes-128-ctr', key, iv).update(Buffer.alloc(length));
}
