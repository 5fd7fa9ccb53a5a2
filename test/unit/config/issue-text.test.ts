import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { issueCodes, pathText } from '../../../src/config/issue.ts';
import { issuesJson, issuesText, summaryText } from '../../../src/config/issue-text.ts';
import { fileSchemaText } from '../../../src/config/json-schema.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { acme, Folder } from './folder.ts';

async function textOf(document: string): Promise<string> {
  await using folder = await Folder.with({ 'acme.json': document });
  const { issues, files } = await loadConfig(folder.path);
  return issuesText(issues, { color: false, files }).replaceAll(`${folder.path}/`, '');
}

describe('issues as text', () => {
  it('show the place, the line with a mark, and what to do', async () => {
    expect(await textOf(acme('"conference": {\n  "maxParticipants": "8"\n}'))).toBe(
      [
        'acme.json:4:22: error wrong-type at conference.maxParticipants',
        '  Expected a whole number, got text',
        '    4 |   "maxParticipants": "8"',
        '      |                      ^',
        '  Write 8 without quotes.',
      ].join('\n'),
    );
  });

  it('cut a long line to a window around the place', async () => {
    const text = await textOf(
      acme(`"rooms": [${'{ "id": "r" },'.repeat(20)} { "id": "x", "seats": 0 }]`).replaceAll('\n', ' '),
    );
    const [, , line = '', caret = ''] = text.split('\n\n').at(-1)?.split('\n') ?? [];
    expect(line.length).toBeLessThan(120);
    expect(line.slice(caret.indexOf('^'))).toMatch(/^0 }\]/);
  });

  it('never show a secret', async () => {
    const text = await textOf(
      acme(`"employees": [{ "id": "a", "accounts": [{ "user": "ivanov", "domain": "acme.example", "password": "hunter2" }] },
        { "id": "b", "accounts": [{ "user": "x", "domain": "acme.example", "password": "Hunter2hunter2" }] }],
        "mail": { "smtp": "hunter2", "from": "a@b.example" },
        "events": { "url": "hunter", "key": "hunter2", "salt": 5 }, "rooms": [{ "id": "r", "pin": "hunter2" }]`),
    );
    expect(text.match(/error/g)?.length).toBeGreaterThanOrEqual(6);
    expect(text).not.toMatch(/hunter2/i);
  });

  it('are counted', () => {
    expect(summaryText([])).toBe('0 errors, 0 warnings');
  });

  it('as JSON have every key', async () => {
    await using folder = await Folder.with({ 'acme.json': acme('"rooms": [{}]') });
    const { issues } = await loadConfig(folder.path);
    const keys = ['severity', 'code', 'file', 'line', 'column', 'path', 'message', 'hint'];
    expect(JSON.parse(issuesJson(issues)).map((issue: object) => Object.keys(issue))).toEqual([keys]);
  });
});

it('paths read like JavaScript', () => {
  expect(pathText(['schemes', 0, 'menu', '1', 'steps', 2])).toBe('schemes[0].menu["1"].steps[2]');
  expect(pathText([])).toBe('');
});

it('every code is used, and every code that is used is documented', async () => {
  const folder = new URL('../../../src/config/', import.meta.url);
  const names = (await readdir(folder, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && name !== 'issue.ts',
  );
  const sources = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')));
  const source = sources.join('\n');
  for (const code of Object.keys(issueCodes)) expect(source, code).toContain(`'${code}'`);
  for (const [, code] of source.matchAll(/code: '([a-z0-9-]+)'/g)) {
    if (code !== 'custom') expect(issueCodes).toHaveProperty(code ?? '');
  }
});

describe('the JSON Schema', () => {
  it('in schemes/ is current (npm run schema)', async () => {
    expect(await readFile(new URL('../../../schemes/schema.json', import.meta.url), 'utf8')).toBe(fileSchemaText());
  });

  it('is one that editors can use: of the newest draft, for parts of a document, with words', () => {
    const schema = JSON.parse(fileSchemaText());
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema).not.toHaveProperty('required');
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.$schema).toMatchObject({ type: 'string' });
    for (const [key, property] of Object.entries(schema.properties))
      expect(property, key).toHaveProperty('description');
    expect(schema.$defs.when.anyOf.map((member: { type: string }) => member.type)).toEqual([
      'string',
      'object',
      'array',
    ]);
    for (const [reference] of fileSchemaText().matchAll(/(?<="\$ref": "#\/\$defs\/)[^"]+/g))
      expect(schema.$defs).toHaveProperty(reference);
  });
});
