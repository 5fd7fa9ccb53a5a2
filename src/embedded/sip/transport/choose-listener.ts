import type { Listener } from './listener.ts';
import { commonPrefix, familyOf, isLoopback, isPrivate, isWildcard } from './networks.ts';
import type { Hop } from './types.ts';

type Bound = Pick<Listener, 'protocol' | 'address' | 'port'>;

/**
 * The listener from which to send to a hop: the one that the hop names, else of its protocol and IP version the one whose
 * address is closest; from a loopback address nothing outside is reached. The first listed wins a tie.
 */
export function chooseListener<T extends Bound>(listeners: readonly T[], hop: Hop): T | undefined {
  let best: T | undefined;
  let bestScore = 0;
  for (const listener of listeners) {
    if (listener.protocol !== hop.protocol || familyOf(listener.address) !== familyOf(hop.address)) continue;
    const score = fitness(listener, hop);
    if (score > bestScore) [best, bestScore] = [listener, score];
  }
  return best;
}

/** 0 means useless. */
function fitness(listener: Bound, hop: Hop): number {
  if (listener.port === hop.localPort && (listener.address === hop.localAddress || isWildcard(listener.address))) {
    return 1000;
  }
  if (isWildcard(listener.address)) return 2;
  if (isLoopback(listener.address) === isLoopback(hop.address)) return 3 + commonPrefix(listener.address, hop.address);
  return isLoopback(hop.address) ? 1 : 0;
}

/**
 * What Via and Contact say about a listener: the external address to those outside. Peers on this machine and in private
 * networks reach the real one, often only that.
 */
export const advertisedTo = (peer: string, address: string, externalIp: string | undefined): string =>
  externalIp !== undefined && familyOf(externalIp) === familyOf(address) && !isLoopback(peer) && !isPrivate(peer)
    ? externalIp
    : address;
