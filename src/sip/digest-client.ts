import type { Random } from '../time/random.ts';
import { type DigestFields, parseDigests, printDigest } from './digest-fields.ts';
import { algorithmOf, algorithms, digestResponse, ha1Of } from './digest-hash.ts';

/** What a peer demands in a 401 or 407: the values of its WWW-Authenticate or Proxy-Authenticate headers, joined or not. */
export interface Challenged {
  readonly challenge: string;
  readonly method: string;
  readonly uri: string;
  readonly user: string;
  readonly password: string;
}

/**
 * Our answer to a peer's challenge, as the value of (Proxy-)Authorization. Takes SHA-256 before MD5 whatever their order (RFC 8760 §2.4 lets
 * the client choose); without qop in the challenge answers in the form of RFC 2069.
 * @returns undefined if none of the challenges can be answered: another scheme, algorithm or qop
 */
export function answerChallenge(challenged: Challenged, random: Random): string | undefined {
  const offers = (parseDigests(challenged.challenge) ?? []).filter(isAnswerable);
  const best = (fields: DigestFields) => algorithms.indexOf(algorithmOf(fields.algorithm) ?? 'MD5');
  const chosen = offers.sort((a, b) => best(a) - best(b))[0];
  const algorithm = algorithmOf(chosen?.algorithm);
  if (!chosen || !algorithm) return undefined;
  const { realm = '', nonce = '', qop, opaque } = chosen;
  const { method, uri, user, password } = challenged;
  const auth = qop === undefined ? undefined : { nc: '00000001', cnonce: random.hex(8) };
  const ha1 = ha1Of(algorithm, user, realm, password);
  const response = digestResponse({ algorithm, ha1, method, uri, nonce, ...(auth && { auth }) });
  return printDigest(
    {
      username: user,
      realm,
      nonce,
      uri,
      response,
      ...(chosen.algorithm !== undefined && { algorithm }),
      ...(opaque !== undefined && { opaque }),
      ...(auth && { qop: 'auth', ...auth }),
    },
    'bare',
  );
}

const isAnswerable = ({ realm, nonce, algorithm, qop }: DigestFields): boolean =>
  realm !== undefined &&
  nonce !== undefined &&
  algorithmOf(algorithm) !== undefined &&
  (qop === undefined || qop.split(/\s*,\s*/).includes('auth'));
