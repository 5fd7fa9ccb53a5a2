import Mrf from 'drachtio-fsmrf';
import type { ConferenceMixer } from '../media/conference.ts';
import type { MediaServer } from '../media/port.ts';
import type { SipServer } from '../sip/port.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { EventSocketAddress } from './event-socket.ts';
import { legsOver } from './leg.ts';
import { FreeswitchPool } from './pool.ts';
import { FreeswitchServer } from './server.ts';

export type { EventSocketAddress } from './event-socket.ts';

/** The part of pino's interface that is used here. */
export interface FreeswitchLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface FreeswitchOptions {
  /** The event sockets of one server or several (`FREESWITCH`). */
  readonly servers: readonly EventSocketAddress[];
  /** Asked at each new endpoint: the SIP side may start later than the media. */
  readonly sip: () => Pick<SipServer, 'invite'>;
  /** Folders and files of this machine that FreeSWITCH must see under the same paths: sounds, recordings. */
  readonly shared: readonly string[];
  /** Ours alone among those that use these servers, and the same after a restart: channels of an engine that died are known by it. */
  readonly node: string;
  readonly clock?: Clock;
  readonly log?: FreeswitchLog;
}

/**
 * FreeSWITCH servers as the media server: see README.md. Starts when one of them can be used; the others are tried again and again.
 * @throws UserError why none can: `freeswitch-unreachable`, `freeswitch-refused`, `freeswitch-module`, `freeswitch-profile`, `freeswitch-files`
 */
export async function startFreeswitch(options: FreeswitchOptions): Promise<MediaServer & ConferenceMixer> {
  const { servers, sip, shared, node, clock = systemClock, log } = options;
  const mrf = new Mrf(legsOver(sip));
  return FreeswitchPool.start(
    servers.map((address) => new FreeswitchServer({ address, mrf, shared, node, clock, log })),
    log,
  );
}
