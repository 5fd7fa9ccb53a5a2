import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';

export interface NonceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a nonce may be used. Default 300. */
  readonly lifetimeSeconds?: number;
  /** Nonces in use whose counts are remembered; beyond it the oldest become stale early. Default 100 000. */
  readonly remembered?: number;
}

/**
 * Nonces that cost no memory until they are used: time, chance, and a MAC over both and the realm (RFC 7616 §3.3). A nonce that has been used
 * is kept with its highest count, so that no credentials pass twice (§3.4.5).
 *
 * The MAC key is this process's own, until it is given one that several nodes share: then these take each other's nonces, and must agree on their counts (`SharedNonces`). A node
 * with another key takes a nonce for stale and gives a new one, and that is what makes the replay check hold without shared memory.
 */
export class Nonces {
  readonly #clock: Clock;
  readonly #random: Random;
  /** As a KeyObject: with plain bytes each MAC would take four times as long. */
  #key = createSecretKey(randomBytes(32));
  readonly #lifetimeMs: number;
  readonly #remembered: number;
  /** Highest count by nonce, in the order of first use. */
  readonly #counts = new Map<string, number>();
  /** What was issued up to here and is not in `#counts` any more is stale: it may have been used. */
  #forgottenUpTo = Number.NEGATIVE_INFINITY;

  constructor({ clock, random, lifetimeSeconds = 300, remembered = 100_000 }: NonceOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#lifetimeMs = lifetimeSeconds * 1000;
    this.#remembered = remembered;
  }

  get lifetimeMs(): number {
    return this.#lifetimeMs;
  }

  /** From now on this is the key: nonces of another become stale. */
  useKey(key: Buffer): void {
    this.#key = createSecretKey(key);
  }

  issue(realm: string): string {
    const head = `${this.#clock.now().toString(36)}.${this.#random.hex(8)}`;
    return `${head}.${this.#mac(head, realm)}`;
  }

  /** Whether it is ours and not too old. Says nothing about its count. */
  isFresh(nonce: string, realm: string): boolean {
    const [time = '', chance = '', mac = '', ...rest] = nonce.split('.');
    if (rest.length > 0 || !sameText(mac, this.#mac(`${time}.${chance}`, realm))) return false;
    const issued = Number.parseInt(time, 36);
    const age = this.#clock.now() - issued;
    return age >= -SKEW_MS && age <= this.#lifetimeMs && (issued > this.#forgottenUpTo || this.#counts.has(nonce));
  }

  /** Uses a fresh nonce with this count. False if that count, or a higher one, was there before. */
  use(nonce: string, count: number): boolean {
    const last = this.#counts.get(nonce);
    if (last !== undefined && count <= last) return false;
    if (last === undefined) this.#makeRoom();
    this.#counts.set(nonce, count);
    return true;
  }

  /** How many nonces are remembered. */
  get size(): number {
    return this.#counts.size;
  }

  #makeRoom(): void {
    const oldestOfUse = this.#clock.now() - this.#lifetimeMs;
    for (const nonce of this.#counts.keys()) {
      const issued = issuedAt(nonce);
      const expired = issued < oldestOfUse;
      if (!expired && this.#counts.size < this.#remembered) return;
      this.#counts.delete(nonce);
      if (!expired) this.#forgottenUpTo = Math.max(this.#forgottenUpTo, issued);
    }
  }

  #mac(head: string, realm: string): string {
    return createHmac('sha256', this.#key).update(`${head}.${realm}`).digest('base64url').slice(0, 22);
  }
}

/** As far as clocks of nodes may differ, milliseconds. */
export const SKEW_MS = 30_000;

const issuedAt = (nonce: string): number => Number.parseInt(nonce, 36);

/** In a time that does not depend on where they differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
