import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { readScript } from '../../../src/redis/script-source.ts';

const directory = mkdtempSync(join(tmpdir(), 'km-scripts-'));
afterAll(() => rmSync(directory, { recursive: true }));

function scriptOf(text: string): URL {
  const path = join(directory, 'take.lua');
  writeFileSync(path, text);
  return pathToFileURL(path);
}

const header = `-- take — take one.
-- KEYS     queue free
-- ARGV     now id
-- RETURNS  {'taken'}
`;

describe('readScript', () => {
  it('reads the header and puts the includes in front', () => {
    const source = readScript(scriptOf(`${header}-- INCLUDE  now\nreturn { KEYS[1], KEYS[2] }\n`));
    expect(source).toMatchObject({ name: 'take', keys: ['queue', 'free'], argv: ['now', 'id'] });
    expect(source.lua.indexOf('function time_now')).toBeLessThan(source.lua.indexOf('return { KEYS'));
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

  it.each(['redis', 'history', 'acd'])('can read every script of src/%s', (folder) => {
    const scripts = new URL(`../../../src/${folder}/scripts/`, import.meta.url);
    const files = readdirSync(scripts).filter((name) => name.endsWith('.lua'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(readScript(new URL(file, scripts)).argv.length).toBeGreaterThan(0);
  });
});
