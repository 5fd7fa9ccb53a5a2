import { canonicalName, Headers, SipRequest, SipResponse } from '../message/index.ts';

/** What an application wrote where a SIP message should stand. */
export class AppMessageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AppMessageError';
  }
}

/**
 * Reads the SIP part of a client's frame: a draft, in which all that the server fills in may be missing. The body is everything
 * after the first empty line, since the client counts characters where Content-Length means bytes. Lines that are no header are
 * left out; names get their usual spelling, except `X-…`, which is kept as written.
 * @throws AppMessageError
 */
export function parseAppMessage(bytes: Buffer): SipRequest | SipResponse {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
  const body = end < 0 ? undefined : bytes.subarray(end + 4);
  const [startLine = '', ...lines] = head.split(/\r\n(?![ \t])/);
  const headers = new Headers();
  for (const line of lines) {
    const header = HEADER.exec(line);
    const [, name = '', value = ''] = header ?? [];
    if (!header || IGNORED.test(name)) continue;
    headers.append(/^x-/i.test(name) ? name : canonicalName(name), value.replace(/\r\n[ \t]+/g, ' '));
  }
  const status = STATUS_LINE.exec(startLine);
  if (status) return new SipResponse(Number(status[1]), status[2]?.trim() ?? '', headers, body);
  const request = REQUEST_LINE.exec(startLine);
  if (request) return new SipRequest(request[1] as string, request[2] as string, headers, body);
  throw new AppMessageError(`no SIP start line: ${JSON.stringify(startLine.slice(0, 80))}`);
}

const STATUS_LINE = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/;
const REQUEST_LINE = /^([\w\-.!%*+`'~]+) (\S+) SIP\/2\.0\s*$/;
const HEADER = /^([\w\-.!%*+`'~]+)[ \t]*:[ \t]*([\s\S]*?)[ \t]*$/;
const IGNORED = /^(?:content-length|l)$/i;
