import { describe, expect, it } from 'vitest';
import { prefers } from '../../../src/http/accept.ts';
import { type CsvCell, csv } from '../../../src/http/csv.ts';

const cell = (value: CsvCell): string => csv([['h', () => value]], [0]).slice('h\r\n'.length, -'\r\n'.length);

describe('csv', () => {
  it('writes a line of headings and a line for each row, each ended by CRLF (RFC 4180 §2)', () => {
    const rows = [
      { a: 1, b: 'x' },
      { a: 2, b: null },
    ];
    expect(
      csv(
        [
          ['a', ({ a }) => a],
          ['b', ({ b }) => b],
        ],
        rows,
      ),
    ).toBe('a,b\r\n1,x\r\n2,\r\n');
  });

  it.each<[CsvCell, string]>([
    ['Иванов', 'Иванов'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['', ''],
    [null, ''],
    [true, 'true'],
    [-5, '-5'],
  ])('%j', (value, text) => {
    expect(cell(value)).toBe(text);
  });

  it.each<[string, string]>([
    ['=cmd|calc', "'=cmd|calc"],
    ['=HYPERLINK("http://x";"y")', `"'=HYPERLINK(""http://x"";""y"")"`],
    ['+74951234567', "'+74951234567"],
    ['-1+1', "'-1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
  ])('keeps a spreadsheet from running %j', (value, text) => {
    expect(cell(value)).toBe(text);
  });
});

describe('prefers', () => {
  it.each([
    ['text/csv', true],
    ['text/csv, application/json;q=0.5', true],
    ['TEXT/CSV; charset=utf-8', true],
    ['application/json, text/csv;q=0.5', false],
    ['text/csv;q=0', false],
    ['text/html,application/xhtml+xml,*/*;q=0.8', false],
    ['*/*', false],
    ['application/json', false],
    [undefined, false],
  ])('%s', (accept, wanted) => {
    expect(prefers(accept, 'text/csv', 'application/json')).toBe(wanted);
  });
});
