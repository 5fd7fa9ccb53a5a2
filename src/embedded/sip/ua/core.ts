import type { Clock } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipRequest, SipResponse } from '../message/index.ts';
import type { TimerValues, TransactionLayer, Wire } from '../transaction/index.ts';
import type { Hop, LocalEnd, Transports } from '../transport/index.ts';
import type { Applications } from './application.ts';
import type { Dialogs } from './dialogs.ts';
import type { Flows } from './flows.ts';
import type { OutgoingRequest } from './outgoing.ts';
import type { Sessions } from './session-timer.ts';

/** The part of `Transports` that a user agent needs; tests put a scripted wire here. */
export type Ways = Wire & Pick<Transports, 'resolve' | 'listeners'>;

export interface UserAgentLimits {
  /** How long an application may leave a request without any answer, ms. */
  readonly answerMs: number;
  /** How long a dialog may be without an owner before it is hung up, ms. */
  readonly orphanMs: number;
  /** Dialogs alive at once, early ones included. Over it, new INVITEs and SUBSCRIBEs get 503. */
  readonly dialogs: number;
  /** Requests of applications without a final response. */
  readonly outgoing: number;
  /** Early dialogs of one INVITE. */
  readonly forks: number;
  /** Registered contacts that are reached by their own connection. */
  readonly flows: number;
}

export const USER_AGENT_LIMITS: UserAgentLimits = {
  answerMs: 64_000,
  orphanMs: 10_000,
  dialogs: 50_000,
  outgoing: 20_000,
  forks: 32,
  flows: 50_000,
};

/** What only counts up: things that peers and applications should not have done, and what we did about it. */
export interface UserAgentCounters {
  /** Requests for a dialog that does not exist. */
  unknownDialog: number;
  /** Requests inside a dialog with a number lower than those before. */
  outOfOrder: number;
  /** Requests that an application never answered. */
  unansweredByApplication: number;
  /** Second answers to one INVITE, acknowledged and hung up. */
  surplusAnswers: number;
  /** Dialogs that we ended: no ACK, no owner, a refresh that failed. */
  hungUp: number;
  /** 2xx that belong to no dialog. */
  strayAnswers: number;
}

/** What all parts of the user agent share. */
export interface Core {
  readonly layer: TransactionLayer;
  readonly ways: Ways;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerValues;
  readonly limits: UserAgentLimits;
  readonly counters: UserAgentCounters;
  readonly applications: Applications;
  readonly dialogs: Dialogs;
  readonly flows: Flows;
  readonly outgoing: Map<string, OutgoingRequest>;
  readonly sessions: Sessions;
  /** For work that nobody waits for: what it throws is a bug, and is reported as one. */
  readonly supervise: (work: Promise<unknown>) => void;
}

/** Our end towards a hop, and before there is a hop any end that we have. */
export function localEnd(ways: Ways, hop: Hop | undefined): LocalEnd {
  if (hop) return ways.localFor(hop);
  const [first] = ways.listeners();
  if (!first) throw new Error('no listener');
  return { protocol: first.protocol, address: first.address, host: first.advertised, port: first.port };
}

/** Whether a header that lists option tags (Supported, Require) has this one. */
export const hasOption = (
  message: SipRequest | SipResponse,
  header: 'Supported' | 'Require',
  option: string,
): boolean => message.headers.has(header) && message.headers.all(header).some((tag) => tag.toLowerCase() === option);
