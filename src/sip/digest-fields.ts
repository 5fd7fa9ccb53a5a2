import { unquote } from './message.ts';

/** The parameters of a `Digest …` challenge or credentials, names in lower case, values without quotes. */
export type DigestFields = Readonly<Record<string, string>>;

/**
 * All `Digest` values of a header, in order; other schemes are left out. Several header lines may have been joined by commas, which separate
 * parameters too: a word followed by another word begins a new value.
 * @returns undefined where the syntax is broken (RFC 7235 §2.1)
 */
export function parseDigests(header: string): DigestFields[] | undefined {
  const found: DigestFields[] = [];
  let fields: Record<string, string> | undefined;
  let at = 0;
  while (at < header.length) {
    PART.lastIndex = at;
    const part = PART.exec(header);
    if (!part) return undefined;
    at = PART.lastIndex;
    const [, scheme, name, value] = part;
    if (scheme !== undefined) {
      fields = {};
      if (scheme.toLowerCase() === 'digest') found.push(fields);
    }
    if (!fields || name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (key in fields) return undefined;
    fields[key] = unquote(value);
  }
  return found;
}

/** `[Scheme ]name=value[,]`; sticky, so that nothing is skipped. */
const PART =
  /\s*(?:([\w\-.!%*+`'~]+)\s+(?=[\w\-.!%*+`'~]+\s*=))?([\w\-.!%*+`'~]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)\s*(?:,\s*|$)/gy;

/** RFC 7616 §3.3–3.5: these are tokens, everything else stands in quotes. */
const TOKENS = new Set(['algorithm', 'stale', 'nc', 'userhash']);

/** @param qop in quotes in a challenge (a list), bare in credentials (a choice) */
export function printDigest(fields: DigestFields, qop: 'quoted' | 'bare'): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    const bare = TOKENS.has(name) || (name === 'qop' && qop === 'bare');
    return bare ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
  });
  return `Digest ${parts.join(', ')}`;
}
