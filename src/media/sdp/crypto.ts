import type { Random } from '../../time/random.ts';

/** What our media speak of RFC 4568 §6.2. */
export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

/** A key of AES-128 and its salt (RFC 4568 §6.2), 30 bytes in base64. */
export const newKey = (random: Random): string => Buffer.from(random.hex(KEY_BYTES), 'hex').toString('base64');

const KEY_BYTES = 30;

/** What a peer encrypts with: a key and a salt of AES-128, 30 bytes in base64. */
export interface PeerKey {
  readonly suite: SrtpSuite;
  readonly remote: string;
}

/** Of both directions. */
export interface SrtpKeys extends PeerKey {
  readonly local: string;
}

/** One of the ways to encrypt that a description offers, or the one that it takes (RFC 4568 §4). */
export interface CryptoLine {
  readonly tag: number;
  readonly suite: SrtpSuite;
  readonly key: string;
}

/** How sdp-transform reads `a=crypto`. */
interface ParsedCrypto {
  readonly id: number;
  readonly suite: string;
  readonly config: string;
  readonly sessionConfig?: string;
}

/**
 * The first that we can use. A lifetime is as long as any call; several keys, and keys with an index in each packet (MKI), nobody sends, and what a session parameter
 * changes we do not do.
 */
export function usableCrypto(lines: readonly ParsedCrypto[] | undefined): CryptoLine | undefined {
  for (const { id, suite, config, sessionConfig } of lines ?? []) {
    if (suite !== 'AES_CM_128_HMAC_SHA1_80' && suite !== 'AES_CM_128_HMAC_SHA1_32') continue;
    const key = /^inline:([A-Za-z0-9+/]{40})(\|(2\^)?\d{1,15})?$/.exec(config)?.[1];
    if (key && !sessionConfig && Number.isInteger(id)) return { tag: id, suite, key };
  }
  return undefined;
}

export const printCrypto = ({ tag, suite, key }: CryptoLine): string => `a=crypto:${tag} ${suite} inline:${key}`;
