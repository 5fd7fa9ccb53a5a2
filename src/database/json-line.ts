/** One line of JSON, without what PostgreSQL does not store: NULs and half characters, which a hostile display name may hold. */
export function jsonLine(value: object): string {
  const line = JSON.stringify(value);
  // They are escaped, and rare.
  return /\\u(?:0000|d[89a-f])/.test(line) ? JSON.stringify(value, storable) : line;
}

const storable = (_: string, part: unknown): unknown =>
  typeof part === 'string' ? part.replaceAll('\0', '').toWellFormed() : part;
