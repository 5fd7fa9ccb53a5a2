import type { Random } from '../time/random.ts';
import { answerChallenge, type Challenged } from './digest-client.ts';
import type { DrachtioResponse } from './drachtio.ts';
import type { HeaderFields } from './port.ts';

/** The header that answers a 401 or 407 (RFC 3261 §22.2, §22.3); undefined if the response is none, or cannot be answered. */
export function credentialsField(
  response: DrachtioResponse,
  challenged: Omit<Challenged, 'challenge'>,
  random: Random,
): HeaderFields | undefined {
  if (response.status !== 401 && response.status !== 407) return undefined;
  const [asked, answered] =
    response.status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
  const challenge = response.get(asked);
  const value = challenge === undefined ? undefined : answerChallenge({ ...challenged, challenge }, random);
  return value === undefined ? undefined : { [answered]: value };
}
