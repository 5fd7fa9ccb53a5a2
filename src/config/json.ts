import { type ParseErrorCode, visit } from 'jsonc-parser';
import { type Issue, issueAt, issueInFile, issueOfFile } from './issue.ts';
import { type ArrayNode, type ObjectNode, type ScalarNode, SourceFile, type SourceNode } from './source.ts';

export interface ParsedFile {
  readonly file: SourceFile;
  /** Undefined where the file could not be understood. */
  readonly root: ObjectNode | undefined;
  readonly issues: readonly Issue[];
}

/** Deeper than any document, and far from the end of the stack. */
const maxDepth = 100;

/** How syntax errors end the reading of a file from inside the visitor. */
class Stop extends Error {}

/**
 * Reads one file: JSON in UTF-8 with comments (`//`, and slash-star). Never throws for what is in the file. What can be read past (a trailing
 * comma, a duplicate key) does not hide what comes after; the first other syntax error ends the file.
 */
export function parseJsonFile(name: string, path: string, bytes: Uint8Array): ParsedFile {
  const decoded = decode(bytes);
  if ('issue' in decoded) {
    const file = new SourceFile(name, path, decoded.text);
    return { file, root: undefined, issues: [decoded.issue(file)] };
  }
  const file = new SourceFile(name, path, decoded.text);
  const builder = new Builder(file);
  const root = builder.build();
  if (builder.broken) return { file, root: undefined, issues: builder.issues };
  if (!root) {
    const hint = 'Put an object in it, at least {}, or remove the file.';
    const issue = issueOfFile(name, { code: 'empty-file', message: 'The file is empty', hint });
    return { file, root: undefined, issues: [issue] };
  }
  if (root.kind !== 'object') {
    const issue = issueAt(root, { code: 'wrong-type', message: 'A file must hold one object: { … }' });
    return { file, root: undefined, issues: [...builder.issues, issue] };
  }
  return { file, root, issues: builder.issues };
}

type Decoded = { readonly text: string } | { readonly text: string; readonly issue: (file: SourceFile) => Issue };

function decode(bytes: Uint8Array): Decoded {
  const [a, b, c] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return refused('not-utf8', 'The file is in UTF-16', 'Save it as UTF-8.');
  }
  if (a === 0xef && b === 0xbb && c === 0xbf) {
    return refused('byte-order-mark', 'The file starts with a byte order mark', 'Save it as UTF-8 without BOM.');
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    // TypeError is how the decoder says no; the first replacement character tells where.
    const text = new TextDecoder('utf-8').decode(bytes);
    const remark = {
      code: 'not-utf8',
      message: 'The file is not valid UTF-8 from here on',
      hint: 'Save it as UTF-8.',
    } as const;
    return { text, issue: (file) => issueInFile(file, Math.max(0, text.indexOf('\ufffd')), remark) };
  }
}

const refused = (code: 'not-utf8' | 'byte-order-mark', message: string, hint: string): Decoded => ({
  text: '',
  issue: (file) => issueOfFile(file.name, { code, message, hint }),
});

type Container = ObjectNode | ArrayNode;

/** Builds the tree out of jsonc-parser's events. */
class Builder {
  readonly issues: Issue[] = [];
  /** A syntax error was met that leaves the rest of the file unread. */
  broken = false;
  readonly #file: SourceFile;
  readonly #open: Container[] = [];
  #root: SourceNode | undefined;
  #key: { readonly name: string; readonly start: number } | undefined;
  /** Where the last comma stands if nothing has followed it yet. */
  #comma: number | undefined;

  constructor(file: SourceFile) {
    this.#file = file;
  }

  build(): SourceNode | undefined {
    try {
      visit(
        this.#file.text,
        {
          onObjectBegin: (start) => this.#beginObject(start),
          onObjectProperty: (name, offset) => this.#property(name, offset),
          onObjectEnd: () => this.#end(),
          onArrayBegin: (start) => this.#beginArray(start),
          onArrayEnd: () => this.#end(),
          onLiteralValue: (value, start) => this.#scalar(value, start),
          onSeparator: (character, offset) => {
            if (character === ',') this.#comma = offset;
          },
          onError: (error, offset, length) => this.#error(error, offset, length),
        },
        { allowTrailingComma: true, allowEmptyContent: true },
      );
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      this.broken = true;
    }
    return this.#root;
  }

  #beginObject(start: number): void {
    const parent = this.#open.at(-1);
    this.#begin({ kind: 'object', file: this.#file, start, parent, key: this.#keyIn(parent), properties: new Map() });
  }

  #beginArray(start: number): void {
    const parent = this.#open.at(-1);
    this.#begin({ kind: 'array', file: this.#file, start, parent, key: this.#keyIn(parent), items: [] });
  }

  #scalar(value: ScalarNode['value'], start: number): void {
    const parent = this.#open.at(-1);
    this.#add({ kind: 'scalar', file: this.#file, start, parent, key: this.#keyIn(parent), value });
  }

  #keyIn(parent: Container | undefined): string | number | undefined {
    return parent?.kind === 'array' ? parent.items.length : this.#key?.name;
  }

  #begin(node: Container): void {
    if (this.#open.length >= maxDepth) this.#stop(node.start, `Brackets nest deeper than ${maxDepth} levels`);
    this.#add(node);
    this.#open.push(node);
  }

  #end(): void {
    if (this.#comma !== undefined) {
      const hint = 'Remove the comma.';
      const remark = { code: 'trailing-comma', message: 'A comma with nothing after it', hint } as const;
      this.issues.push(issueInFile(this.#file, this.#comma, remark));
      this.#comma = undefined;
    }
    this.#open.pop();
  }

  #property(name: string, start: number): void {
    this.#comma = undefined;
    this.#key = { name, start };
  }

  #add(node: SourceNode): void {
    this.#comma = undefined;
    const parent = this.#open.at(-1);
    if (!parent) this.#root = node;
    else if (parent.kind === 'array') parent.items.push(node);
    else if (this.#key) this.#set(parent, this.#key.name, this.#key.start, node);
    this.#key = undefined;
  }

  #set(parent: ObjectNode, name: string, keyStart: number, value: SourceNode): void {
    const first = parent.properties.get(name);
    if (first) {
      const { line, column } = this.#file.position(first.keyStart);
      const message = `"${name}" is set twice in this object, first in line ${line}, column ${column}`;
      const issue = issueAt(value, { code: 'duplicate-key', message, hint: 'Keep one of them.' });
      this.issues.push({ ...issue, ...this.#file.position(keyStart) });
      return;
    }
    if (name === '__proto__') {
      const issue = issueAt(value, { code: 'unknown-key', message: '"__proto__" is no key of the format' });
      this.issues.push({ ...issue, ...this.#file.position(keyStart) });
      return;
    }
    parent.properties.set(name, { keyStart, value });
  }

  #error(code: ParseErrorCode, offset: number, length: number): void {
    this.#stop(
      offset,
      syntaxErrors[code] ?? 'This is no JSON',
      this.#file.text.slice(offset, offset + Math.min(length, 20)),
    );
  }

  #stop(offset: number, problem: string, found = ''): never {
    const message = found.trim() === '' ? problem : `${problem}, found ${JSON.stringify(found)}`;
    this.issues.push(issueInFile(this.#file, offset, { code: 'json-syntax', message }));
    throw new Stop(message);
  }
}

/** By jsonc-parser's `ParseErrorCode`, a `const enum` that type stripping cannot import. */
const syntaxErrors: Readonly<Record<number, string>> = {
  1: 'Expected a value: text in double quotes, a number, true, false, null, [ or {',
  2: 'This is no number',
  3: 'Expected a key in double quotes',
  4: 'Expected a value',
  5: 'Expected ":" after the key',
  6: 'Expected "," between two entries',
  7: 'A "{" is not closed: expected "}"',
  8: 'A "[" is not closed: expected "]"',
  9: 'Expected the end of the file after the closing "}"',
  11: 'A comment is not closed: expected "*/"',
  12: 'A text is not closed: expected a double quote on the same line',
  13: 'This is no number',
  14: 'Expected four hexadecimal digits after "\\u"',
  15: 'This "\\" sequence does not exist in JSON; a backslash is written "\\\\"',
  16: 'A control character stands in a text: write it as "\\n", "\\t" or "\\u0000"',
};
