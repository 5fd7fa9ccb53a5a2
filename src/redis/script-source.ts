import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A Lua script as read from its file. The header is machine-read, so that the number of keys is stated once, beside the code that uses them. */
export interface ScriptSource {
  readonly name: string;
  /** What Redis gets: the includes, then the script. */
  readonly lua: string;
  readonly keys: readonly string[];
  readonly argv: readonly string[];
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
 * @throws Error when the header is wrong: a bug, found when the module is loaded
 */
export function readScript(file: URL): ScriptSource {
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
  const includes = (words('INCLUDE') ?? []).map((include) => readFileSync(locate(include, file), 'utf8'));
  const lua = [...includes, text].join('\n');
  const highest = Math.max(0, ...[...lua.matchAll(/KEYS\[(\d+)\]/g)].map((match) => Number(match[1])));
  if (highest !== keys.length)
    throw fault(`the header names ${keys.length} keys, but KEYS[${highest}] is the highest used`);

  return { name, lua, keys, argv };
}

function locate(include: string, script: URL): URL {
  const own = new URL(`includes/${include}.lua`, script);
  return existsSync(own) ? own : new URL(`scripts/includes/${include}.lua`, import.meta.url);
}
