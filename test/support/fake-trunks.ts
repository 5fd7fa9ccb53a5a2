import type { Trunk } from '../../src/config/document.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import type { Trunks } from '../../src/dial/outgoing/trunks.ts';

/** Trunks as a test says that they are, with as many lines as they are configured with. */
export class FakeTrunks implements Trunks {
  /** Those that cannot be reached. */
  readonly down = new Set<string>();
  /** What calls have found out, as `operator reached`, `operator unreachable`. */
  readonly told: string[] = [];
  /** Peers that answer nothing. */
  readonly silent = new Set<string>();
  readonly #taken = new Map<string, number>();

  isUp(_pbx: string, trunk: string): boolean {
    return !this.down.has(trunk);
  }

  /** How the other PBX of an internal trunk is called. */
  internally: Trunks['inside'] = () => undefined;

  inside(...all: Parameters<Trunks['inside']>): ReturnType<Trunks['inside']> {
    return this.internally(...all);
  }

  async takeLine(_pbx: PbxVersion, { id, lines }: Trunk): Promise<(() => void) | undefined> {
    const taken = this.taken(id);
    if (lines > 0 && taken >= lines) return undefined;
    this.#taken.set(id, taken + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#taken.set(id, this.taken(id) - 1);
    };
  }

  async probe(_pbx: PbxVersion, { id }: Trunk): Promise<boolean> {
    return !this.silent.has(id);
  }

  reached(_pbx: string, trunk: string): void {
    this.told.push(`${trunk} reached`);
  }

  unreachable(_pbx: string, trunk: string): void {
    this.told.push(`${trunk} unreachable`);
  }

  taken(trunk: string): number {
    return this.#taken.get(trunk) ?? 0;
  }
}
