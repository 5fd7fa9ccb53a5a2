import type { RegionRules } from '../schema/number.ts';
import type { Target } from '../schema/target.ts';

/**
 * A set of callers, as far as region rules tell them apart: by the longest prefix of theirs that any rule names; `''` for those of whom
 * none is named, hidden numbers among them.
 */
export type Callers = ReadonlySet<string>;

/** Which callers go where by region. */
export class CallersByRegion {
  readonly all: Callers;
  readonly nobody: Callers = new Set();
  readonly #rules: ReadonlyMap<string, RegionRules>;

  constructor(rules: readonly RegionRules[]) {
    this.#rules = new Map(rules.map((one) => [one.id, one]));
    this.all = new Set(['', ...rules.flatMap((one) => one.rules.flatMap(({ prefixes }) => prefixes))]);
  }

  isNobody(callers: Callers): boolean {
    return callers.size === 0;
  }

  either(a: Callers, b: Callers): Callers {
    return a.union(b);
  }

  /** As a call is forwarded: by the longest prefix, the first of several equals (`scheme/regions.ts`). */
  ways(
    id: string,
    callers: Callers,
  ): { readonly ways: readonly { readonly target: Target; readonly callers: Callers }[]; readonly otherwise: Callers } {
    const rules = this.#rules.get(id)?.rules ?? [];
    const owner = new Map<string, number>();
    for (const [index, { prefixes }] of rules.entries())
      for (const prefix of prefixes) if (!owner.has(prefix)) owner.set(prefix, index);
    const groups = Map.groupBy(callers, (caller) => {
      for (let end = caller.length; end > 0; end--) {
        const found = owner.get(caller.slice(0, end));
        if (found !== undefined) return found;
      }
      return -1;
    });
    return {
      ways: rules.flatMap(({ to }, index) => {
        const those = groups.get(index);
        return those ? [{ target: to, callers: new Set(those) }] : [];
      }),
      otherwise: new Set(groups.get(-1) ?? []),
    };
  }
}
