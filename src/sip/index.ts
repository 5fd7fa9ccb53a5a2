import type { Logger } from 'pino';
import type { ConfigStore } from '../config/store.ts';
import type { RegistrationStore } from '../redis/registrations.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import { type AttemptLimits, Attempts, type FailureCounter } from './attempts.ts';
import type { ContactRules } from './contacts.ts';
import { DigestAuthority, type SharedNonces } from './digest.ts';
import { Guard } from './guard.ts';
import type { CountryOf } from './ip-access.ts';
import { LineMarks } from './line-marks.ts';
import type { SipServerPlace } from './link.ts';
import type { NeighbourServer } from './neighbours.ts';
import { ownHosts, passedThroughHere } from './own-hosts.ts';
import type { SipServer } from './port.ts';
import { Registrar } from './registrar.ts';
import { DrachtioSipServer } from './server.ts';
import { type SubscriptionLimits, Subscriptions } from './subscriptions.ts';
import { TrunkPeers } from './trunk-peers.ts';

export { type DrachtioAddress, placeOf } from './connection.ts';
export type { Identity } from './identity.ts';
export type { SipServerPlace } from './link.ts';
export { messageSummary } from './message-summary.ts';
export { type NeighbourServer, Neighbours } from './neighbours.ts';
export type { LiveContact, Registrar, RegistrarEvents } from './registrar.ts';
export type { Subscriptions } from './subscriptions.ts';
export { contactTarget, peerTarget } from './target.ts';

export interface SipOptions {
  /** The drachtio servers, at least one. */
  readonly servers: readonly SipServerPlace[];
  readonly config: ConfigStore;
  readonly registrations: RegistrationStore;
  /** `Throttle` of `redis/`. */
  readonly failures: FailureCounter;
  /** Where several nodes may be asked by the same phone. */
  readonly sharedNonces?: SharedNonces;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This engine's id. */
  readonly node: string;
  /** Addresses and names under which phones may know us, besides those that the SIP server listens on (`SIP_EXTERNAL_IP`). */
  readonly externalHosts?: readonly string[];
  /** The geo database of `security.ipAccess`, mode `country`. */
  readonly countryOf?: CountryOf;
  /** How long a party of whom nothing is heard may take to say that he is there (`Dialog.ask`), milliseconds. */
  readonly patienceMs: number;
  /** Default: see `contacts.ts`. */
  readonly contactRules?: ContactRules;
  /** Default: see `attempts.ts`. */
  readonly attemptLimits?: AttemptLimits;
  /** Default: see `subscriptions.ts`. */
  readonly subscriptionLimits?: Partial<SubscriptionLimits>;
  /** How often expired registrations are looked for, milliseconds. */
  readonly sweepEveryMs?: number;
}

export interface Sip {
  readonly server: SipServer;
  readonly registrar: Registrar;
  /** Those of phones to what happens. */
  readonly subscriptions: Subscriptions;
  /** Takes the SIP servers of other nodes, all of them, as often as they change. */
  follow(servers: readonly NeighbourServer[]): void;
  /** By which calls are known that come to a Contact of ours at an operator. */
  readonly marks: LineMarks;
  close(): Promise<void>;
}

/**
 * The engine's SIP side, connected and answering: guard and registrar work at once, calls go to `server.onInvite`.
 * @throws UserError `sip-server-unreachable`, `sip-server-refused`
 */
export async function startSip(options: SipOptions): Promise<Sip> {
  const { config, registrations, failures, patienceMs, clock, random, log, node } = options;
  let server: DrachtioSipServer | undefined;
  const listening = () => server?.listening ?? NOWHERE;
  const isOwnHost = ownHosts(listening, options.externalHosts);
  const peers = new TrunkPeers({ config, clock, log });
  const marks = new LineMarks(random);
  const digest = new DigestAuthority({ clock, random });
  const unshare = await (options.sharedNonces && digest.share(options.sharedNonces));
  const guard = new Guard({
    config,
    peers,
    marks,
    digest,
    attempts: new Attempts({
      counter: failures,
      clock,
      log,
      ...(options.attemptLimits && { limits: options.attemptLimits }),
    }),
    isOwnHost,
    hasPassedHere: passedThroughHere(listening, isOwnHost),
    ...(options.countryOf && { countryOf: options.countryOf }),
    log,
  });
  const registrar = new Registrar({
    store: registrations,
    clock,
    random,
    log,
    node,
    pbxs: () => config.all(),
    ...(options.contactRules && { rules: options.contactRules }),
    ...(options.sweepEveryMs !== undefined && { sweepEveryMs: options.sweepEveryMs }),
  });
  const subscriptions = new Subscriptions({ clock, random, log, limits: options.subscriptionLimits ?? {} });
  const stop = () => {
    unshare?.();
    peers.close();
    registrar.close();
  };
  void peers.refresh();
  try {
    const { servers: places } = options;
    server = await DrachtioSipServer.start({
      places,
      guard,
      registrar,
      subscriptions,
      patienceMs,
      clock,
      random,
      log,
    });
  } catch (error) {
    stop();
    throw error;
  }
  registrar.start();
  const started = server;
  return {
    server,
    registrar,
    subscriptions,
    marks,
    follow: (servers) => started.follow(servers),
    async close() {
      stop();
      await started.close();
    },
  };
}

const NOWHERE: readonly string[] = [];
