/** Values that know where they stand. A merged document is a tree of these too, made of parts of several files. */

export type SourceNode = ObjectNode | ArrayNode | ScalarNode;

interface Placed {
  readonly file: SourceFile;
  /** Offset of the first character. */
  readonly start: number;
  /** The value that this one stands in, in its file; undefined at the top. */
  readonly parent: SourceNode | undefined;
  /** The key or index under which it stands there. */
  readonly key: string | number | undefined;
}

export interface ObjectNode extends Placed {
  readonly kind: 'object';
  readonly properties: Map<string, Property>;
}

export interface Property {
  /** Offset of the key's first character, its quote. */
  readonly keyStart: number;
  readonly value: SourceNode;
}

export interface ArrayNode extends Placed {
  readonly kind: 'array';
  readonly items: SourceNode[];
}

export interface ScalarNode extends Placed {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
}

/** A file's text, and which line an offset is on. */
export class SourceFile {
  /** As people should read it: relative to where they are. */
  readonly name: string;
  /** Absolute: what is written in the file relative to it is resolved against this. */
  readonly path: string;
  readonly text: string;
  #lineStarts: readonly number[] | undefined;

  constructor(name: string, path: string, text: string) {
    this.name = name;
    this.path = path;
    this.text = text;
  }

  /** Line and column from 1, the column in UTF-16 units. */
  position(offset: number): { line: number; column: number } {
    this.#lineStarts ??= lineStarts(this.text);
    const starts = this.#lineStarts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** A line by its number from 1, without its end. */
  line(number: number): string {
    this.#lineStarts ??= lineStarts(this.text);
    const start = this.#lineStarts[number - 1] ?? 0;
    return this.text.slice(start, this.#lineStarts[number] ?? this.text.length).replace(/\r?\n$|\r$/, '');
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return starts;
}

/** The plain value. Keys keep the order of the file. */
export function plainValue(node: SourceNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'array') return node.items.map(plainValue);
  const value: Record<string, unknown> = {};
  for (const [key, property] of node.properties) value[key] = plainValue(property.value);
  return value;
}

/** The value at a key, if the node is an object that has it. */
export const child = (node: SourceNode | undefined, key: string): SourceNode | undefined =>
  node?.kind === 'object' ? node.properties.get(key)?.value : undefined;

/**
 * The value at a path of the *parsed* document, and what of the path is not in the source (a default, a missing key). A block that holds `steps`
 * directly is parsed into `branches[0]`, which the source does not have: these two parts of the path are skipped there.
 */
export function locate(
  root: SourceNode,
  path: readonly (string | number)[],
): { node: SourceNode; rest: (string | number)[] } {
  let node = root;
  for (let i = 0; i < path.length; i++) {
    const part = path[i] as string | number;
    const next = node.kind === 'array' ? node.items[Number(part)] : child(node, String(part));
    if (next) {
      node = next;
    } else if (part === 'branches' && node.kind === 'object' && path[i + 1] === 0) {
      i++;
    } else {
      return { node, rest: path.slice(i) };
    }
  }
  return { node, rest: [] };
}
