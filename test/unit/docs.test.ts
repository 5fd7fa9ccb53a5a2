import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { builtinPrompts } from '../../src/media/prompts/names.ts';
import { Attempts, LocalFailures } from '../../src/sip/attempts.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { load } from './config/folder.ts';

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
