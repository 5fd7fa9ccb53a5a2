import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readScript } from '../../../src/redis/script-source.ts';

const directory = mkdtempSync(join(tmpdir(), 'km-scripts-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Each in a folder of its own: a folder is a library. */
function scriptOf(text: string): URL {
  const path = join(mkdtempSync(join(directory, 'scripts-')), 'take.lua');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

const header = `-- take — take one.
-- KEYS     queue free
-- ARGV     now id
-- RETURNS  {'taken'}
`;

describe('readScript', () => {
  it('reads the header, and puts the body into a library, behind its includes', () => {
    const source = readScript(scriptOf(`${header}-- INCLUDE  now\nreturn { KEYS[1], KEYS[2] }\n`));
    expect(source).toMatchObject({ name: 'take', keys: ['queue', 'free'], argv: ['now', 'id'] });
    const { name, text } = source.library;
    expect(text.startsWith(`#!lua name=${name}\n`)).toBe(true);
    const register = text.indexOf(`redis.register_function('${source.function}', function`);
    expect(text.indexOf('function time_now')).toBeLessThan(register);
    expect(register).toBeLessThan(text.indexOf('return { KEYS'));
  });

  it('names library and functions after all of its text: versions of the engine stand side by side', () => {
    const names = ['return KEYS[2]', 'return KEYS[2] .. 1', 'return KEYS[2]'].map((body) => {
      const source = readScript(scriptOf(`${header}${body}`));
      return [source.library.name, source.function];
    });
    expect(names[1]).not.toEqual(names[0]);
    expect(names[2]).toEqual(names[0]);
    expect(names[0]?.[1]).toMatch(/^km_take_[0-9a-f]{12}$/);
  });

  it('puts those with the same includes into one library', () => {
    const scripts = new URL('../../../src/acd/scripts/', import.meta.url);
    const read = (name: string) => readScript(new URL(`${name}.lua`, scripts));
    expect(read('answer').library).toBe(read('end-call').library);
    expect(read('answer').library.name).not.toBe(read('callback-add').library.name);
  });

  it('no include keeps anything from call to call but what it says it does', () => {
    const kept: string[] = [];
    for (const folder of ['redis', 'acd']) {
      const includes = new URL(`../../../src/${folder}/scripts/includes/`, import.meta.url);
      for (const name of readdirSync(includes)) {
        const text = readFileSync(new URL(name, includes), 'utf8');
        kept.push(
          ...[...text.matchAll(/^local ([\w, ]+) = .*(?:\{|KEYS|ARGV|redis\.)/gm)].map(
            ([, names]) => `${name}: ${names}`,
          ),
        );
      }
    }
    expect(kept).toEqual(['events.lua: epochs', 'events.lua: put_off']);
  });

  it.each([
    ['a key that the header does not name', `${header}return KEYS[3]`, 'KEYS[3] is the highest used'],
    ['a key that is not used', `${header}return KEYS[1]`, 'names 2 keys'],
    ['another name', header.replace('take —', 'give —'), 'first line'],
    ['no KEYS', header.replace('-- KEYS ', '-- KEYZ '), 'no KEYS'],
    ['no RETURNS', header.replace('-- RETURNS ', '-- GIVES '), 'no RETURNS'],
    ['an include that is not there', `${header}-- INCLUDE nowhere\nreturn KEYS[2]`, 'nowhere.lua'],
  ])('refuses %s', (_, text, complaint) => {
    expect(() => readScript(scriptOf(text))).toThrow(complaint);
  });

  it.each(['redis', 'history', 'events', 'acd'])('can read every script of src/%s', (folder) => {
    const scripts = new URL(`../../../src/${folder}/scripts/`, import.meta.url);
    const files = readdirSync(scripts).filter((name) => name.endsWith('.lua'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(readScript(new URL(file, scripts)).argv.length).toBeGreaterThan(0);
  });
});
