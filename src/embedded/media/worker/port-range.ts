import { errorText } from '../../../errors.ts';
import { MediaError } from '../../../media/port.ts';
import type { PortPair } from './port-pair.ts';

export interface PortInterval {
  readonly from: number;
  readonly to: number;
}

/** Even ports whose successor also lies in the interval. */
export const pairsIn = ({ from, to }: PortInterval): number => Math.max(0, Math.floor((to + 1 - evenFrom(from)) / 2));

/** @returns `shares` intervals of about the same number of pairs */
export function divide(interval: PortInterval, shares: number): PortInterval[] {
  const first = evenFrom(interval.from);
  const pairs = pairsIn(interval);
  const edge = (share: number) => first + 2 * Math.floor((pairs * share) / shares);
  return Array.from({ length: shares }, (_, share) => ({ from: edge(share), to: edge(share + 1) - 1 }));
}

/** By another program; anything else (no more sockets, no such address) would be the same on the next port. */
const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');

const evenFrom = (port: number) => port + (port % 2);

/**
 * Hands out port pairs in turn, so that a freed port rests as long as possible: packets of the former call that are still on their way
 * should meet nobody.
 */
export class PortRange {
  readonly #first: number;
  readonly #pairs: number;
  readonly #taken = new Set<number>();
  #next = 0;

  constructor(interval: PortInterval) {
    this.#first = evenFrom(interval.from);
    this.#pairs = pairsIn(interval);
  }

  /**
   * @param bind is tried on one port after the other until it succeeds
   * @throws MediaError `no-port`
   */
  async take(bind: (port: number) => Promise<PortPair>): Promise<PortPair> {
    let problem = 'all are in use by calls';
    for (let tries = 0; tries < this.#pairs; tries++) {
      const port = this.#first + 2 * this.#next;
      this.#next = (this.#next + 1) % this.#pairs;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      try {
        return this.#released(await bind(port));
      } catch (error) {
        this.#taken.delete(port);
        problem = errorText(error);
        if (!isPortTaken(error)) break;
      }
    }
    const last = this.#first + 2 * this.#pairs - 1;
    throw new MediaError('no-port', `No free RTP port in ${this.#first}–${last}: ${problem}`);
  }

  #released(pair: PortPair): PortPair {
    return {
      ...pair,
      close: async () => {
        await pair.close();
        this.#taken.delete(pair.port);
      },
    };
  }
}
