import { headerKey, isListHeader } from './names.ts';
import { splitList } from './split-list.ts';

/**
 * The headers of a message in their order and original spelling. Names match whatever their case, compact forms included.
 * Values are text without folding and without surrounding white space; line ends cannot get in.
 */
export class Headers {
  /** Three parallel columns: cheaper to fill while parsing than an object per line. */
  readonly #keys: string[] = [];
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  static from(entries: Iterable<readonly [name: string, value: string]>): Headers {
    const headers = new Headers();
    for (const [name, value] of entries) headers.append(name, value);
    return headers;
  }

  /** How many header lines there are. */
  get size(): number {
    return this.#keys.length;
  }

  /** The first value; of a comma list its first element. */
  get(name: string): string | undefined {
    const key = headerKey(name);
    const at = this.#keys.indexOf(key);
    if (at < 0) return undefined;
    const value = this.#values[at] as string;
    return isListHeader(key) && value.includes(',') ? (splitList(value)[0] ?? '') : value;
  }

  /** Every value in order; comma lists of list headers are split, never inside quotes or angle brackets. */
  all(name: string): string[] {
    const key = headerKey(name);
    const list = isListHeader(key);
    const found: string[] = [];
    for (let at = this.#keys.indexOf(key); at >= 0; at = this.#keys.indexOf(key, at + 1)) {
      const value = this.#values[at] as string;
      if (list && value.includes(',')) found.push(...splitList(value));
      else found.push(value);
    }
    return found;
  }

  has(name: string): boolean {
    return this.#keys.includes(headerKey(name));
  }

  /** How many lines bear this name. */
  count(name: string): number {
    const key = headerKey(name);
    let lines = 0;
    for (const other of this.#keys) if (other === key) lines++;
    return lines;
  }

  /** Replaces every value by this one, at the place of the first; a new header goes to the end. */
  set(name: string, value: string): this {
    const key = headerKey(name);
    const at = this.#keys.indexOf(key);
    if (at < 0) return this.append(name, value);
    this.#names[at] = name;
    this.#values[at] = oneLine(value);
    this.#removeFrom(key, at + 1);
    return this;
  }

  append(name: string, value: string): this {
    this.#keys.push(headerKey(name));
    this.#names.push(name);
    this.#values.push(oneLine(value));
    return this;
  }

  /** Puts a line before all others: Via and Record-Route grow this way. */
  prepend(name: string, value: string): this {
    this.#keys.unshift(headerKey(name));
    this.#names.unshift(name);
    this.#values.unshift(oneLine(value));
    return this;
  }

  remove(name: string): this {
    this.#removeFrom(headerKey(name), 0);
    return this;
  }

  /** Replaces the value that `get` returns, keeping the rest of a comma list; the top Via is changed so. */
  replaceFirst(name: string, value: string): this {
    return this.#spliceFirst(name, [oneLine(value)]);
  }

  /** Removes the value that `get` returns, keeping the rest of a comma list; a proxy takes its Via off so. */
  removeFirst(name: string): this {
    return this.#spliceFirst(name, []);
  }

  *entries(): Iterable<[name: string, value: string]> {
    for (let at = 0; at < this.#keys.length; at++) yield [this.#names[at] as string, this.#values[at] as string];
  }

  [Symbol.iterator](): Iterator<[name: string, value: string]> {
    return this.entries()[Symbol.iterator]();
  }

  clone(): Headers {
    const copy = new Headers();
    copy.#keys.push(...this.#keys);
    copy.#names.push(...this.#names);
    copy.#values.push(...this.#values);
    return copy;
  }

  /** @internal The parser's way in: value already trimmed and without line ends. */
  pushParsed(key: string, name: string, value: string): void {
    this.#keys.push(key);
    this.#names.push(name);
    this.#values.push(value);
  }

  /** @internal The parser's way to continue a folded line. */
  extendLast(more: string): void {
    const last = this.#values.length - 1;
    const value = this.#values[last] as string;
    this.#values[last] = value === '' || more === '' ? value + more : `${value} ${more}`;
  }

  #removeFrom(key: string, start: number): void {
    for (let at = this.#keys.indexOf(key, start); at >= 0; at = this.#keys.indexOf(key, at)) this.#removeLine(at);
  }

  #removeLine(at: number): void {
    this.#keys.splice(at, 1);
    this.#names.splice(at, 1);
    this.#values.splice(at, 1);
  }

  #spliceFirst(name: string, replacement: string[]): this {
    const key = headerKey(name);
    const at = this.#keys.indexOf(key);
    if (at < 0) return replacement[0] === undefined ? this : this.append(name, replacement[0]);
    const value = this.#values[at] as string;
    const rest = isListHeader(key) && value.includes(',') ? splitList(value).slice(1) : [];
    const values = [...replacement, ...rest];
    if (values.length === 0) this.#removeLine(at);
    else this.#values[at] = values.join(', ');
    return this;
  }
}

/** A line end inside a value would start a header of the writer's choice. */
const oneLine = (value: string): string => (/[\r\n]/.test(value) ? value.replace(/[\r\n]+[ \t]*/g, ' ') : value).trim();
