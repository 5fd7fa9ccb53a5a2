import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Secret } from '../config/secret.ts';
import { HttpFailure } from './failure.ts';

/** What a request is judged by. */
export interface Asker {
  /** Of the socket. */
  readonly address: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** The route tells nothing that is not for everybody. */
  readonly open: boolean;
}

/** @returns why the request is refused; undefined: it is let in */
export type Access = (asker: Asker) => HttpFailure | undefined;

export const access = (token: Secret | undefined): Access => (token ? withToken(token) : thisMachineOnly);

/** RFC 6750 §2.1. The comparison takes as long for a wrong token as for the right one, whatever their lengths. */
function withToken(token: Secret): Access {
  const right = digest(token.reveal());
  return ({ headers, open }) => {
    if (open) return undefined;
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), right)) return undefined;
    return new HttpFailure(401, {
      code: 'unauthorized',
      message: given === undefined ? 'The request has no token' : 'The token is wrong',
      hint: 'Send "Authorization: Bearer <token>" with the API_TOKEN of the node.',
      headers: { 'www-authenticate': 'Bearer' },
    });
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Without a token, only programs of this machine are served. A browser is one of them, and runs other people's pages: so the Host must be a name of
 * this machine (a foreign name that has been made to point here is DNS rebinding), and no page of another origin may ask. Nor may a
 * proxy, which speaks for who knows whom.
 */
const thisMachineOnly: Access = ({ address, headers }) => {
  if (address === undefined || !isLoopback(address)) return refused('The node serves only its own machine', 'no-token');
  const proxy = forwardingHeaders.find((name) => headers[name] !== undefined);
  if (proxy) return refused(`A proxy passed the request on ("${proxy}")`, 'no-token');
  const host = hostOf(`http://${headers.host ?? ''}`);
  if (host === undefined || !isOurName(host.hostname)) {
    return refused(`"${headers.host ?? ''}" is no name of this machine alone`, 'foreign-host');
  }
  const { origin, 'sec-fetch-site': site } = headers;
  const foreign = origin !== undefined && hostOf(origin)?.host !== host.host;
  if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
    return refused('A page of another origin may not use the API', 'foreign-origin');
  }
  return undefined;
};

/** RFC 7239, its forerunners, RFC 9110 §7.6.3. */
const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'via'] as const;

const hints = {
  'no-token': 'Start the node with API_TOKEN, and send the token.',
  'foreign-host': 'Ask for http://127.0.0.1 or http://localhost; or start the node with API_TOKEN.',
  'foreign-origin': 'Start the node with API_TOKEN, and send the token from a server of yours.',
} as const;

const refused = (message: string, code: keyof typeof hints): HttpFailure =>
  new HttpFailure(403, { code, message, hint: hints[code] });

/** `127.0.0.1:8080` and `127.0.0.1`, as the URL standard writes them; undefined: no address. */
function hostOf(url: string): { readonly host: string; readonly hostname: string } | undefined {
  const parsed = URL.parse(url);
  return parsed && parsed.host !== '' ? { host: parsed.host, hostname: parsed.hostname } : undefined;
}

const isOurName = (name: string): boolean => name === 'localhost' || isLoopback(name.replace(/^\[(.*)\]$/, '$1'));

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** IPv4 addresses in IPv6 notation (`::ffff:127.0.0.1`) included. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
