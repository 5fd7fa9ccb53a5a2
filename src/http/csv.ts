/** A column: its heading, and what stands in it. */
export type CsvColumn<Row> = readonly [heading: string, cell: (row: Row) => CsvCell];
export type CsvCell = string | number | boolean | null;

/** RFC 4180, in UTF-8, with a line of headings. Null is an empty cell. */
export const csv = <Row>(columns: readonly CsvColumn<Row>[], rows: readonly Row[]): string =>
  [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, cell]) => cell(row)))]
    .map((line) => `${line.map(cellText).join(',')}\r\n`)
    .join('');

function cellText(cell: CsvCell): string {
  if (typeof cell !== 'string') return cell === null ? '' : String(cell);
  const text = harmless(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A spreadsheet takes what begins like this for a formula and runs it, and callers choose their names: an apostrophe makes it text (OWASP, "CSV
 * Injection").
 */
const harmless = (text: string): string => (/^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text);
