import { isDeepStrictEqual } from 'node:util';
import type { Branch, Scheme } from '../config/document.ts';
import type { TraceEntry } from '../scheme/actors.ts';

/**
 * Something that a scheme does with a call and that decides where the call goes: a branch, a scheme, an entry of the caller, a rule, whom it rings, what
 * it records to, its end. What the caller hears meanwhile is none (`Course.heard`).
 */
export interface Deed extends TraceEntry {
  /** How many inputs had come in before. */
  readonly inputs: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What must be alike in two versions for the deed to be the same. */
  readonly essence: unknown;
}

/**
 * Not by the names of states: what was moved or renamed is the same. Branches are the same that have the same hours or the same content, schemes that have
 * the same id or the same content; else what counts is in `essence`.
 */
export function sameDeed(one: Deed, other: Deed): boolean {
  return kindOf(one) === kindOf(other) && sameEssence(one.essence, other.essence);
}

/** A group is queued for, an employee is rung: both are calls to a target. */
const kindOf = ({ event }: Deed): string => (event === 'queue' ? 'ring' : event);

export function sameEssence(one: unknown, other: unknown): boolean {
  if (isBranch(one) && isBranch(other)) {
    const { when: whenOne, ...doesOne } = one.branch;
    const { when: whenOther, ...doesOther } = other.branch;
    return isDeepStrictEqual(whenOne, whenOther) || isDeepStrictEqual(doesOne, doesOther);
  }
  if (isScheme(one) && isScheme(other)) {
    const { scheme } = one;
    return scheme.id === other.scheme.id || isDeepStrictEqual(scheme.branches, other.scheme.branches);
  }
  return isDeepStrictEqual(one, other);
}

const isBranch = (essence: unknown): essence is { readonly branch: Branch } => has(essence, 'branch');
const isScheme = (essence: unknown): essence is { readonly scheme: Scheme } => has(essence, 'scheme');

const has = (essence: unknown, key: string): boolean =>
  typeof essence === 'object' && essence !== null && (essence as Record<string, unknown>)[key] !== undefined;

/** What came in place of what. Times are seconds from the start of the call. */
export interface Difference {
  readonly t: number;
  /** Where the call was in the version that it used. */
  readonly state: string;
  readonly was: Doing | null;
  /** Null: nothing, it would still wait. */
  readonly now: Doing | null;
}

export interface Doing {
  readonly state: string;
  readonly event: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly why?: string;
}

export const doingOf = ({ state, event, detail, why }: TraceEntry): Doing => ({
  state,
  event,
  ...(detail === undefined ? {} : { detail }),
  ...(why === undefined ? {} : { why }),
});
