import { Headers } from './headers.ts';
import { type SipMessage, SipRequest, SipResponse } from './message.ts';
import { parseNameAddr } from './name-addr.ts';
import { headerKey } from './names.ts';
import { SipParseError } from './parse-error.ts';
import { parseUri } from './uri.ts';

/** RFC 3261 §21.5.7: over these, 513. */
export const MESSAGE_LIMITS = { headBytes: 65_535, headerLines: 256 } as const;

interface Fault {
  readonly status: number;
  readonly reason: string;
}

/**
 * Reads one whole message: a datagram, or what the framing of a stream cut out. Line ends may be bare line feeds; bytes after
 * the Content-Length are ignored (RFC 3261 §18.3). Checked at once is what identifies the message and its sender: start line,
 * Via, From, To, Call-ID, CSeq, Content-Length, Max-Forwards, Contact of requests. All other values are read when asked for.
 * @throws SipParseError and nothing else
 */
export function parseMessage(bytes: Buffer): SipMessage {
  const start = skipLineEnds(bytes);
  const emptyLine = endOfHead(bytes, start);
  // Some devices leave the empty line out when there is no body. Headers cut off in the middle of a line are another matter.
  const end = emptyLine < 0 && bytes.at(-1) === LF ? bytes.length : emptyLine;
  if (end < 0) throw new SipParseError(400, 'Headers without an end');
  if (end - start > MESSAGE_LIMITS.headBytes) throw new SipParseError(513, 'Message Too Large');
  const head = bytes.toString('utf8', start, end);
  const firstLineEnd = head.indexOf('\n');
  const startLine = (firstLineEnd < 0 ? head : head.slice(0, firstLineEnd)).trimEnd();
  const headers = new Headers();
  const fault = firstLineEnd < 0 ? undefined : readHeaders(head, firstLineEnd + 1, headers);
  const body = bytes.subarray(end);
  return /^SIP\//i.test(startLine)
    ? finishResponse(startLine, headers, body, fault)
    : finishRequest(startLine, headers, body, fault);
}

function finishResponse(startLine: string, headers: Headers, body: Buffer, fault: Fault | undefined): SipResponse {
  const line = /^SIP\/(\d+\.\d+)\s+([1-6]\d\d)(?:\s(.*))?$/i.exec(startLine);
  if (!line) throw new SipParseError(400, 'Malformed status line');
  if (line[1] !== '2.0') throw new SipParseError(505, 'Version Not Supported');
  const response = new SipResponse(Number(line[2]), line[3]?.trim() ?? '', headers, body);
  const found = fault ?? identityFault(response) ?? bodyFault(response);
  if (found) throw new SipParseError(found.status, found.reason);
  return response;
}

function finishRequest(startLine: string, headers: Headers, body: Buffer, fault: Fault | undefined): SipRequest {
  const firstSpace = startLine.indexOf(' ');
  const lastSpace = startLine.lastIndexOf(' ');
  const method = startLine.slice(0, Math.max(0, firstSpace));
  // More than one space between the parts is tolerated (RFC 4475 §3.1.2.9), a space inside the URI is not (§3.1.2.8).
  const uri = startLine.slice(firstSpace + 1, Math.max(firstSpace + 1, lastSpace)).trim();
  const version = startLine.slice(lastSpace + 1);
  if (!TOKEN.test(method)) throw new SipParseError(400, 'Not a SIP message');
  const request = new SipRequest(method, uri, headers, body);
  const found =
    versionFault(version) ??
    fault ??
    identityFault(request) ??
    uriFault(uri) ??
    requestFault(request) ??
    bodyFault(request);
  if (found) throw new SipParseError(found.status, found.reason, canBeAnswered(request) ? request : undefined);
  return request;
}

/** Fills `headers` from the lines that start at `from`; returns the first thing that was wrong and reads on. */
function readHeaders(head: string, from: number, headers: Headers): Fault | undefined {
  let fault: Fault | undefined;
  for (let at = from; at < head.length; ) {
    let lineEnd = head.indexOf('\n', at);
    if (lineEnd < 0) lineEnd = head.length;
    if (isEmptyLine(head, at, lineEnd)) break;
    const folded = isBlank(head.charCodeAt(at));
    const colon = folded ? -1 : head.indexOf(':', at);
    if (folded) {
      if (headers.size > 0) headers.extendLast(trimmed(head, at, lineEnd));
      else fault ??= { status: 400, reason: 'Folded line before the first header' };
    } else if (colon < 0 || colon >= lineEnd) {
      fault ??= { status: 400, reason: 'Header line without a colon' };
    } else if (headers.size >= MESSAGE_LIMITS.headerLines) {
      return fault ?? { status: 513, reason: 'Too many header lines' };
    } else {
      const name = trimmed(head, at, colon);
      if (TOKEN.test(name)) headers.pushParsed(headerKey(name), name, trimmed(head, colon + 1, lineEnd));
      else fault ??= { status: 400, reason: 'Malformed header name' };
    }
    at = lineEnd + 1;
  }
  return fault;
}

const versionFault = (version: string): Fault | undefined =>
  version === 'SIP/2.0' || /^SIP\/2\.0$/i.test(version)
    ? undefined
    : /^SIP\/\d+\.\d+$/i.test(version)
      ? { status: 505, reason: 'Version Not Supported' }
      : { status: 400, reason: 'Malformed request line' };

const ONCE = ['To', 'From', 'Call-ID', 'CSeq', 'Max-Forwards'];

/** What a transaction is recognised by must be there, once, and readable (RFC 3261 §8.1.1). */
function identityFault(message: SipMessage): Fault | undefined {
  for (const name of ONCE) {
    if (message.headers.count(name) > 1) return { status: 400, reason: `Several ${name} headers` };
  }
  try {
    void message.via;
    void message.from;
    void message.to;
    void message.callId;
    if (message.kind === 'request' && message.cseq.method !== message.method) {
      return { status: 400, reason: 'CSeq has another method' };
    }
    void message.cseq;
  } catch (error) {
    return asFault(error);
  }
  return undefined;
}

/** RFC 3261 §19.1.5: headers in a Request-URI are not allowed. A scheme that we do not know is for the user agent to refuse (416). */
function uriFault(text: string): Fault | undefined {
  try {
    const uri = parseUri(text);
    return uri.kind === 'sip' && uri.headers !== undefined
      ? { status: 400, reason: 'Headers in the Request-URI' }
      : undefined;
  } catch (error) {
    return asFault(error);
  }
}

function requestFault({ headers }: SipRequest): Fault | undefined {
  const maxForwards = headers.get('Max-Forwards');
  if (maxForwards !== undefined && !/^\d{1,9}$/.test(maxForwards)) {
    return { status: 400, reason: 'Malformed Max-Forwards' };
  }
  try {
    for (const contact of headers.all('Contact')) if (contact !== '*') parseNameAddr(contact);
  } catch (error) {
    return asFault(error);
  }
  return undefined;
}

/** Cuts the body to its Content-Length; without one it is all that came (RFC 3261 §18.3). */
function bodyFault(message: SipMessage): Fault | undefined {
  const lengths = message.headers.all('Content-Length');
  if (lengths.length === 0) return undefined;
  const length = contentLength(lengths);
  if (length === undefined) return { status: 400, reason: 'Malformed Content-Length' };
  if (length > message.body.length) return { status: 400, reason: 'Body shorter than its Content-Length' };
  message.body = message.body.subarray(0, length);
  return undefined;
}

/** The length that all Content-Length values agree on; `undefined` when they do not, or are no numbers. */
export function contentLength(values: readonly string[]): number | undefined {
  const [first] = values;
  if (first === undefined || !/^\d{1,9}$/.test(first)) return undefined;
  return values.every((value) => value === first) ? Number(first) : undefined;
}

function asFault(error: unknown): Fault {
  if (error instanceof SipParseError) return error;
  throw error;
}

/** Nobody answers an ACK; without a Via the sender could not tell which request is answered. */
const canBeAnswered = (request: SipRequest): boolean => request.method !== 'ACK' && request.headers.has('Via');

/**
 * Where the body starts: after the first empty line at or after `from`; −1 if none has come yet. The head is counted with its
 * empty line.
 */
export function endOfHead(bytes: Buffer, from = 0): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1];
    if (next === LF) return at + 2;
    if (next === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/** RFC 3261 §7.5: empty lines before a start line are ignored. */
export function skipLineEnds(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === CR || bytes[at] === LF) at++;
  return at;
}

const isEmptyLine = (head: string, at: number, lineEnd: number): boolean =>
  lineEnd === at || (lineEnd === at + 1 && head.charCodeAt(at) === CR);

/** `text.slice(from, to).trim()` with one allocation. */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Space, tab, and a carriage return, which at the end of a line is half of the line end. */
const isBlank = (char: number): boolean => char === 0x20 || char === 0x09 || char === CR;

const TOKEN = /^[\w\-.!%*+`'~]+$/;
const LF = 0x0a;
const CR = 0x0d;
