import type { PbxVersion } from '../config/version.ts';
import { type CompiledScheme, compileScheme } from './compile.ts';

/** The schemes of one PBX version, each compiled when the first call asks for it, once. */
export class Schemes {
  readonly pbx: PbxVersion;
  readonly #compiled = new Map<string, CompiledScheme>();

  constructor(pbx: PbxVersion) {
    this.pbx = pbx;
  }

  /** Undefined for an id that the document does not have. */
  get(id: string): CompiledScheme | undefined {
    const known = this.#compiled.get(id);
    if (known) return known;
    const scheme = this.pbx.scheme(id);
    if (!scheme) return undefined;
    const compiled = compileScheme(this.pbx, scheme);
    this.#compiled.set(id, compiled);
    return compiled;
  }
}

const all = new WeakMap<PbxVersion, Schemes>();

export function schemesOf(pbx: PbxVersion): Schemes {
  const known = all.get(pbx);
  if (known) return known;
  const schemes = new Schemes(pbx);
  all.set(pbx, schemes);
  return schemes;
}
