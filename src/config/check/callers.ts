import type { RegionRules } from '../schema/number.ts';
import type { Target } from '../schema/target.ts';

/**
 * A set of callers, as far as region rules tell them apart: by the longest prefix of theirs that any rule names; `''` for those of whom
 * none is named, hidden numbers among them.
 */
export type Callers = ReadonlySet<string>;

/** Where a step sends which callers. */
export interface Ways {
  readonly ways: readonly { readonly target: Target; readonly callers: Callers }[];
  /** Those for whom the next step follows. */
  readonly otherwise: Callers;
}

export const nobody: Callers = new Set();

/** Which callers go where by region. */
export class CallersByRegion {
  readonly all: Callers;
  readonly #rules: ReadonlyMap<string, RegionRules>;
  /** For all callers, by region rules: what nearly every step asks for. */
  readonly #ofAll = new Map<string, Ways>();

  constructor(rules: readonly RegionRules[]) {
    this.#rules = new Map(rules.map((one) => [one.id, one]));
    this.all = new Set(['', ...rules.flatMap((one) => one.rules.flatMap(({ prefixes }) => prefixes))]);
  }

  /** As a call is forwarded: by the longest prefix, the first of several equals (`scheme/regions.ts`). One way for each target. */
  ways(id: string, callers: Callers): Ways {
    if (callers !== this.all) return this.#compute(id, callers);
    const known = this.#ofAll.get(id) ?? this.#compute(id, callers);
    this.#ofAll.set(id, known);
    return known;
  }

  #compute(id: string, callers: Callers): Ways {
    const owner = new Map<string, Target>();
    for (const { prefixes, to } of this.#rules.get(id)?.rules ?? [])
      for (const prefix of prefixes) if (!owner.has(prefix)) owner.set(prefix, to);
    const found = new Map<string, { readonly target: Target; readonly callers: Set<string> }>();
    const otherwise = new Set<string>();
    for (const caller of callers) {
      const target = longest(caller, owner);
      if (!target) {
        otherwise.add(caller);
        continue;
      }
      const key = JSON.stringify(target);
      const way = found.get(key);
      if (way) way.callers.add(caller);
      else found.set(key, { target, callers: new Set([caller]) });
    }
    return { ways: [...found.values()], otherwise };
  }
}

function longest(caller: string, owner: ReadonlyMap<string, Target>): Target | undefined {
  for (let end = caller.length; end > 0; end--) {
    const target = owner.get(caller.slice(0, end));
    if (target) return target;
  }
  return undefined;
}
