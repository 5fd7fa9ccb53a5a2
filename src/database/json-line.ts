/** One line of JSON, without what PostgreSQL does not store: NULs and half characters, which a hostile display name may hold. */
export const jsonLine = (value: object): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'string' ? part.replaceAll('\0', '').toWellFormed() : part));
