/**
 * The masks of §5.3.1.3.1: `\d`, `\d*`, `\d+`, `\d{n}`, `[0-9]`, `( )`, `|` and literal digits, matched against a whole number. This file
 * knows their form. They are deliberately no JavaScript regular expressions: `mask-matcher.ts` walks this tree with a set of
 * positions, which takes time linear in the number, whatever the mask.
 */
export type MaskNode =
  /** Digits `digits`, at least `min` and at most `max` times; `max` may be Infinity. */
  | { readonly kind: 'digits'; readonly digits: string; readonly min: number; readonly max: number }
  /** The part that `$index` stands for, counted by opening brackets from 1. */
  | { readonly kind: 'group'; readonly index: number; readonly alternatives: readonly (readonly MaskNode[])[] };

export interface RegexMask {
  readonly source: string;
  readonly alternatives: readonly (readonly MaskNode[])[];
  readonly groups: number;
}

export type ParsedMask =
  | { readonly ok: true; readonly mask: RegexMask }
  | { readonly ok: false; readonly problem: string; readonly at: number };

const maxLength = 256;
const maxDepth = 16;
/** No number is longer. */
const maxRepeat = 32;
const maxGroups = 9;

class MaskError extends Error {
  readonly at: number;
  constructor(problem: string, at: number) {
    super(problem);
    this.at = at;
  }
}

/** Never throws: a mask that is not understood comes back as a problem, with the place in the mask (from 0). */
export function parseRegexMask(source: string): ParsedMask {
  try {
    return { ok: true, mask: new Parser(source).parse() };
  } catch (error) {
    if (error instanceof MaskError) return { ok: false, problem: error.message, at: error.at };
    throw error;
  }
}

class Parser {
  readonly #source: string;
  #at = 0;
  #groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): RegexMask {
    if (this.#source === '') throw new MaskError('it is empty', 0);
    if (this.#source.length > maxLength) throw new MaskError(`it is longer than ${maxLength} characters`, maxLength);
    const alternatives = this.#alternatives(0);
    if (this.#at < this.#source.length) throw this.#error('")" without "("');
    return { source: this.#source, alternatives, groups: this.#groups };
  }

  #alternatives(depth: number): MaskNode[][] {
    if (depth > maxDepth) throw this.#error('brackets nest too deep');
    const all: MaskNode[][] = [];
    do {
      const sequence = this.#sequence(depth);
      if (sequence.length === 0) throw this.#error('there is nothing on one side of "|" or in "()"');
      all.push(sequence);
    } while (this.#take('|'));
    return all;
  }

  #sequence(depth: number): MaskNode[] {
    const nodes: MaskNode[] = [];
    for (let c = this.#peek(); c !== undefined && c !== '|' && c !== ')'; c = this.#peek())
      nodes.push(this.#node(c, depth));
    return nodes;
  }

  #node(c: string, depth: number): MaskNode {
    if (c === '(') return this.#group(depth);
    const start = this.#at;
    const digits = this.#digits(c);
    const repeated = this.#repeat();
    if (repeated && !this.#source.startsWith('\\d', start) && c !== '[') {
      throw new MaskError(
        `${quote(this.#source.slice(start, this.#at))}: only "\\d" and "[0-9]" can be repeated`,
        start,
      );
    }
    return { kind: 'digits', digits, ...(repeated ?? { min: 1, max: 1 }) };
  }

  #group(depth: number): MaskNode {
    const start = this.#at++;
    const index = ++this.#groups;
    if (index > maxGroups) throw new MaskError(`it has more than ${maxGroups} pairs of brackets`, start);
    if (this.#peek() === '?') throw this.#error('"(?" is not part of the mask language');
    const alternatives = this.#alternatives(depth + 1);
    if (!this.#take(')')) throw new MaskError('"(" is not closed', start);
    if (this.#repeat()) throw new MaskError('brackets cannot be repeated', start);
    return { kind: 'group', index, alternatives };
  }

  #digits(c: string): string {
    if (/[0-9]/.test(c)) {
      this.#at++;
      return c;
    }
    if (c === '[') return this.#class();
    if (c === '\\') {
      const next = this.#source[this.#at + 1];
      if (next === 'd') {
        this.#at += 2;
        return '0123456789';
      }
      if (next !== undefined && '*+#'.includes(next)) {
        this.#at += 2;
        return next;
      }
      throw this.#error(`${quote(`\\${next ?? ''}`)} is not part of the mask language; "\\d" is a digit`);
    }
    if (c === '#') {
      this.#at++;
      return c;
    }
    if ('*+?{'.includes(c)) throw this.#error(`there is nothing for ${quote(c)} to repeat`);
    throw this.#error(`${quote(c)} is not part of the mask language: digits, "\\d", "[0-9]", "( )" and "|" are`);
  }

  #class(): string {
    const match = /^\[((?:\d-\d|\d)+)\]/.exec(this.#source.slice(this.#at));
    if (!match) throw this.#error('"[" must hold digits or a range of them, such as "[0-9]"');
    const digits = new Set<string>();
    for (const part of (match[1] ?? '').match(/\d-\d|\d/g) ?? []) {
      const from = Number(part[0]);
      const to = Number(part.at(-1));
      if (from > to) throw this.#error(`${quote(part)} is a range that ends before it starts`);
      for (let digit = from; digit <= to; digit++) digits.add(String(digit));
    }
    this.#at += match[0].length;
    return [...digits].sort().join('');
  }

  #repeat(): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#peek() !== '{') return undefined;
    const match = /^\{(\d{1,4})\}/.exec(this.#source.slice(this.#at));
    const times = Number(match?.[1]);
    if (!match || times < 1 || times > maxRepeat)
      throw this.#error(`"{" must hold a number from 1 to ${maxRepeat}, such as "\\d{5}"`);
    this.#at += match[0].length;
    return { min: times, max: times };
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #take(c: string): boolean {
    if (this.#source[this.#at] !== c) return false;
    this.#at++;
    return true;
  }

  #error(problem: string): MaskError {
    return new MaskError(problem, this.#at);
  }
}

const quote = (text: string): string => `"${text}"`;

/** One part of what a mask makes of a number: a bracket's content, or text. */
export type SubstitutionPart = { readonly group: number } | { readonly text: string };

/**
 * What a mask makes of a number (§5.3.1.3.2): `$1` to `$9`, digits, `+`, and `\` as a separator that is not put in, so that `+33$1\77` is
 * +33, the first bracket, and 77.
 * @returns undefined if it is none
 */
export function parseSubstitution(source: string): readonly SubstitutionPart[] | undefined {
  if (!/^(?:\$[1-9]|[\d+*#\\])+$/.test(source)) return undefined;
  const parts: SubstitutionPart[] = [];
  for (const [text, group] of source.matchAll(/\$([1-9])|[\d+*#]+/g))
    parts.push(group ? { group: Number(group) } : { text });
  return parts.length > 0 ? parts : undefined;
}
