import { z } from 'zod';
import { capital, joined, nearest, quoted } from '../words.ts';

/**
 * Unions for a format that people write by hand. Plain zod tries every member and reports all their complaints; a choice first
 * finds out which member was meant, and then only that one judges the value.
 */

/** Why no member was meant, for a person. */
export interface Undecided {
  readonly code: 'exactly-one-of' | 'missing-key' | 'wrong-type';
  readonly message: string;
  readonly hint?: string;
  /** The place of a member that judges what else is there. */
  readonly rest?: number;
}

/** The place of the member that the writer meant, or why that cannot be told. */
export type Pick = (value: unknown) => number | Undecided;

interface ChoiceDef extends z.core.$ZodUnionDef<readonly z.ZodType[]> {
  readonly pick: Pick;
}

const Choice: z.core.$constructor<z.ZodUnion, ChoiceDef> = z.core.$constructor(
  'Choice',
  (inst: z.ZodUnion, def: ChoiceDef) => {
    z.ZodUnion.init(inst, def);
    inst._zod.parse = (payload, ctx) => {
      const picked = def.pick(payload.value);
      const at = typeof picked === 'number' ? picked : picked.rest;
      if (typeof picked !== 'number') {
        const { code, message, hint } = picked;
        payload.issues.push({ code: 'custom', message, params: { code, hint }, input: payload.value, inst });
        if (at === undefined) return payload;
      }
      const option = def.options[at as number];
      if (!option) throw new RangeError(`no option ${at}`);
      return option._zod.run(payload, ctx);
    };
  },
);

export const choice = <const Options extends readonly z.ZodType[]>(options: Options, pick: Pick): z.ZodUnion<Options> =>
  new Choice({ type: 'union', options, pick }) as z.ZodUnion as z.ZodUnion<Options>;

/** The member of a choice that a value would be parsed by; undefined where none is meant. */
export function memberFor(schema: z.core.$ZodType, value: unknown): z.core.$ZodType | undefined {
  const def = schema._zod.def as z.core.$ZodUnionDef & Partial<ChoiceDef>;
  const picked = def.pick?.(value);
  return typeof picked === 'number' ? def.options[picked] : undefined;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * An object that has exactly one of the given keys, and beside it what the member of that key allows.
 * @param what is being chosen, with its article: `a step`
 */
export function exactlyOneOf<Members extends Readonly<Record<string, z.ZodObject>>>(what: string, members: Members) {
  const keys = Object.keys(members);
  const options = Object.values(members) as z.ZodObject[] as Members[keyof Members][];
  const list = quoted(keys);
  return choice(options, (value) => {
    if (!isObject(value)) return { code: 'wrong-type', message: `Expected ${what}: an object with one of ${list}` };
    const found = keys.filter((key) => Object.hasOwn(value, key));
    if (found.length === 1) return keys.indexOf(found[0] as string);
    if (found.length > 1) {
      return {
        code: 'exactly-one-of',
        message: `${capital(what)} has only one of ${list}, but this one has ${quoted(found, 'and')}`,
        hint: `Keep one of ${quoted(found)}.`,
      };
    }
    return {
      code: 'exactly-one-of',
      message: `${capital(what)} needs exactly one of ${list}`,
      ...misspelt(value, keys),
    };
  });
}

/** The hint for an object that has none of the keys, if one of its own keys looks like one. */
export function misspelt(value: Readonly<Record<string, unknown>>, keys: readonly string[]): { hint?: string } {
  for (const key of Object.keys(value)) {
    const near = nearest(key, keys);
    if (near) return { hint: `Did you mean "${near}" instead of "${key}"?` };
  }
  return {};
}

type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';

/**
 * A value that may be of several JSON types.
 * @param what is expected, with its article: `a moment in time`
 */
export function byType<Members extends Readonly<Partial<Record<JsonType, z.ZodType>>>>(what: string, members: Members) {
  const types = Object.keys(members) as JsonType[];
  const options = Object.values(members) as z.ZodType[] as Extract<Members[keyof Members], z.ZodType>[];
  return choice(options, (value) => {
    const index = types.indexOf(jsonType(value));
    if (index >= 0) return index;
    const wanted = types.map((type) => withArticle(type));
    return {
      code: 'wrong-type',
      message: `Expected ${what} (${joined(wanted, 'or')}), got ${withArticle(jsonType(value))}`,
    };
  });
}

export function jsonType(value: unknown): JsonType {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
}

/** As a person would say it: `text` rather than `string`. */
export const withArticle = (type: JsonType): string =>
  ({
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
    null: 'null',
    array: 'a list',
    object: 'an object',
  })[type];
