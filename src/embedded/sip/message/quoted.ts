/** Quoted strings, RFC 3261 §25.1. */

/** The text inside the quotes with its backslash escapes resolved; anything that is not quoted is returned as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22 || text.charCodeAt(text.length - 1) !== 0x22) return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

export const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
