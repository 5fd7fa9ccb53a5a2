import type { Trunk } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { SharedLimits } from '../redis/shared-limits.ts';

/** The lines of trunks (`lines`, §5.3.1.1), counted over all nodes, calls in both directions together. */
export class TrunkLines {
  readonly #limits: Pick<SharedLimits, 'take' | 'held'>;

  constructor(limits: Pick<SharedLimits, 'take' | 'held'>) {
    this.#limits = limits;
  }

  /** @returns gives the line back, once; undefined: all are taken */
  take(pbx: PbxVersion, { id, lines }: Trunk): Promise<(() => void) | undefined> {
    return this.#limits.take(pbx.id, linesOf(id), lines);
  }

  /** How many lines of a trunk this node has. */
  held(pbx: string, trunk: string): number {
    return this.#limits.held(pbx, linesOf(trunk));
  }
}

const linesOf = (trunk: string) => `trunk-lines:${trunk}` as const;
