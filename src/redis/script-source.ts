import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The scripts of a folder that have the same includes, as one library of Redis Functions: what they share is made once, when Redis loads it, and not at
 * each call. Its name, and those of its functions, end with a digest of the text, so that versions of the engine stand side by side.
 */
export interface Library {
  readonly name: string;
  /** What FUNCTION LOAD takes. */
  readonly text: string;
}

/** A Lua script as read from its file. The header is machine-read, so that the number of keys is stated once, beside the code that uses them. */
export interface ScriptSource {
  readonly name: string;
  /** What FCALL calls. */
  readonly function: string;
  readonly library: Library;
  readonly keys: readonly string[];
  readonly argv: readonly string[];
}

/** A script by itself. */
interface ScriptFile {
  readonly name: string;
  readonly text: string;
  readonly keys: readonly string[];
  readonly argv: readonly string[];
  readonly includes: readonly string[];
}

/**
 * Reads `scripts/reserve.lua`. Its header:
 *
 *     -- reserve — pair the oldest caller of a group with its best free member: both or neither.
 *     -- KEYS     queue free offers
 *     -- ARGV     now offerId ttlMs
 *     -- RETURNS  {'offered', caller, member} | {'no-caller'}
 *     -- INCLUDE  now                        (optional: `scripts/includes/now.lua`, here or beside the scripts of src/redis)
 *
 * What follows is the body of a function. Includes are run once: what is different with each call they declare, and set in a function that they hand
 * to `at_begin`, which is called before each script.
 *
 * @throws Error when the header, or that of a script in the same library, is wrong: a bug, found when the module is loaded
 */
export function readScript(file: URL): ScriptSource {
  const { name, keys, argv, includes } = readFile(file);
  const folder = new URL('.', file);
  const library = libraryOf(folder, includes);
  return { name, function: redisName(name, library.digest), library, keys, argv };
}

const libraries = new Map<string, Library & { readonly digest: string }>();

function libraryOf(folder: URL, includes: readonly string[]): Library & { readonly digest: string } {
  const key = `${folder.href} ${includes.join(' ')}`;
  const known = libraries.get(key);
  if (known) return known;
  const scripts = readdirSync(folder)
    .filter((name) => name.endsWith('.lua'))
    .sort()
    .map((name) => readFile(new URL(name, folder)))
    .filter((script) => script.includes.join(' ') === includes.join(' '));
  const shared = includes.map((include) => readFileSync(locate(include, folder), 'utf8'));
  const withDigest = (digest: string) =>
    [
      'local KEYS, ARGV',
      'local beginnings = {}',
      'local function at_begin(run) beginnings[#beginnings + 1] = run end',
      ...shared,
      ...scripts.map(({ name, text }) =>
        [
          `redis.register_function('${redisName(name, digest)}', function(keys, args)`,
          'KEYS, ARGV = keys, args',
          'for _, run in ipairs(beginnings) do run() end',
          text,
          'end)',
        ].join('\n'),
      ),
    ].join('\n');
  const digest = createHash('sha1').update(withDigest('')).digest('hex').slice(0, 12);
  const name = redisName(basename(fileURLToPath(new URL('..', folder))), digest);
  const library = { name, digest, text: `#!lua name=${name}\n${withDigest(digest)}` };
  libraries.set(key, library);
  return library;
}

/** Redis allows letters, digits and `_`. */
const redisName = (ours: string, digest: string): string => `km_${ours.replace(/[^A-Za-z0-9]/g, '_')}_${digest}`;

function readFile(file: URL): ScriptFile {
  const name = basename(fileURLToPath(file), '.lua');
  const text = readFileSync(file, 'utf8');
  const header = /^(?:--.*\n)+/.exec(text)?.[0] ?? '';
  const words = (label: string): string[] | undefined =>
    new RegExp(`^-- ${label}(?: +(.*))?$`, 'm').exec(header)?.[1]?.split(/\s+/).filter(Boolean) ??
    (new RegExp(`^-- ${label} *$`, 'm').test(header) ? [] : undefined);

  const keys = words('KEYS');
  const argv = words('ARGV');
  const fault = (what: string) => new Error(`${name}.lua: ${what}`);
  if (!header.startsWith(`-- ${name} — `)) throw fault(`the first line must be "-- ${name} — what it does"`);
  if (!keys) throw fault('the header has no KEYS line');
  if (!argv) throw fault('the header has no ARGV line');
  if (!words('RETURNS')) throw fault('the header has no RETURNS line');
  const includes = words('INCLUDE') ?? [];
  const lua = [...includes.map((include) => readFileSync(locate(include, file), 'utf8')), text].join('\n');
  const highest = Math.max(0, ...[...lua.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
  if (highest !== keys.length)
    throw fault(`the header names ${keys.length} keys, but KEYS[${highest}] is the highest used`);

  return { name, text, keys, argv, includes };
}

function locate(include: string, from: URL): URL {
  const own = new URL(`includes/${include}.lua`, from);
  return existsSync(own) ? own : new URL(`scripts/includes/${include}.lua`, import.meta.url);
}
