import type { DrachtioRequest } from './drachtio.ts';
import { Headers, parseNameAddr, parseUri, SipParseError, type Uri } from './message.ts';
import { partyOf, partyOfUri } from './party.ts';
import type { HeaderFields, Party, Source, Transport } from './port.ts';

/** A request outside a dialog, as the guard, the registrar and the call layer read it: a value, free of drachtio. */
export interface SipRequest {
  readonly method: string;
  readonly uri: Uri;
  readonly requestUser: string;
  readonly requestHost: string;
  readonly from: Party;
  readonly to: Party;
  /** Tells an in-dialog request, which belongs to nobody here. */
  readonly toTag: string | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly source: Source;
  readonly headers: Headers;
  readonly body: string | undefined;
}

/** A final response, as they word it. */
export interface SipResponse {
  readonly status: number;
  readonly reason?: string;
  readonly headers?: HeaderFields;
}

/** @throws SipParseError what is wrong with it, with the status to answer */
export function readRequest(request: DrachtioRequest): SipRequest {
  const headers = Headers.from(Object.entries(request.headers));
  const uri = parseUri(request.uri);
  if (uri.kind === 'other') throw new SipParseError(416, 'Unsupported URI Scheme');
  const { user, host } = partyOfUri(uri);
  const to = parseNameAddr(required(headers, 'To'));
  return {
    method: request.method,
    uri,
    requestUser: user,
    requestHost: host,
    from: partyOf(parseNameAddr(required(headers, 'From'))),
    to: partyOf(to),
    toTag: to.params.get('tag'),
    callId: required(headers, 'Call-ID'),
    cseq: sequenceNumber(required(headers, 'CSeq')),
    source: {
      protocol: transportOf(request.protocol),
      address: plainAddress(request.source_address),
      port: request.source_port,
    },
    headers,
    body: request.body || undefined,
  };
}

function required(headers: Headers, name: string): string {
  const value = headers.get(name);
  if (!value) throw new SipParseError(400, `Missing ${name}`);
  return value;
}

function sequenceNumber(value: string): number {
  const number = Number(/^(\d{1,10})\s/.exec(value)?.[1]);
  if (!Number.isInteger(number) || number >= 2 ** 31) throw new SipParseError(400, 'Malformed CSeq');
  return number;
}

const TRANSPORTS: readonly string[] = ['udp', 'tcp', 'tls', 'ws', 'wss'] satisfies Transport[];

const transportOf = (protocol: string): Transport => (TRANSPORTS.includes(protocol) ? (protocol as Transport) : 'udp');

/** One spelling for one address: no brackets, no IPv4 dressed as IPv6, hexadecimal digits in lower case. */
export const plainAddress = (address: string): string =>
  address
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .toLowerCase();
