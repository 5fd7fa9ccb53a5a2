import { parseHostPort, printHostPort } from './host-port.ts';
import { Params } from './params.ts';
import { SipParseError } from './parse-error.ts';

/** One hop of the way that a request took, RFC 3261 §20.42. */
export interface Via {
  /** `2.0` */
  readonly version: string;
  /** As written, usually upper case: `UDP`. */
  readonly transport: string;
  /** The sent-by part; IPv6 without brackets. */
  readonly host: string;
  readonly port: number | undefined;
  /** branch, received, rport, … */
  readonly params: Params;
}

/** Marks branches that identify a transaction by themselves, RFC 3261 §8.1.1.7. */
export const MAGIC_COOKIE = 'z9hG4bK';

const PROTOCOL = /^\s*SIP\s*\/\s*(\d+\.\d+)\s*\/\s*([^\s/;,]+)\s+/i;

/** @throws SipParseError 400 */
export function parseVia(text: string): Via {
  const protocol = PROTOCOL.exec(text);
  if (!protocol) throw new SipParseError(400, 'Malformed Via');
  const start = protocol[0].length;
  const semicolon = text.indexOf(';', start);
  const { host, port } = parseHostPort(text.slice(start, semicolon < 0 ? text.length : semicolon).trim());
  return {
    version: protocol[1] as string,
    transport: protocol[2] as string,
    host,
    port,
    params: semicolon < 0 ? Params.NONE : Params.parse(text.slice(semicolon)),
  };
}

export const printVia = (via: Via): string =>
  `SIP/${via.version}/${via.transport} ${printHostPort(via.host, via.port)}${via.params}`;
