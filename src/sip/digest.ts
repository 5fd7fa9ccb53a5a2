import { randomBytes } from 'node:crypto';
import { type DigestFields, parseDigests, printDigest } from './digest-fields.ts';
import { algorithmOf, algorithms, type DigestAlgorithm, digestResponse, ha1Of } from './digest-hash.ts';
import { type NonceOptions, Nonces, SKEW_MS, sameText } from './nonces.ts';

/** How an account proves itself: its password, or H(user:domain:password) as MD5 (32 hexadecimal digits) or SHA-256 (64). */
export type AccountSecret = { readonly password: string } | { readonly ha1: string };

/** The credentials of one request, complete and well-formed. */
export interface DigestCredentials {
  /** As written, with or without `@domain`. */
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  readonly algorithm: DigestAlgorithm;
  readonly nc: string;
  readonly cnonce: string;
}

/** What several nodes share, where any of them may be asked by the same phone. `RedisNonces` is one. */
export interface SharedNonces {
  /** @param take gets the key of all nodes, now and whenever it is another. @returns ends that */
  followKey(take: (key: Buffer) => void): Promise<() => void>;
  /** False: some node has seen the nonce with this count or a higher one. Rejects while that cannot be known. */
  use(nonce: string, count: number, forMs: number): Promise<boolean>;
}

export type DigestVerdict =
  | 'right'
  /** The password is right, the nonce too old, not ours, or used before with this count: ask again with `stale=true`. */
  | 'stale'
  | 'wrong';

/**
 * The server's side of digest authentication: RFC 7616 as RFC 8760 applies it to SIP, which includes RFC 2617 (MD5, qop "auth").
 * Only qop "auth" is taken: without a nonce count a response could be replayed.
 *
 * Differs from RFC 7616 §3.4.6: `uri` is not compared with the Request-URI. Phones, load tools and application-level gateways write
 * others, and the nonce count already keeps a captured response from being used a second time.
 */
export class DigestAuthority {
  readonly #nonces: Nonces;
  #shared: SharedNonces | undefined;
  /** Stands in for the password of an account that does not exist, so that refusing it takes the same steps. */
  readonly #decoy = randomBytes(16).toString('hex');

  constructor(options: NonceOptions) {
    this.#nonces = new Nonces(options);
  }

  /** From now on nonces are shared. @returns ends that. Rejects when the key cannot be known */
  async share(shared: SharedNonces): Promise<() => void> {
    const off = await shared.followKey((key) => this.#nonces.useKey(key));
    this.#shared = shared;
    return off;
  }

  /**
   * The values of WWW-Authenticate, one header line each (RFC 3261 §7.3.1 forbids to join them). They share a nonce: a client answers one.
   *
   * MD5 comes first. Differs from the order that RFC 8760 §2.3 is meant for, strongest first: clients from before that RFC know MD5 alone, and many
   * of them look at the first challenge only and give up when it is another (sipp 3.6 ends with an error; test: sip-interop). Clients that
   * choose by strength find SHA-256 below it.
   * @param options.stale the client's password was right, so it need not ask its user again
   */
  challenge(options: { realm: string; algorithms?: readonly DigestAlgorithm[]; stale?: boolean }): string[] {
    const { realm } = options;
    const nonce = this.#nonces.issue(realm);
    const stale = options.stale ? { stale: 'true' } : {};
    return (options.algorithms ?? algorithms)
      .toReversed()
      .map((algorithm) => printDigest({ realm, nonce, algorithm, qop: 'auth', ...stale }, 'quoted'));
  }

  /** @param secret undefined for an account that does not exist: always `wrong`, in the same time */
  verify(credentials: DigestCredentials, method: string, secret: AccountSecret | undefined): DigestVerdict {
    const { algorithm, nonce, uri, nc, cnonce, realm } = credentials;
    const ha1 = this.#ha1(credentials, secret);
    const expected = digestResponse({ algorithm, ha1, method, uri, nonce, auth: { nc, cnonce } });
    if (!sameText(expected, credentials.response.toLowerCase()) || secret === undefined) return 'wrong';
    const usable = this.#nonces.isFresh(nonce, realm) && this.#nonces.use(nonce, Number.parseInt(nc, 16));
    return usable ? 'right' : 'stale';
  }

  /**
   * Whether no other node has seen these credentials, which are `right` here. While that cannot be known this node's own memory must do: phones are let in, and a
   * captured response would pass once at each node.
   */
  async isFirstUse({ nonce, nc }: DigestCredentials): Promise<boolean> {
    if (!this.#shared) return true;
    return this.#shared.use(nonce, Number.parseInt(nc, 16), this.#nonces.lifetimeMs + SKEW_MS).catch(() => true);
  }

  /** Nonces in use, for the statistics. */
  get noncesInUse(): number {
    return this.#nonces.size;
  }

  #ha1({ algorithm, username, realm }: DigestCredentials, secret: AccountSecret | undefined): string {
    const password = secret && 'password' in secret ? secret.password : this.#decoy;
    const computed = ha1Of(algorithm, username, realm, password);
    return secret && 'ha1' in secret && ha1Algorithm(secret.ha1) === algorithm ? secret.ha1 : computed;
  }
}

export const ha1Algorithm = (ha1: string): DigestAlgorithm => (ha1.length === 32 ? 'MD5' : 'SHA-256');

/**
 * The algorithms that every one of these accounts can answer. A stored MD5 hash cannot answer SHA-256; if only such accounts were asked for
 * MD5, the challenge would tell which names exist. Both where there is nothing in common: the checker's business.
 */
export function commonAlgorithms(secrets: Iterable<AccountSecret>): readonly DigestAlgorithm[] {
  let common: readonly DigestAlgorithm[] = algorithms;
  for (const secret of secrets) {
    if ('ha1' in secret) common = common.filter((algorithm) => algorithm === ha1Algorithm(secret.ha1));
  }
  return common.length > 0 ? common : algorithms;
}

/**
 * The credentials for a realm among those of a request: a phone may hold several (RFC 3261 §22.3).
 * @param headers the Authorization header's values, joined or not
 * @returns `absent` if there are none for it, `malformed` (400) if they break the syntax or lack what RFC 7616 §3.4 demands
 */
export function credentialsFor(headers: string | undefined, realm: string): DigestCredentials | 'absent' | 'malformed' {
  if (headers === undefined) return 'absent';
  const all = parseDigests(headers);
  if (!all) return 'malformed';
  const ours = all.filter((fields) => fields.realm?.toLowerCase() === realm.toLowerCase());
  const known = ours.find((fields) => algorithmOf(fields.algorithm) !== undefined);
  if (!known) return ours.length > 0 || all.some((fields) => fields.realm === undefined) ? 'malformed' : 'absent';
  return complete(known) ?? 'malformed';
}

function complete(fields: DigestFields): DigestCredentials | undefined {
  const { username, realm, nonce, uri, response, qop, nc, cnonce } = fields;
  const algorithm = algorithmOf(fields.algorithm);
  if (!username || realm === undefined || !nonce || !uri || !cnonce || !algorithm) return undefined;
  if (qop !== 'auth' || !/^[0-9a-f]{8}$/i.test(nc ?? '') || !/^[0-9a-f]+$/i.test(response ?? '')) return undefined;
  return { username, realm, nonce, uri, response: response ?? '', algorithm, nc: nc ?? '', cnonce };
}
