import type { Trunk } from '../config/document.ts';

/**
 * Where calls to a trunk's peer go; for another PBX of this installation a name that stands for it, which no INVITE is sent to.
 * @param number what is dialled there
 * @returns undefined: the trunk has no address
 */
export function trunkAddress(
  trunk: Trunk,
  number?: string,
): { readonly uri: string; readonly host: string } | undefined {
  const { host, ports } = trunk.outbound ?? { host: trunk.host, ports: trunk.ports };
  const user = number === undefined ? '' : `${number}@`;
  if (trunk.peer) return { uri: `sip:${user}${trunk.peer.pbx}.internal`, host: `${trunk.peer.pbx}.internal` };
  if (host === undefined) return undefined;
  return { uri: `sip:${user}${bracketed(host)}:${firstPort(ports)};transport=${trunk.transport}`, host };
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** The first of a list such as `5060; 5070-5080`. */
const firstPort = (ports: string): number => Number.parseInt(ports, 10);
