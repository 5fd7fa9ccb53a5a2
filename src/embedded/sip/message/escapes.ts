/** Percent escapes of URIs, RFC 3261 §19.1.2 and §25.1. */

/** The characters behind `%HH`, as UTF-8. Escapes that are broken stay as they are: `%Z` is no reason to refuse a call. */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

/** For the user part of a URI: everything outside of unreserved and user-unreserved is escaped as UTF-8. */
export const escapeUser = (text: string): string => escapeExcept(text, /[^\w\-.!~*'()&=+$,;?/]/gu);

/** For names and values in the header part of a URI (`?Replaces=…`): hnv-unreserved stays. */
export const escapeUriHeader = (text: string): string => escapeExcept(text, /[^\w\-.!~*'()[\]/?:+$]/gu);

const escapeExcept = (text: string, others: RegExp): string =>
  text.replace(others, (char) => {
    let escaped = '';
    for (const byte of Buffer.from(char)) escaped += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    return escaped;
  });
