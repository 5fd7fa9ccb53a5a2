import type { Row } from './api.ts';

/** A column: its heading, and what stands in it. */
export type Column = readonly [heading: string, cell: (row: Row) => unknown];

/** Aligned columns, two spaces between; numbers to the right. What is missing is a dash. */
export function table(columns: readonly Column[], rows: readonly Row[]): string {
  const cells = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, cell]) => text(cell(row))))];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => (line[column] ?? '').length)));
  const right = columns.map(([, cell]) => rows.length > 0 && rows.every((row) => typeof cell(row) === 'number'));
  return cells
    .map((line) =>
      line.map((cell, at) => (right[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

/** A time of the API (ISO 8601, UTC) without what nobody reads: `2026-11-02 09:00:00Z`. */
export const moment = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace('T', ' ').replace(/\.\d+/, '') : value;

const text = (value: unknown): string => {
  if (value === undefined || value === null || value === '') return '-';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};
