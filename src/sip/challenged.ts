import type { Random } from '../time/random.ts';
import { answerChallenge, type Challenged } from './digest-client.ts';
import { parseDigests } from './digest-fields.ts';
import type { DrachtioResponse } from './drachtio.ts';
import type { HeaderFields } from './port.ts';

/** A peer that says each nonce is stale would be asked without end. */
const MAX_ANSWERS = 4;

/**
 * The challenges to one request of ours, and what answers them (RFC 3261 §22.2, §22.3). Two may follow one another, of a proxy (407) and of the server behind
 * it (401): the request then bears both answers. One that comes again means that the password is wrong, unless the nonce was merely stale (RFC 7616 §3.3).
 */
export class Challenges {
  readonly #auth: Pick<Challenged, 'user' | 'password'>;
  readonly #random: Random;
  readonly #answers = new Map<string, string>();
  #count = 0;

  constructor(auth: Pick<Challenged, 'user' | 'password'>, random: Random) {
    this.#auth = auth;
    this.#random = random;
  }

  /** The headers to repeat the request with; undefined: the response stands, because it is no challenge, or one that cannot be answered (again). */
  answer(response: DrachtioResponse, request: Pick<Challenged, 'method' | 'uri'>): HeaderFields | undefined {
    if (response.status !== 401 && response.status !== 407) return undefined;
    const [asked, answered] =
      response.status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
    const challenge = response.get(asked);
    if (challenge === undefined || this.#count >= MAX_ANSWERS) return undefined;
    if (this.#answers.has(answered) && !isStale(challenge)) return undefined;
    const value = answerChallenge({ ...this.#auth, ...request, challenge }, this.#random);
    if (value === undefined) return undefined;
    this.#count++;
    this.#answers.set(answered, value);
    return Object.fromEntries(this.#answers);
  }
}

const isStale = (challenge: string): boolean =>
  (parseDigests(challenge) ?? []).some(({ stale }) => stale?.toLowerCase() === 'true');
