import pino from 'pino';
import type { ConfigStore } from '../../src/config/store.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { type EmbeddedSip, type EmbeddedSipOptions, startEmbeddedSip } from '../../src/embedded/sip/index.ts';
import { type RedisConnection, RedisRegistrations, Throttle } from '../../src/redis/index.ts';
import { type Sip, type SipOptions, startSip } from '../../src/sip/index.ts';
import type { IncomingInvite } from '../../src/sip/port.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { drachtioOf } from './drachtio-server.ts';
import { startTestRedis, type TestRedis } from './redis.ts';
import { Inbox } from './wait.ts';

/** The SIP side of an engine, with a real redis-server and a SIP server: the embedded one, or the one that DRACHTIO names. */
export interface SipStack {
  readonly sip: Sip;
  readonly redis: TestRedis;
  readonly connection: RedisConnection;
  /** Undefined when DRACHTIO names another one. */
  readonly embedded: EmbeddedSip | undefined;
  readonly invites: Inbox<IncomingInvite>;
  /** `registered ivanov@acme.example sip:…`, as they happen. */
  readonly registrations: Inbox<string>;
  /** Texts of the log, level warn and above. */
  readonly log: Inbox<string>;
  /** Where the SIP server listens. */
  endpoint(protocol: 'udp' | 'tcp' | 'ws'): { readonly host: string; readonly port: number };
  stop(): Promise<void>;
}

export interface SipStackOptions
  extends Partial<
    Pick<SipOptions, 'attemptLimits' | 'contactRules' | 'patienceMs' | 'sweepEveryMs' | 'subscriptionLimits'>
  > {
  readonly pbxs: readonly PbxVersion[];
  /** In the place of one that never changes. */
  readonly config?: ConfigStore;
  /** The clock of the registrations in Redis, milliseconds. */
  readonly now?: () => number;
  /** Where the embedded server listens besides UDP and TCP. */
  readonly listen?: readonly string[];
  /** Of the embedded server. */
  readonly timers?: NonNullable<EmbeddedSipOptions['timers']>;
}

export async function startSipStack({
  pbxs,
  config = configOf(pbxs),
  now,
  listen = [],
  timers,
  ...options
}: SipStackOptions): Promise<SipStack> {
  const redis = await startTestRedis();
  const connection = await redis.connect();
  const log = new Inbox<string>('log');
  const logger = pino(
    { level: 'warn' },
    { write: (line: string) => log.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const external = process.env.DRACHTIO;
  const embedded: EmbeddedSip | undefined = external
    ? undefined
    : await startEmbeddedSip({
        listen: ['udp://127.0.0.1:0', 'tcp://127.0.0.1:0', ...listen],
        log: logger,
        ...(timers && { timers }),
      });
  const sip = await startSip({
    servers: [{ name: 'sip', address: async () => embedded ?? drachtioOf(external) }],
    config,
    registrations: new RedisRegistrations(connection, now),
    failures: new Throttle(connection),
    clock: systemClock,
    random: systemRandom,
    log: logger,
    node: 'n1',
    patienceMs: 2000,
    ...options,
  });
  const invites = new Inbox<IncomingInvite>('invites');
  sip.server.onInvite((invite) => invites.push(invite));
  const registrations = new Inbox<string>('registrations');
  for (const event of ['registered', 'unregistered', 'expired'] as const) {
    sip.registrar.on(event, ({ account, uri }) => registrations.push(`${event} ${account} ${uri}`));
  }
  return {
    sip,
    redis,
    connection,
    embedded,
    invites,
    registrations,
    log,
    endpoint(protocol) {
      const found = sip.server.listening.find((one) => one.startsWith(`${protocol}/`));
      const [, host = '', port] = /^\w+\/(.*):(\d+)$/.exec(found ?? '') ?? [];
      return { host, port: Number(port) };
    },
    async stop() {
      await sip.close();
      await embedded?.close();
      await redis.stop();
    },
  };
}

/** PBXs that never change, with the look-ups of the real store. */
export function configOf(pbxs: readonly PbxVersion[]): ConfigStore {
  const store: Pick<ConfigStore, 'all' | 'on' | 'findByDomain' | 'findPassiveLine' | 'current'> = {
    all: () => pbxs,
    on: () => () => undefined,
    current: (id) => pbxs.find((pbx) => pbx.id === id),
    findByDomain: (domain) => pbxs.find((pbx) => pbx.document.pbx.domains.includes(domain.toLowerCase())),
    findPassiveLine(user, domain) {
      for (const pbx of pbxs) {
        for (const number of pbx.document.numbers) {
          if (number.source && 'passive' in number.source && number.source.passive === `${user}@${domain}`) {
            return { pbx, number };
          }
        }
      }
      return undefined;
    },
  };
  return store as ConfigStore;
}
