import type { Clock } from '../../../time/clock.ts';
import type { Peer } from '../ua/application.ts';

/** The fields after `sip` or `OK` that describe a message: where it came from, how long it is, when. */
export interface Described {
  readonly source: 'network' | 'application';
  readonly bytes: number;
  /** `undefined` for a message that never was on a wire. */
  readonly peer: Peer | undefined;
  readonly transactionId: string;
  readonly dialogId: string;
}

/** `sip|network|518|udp|192.0.2.1|5060|06:39:01.051502|<txn>|<dialog>|`; a new request also says at which of our ends it arrived. */
export function sipLeader(message: Described, clock: Clock, receivedOn?: { address: string; port: number }): string {
  const { transactionId, dialogId } = message;
  const arrival = receivedOn ? `${receivedOn.address}|${receivedOn.port}|` : '';
  return `sip|${describe(message, clock)}|${transactionId}|${dialogId}|${arrival}`;
}

/** The echo of a request that was sent for the application. */
export const requestEcho = (message: Described, clock: Clock): string =>
  `OK|${describe(message, clock)}|${message.transactionId}|Msg sent:|`;

/** The echo of a response that was sent for the application. */
export const responseEcho = (message: Described, clock: Clock): string =>
  `OK|${describe(message, clock)}|${message.transactionId}|${message.dialogId}||Msg sent:|`;

/** One final response of a proxy's target; more answers to the same command follow. */
export const proxyProgress = (message: Described, clock: Clock): string => `OK|${describe(message, clock)}|||continue`;

function describe({ source, bytes, peer }: Described, clock: Clock): string {
  const where = peer ? `${wireProtocol(peer)}|${peer.address}|${peer.port}` : 'unknown||0';
  return `${source}|${bytes}|${where}|${timeOfDay(clock)}`;
}

/** WebSocket connections are called tcp, as by drachtio-server; clients build next hops from this, which `Transports` leads back to the WebSocket. */
const wireProtocol = ({ protocol }: Peer): string => (protocol === 'ws' || protocol === 'wss' ? 'tcp' : protocol);

/** UTC, `06:39:01.051502`. */
export function timeOfDay(clock: Clock): string {
  const iso = new Date(clock.now()).toISOString();
  return `${iso.slice(11, 23)}000`;
}
