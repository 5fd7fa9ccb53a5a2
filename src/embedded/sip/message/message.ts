import { type CSeq, parseCSeq } from './cseq.ts';
import { Headers } from './headers.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { SipParseError } from './parse-error.ts';
import { reasonPhrase } from './reason-phrase.ts';
import { parseVia, type Via } from './via.ts';

const NO_BODY = Buffer.alloc(0);

/** What requests and responses share. The typed getters parse on first use and follow later changes of the header. */
abstract class Message {
  headers: Headers;
  body: Buffer;
  readonly #parsed = new Map<string, { raw: string; value: unknown }>();

  constructor(headers: Headers, body: Buffer) {
    this.headers = headers;
    this.body = body;
  }

  /** The top Via. @throws SipParseError when it is missing or malformed; so do all of these getters. */
  get via(): Via {
    return this.#typed('Via', parseVia);
  }

  get from(): NameAddr {
    return this.#typed('From', parseNameAddr);
  }

  get to(): NameAddr {
    return this.#typed('To', parseNameAddr);
  }

  get cseq(): CSeq {
    return this.#typed('CSeq', parseCSeq);
  }

  get callId(): string {
    const callId = this.headers.get('Call-ID');
    if (!callId) throw new SipParseError(400, 'Missing Call-ID');
    return callId;
  }

  #typed<T>(name: string, parse: (text: string) => T): T {
    const raw = this.headers.get(name);
    if (raw === undefined) throw new SipParseError(400, `Missing ${name}`);
    const known = this.#parsed.get(name);
    if (known?.raw === raw) return known.value as T;
    const value = parse(raw);
    this.#parsed.set(name, { raw, value });
    return value;
  }
}

export class SipRequest extends Message {
  readonly kind = 'request';
  method: string;
  /** The Request-URI as written. */
  uri: string;

  constructor(method: string, uri: string, headers: Headers = new Headers(), body: Buffer = NO_BODY) {
    super(headers, body);
    this.method = method;
    this.uri = uri;
  }

  /** A copy whose headers may be changed freely; the body is shared. */
  clone(): SipRequest {
    return new SipRequest(this.method, this.uri, this.headers.clone(), this.body);
  }
}

export class SipResponse extends Message {
  readonly kind = 'response';
  status: number;
  reason: string;

  constructor(
    status: number,
    reason: string = reasonPhrase(status),
    headers: Headers = new Headers(),
    body: Buffer = NO_BODY,
  ) {
    super(headers, body);
    this.status = status;
    this.reason = reason;
  }

  /** A copy whose headers may be changed freely; the body is shared. */
  clone(): SipResponse {
    return new SipResponse(this.status, this.reason, this.headers.clone(), this.body);
  }
}

export type SipMessage = SipRequest | SipResponse;
