import type { Trunk } from '../config/document.ts';

/** Where calls to a trunk's peer go; undefined: an internal trunk has no address. @param number what is dialled there */
export function trunkAddress(
  trunk: Trunk,
  number?: string,
): { readonly uri: string; readonly host: string } | undefined {
  const { host, ports } = trunk.outbound ?? { host: trunk.host, ports: trunk.ports };
  if (host === undefined) return undefined;
  const user = number === undefined ? '' : `${number}@`;
  return { uri: `sip:${user}${bracketed(host)}:${firstPort(ports)};transport=${trunk.transport}`, host };
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** The first of a list such as `5060; 5070-5080`. */
const firstPort = (ports: string): number => Number.parseInt(ports, 10);
