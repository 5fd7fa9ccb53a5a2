import type { Branch, Condition, When } from '../config/document.ts';

/**
 * The names of states: stable, and read like a path in the scheme, because logs, history, graph and simulator show them.
 *
 * - `main`: a block, here the top of scheme `main`. If it has one branch for any time, the block and the branch are one.
 * - `main/workdays`: one of several branches, by its `when` in a word, or by its number (from 0) where the word would be long.
 * - `main/workdays/1/2`: menu items, by their keys. `main/workdays/noInput`: a rule.
 * - `main/workdays:0`: a place in the block, here its first step. Others: `:waiting`, `:invalid`, `:dialled`, `:password`, and `:stepsEntry` and the
 *   like, where an entry is heard out (`hear-out.ts`).
 */
export function branchPaths(block: string, branches: readonly Branch[]): readonly string[] {
  const [only] = branches;
  if (branches.length === 1 && only?.when === 'always') return [block];
  const words = branches.map(({ when }) => word(when));
  return words.map((name, index) => {
    const clear = name !== undefined && words.indexOf(name) === words.lastIndexOf(name);
    return `${block}/${clear ? name : index}`;
  });
}

const longest = 24;

/** A `When` in a word, if one will do. */
function word(when: When): string | undefined {
  if (typeof when === 'string') return when;
  const names = when.map(conditionWord);
  const name = names.join(',');
  return names.includes(undefined) || name.length > longest ? undefined : name;
}

/** What is most telling about a condition: its days, else its dates, else its hours (without colons, which separate places). */
function conditionWord({ days, dates, time }: Condition): string | undefined {
  return days?.join('+') ?? dates?.join('+') ?? time?.join('+').replaceAll(':', '');
}

export const place = (branch: string, name: string | number): string => `${branch}:${name}`;
export const inner = (branch: string, name: string): string => `${branch}/${name}`;

/** A path as XState wants a state named in a transition: an id, its dots escaped. */
export const to = (path: string): string => `#${path.replaceAll('.', '\\.')}`;
