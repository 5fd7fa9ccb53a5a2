import { type Issue, issueAt, placeText } from './issue.ts';
import type { ArrayNode, ObjectNode, Property, SourceNode } from './source.ts';

/**
 * Makes one document of the files of one PBX: objects merge key by key, arrays concatenate in the order of the files; the same scalar
 * twice is an error, as is one key with values of different kinds. `$schema` at the top belongs to the file and is left out.
 */
export function merge(roots: readonly ObjectNode[]): {
  readonly root: ObjectNode | undefined;
  readonly issues: readonly Issue[];
} {
  const issues: Issue[] = [];
  let merged: ObjectNode | undefined;
  for (const root of roots) {
    const part = withoutSchema(root);
    merged = merged ? mergeObjects(merged, part, issues) : part;
  }
  return { root: merged, issues };
}

function withoutSchema(root: ObjectNode): ObjectNode {
  if (!root.properties.has('$schema')) return root;
  const properties = new Map(root.properties);
  properties.delete('$schema');
  return { ...root, properties };
}

/** The place of the result is the first one's; its entries keep their own. */
function mergeObjects(first: ObjectNode, second: ObjectNode, issues: Issue[]): ObjectNode {
  const properties = new Map(first.properties);
  for (const [key, property] of second.properties) {
    const known = properties.get(key);
    properties.set(key, known ? mergeProperties(key, known, property, issues) : property);
  }
  return { ...first, properties };
}

function mergeProperties(key: string, first: Property, second: Property, issues: Issue[]): Property {
  const a = first.value;
  const b = second.value;
  if (a.kind === 'object' && b.kind === 'object') return { ...first, value: mergeObjects(a, b, issues) };
  if (a.kind === 'array' && b.kind === 'array') return { ...first, value: concatenated(a, b) };
  issues.push(clash(key, a, b));
  return first;
}

const concatenated = (a: ArrayNode, b: ArrayNode): ArrayNode => ({ ...a, items: [...a.items, ...b.items] });

function clash(key: string, first: SourceNode, second: SourceNode): Issue {
  const same = first.kind === second.kind;
  const message = same
    ? `"${key}" is already set at ${placeText(first)}`
    : `"${key}" is ${named[second.kind]} here, but ${named[first.kind]} at ${placeText(first)}`;
  const hint = same ? 'Keep one of the two.' : 'Only objects and lists of several files are put together.';
  const remark = { code: 'set-twice', message, hint } as const;
  return second.parent ? issueAt(second.parent, remark, key) : issueAt(second, remark);
}

const named = { object: 'an object', array: 'a list', scalar: 'a single value' } as const;
