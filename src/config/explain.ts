import { z } from 'zod';
import { type Issue, type IssueCode, issueAt, issueCodes, type Remark } from './issue.ts';
import { jsonType, withArticle } from './schema/choice.ts';
import { locate, type SourceNode } from './source.ts';
import { nearest, quoted } from './words.ts';

/**
 * Reads a value by a schema and says what is wrong with it, in words for the one who wrote it and at the place where he wrote it.
 * @param value the plain value of `root`, or what of it is to be read
 */
export function read<S extends z.ZodType>(
  schema: S,
  root: SourceNode,
  value: unknown,
): { readonly value: z.output<S> | undefined; readonly issues: readonly Issue[] } {
  // zod's own entry, because the issues of `safeParse` have lost the schema that they come from: its keys are needed for «did you mean».
  const result = schema._zod.run({ value, issues: [] }, { async: false });
  if (result instanceof Promise) throw new TypeError('a configuration schema must not be asynchronous');
  if (result.issues.length === 0) return { value: result.value as z.output<S>, issues: [] };
  return { value: undefined, issues: result.issues.flatMap((issue) => explain(issue, root)) };
}

/** These never appear in a message. */
const secretKeys: ReadonlySet<string> = new Set(['password', 'ha1', 'pin', 'key', 'salt', 'smtp']);

export const isSecretKey = (key: unknown): boolean => typeof key === 'string' && secretKeys.has(key);

function explain(raw: z.core.$ZodRawIssue, root: SourceNode): Issue[] {
  const path = (raw.path ?? []) as (string | number)[];
  const { node, rest } = locate(root, path);
  if (raw.code === 'unrecognized_keys') return raw.keys.map((key) => issueAt(node, unknownKey(raw, key), key));
  const [missing] = rest;
  if (missing !== undefined) {
    if (raw.code !== 'invalid_type') return [issueAt(node, remark(raw, undefined), keyOf(missing))];
    return [issueAt(node, { code: 'missing-key', message: `"${missing}" is missing` }, keyOf(missing))];
  }
  // A key of a record is judged by its own schema; zod puts the complaint on the key's path.
  if (raw.code === 'invalid_key' && node.parent) {
    const message = raw.issues[0] ? finished(raw.issues[0]) : 'is not allowed as a key';
    const text = about(message, node.key);
    return [issueAt(node.parent, { code: 'bad-format', message: text }, String(node.key))];
  }
  return [issueAt(node, remark(raw, node))];
}

const keyOf = (part: string | number): string => String(part);

function unknownKey(raw: z.core.$ZodRawIssue, key: string): Remark {
  const def = raw.inst?._zod.def as Partial<z.core.$ZodObjectDef> | undefined;
  const allowed = Object.keys(def?.shape ?? {});
  const near = nearest(key, allowed);
  const known = allowed.length === 0 ? 'Nothing is known here.' : `Known here: ${quoted(allowed, 'and')}.`;
  return { code: 'unknown-key', message: `Unknown key "${key}"`, hint: near ? `Did you mean "${near}"?` : known };
}

function remark(raw: z.core.$ZodRawIssue, node: SourceNode | undefined): Remark {
  const key = node?.key ?? raw.path?.at(-1);
  const shown = isSecretKey(key) ? undefined : raw.input;
  switch (raw.code) {
    case 'invalid_type':
      return raw.expected === 'never'
        ? { code: 'not-allowed-here', message: ownMessage(raw) }
        : wrongType(raw, raw.input);
    case 'invalid_value': {
      const own = (raw.inst?._zod.def as { readonly error?: z.core.$ZodErrorMap } | undefined)?.error?.(raw);
      return typeof own === 'string' ? { code: 'not-allowed-here', message: own } : badValue(raw.values, shown);
    }
    case 'too_small':
      return outOfRange(raw.origin, shown, 'at least', Number(raw.minimum));
    case 'too_big':
      return outOfRange(raw.origin, shown, 'at most', Number(raw.maximum));
    case 'custom': {
      const { code = typeof raw.input === 'string' ? 'bad-format' : 'bad-value', hint } = (raw.params ?? {}) as {
        code?: string;
        hint?: string;
      };
      return { code: isIssueCode(code) ? code : 'bad-value', message: about(ownMessage(raw), shown, key), hint };
    }
    default:
      return { code: 'bad-format', message: about(ownMessage(raw), shown, key) };
  }
}

const isIssueCode = (code: string): code is IssueCode => Object.hasOwn(issueCodes, code);

/** The schema's own words. */
const ownMessage = (raw: z.core.$ZodRawIssue): string =>
  z.core.util.finalizeIssue(raw, undefined, z.core.config()).message;

const finished = (issue: { readonly message?: string }): string => issue.message ?? '';

/** The schemas' messages are predicates («must be …»): this puts the subject before them. */
function about(message: string, value: unknown, key?: PropertyKey): string {
  if (!/^[a-z]/.test(message)) return message;
  if (typeof value === 'string' || typeof value === 'number') return `${JSON.stringify(clipped(value))} ${message}`;
  return typeof key === 'string' ? `"${key}" ${message}` : `This ${message}`;
}

const clipped = (value: string | number) =>
  typeof value === 'string' && value.length > 60 ? `${value.slice(0, 59)}…` : value;

const expectedWords: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
};

function wrongType(raw: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidType>, value: unknown): Remark {
  const whole = (raw.inst?._zod.def as { format?: string } | undefined)?.format === 'safeint';
  const expected = expectedWords[whole ? 'int' : raw.expected] ?? raw.expected;
  const got = whole && typeof value === 'number' ? String(value) : withArticle(jsonType(value));
  return { code: 'wrong-type', message: `Expected ${expected}, got ${got}`, hint: typeHint(raw.expected, value) };
}

function typeHint(expected: string, value: unknown): string | undefined {
  if ((expected === 'number' || expected === 'int') && typeof value === 'string' && /^\d+$/.test(value))
    return `Write ${value} without quotes.`;
  if (expected === 'string' && typeof value === 'number') return `Write "${value}" in double quotes.`;
  if (expected === 'array' && jsonType(value) !== 'null') return 'Put it in square brackets: [ … ].';
  if (expected === 'boolean' && (value === 'true' || value === 'false')) return `Write ${value} without quotes.`;
  if (value === null) return 'Leave the key out instead.';
  return undefined;
}

function badValue(values: readonly unknown[], value: unknown): Remark {
  const allowed = values.map((one) => JSON.stringify(one));
  if (values.length === 1) return { code: 'bad-value', message: `Only ${allowed[0]} can stand here` };
  const shown =
    typeof value === 'string' || typeof value === 'number'
      ? JSON.stringify(clipped(value))
      : withArticle(jsonType(value));
  const near = typeof value === 'string' ? nearest(value, values.map(String)) : undefined;
  return {
    code: 'bad-value',
    message: `Expected ${quoted(values.map(String))}, got ${shown}`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  };
}

function outOfRange(origin: string, value: unknown, limit: 'at least' | 'at most', bound: number): Remark {
  if (origin === 'array' || origin === 'string' || origin === 'set') {
    if (limit === 'at least' && bound === 1) return { code: 'wrong-count', message: 'Must not be empty' };
    const size = Array.isArray(value) || typeof value === 'string' ? value.length : 0;
    const noun = origin === 'string' ? 'characters' : 'entries';
    return { code: 'wrong-count', message: `Has ${size} ${noun}, ${limit} ${bound} are allowed` };
  }
  return {
    code: 'out-of-range',
    message: `Must be ${limit} ${bound}, got ${typeof value === 'number' ? value : 'another value'}`,
  };
}
