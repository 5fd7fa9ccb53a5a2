import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import type { Asked } from '../support/young-asker.ts';

const flags = ['--expose-gc', '--no-separate-gc-phases'];

describe('the young generation', () => {
  it('is collected when there is enough in it, by a thread that has had time for it', () => {
    expect(ask(flags)).toEqual({
      little: { young: 0, whole: 0 },
      much: { young: 1, whole: 0 },
      muchOfABusyThread: { young: 0, whole: 0 },
    });
  });

  it('is left to V8 where Node was not started for it', () => {
    expect([ask([]), ask(['--expose-gc'])]).toEqual([null, null]);
  });

  it('is collected in engines of npm and of the image', () => {
    const starts = [
      packageJson.scripts.start,
      readFileSync(join(import.meta.dirname, '../../docker/Dockerfile'), 'utf8'),
    ];
    for (const start of starts) for (const flag of flags) expect(start).toContain(flag);
  });
});

/** A process that is started so, with more room than it fills: V8 has no reason of its own to collect. */
function ask(flags: readonly string[]): Asked {
  const asker = join(import.meta.dirname, '../support/young-asker.ts');
  const room = ['--min-semi-space-size=8', '--max-semi-space-size=8'];
  return JSON.parse(execFileSync(process.execPath, [...room, ...flags, asker], { encoding: 'utf8' }));
}
