import { hash } from 'node:crypto';

/** The algorithms of RFC 8760 that we speak, strongest first. SHA-512-256 has no phones. */
export const algorithms = ['SHA-256', 'MD5'] as const;
export type DigestAlgorithm = (typeof algorithms)[number];

const NODE_NAMES = { 'SHA-256': 'sha256', MD5: 'md5' } as const;

/** Absent means MD5 (RFC 7616 §3.3). Names match whatever their case; undefined for one that we do not speak. */
export const algorithmOf = (name: string | undefined): DigestAlgorithm | undefined =>
  name === undefined ? 'MD5' : algorithms.find((known) => known === name.toUpperCase());

const hex = (algorithm: DigestAlgorithm, text: string): string => hash(NODE_NAMES[algorithm], text);

/** H(username ":" realm ":" password), RFC 7616 §3.4.2. */
export const ha1Of = (algorithm: DigestAlgorithm, username: string, realm: string, password: string): string =>
  hex(algorithm, `${username}:${realm}:${password}`);

export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly ha1: string;
  readonly method: string;
  /** The value of the `uri` parameter, as written. */
  readonly uri: string;
  readonly nonce: string;
  /** Absent: the form of RFC 2069, which a server that sends no qop asks for. */
  readonly auth?: { readonly nc: string; readonly cnonce: string };
}

/** The `response` parameter for qop "auth" or none, RFC 7616 §3.4.1. */
export function digestResponse({ algorithm, ha1, method, uri, nonce, auth }: DigestInput): string {
  const ha2 = hex(algorithm, `${method}:${uri}`);
  const middle = auth ? `${nonce}:${auth.nc}:${auth.cnonce}:auth` : nonce;
  return hex(algorithm, `${ha1}:${middle}:${ha2}`);
}
