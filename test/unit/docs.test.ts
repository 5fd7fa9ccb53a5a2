import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type IssueCode, issueCodes } from '../../src/config/issue.ts';
import { builtinPrompts } from '../../src/media/prompts/names.ts';
import { Attempts, LocalFailures } from '../../src/sip/attempts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { acme, load } from './config/folder.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

/** What an admin copies from docs/configuration.md works. */
describe('docs/configuration.md', () => {
  it('its first scheme is right, without so much as a warning', async () => {
    const example = /```jsonc\n(.*?)```/s.exec(text)?.[1] ?? '';
    const { issues, versions } = await load({ 'acme.json': example });
    expect(issues).toEqual([]);
    expect(versions.map(({ id }) => id)).toEqual(['acme']);
  });

  it('names every variable of the environment, with its default', () => {
    const source = readFileSync(join(import.meta.dirname, '../../src/config/env.ts'), 'utf8');
    const declared = [...source.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
    const documented = [...text.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(documented.toSorted()).toEqual(declared.toSorted());
    for (const [, value] of source.matchAll(/(?:default|prefault)\('([^']+)'\)/g))
      expect(text).toContain(`\`${value}\``);
  });

  it('names all built-in audio', () => {
    const documented = [...text.matchAll(/^\| `builtin:([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual([...builtinPrompts]);
  });

  it('its fail2ban filter finds the address in the real log line', async () => {
    const lines: string[] = [];
    const clock = new FakeClock();
    const log = pino({}, { write: (line: string) => lines.push(line) });
    const attempts = new Attempts({ counter: new LocalFailures(clock), clock, log });
    const failed = { pbx: 'acme', method: 'REGISTER', account: 'anna@acme.example', reason: 'wrong-password' } as const;
    await attempts.failed({ ...failed, address: '203.0.113.9' });
    await attempts.failed({
      ...failed,
      address: '203.0.113.9',
      account: '"msg":"SIP authentication failed: address=192.0.2.1 ',
    });
    const filter = /^failregex = (.*)$/m.exec(text)?.[1] ?? '';
    const pattern = new RegExp(filter.replace('<HOST>', '(?<host>[0-9a-f.:]+)'));
    expect(lines.map((line) => pattern.exec(line)?.groups?.host)).toEqual(['203.0.113.9', '203.0.113.9']);
  });
});

describe('docs/checks.md', () => {
  const checks = readFileSync(join(import.meta.dirname, '../../docs/checks.md'), 'utf8');
  const sections = checks
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [heading = '', text = ''] = section.split('\n');
      return {
        code: heading.replaceAll('`', '') as IssueCode,
        severity: text.slice(0, text.indexOf('.')).toLowerCase(),
        example: section.split('```jsonc\n')[1]?.split('```')[0],
      };
    });

  it('has every code that the source has, once, and no other', () => {
    expect(sections.map(({ code }) => code).sort()).toEqual(Object.keys(issueCodes).sort());
  });

  it.each(sections)('says of $code what it is', ({ code, severity }) => {
    expect(severity).toBe(issueCodes[code].severity);
  });

  it.each(sections.filter(({ example }) => example !== undefined))(
    'has a true example of $code',
    async ({ code, example = '' }) => {
      const { issues } = await load({
        'acme.json': example.includes('"pbx": { "id"') ? `{${example}}` : acme(example),
      });
      expect(issues.map((issue) => issue.code)).toContain(code);
    },
  );

  it('has an example of all but those about files, and what a reload removes', () => {
    const bare = sections.flatMap(({ code, example }) => (example === undefined ? [code] : []));
    expect(bare).toEqual([
      ...['unreadable', 'not-utf8', 'byte-order-mark', 'empty-file', 'set-twice', 'no-pbx'],
      'removed-reference',
      'unused-audio',
    ]);
  });
});
