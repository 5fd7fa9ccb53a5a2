import { describe, expect, it } from 'vitest';
import type { Branch, When } from '../../../src/config/document.ts';
import { branchPaths, to } from '../../../src/scheme/paths.ts';

const branches = (...whens: When[]): Branch[] =>
  whens.map((when) => ({ when, steps: [], menu: {}, rules: {}, end: 'hangup' }));

describe('paths of branches', () => {
  it.each<[string, When[], string[]]>([
    ['a single one for any time is the block itself', ['always'], ['main']],
    ['days', [[{ days: ['workdays'], time: ['09:00-18:59'] }], 'otherwise'], ['main/workdays', 'main/otherwise']],
    ['several days', [[{ days: ['sat', 'sun'] }], 'always'], ['main/sat+sun', 'main/always']],
    ['dates', [[{ dates: ['2026-12-31'] }]], ['main/2026-12-31']],
    ['hours', [[{ time: ['09:00-18:59'] }]], ['main/0900-1859']],
    ['any of two', [[{ days: ['holidays'] }, { days: ['weekend'] }]], ['main/holidays,weekend']],
    ['a period has no word', [[{ period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' } }]], ['main/0']],
    [
      'the same word twice is no name',
      [[{ days: ['fri'], time: ['09:00-12:59'] }], [{ days: ['fri'] }], 'otherwise'],
      ['main/0', 'main/1', 'main/otherwise'],
    ],
    ['a long word is no name', [[{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }]], ['main/0']],
  ])('%s', (_, whens, paths) => {
    expect(branchPaths('main', branches(...whens))).toEqual(paths);
  });

  it('escapes the dots of ids for XState', () => {
    expect(to('line.1/workdays:0')).toBe('#line\\.1/workdays:0');
  });
});
