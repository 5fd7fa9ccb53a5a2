import { type Issue, issueAt, placeText } from './issue.ts';
import { called, type Dangling, type Names } from './names.ts';
import type { PbxDocument } from './schema/document.ts';
import type { Kind } from './schema/roles.ts';
import { capital, joined } from './words.ts';

/** What a PBX has, by kind and name. */
export type DeclaredNames = ReadonlyMap<Kind, ReadonlySet<string>>;

/** As `names.ts` finds them in the source, taken from what is in force. */
export function declaredIn(document: PbxDocument): DeclaredNames {
  const { pbx, audio, employees, groups, schemes, trunks, rooms, regionRules, numbers } = document;
  const ids = (list: readonly { readonly id: string }[]) => new Set(list.map(({ id }) => id));
  const callable: readonly { readonly extension?: string }[] = [...employees, ...groups, ...schemes, ...rooms];
  const offered = trunks.flatMap((trunk) => trunk.numbers);
  return new Map<Kind, ReadonlySet<string>>([
    ['domain', new Set(pbx.domains)],
    ['audio', ids(audio)],
    ['employee', ids(employees)],
    ['group', ids(groups)],
    ['scheme', ids(schemes)],
    ['trunk', ids(trunks)],
    ['room', ids(rooms)],
    ['regionRules', ids(regionRules)],
    ['number', new Set([...numbers, ...offered].map(({ number }) => number))],
    ['extension', new Set(callable.flatMap(({ extension }) => extension ?? []))],
  ]);
}

/** Places that are named one by one; of more the number is told. */
const mostPlaces = 4;

/**
 * Tells a thing that was removed while it is still used from one that never was there: the first is a deletion that went too far, and
 * what is to be done about it depends on who else uses it.
 * @param before what the same PBX has as it is in force
 * @returns the issues, those about removed things said anew
 */
export function withRemovals(issues: readonly Issue[], names: Names, before: DeclaredNames): readonly Issue[] {
  const removed = names.dangling.filter(({ kind, name }) => before.get(kind)?.has(name));
  if (removed.length === 0) return issues;
  const users = Map.groupBy(removed, ({ kind, name }) => `${kind} ${name}`);
  const anew = new Map(
    removed.map((one) => [
      one.issue,
      removalIssue(one, users.get(`${one.kind} ${one.name}`) ?? [], newcomers(one, names, before)),
    ]),
  );
  return issues.map((issue) => anew.get(issue) ?? issue);
}

/** Things of the same kind that are new: perhaps it was renamed. */
function newcomers({ kind }: Dangling, names: Names, before: DeclaredNames): string[] {
  const known = before.get(kind);
  return [...(names.declared.get(kind)?.keys() ?? [])].filter((name) => !known?.has(name));
}

function removalIssue(one: Dangling, users: readonly Dangling[], fresh: readonly string[]): Issue {
  const others = users.filter((other) => other !== one).map(({ node }) => `at ${placeText(node)}`);
  const more = others.length > mostPlaces ? [`at ${others.length - mostPlaces + 1} more places`] : [];
  const places = ['here', ...(more.length > 0 ? others.slice(0, mostPlaces - 1) : others), ...more];
  const message = `${capital(called(one.kind, one.name))} was removed, but is still used ${joined(places, 'and')}`;
  const [renamed] = fresh;
  const hint =
    fresh.length === 1 && renamed !== undefined
      ? `Put it back, or write "${renamed}" if that is its new name.`
      : `Put it back, or change ${whichPlaces(users.length)}.`;
  return issueAt(one.node, { code: 'removed-reference', message, hint });
}

const whichPlaces = (count: number): string =>
  count === 1 ? 'this place' : count === 2 ? 'both places' : `all ${count} places`;
