import { SipParseError } from './parse-error.ts';

export interface HostPort {
  /** A name or an address; IPv6 without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** @throws SipParseError unless the text is `host`, `host:port`, `[v6]` or `[v6]:port`; white space around the colon is allowed. */
export function parseHostPort(text: string): HostPort {
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    const host = text.slice(1, end);
    if (end < 0 || !IPV6.test(host)) throw new SipParseError(400, 'Malformed IPv6 address');
    const rest = text.slice(end + 1).trim();
    if (rest !== '' && !rest.startsWith(':')) throw new SipParseError(400, 'Malformed host');
    return { host, port: rest === '' ? undefined : parsePort(rest.slice(1)) };
  }
  const colon = text.indexOf(':');
  const host = colon < 0 ? text.trim() : text.slice(0, colon).trim();
  if (!HOST.test(host)) throw new SipParseError(400, 'Malformed host');
  return { host, port: colon < 0 ? undefined : parsePort(text.slice(colon + 1)) };
}

/** `host:port` or `host`, IPv6 in brackets. */
export function printHostPort(host: string, port?: number): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

function parsePort(text: string): number {
  const digits = text.trim();
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(port <= 65535)) throw new SipParseError(400, 'Malformed port');
  return port;
}

/** Underscores are no host characters by the grammar, but names of containers and Windows machines have them. */
const HOST = /^[\w.~-]+$/;
const IPV6 = /^[0-9a-fA-F:.]+(?:%\w+)?$/;
