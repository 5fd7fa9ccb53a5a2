import type { TrunkCall } from '../config/trunk-plan.ts';
import type { DialPlan, Lengths } from './dial-plan.ts';

/** What the keys pressed so far mean. */
export type Verdict =
  /** Could still become something: wait for another key, `#`, or a pause. */
  | { readonly kind: 'more' }
  | { readonly kind: 'key'; readonly digits: string }
  | { readonly kind: 'extension'; readonly digits: string }
  | ({ readonly kind: 'trunk'; readonly digits: string } & Pick<TrunkCall, 'trunk' | 'number'>)
  /** Matches nothing. */
  | { readonly kind: 'unknown'; readonly digits: string };

export interface InputOptions {
  readonly keys: Iterable<string>;
  /** Lengths of the extensions that may be dialled here; 0 for none. */
  readonly extensions: Lengths;
  readonly plan: DialPlan;
  /**
   * The block has a `disa` rule: numbers behind trunk prefixes and numbers that match trunk masks may be dialled too. With `length` they have as many digits, and an
   * entry that means nothing is heard out up to its `max`.
   */
  readonly disa?: { readonly length?: { readonly min: number; readonly max: number } };
}

/**
 * The input matcher of one block: longest match of the keys pressed against menu keys, then extensions, then (with `disa`) trunk prefixes,
 * then trunk masks. Pure; time is the caller's: `match` after each key, `settle` after a pause.
 *
 * `#` ends an entry at once, unless it is (the beginning of) a menu key itself: no mask that wants a `#` can be dialled here.
 */
export class Input {
  readonly #keys: ReadonlySet<string>;
  /** Proper beginnings of menu keys. */
  readonly #beginnings = new Set<string>();
  readonly #extensions: Lengths;
  readonly #plan: DialPlan;
  readonly #disa: InputOptions['disa'];

  constructor({ keys, extensions, plan, disa }: InputOptions) {
    this.#keys = new Set(keys);
    for (const key of this.#keys) for (let end = 1; end < key.length; end++) this.#beginnings.add(key.slice(0, end));
    this.#extensions = extensions;
    this.#plan = plan;
    this.#disa = disa;
  }

  /** There are first keys after which more may follow; else each key is an entry, and none is ever only begun. */
  get mayWait(): boolean {
    return [...'0123456789*#'].some((key) => this.#canGrow(key));
  }

  /** @param typed all keys since the last decision */
  match(typed: string): Verdict {
    if (this.#canGrow(typed)) return { kind: 'more' };
    if (typed.endsWith('#') && !this.#keys.has(typed)) return this.#exact(typed.slice(0, -1), typed);
    return this.#exact(typed, typed);
  }

  /** Nothing more was pressed for a while: what the keys mean as they are. Never `more`. */
  settle(typed: string): Exclude<Verdict, { kind: 'more' }> {
    return this.#exact(typed, typed);
  }

  #canGrow(typed: string): boolean {
    if (this.#beginnings.has(typed) || this.#plan.isBeginning(typed, this.#extensions)) return true;
    if (!this.#disa || typed.includes('#')) return false;
    if (this.#plan.trunks.couldBecome(typed, this.#disa.length ?? anyLength)) return true;
    const { length } = this.#disa;
    return length !== undefined && typed.length < length.max && !/\D/.test(typed) && !this.#isKnown(typed);
  }

  #exact(entry: string, digits: string): Exclude<Verdict, { kind: 'more' }> {
    if (this.#keys.has(entry)) return { kind: 'key', digits: entry };
    if (this.#isExtension(entry)) return { kind: 'extension', digits: entry };
    const trunk = this.#trunkCall(entry);
    if (trunk) return { kind: 'trunk', digits: entry, trunk: trunk.trunk, number: trunk.number };
    return { kind: 'unknown', digits };
  }

  #isKnown(entry: string): boolean {
    return this.#exact(entry, entry).kind !== 'unknown';
  }

  #trunkCall(entry: string): TrunkCall | undefined {
    if (!this.#disa) return undefined;
    const { min, max } = this.#disa.length ?? anyLength;
    return entry.length >= min && entry.length <= max ? this.#plan.trunks.call(entry) : undefined;
  }

  #isExtension(entry: string): boolean {
    return this.#plan.isExtension(entry, this.#extensions);
  }
}

/** E.164 numbers have 15 digits; a trunk prefix and an escape code come before. */
const anyLength = { min: 1, max: 32 };
