import type { z } from 'zod';
import { read } from './explain.ts';
import type { Issue, Path } from './issue.ts';
import { collectNames, type Names } from './names.ts';
import { complete, DocumentForm, type PbxDocument } from './schema/document.ts';
import { locate, type ObjectNode, plainValue, type SourceNode } from './source.ts';

/** The source of one PBX, read by its schema. */
export interface ReadDocument {
  /** What could be read: entries of lists that are wrong in themselves are left out. Undefined where too little is right. */
  readonly document: PbxDocument | undefined;
  /** Nothing was left out. */
  readonly whole: boolean;
  readonly names: Names;
  readonly issues: readonly Issue[];
  /** Where a value of `document` stands in the source, and what of the path is not written there. */
  locate(path: Path): { readonly node: SourceNode; readonly rest: Path };
}

type DocumentLists = {
  [Key in keyof z.output<typeof DocumentForm> as z.output<typeof DocumentForm>[Key] extends unknown[]
    ? Key
    : never]: true;
};

/** Keys whose value is a list, entry by entry independent of the rest. */
const lists = {
  numbers: true,
  schemes: true,
  employees: true,
  groups: true,
  trunks: true,
  rooms: true,
  forwarding: true,
  regionRules: true,
  callerIdRules: true,
  audio: true,
} as const satisfies DocumentLists;

type ListKey = keyof typeof lists;
const listKeys = Object.keys(lists) as ListKey[];

/** How many list entries are read before others get a turn: a large document must not stop the calls of this node. */
const entriesPerTurn = 200;

/** Says everything that is wrong with the document at once: entries of lists are read one by one, so that none hides another's mistakes. */
export async function validate(root: ObjectNode): Promise<ReadDocument> {
  const value = plainValue(root) as Readonly<Record<string, unknown>>;
  const names = collectNames(DocumentForm, root, value);
  const issues: Issue[] = [...names.issues];

  const skeleton = read(DocumentForm, root, withEmptyLists(value));
  issues.push(...skeleton.issues);

  const entries: Partial<Record<ListKey, unknown[]>> = {};
  const nodes = new Map<ListKey, SourceNode[]>();
  let sinceTurn = 0;
  for (const key of listKeys) {
    const list = root.properties.get(key)?.value;
    if (list?.kind !== 'array') continue;
    const element = elementOf(key);
    const values: unknown[] = [];
    const places: SourceNode[] = [];
    for (const [index, item] of list.items.entries()) {
      const entry = read(element, item, (value[key] as readonly unknown[])[index]);
      issues.push(...entry.issues);
      if (entry.issues.length === 0) {
        values.push(entry.value);
        places.push(item);
      }
      if (++sinceTurn % entriesPerTurn === 0) await turn();
    }
    entries[key] = values;
    nodes.set(key, places);
  }

  const document =
    skeleton.value && complete({ ...skeleton.value, ...(entries as Partial<z.output<typeof DocumentForm>>) });
  return {
    document,
    whole: issues.length === names.issues.length,
    names,
    issues,
    locate([first, second, ...rest]) {
      const entry = typeof second === 'number' ? nodes.get(first as ListKey)?.[second] : undefined;
      if (entry) return locate(entry, rest);
      return locate(
        root,
        [first, second, ...rest].filter((part) => part !== undefined),
      );
    },
  };
}

/** Lets timers, sockets and promises run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const withEmptyLists = (value: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(
    Object.entries(value).map(([key, own]) => [key, Array.isArray(own) && Object.hasOwn(lists, key) ? [] : own]),
  );

const elementOf = (key: ListKey): z.ZodType => DocumentForm.shape[key].unwrap().element as z.ZodType;
