import type { z } from 'zod';
import { builtinPart, builtinPrompts } from '../media/prompts/names.ts';
import { type Issue, issueAt, placeText } from './issue.ts';
import { memberFor } from './schema/choice.ts';
import { type Kind, type Reference, type Role, roles } from './schema/roles.ts';
import type { ScalarNode, SourceNode } from './source.ts';
import { capital, nearest, quoted } from './words.ts';

/**
 * The web of names of one PBX: what is declared, and that each reference finds it. Works on the source, not on the parsed document, so that a
 * mistake elsewhere hides no dangling reference; what is no name at all is left to the schema.
 */
export interface Names {
  /** By kind, then by name. */
  readonly declared: ReadonlyMap<Kind, ReadonlyMap<string, ScalarNode>>;
  readonly used: ReadonlyMap<Kind, ReadonlySet<string>>;
  /** References that find nothing, each with its issue, which is one of `issues`. */
  readonly dangling: readonly Dangling[];
  readonly issues: readonly Issue[];
}

export interface Dangling {
  readonly kind: Kind;
  readonly name: string;
  readonly node: ScalarNode;
  readonly issue: Issue;
}

/** @param value the plain value of `root` */
export function collectNames(schema: z.ZodType, root: SourceNode, value: unknown): Names {
  const declared = new Map<Kind, Map<string, ScalarNode>>();
  const used = new Map<Kind, Set<string>>();
  const references: { readonly role: Reference; readonly node: ScalarNode }[] = [];
  const issues: Issue[] = [];
  const dangling: Dangling[] = [];

  walk(schema, root, value, (role, node) => {
    const name = String(node.value);
    if ('refersTo' in role) {
      references.push({ role, node });
      entry(used, role.refersTo, () => new Set()).add(name);
      return;
    }
    const names = entry(declared, role.declares, () => new Map());
    const first = names.get(name);
    if (!first) names.set(name, node);
    else if (!role.offered) issues.push(...twice(role.declares, name, first, node, names));
  });

  for (const { role, node } of references) {
    const issue = unresolved(role.refersTo, role.needs, node, declared);
    if (!issue) continue;
    issues.push(issue);
    if (issue.code === 'dangling-reference')
      dangling.push({ kind: role.refersTo, name: String(node.value), node, issue });
  }
  return { declared, used, dangling, issues };
}

/** A number that a trunk offers and `numbers` lists is one number; the list's entry is the one to remember. */
function twice(
  kind: Kind,
  name: string,
  first: ScalarNode,
  second: ScalarNode,
  names: Map<string, ScalarNode>,
): Issue[] {
  if (kind === 'number' && topKey(first) === 'trunks') {
    names.set(name, second);
    return [];
  }
  const hint =
    kind === 'extension'
      ? 'Employees, groups, schemes and rooms share one plan of extensions.'
      : 'Give one of them another.';
  return [
    issueAt(second, {
      code: 'duplicate-name',
      message: `${capital(called(kind, name))} is already taken at ${placeText(first)}`,
      hint,
    }),
  ];
}

function topKey(node: SourceNode): string | number | undefined {
  let at = node;
  while (at.parent?.parent) at = at.parent;
  return at.key;
}

function unresolved(
  kind: Kind,
  needs: string | undefined,
  node: ScalarNode,
  declared: ReadonlyMap<Kind, ReadonlyMap<string, ScalarNode>>,
): Issue | undefined {
  const name = String(node.value);
  const builtin = kind === 'audio' ? builtinPart(name) : undefined;
  if (builtin !== undefined) {
    if (builtinPrompts.includes(builtin)) return undefined;
    const near = nearest(builtin, builtinPrompts);
    const hint = near ? `Did you mean "builtin:${near}"?` : `There are ${quoted(builtinPrompts, 'and')}.`;
    return issueAt(node, { code: 'dangling-reference', message: `There is no built-in audio "${builtin}"`, hint });
  }
  const names = declared.get(kind);
  const found = names?.get(name);
  if (!found)
    return issueAt(node, {
      code: 'dangling-reference',
      message: `There is no ${called(kind, name)}`,
      hint: whereToLook(kind, name, declared),
    });
  if (needs && found.parent?.kind === 'object' && !found.parent.properties.has(needs)) {
    const message = `${capital(called(kind, name))} cannot be called: it has no "${needs}"`;
    return issueAt(node, { code: 'not-callable', message, hint: `Give it one at ${placeText(found)}.` });
  }
  return undefined;
}

function whereToLook(kind: Kind, name: string, declared: ReadonlyMap<Kind, ReadonlyMap<string, ScalarNode>>): string {
  const names = [...(declared.get(kind)?.keys() ?? [])];
  const near = nearest(name, names);
  if (near) return `Did you mean "${near}"?`;
  for (const [other, theirs] of declared) {
    if (other !== kind && other !== 'extension' && theirs.has(name))
      return `${capital(called(other, name))} exists: is that meant?`;
  }
  if (names.length === 0) return `None is declared: ${declaredIn[kind]}.`;
  return names.length <= 8 ? `There is ${quoted(names, 'and')}.` : `Look into ${declaredIn[kind]}.`;
}

const words: Readonly<Record<Kind, string>> = {
  pbx: 'PBX',
  audio: 'audio',
  employee: 'employee',
  group: 'group',
  scheme: 'scheme',
  trunk: 'trunk',
  room: 'room',
  regionRules: 'region rules',
  number: 'number',
  domain: 'domain',
  extension: 'extension',
};

const declaredIn: Readonly<Record<Kind, string>> = {
  pbx: '"pbx"',
  audio: '"audio"',
  employee: '"employees"',
  group: '"groups"',
  scheme: '"schemes"',
  trunk: '"trunks"',
  room: '"rooms"',
  regionRules: '"regionRules"',
  number: '"numbers", or "numbers" of a trunk',
  domain: '"domains" of "pbx"',
  extension: '"extension" of employees, groups, schemes and rooms',
};

/** `employee "ivanov"` */
export const called = (kind: Kind, name: string): string => `${words[kind]} "${name}"`;

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** Calls back for every text of the source whose schema has a role. Goes only where schema and source agree in shape. */
function walk(
  schema: z.core.$ZodType,
  node: SourceNode,
  value: unknown,
  visit: (role: Role, node: ScalarNode) => void,
): void {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'string': {
      const role = roles.get(schema as z.ZodType);
      if (role && node.kind === 'scalar' && typeof value === 'string') visit(role, node);
      return;
    }
    case 'object':
      if (node.kind !== 'object') return;
      for (const [key, property] of node.properties) {
        const member = Object.hasOwn(def.shape, key) ? def.shape[key] : undefined;
        if (member) walk(member, property.value, at(value, key), visit);
      }
      return;
    case 'record':
      if (node.kind !== 'object') return;
      for (const [key, property] of node.properties) walk(def.valueType, property.value, at(value, key), visit);
      return;
    case 'array':
      if (node.kind !== 'array') return;
      for (const [index, item] of node.items.entries()) walk(def.element, item, at(value, index), visit);
      return;
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      walk(def.innerType, node, value, visit);
      return;
    case 'pipe':
      walk(def.in, node, value, visit);
      return;
    case 'union': {
      const member = memberFor(schema, value);
      if (member) walk(member, node, value, visit);
    }
  }
}

const at = (value: unknown, key: string | number): unknown =>
  (value as Readonly<Record<string | number, unknown>>)[key];
