/** Header names: compact forms (RFC 3261 §7.3.3 and later RFCs), the usual spelling, and which values are comma lists. */

const COMPACT: Record<string, string> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
};

/** Spellings that plain capitalising after each dash would get wrong. */
const IRREGULAR: Record<string, string> = {
  'call-id': 'Call-ID',
  cseq: 'CSeq',
  'mime-version': 'MIME-Version',
  'min-se': 'Min-SE',
  rack: 'RAck',
  rseq: 'RSeq',
  'sip-etag': 'SIP-ETag',
  'sip-if-match': 'SIP-If-Match',
  'www-authenticate': 'WWW-Authenticate',
};

/** Several values may stand in one line of these, separated by commas (RFC 3261 §7.3.1). */
const LISTS = new Set(
  `accept accept-contact accept-encoding accept-language alert-info allow allow-events call-info contact content-encoding
  content-language diversion error-info history-info in-reply-to p-asserted-identity p-associated-uri p-preferred-identity path
  proxy-require reason record-route reject-contact request-disposition require route service-route supported unsupported via
  warning`.split(/\s+/),
);

/** As they come on the wire, so that the hot path needs neither lower-casing nor a second look-up. */
const KEYS = new Map<string, string>();
for (const key of [
  ...LISTS,
  ...Object.values(COMPACT),
  ...Object.keys(IRREGULAR),
  ...`authorization content-disposition date expires max-forwards min-expires organization priority privacy
  proxy-authenticate proxy-authorization replaces retry-after server subscription-state timestamp user-agent`.split(
    /\s+/,
  ),
]) {
  KEYS.set(key, key);
  KEYS.set(canonicalName(key), key);
}
for (const [compact, key] of Object.entries(COMPACT)) {
  KEYS.set(compact, key);
  KEYS.set(compact.toUpperCase(), key);
}

/** The name under which a header is found, whatever its spelling: `V`, `via` and `VIA` are all `via`. */
export function headerKey(name: string): string {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  return COMPACT[lower] ?? lower;
}

/** The usual spelling of a name or compact form: `cseq` → `CSeq`, `m` → `Contact`, `foo-bar` → `Foo-Bar`. */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  const key = COMPACT[lower] ?? lower;
  return (
    IRREGULAR[key] ?? key.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
  );
}

export const isListHeader = (key: string): boolean => LISTS.has(key);
