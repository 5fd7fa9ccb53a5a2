import { isIP } from 'node:net';
import { UserError } from '../../../errors.ts';
import { printHostPort } from '../message/host-port.ts';
import { defaultPort, type Protocol } from './types.ts';

export interface ListenAddress {
  readonly protocol: Protocol;
  /** Numeric; `0.0.0.0` and `::` mean every address of the machine. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const PROTOCOLS: readonly string[] = ['udp', 'tcp', 'tls', 'ws', 'wss'] satisfies Protocol[];

/**
 * Reads a comma list such as `udp://127.0.0.1:5060,tcp://[::1]`.
 * @throws UserError `sip-listen`
 */
export function parseListenAddresses(list: string): ListenAddress[] {
  const addresses = list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseListenAddress);
  if (addresses.length === 0) throw badAddress(list);
  return addresses;
}

export const printListenAddress = ({ protocol, address, port }: ListenAddress): string =>
  `${protocol}://${printHostPort(address, port)}`;

function parseListenAddress(text: string): ListenAddress {
  const match = /^(\w+):\/\/(?:\[([^\]]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(text);
  const protocol = match?.[1]?.toLowerCase() ?? '';
  const host = match?.[2] ?? match?.[3] ?? '';
  const address = host === 'localhost' ? '127.0.0.1' : host;
  if (!PROTOCOLS.includes(protocol) || isIP(address) === 0) throw badAddress(text);
  const port = match?.[4] === undefined ? defaultPort(protocol as Protocol) : Number(match[4]);
  if (port > 65535) throw badAddress(text);
  return { protocol: protocol as Protocol, address, port };
}

const badAddress = (text: string): UserError =>
  new UserError(
    'sip-listen',
    `"${text}" is no address to listen on`,
    'Write protocol://address:port with udp, tcp, tls, ws or wss and a numeric address, for example udp://127.0.0.1:5060.',
  );
