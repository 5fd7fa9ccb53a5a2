import { SipParseError } from './parse-error.ts';
import { quote, unquote } from './quoted.ts';

/**
 * The `;name=value` parameters of a URI, a name-addr or a Via, in their order and spelling. A value, not a container: changes
 * give a new one, so parsed headers can be shared.
 */
export class Params {
  static readonly NONE = new Params([], [], []);

  readonly #keys: readonly string[];
  readonly #names: readonly string[];
  /** As written, quotes included; `undefined` for a flag. */
  readonly #values: readonly (string | undefined)[];

  private constructor(keys: readonly string[], names: readonly string[], values: readonly (string | undefined)[]) {
    this.#keys = keys;
    this.#names = names;
    this.#values = values;
  }

  /**
   * @param text `;a=b;c`, with or without the first semicolon; white space around the signs is allowed.
   * @throws SipParseError for a parameter without a name and for a quoted string without an end
   */
  static parse(text: string): Params {
    const trimmed = text.trim();
    if (trimmed === '' || trimmed === ';') return Params.NONE;
    const keys: string[] = [];
    const names: string[] = [];
    const values: (string | undefined)[] = [];
    let at = trimmed.startsWith(';') ? 1 : 0;
    while (at < trimmed.length) {
      const end = endOfParam(trimmed, at);
      const equals = trimmed.indexOf('=', at);
      const flag = equals < 0 || equals >= end;
      const name = trimmed.slice(at, flag ? end : equals).trim();
      if (name === '') throw new SipParseError(400, 'Empty parameter');
      keys.push(name.toLowerCase());
      names.push(name);
      values.push(flag ? undefined : trimmed.slice(equals + 1, end).trim());
      at = end + 1;
    }
    return new Params(keys, names, values);
  }

  static of(entries: Record<string, string | true>): Params {
    let params = Params.NONE;
    for (const [name, value] of Object.entries(entries)) params = params.with(name, value);
    return params;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The value without its quotes; '' for a flag. Names match whatever their case. */
  get(name: string): string | undefined {
    const at = this.#keys.indexOf(name.toLowerCase());
    return at < 0 ? undefined : unquote(this.#values[at] ?? '');
  }

  has(name: string): boolean {
    return this.#keys.includes(name.toLowerCase());
  }

  /** Lower-case names with unquoted values, as `get` gives them. */
  *entries(): Iterable<[name: string, value: string]> {
    for (let at = 0; at < this.#keys.length; at++) {
      yield [this.#keys[at] as string, unquote(this.#values[at] ?? '')];
    }
  }

  /** These with one set or added; `true` makes a flag. Values that are no token, host or URI characters get quotes. */
  with(name: string, value: string | true): Params {
    const key = name.toLowerCase();
    const written = value === true ? undefined : PLAIN_VALUE.test(value) ? value : quote(value);
    const at = this.#keys.indexOf(key);
    if (at >= 0) return new Params(this.#keys, this.#names, this.#values.with(at, written));
    return new Params([...this.#keys, key], [...this.#names, name], [...this.#values, written]);
  }

  without(name: string): Params {
    const key = name.toLowerCase();
    if (!this.#keys.includes(key)) return this;
    const keep = (_: unknown, at: number) => this.#keys[at] !== key;
    return new Params(this.#keys.filter(keep), this.#names.filter(keep), this.#values.filter(keep));
  }

  /** With a semicolon before each, or ''. */
  toString(): string {
    let text = '';
    for (let at = 0; at < this.#names.length; at++) {
      const value = this.#values[at];
      text += value === undefined ? `;${this.#names[at]}` : `;${this.#names[at]}=${value}`;
    }
    return text;
  }
}

/** Tokens, hosts (IPv6 with brackets too) and what URI parameters may hold (RFC 3261 §25.1 token, paramchar). */
const PLAIN_VALUE = /^[\w\-.!%*+`'~[\]/:&$()]+$/;

function endOfParam(text: string, start: number): number {
  const semicolon = text.indexOf(';', start);
  const end = semicolon < 0 ? text.length : semicolon;
  const opening = text.indexOf('"', start);
  if (opening < 0 || opening > end) return end;
  for (let at = opening + 1; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '"') {
      const next = text.indexOf(';', at);
      return next < 0 ? text.length : next;
    }
  }
  throw new SipParseError(400, 'Unterminated quoted string');
}
