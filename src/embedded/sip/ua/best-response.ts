import type { SipResponse } from '../message/index.ts';

/** Within their class they tell the caller something to do. RFC 3261 §16.7 step 6. */
const HELPFUL = new Set([401, 407, 415, 420, 484]);
const CHALLENGES = ['WWW-Authenticate', 'Proxy-Authenticate'];

/** The final response that a caller gets out of all that the branches of a proxied request have given. */
export class BestResponse {
  #best: SipResponse | undefined;
  readonly #challenges: [name: string, value: string][] = [];

  add(response: SipResponse): void {
    for (const name of CHALLENGES) {
      for (const value of response.headers.all(name)) this.#challenges.push([name, value]);
    }
    if (!this.#best || rank(response.status) < rank(this.#best.status)) this.#best = response;
  }

  /** With the challenges of all branches if it is one itself (§16.7 step 7); a 503 of one branch says nothing about us. */
  get(): SipResponse | undefined {
    const best = this.#best?.clone();
    if (!best) return undefined;
    if (best.status === 503) {
      best.status = 500;
      best.reason = 'Server Internal Error';
    }
    if (best.status !== 401 && best.status !== 407) return best;
    for (const name of CHALLENGES) best.headers.remove(name);
    for (const [name, value] of this.#challenges) best.headers.append(name, value);
    return best;
  }
}

/** Lower is better: 6xx speaks for everybody, then the lower class, then what helps. */
function rank(status: number): number {
  if (status >= 600) return 0;
  return Math.floor(status / 100) * 10 + (HELPFUL.has(status) ? 0 : status === 408 || status === 503 ? 2 : 1);
}
