import { lookup } from 'node:dns/promises';
import { mkdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { CallbackTasks } from './acd/callback-tasks.ts';
import { Dispatcher } from './acd/dispatcher.ts';
import { GroupCallbacks } from './acd/group-callbacks.ts';
import { QueueDistributor } from './acd/queue-distributor.ts';
import { WaitEstimates } from './acd/wait-estimates.ts';
import type { CallServices } from './call/call.ts';
import { CallbackRunner } from './call/callback-runner.ts';
import { Inbound } from './call/inbound.ts';
import type { LiveCall } from './call/live-calls.ts';
import { ConferenceRooms } from './call/rooms.ts';
import { Talks } from './call/talks.ts';
import type { Environment } from './config/env.ts';
import { type Issue, isError } from './config/issue.ts';
import { redacted } from './config/redact.ts';
import { ReloadThread } from './config/reload-thread.ts';
import { ConfigStore } from './config/store.ts';
import type { PbxVersion } from './config/version.ts';
import { watchConfig } from './config/watch.ts';
import type { Database } from './database/port.ts';
import { Destinations } from './dial/destinations.ts';
import { EmployeeDialler } from './dial/employee.ts';
import { LookAhead } from './dial/look-ahead.ts';
import { Occupancy } from './dial/occupancy.ts';
import { startEmbeddedMedia } from './embedded/media/index.ts';
import { startPrivateRedis } from './embedded/redis/index.ts';
import { type EmbeddedSip, type SipServerStats, startEmbeddedSip } from './embedded/sip/index.ts';
import { feedAcd, occupancyInAcd, statusSetter } from './engine-acd.ts';
import {
  acdForms,
  publishEvents,
  publishFaxes,
  publishLost,
  publishOutbox,
  publishTrunks,
  publishVoicemail,
} from './engine-events.ts';
import { httpPorts } from './engine-http.ts';
import { tellPhones } from './engine-mailboxes.ts';
import { errorText, UserError } from './errors.ts';
import { EventFeed, EventLog } from './events/index.ts';
import type { History } from './history/index.ts';
import type { ConferenceMixer } from './media/conference.ts';
import { PbxSounds } from './media/pbx-sounds.ts';
import type { MediaServer } from './media/port.ts';
import { PromptSet } from './media/prompts/prompt-set.ts';
import type { DurableOutbox } from './messages/durable-outbox.ts';
import type { Faxes } from './messages/fax/index.ts';
import { FaxReception } from './messages/fax/reception.ts';
import { OutboxNotices } from './messages/notices.ts';
import type { Outbox, TextOutbox } from './messages/outbox.ts';
import { Recordings } from './messages/recording/index.ts';
import type { Voicemail } from './messages/voicemail/index.ts';
import type { VoiceMessages } from './messages/voicemail/port.ts';
import {
  parseRedisUrl,
  RedisConnection,
  RedisNonces,
  RedisRegistrations,
  RedisRoomNodes,
  RedisSipServers,
  RedisSubscriber,
  SharedLimits,
  socketAddress,
  Throttle,
} from './redis/index.ts';
import { tablesOf } from './scheme/tables.ts';
import {
  contactTarget,
  type NeighbourServer,
  Neighbours,
  placeOf,
  type SipServerPlace,
  startSip,
} from './sip/index.ts';
import type { SipServer } from './sip/port.ts';
import { type Clock, delay, systemClock } from './time/clock.ts';
import { Precedence } from './time/precedence.ts';
import { type Random, systemRandom } from './time/random.ts';
import { TrunkLines } from './trunks/lines.ts';
import { OutgoingLimits } from './trunks/outgoing-limits.ts';
import { Registering } from './trunks/registering.ts';
import { TrunkWatch } from './trunks/watch.ts';
import { youngCollector } from './young-garbage.ts';

export interface EngineOptions {
  readonly env: Environment;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Engine {
  /** For a person: what runs, and how to register a first phone. */
  readonly banner: string;
  /**
   * Takes no more calls: they are refused with 503, `/readyz` answers 503 too, accounts at operators are given up. Resolves when the last of those that go on
   * has ended, after `limit` ms at the latest. Then `stop`.
   */
  drain(limit: number): Promise<void>;
  /** Ends all calls, writes their records, stops every part. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Builds the engine out of its parts and starts them, the ones that others need first. The only place that knows all parts.
 * @throws ConfigError (broken configuration), UserError (a port in use, a program missing); then nothing is left running
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { env, log, clock = systemClock, random = systemRandom } = options;
  const stack = new AsyncDisposableStack();
  try {
    const reloads = new ReloadThread(env.configFolder, clock);
    stack.defer(() => reloads.close());
    const config = new ConfigStore(env.configFolder, { reader: reloads.read, clock });
    await config.load();
    logWarnings(config.warnings, log);
    await mkdir(env.varDir, { recursive: true });

    // The backends start side by side: together they take as long as the slowest.
    const promptSet = PromptSet.open();
    const [prompts, redis, media, embeddedSip] = await allStarted([
      promptSet,
      openRedis(env, log, stack),
      env.freeswitch.length === 0
        ? openMedia(env, log, stack)
        : openFreeswitch({ env, prompts: promptSet, sip: () => sip.server, log }, stack),
      env.drachtio.length > 0 ? undefined : EmbeddedSipServer.start(env, log, stack),
    ]);
    for (const { message, hint } of prompts.warnings) log.warn({ hint }, message);
    const subscriber = new RedisSubscriber(redis);
    stack.defer(() => subscriber.close());
    const events = new EventLog({ redis, node: env.nodeId, clock, random, log });
    stack.defer(() => events.close());
    const registrations = new RedisRegistrations(redis);
    const precedence = new Precedence(clock, youngCollector());
    const dispatcher = new Dispatcher({ redis, subscriber, clock, precedence, random, log, nodeId: env.nodeId });
    stack.defer(() => dispatcher.close());
    const estimates = new WaitEstimates({ store: dispatcher.store, redis, clock, log });
    stack.defer(() => estimates.close());
    const acdNode = dispatcher.node.bind(dispatcher);
    stack.defer(await feedAcd({ config, dispatcher, estimates, registrations, log }));
    const failures = new Throttle(redis);
    const sip = await startSip({
      servers: embeddedSip ? [embeddedSip.place] : await drachtioServers(env),
      config,
      registrations,
      failures,
      ...(env.redisUrl && { sharedNonces: new RedisNonces(redis, random) }),
      clock,
      random,
      log,
      node: env.nodeId,
      patienceMs: env.peerPatienceSeconds * 1000,
      ...(env.sipExternalIp === undefined ? {} : { externalHosts: [env.sipExternalIp] }),
    });
    stack.defer(() => sip.close());
    if (env.redisUrl) {
      const neighbours = new Neighbours({
        ...{ directory: new RedisSipServers(redis), clock, log },
        own: () => embeddedSip?.announced,
        follow: sip.follow,
      });
      stack.defer(() => neighbours.close());
      void neighbours.start();
    }
    // Phones are served from here on; what is only needed when a call has ended is loaded meanwhile.
    const keeping = stack.use(new AsyncDisposableStack());
    const database = openDatabase(env, log, keeping);
    const history = openHistory({ env, redis, config, database, events, clock, random, log }, keeping);
    const outbox = openOutbox({ env, config, database, events, clock, random, log }, keeping);
    const voicemail = openVoicemail({ env, database, outbox, events, clock, random, log }, keeping);
    // Awaited below; until then a failure is nobody's.
    for (const loading of [database, history, outbox, voicemail]) loading.catch(() => undefined);
    const recordings = new Recordings({
      ...{ database, config, clock, random, log, node: env.nodeId, varDir: env.varDir },
      outbox: soon(outbox),
    });
    stack.defer(() => recordings.close());

    const run = `${env.nodeId}-${random.hex(4)}`;
    const shared = new SharedLimits({ redis, clock, log, run });
    stack.defer(() => shared.close());
    const lines = new TrunkLines(shared);
    const limits = new OutgoingLimits({ redis, clock, log, run });
    stack.defer(() => limits.close());
    const trunks = new TrunkWatch({
      config,
      sip: sip.server,
      lines,
      accept: (invite) => inbound.accept(invite),
      clock,
      random,
      log,
    });
    stack.defer(() => trunks.close());
    const occupancy = new Occupancy(occupancyInAcd(acdNode, log));
    const destinations = new Destinations(new LookAhead(registrations, clock), contactTarget, trunks, limits);
    const callbackTasks = new CallbackTasks(redis);
    const setStatus = statusSetter(dispatcher);
    const groupCallbacks = new GroupCallbacks(callbackTasks, subscriber);
    // Its jobs are calls, so it is made when there is somebody to make them.
    const faxes = Promise.withResolvers<Faxes>();
    faxes.promise.catch(() => undefined);
    const sounds = new PbxSounds(prompts);
    const rooms = new ConferenceRooms({
      ...{ media, sounds, config, clock, random, log },
      nodes: new RedisRoomNodes({ redis, subscriber, run }),
      takePlace: ({ id, document }) => shared.take(id, 'conferences', document.conference.maxTotal),
    });
    stack.defer(() => rooms.close());
    const services: CallServices = {
      sip: sip.server,
      media,
      clock,
      precedence,
      sounds,
      employees: new EmployeeDialler(destinations, occupancy),
      groups: new QueueDistributor({ node: acdNode, estimates, clock, precedence }),
      callbacks: groupCallbacks,
      destinations,
      trunks,
      callLimit: { take: ({ id, document }) => shared.take(id, 'calls', document.pbx.maxCalls) },
      occupancy,
      messages: voicemailSoon(voicemail),
      wrongPins: failures,
      fax: new FaxReception({
        ...{ media, clock, random, node: env.nodeId },
        keeper: async () => (await faxes.promise).keeper,
      }),
      rooms,
      notices: new OutboxNotices(soon(outbox), log),
      recorder: recordings,
      talks: new Talks(),
      statuses: { set: (pbx, employee, status) => setStatus(pbx, employee, { name: status, base: status }) },
    };
    const inbound = new Inbound({
      services,
      config,
      random,
      node: env.nodeId,
      log,
      history: async (record) => (await history).record(record),
    });
    stack.defer(publishEvents({ config, inbound, registrar: sip.registrar, recordings, limits, clock }, events));
    const keepingOpen = history.then((made) => keepOpenCalls(made, inbound));
    keepingOpen.catch(() => undefined);
    stack.defer(() =>
      keepingOpen.then(
        (off) => off(),
        () => undefined,
      ),
    );
    sip.server.onInvite((invite) => inbound.accept(invite));
    stack.defer(() => inbound.stop());
    // What brings calls to this node: it ends before they do.
    const inviting = stack.use(new AsyncDisposableStack());
    // After what takes calls, so that it is stopped before: operators send no more calls to a node that is about to end.
    const registering = new Registering({
      config,
      sip: sip.server,
      markOf: (pbx, trunk) => sip.marks.of(pbx, trunk),
      redis,
      node: env.nodeId,
      run,
      clock,
      random,
      log,
    });
    inviting.defer(() => registering.close());
    stack.defer(publishTrunks(trunks, registering, events));
    openFaxes({ env, config, database, outbox, events, services, inbound, clock, random, log }, keeping).then(
      faxes.resolve,
      faxes.reject,
    );
    // Before the calls are ended: none begins meanwhile.
    inviting.defer(() =>
      faxes.promise.then(
        (made) => made.rest(),
        () => undefined,
      ),
    );
    const runner = new CallbackRunner({
      due: groupCallbacks,
      config,
      services,
      calls: inbound,
      random,
      clock,
      node: env.nodeId,
      log,
    });
    inviting.defer(() => runner.close());
    groupCallbacks.events.on('asked', ({ pbx }) => void runner.look(pbx));

    stack.defer(takeReloads(config, clock, log));
    for (const pbx of config.all()) warmUp(pbx, clock);
    // Those who want to know what has gone are listening.
    stack.defer(
      tellPhones({
        ...{ config, redis, subscriber, log },
        voicemail: await voicemail,
        subscriptions: sip.subscriptions,
      }),
    );
    void (await faxes.promise).start();
    (await outbox).start();
    const { startHttp } = await import('./http/index.ts');
    const http = await startHttp({
      listen: env.httpListen,
      token: env.apiToken,
      ports: httpPorts({
        config,
        inbound,
        occupancy,
        registrations,
        redis,
        sip: sip.server,
        embeddedSip,
        media,
        history: await history,
        voicemail: await voicemail,
        outbox: await outbox,
        recordings,
        faxes: await faxes.promise,
        events: new EventFeed(redis, subscriber, acdForms(config)),
        dispatcher,
        estimates,
        callbackTasks,
        callbacks: groupCallbacks,
        destinations,
        trunks,
        lines,
        clock,
        registering,
        limits,
      }),
      clock,
      log,
    });
    stack.defer(() => http.close());
    void recordings.open();
    const banner = bannerText({ env, config, listening: sip.server.listening, http: http.url });
    const drain = async (limit: number) => {
      inbound.rest();
      log.info(
        { calls: inbound.live.size, seconds: limit / 1000 },
        'no more calls are taken; those that go on may end',
      );
      const over = new AbortController();
      const late = delay(clock, limit, over.signal).catch(() => undefined);
      const ended = inviting
        .disposeAsync()
        .then(() => inbound.live.drained())
        .then(() => embeddedSip?.quiet(clock, over.signal));
      await Promise.race([ended, late]);
      over.abort();
    };
    return { banner, drain, stop: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function openRedis(env: Environment, log: Logger, stack: AsyncDisposableStack): Promise<RedisConnection> {
  const connect = async () => {
    if (env.redisUrl) return RedisConnection.open(parseRedisUrl(env.redisUrl.reveal()));
    const server = await startPrivateRedis({ directory: join(env.varDir, 'redis'), log });
    stack.defer(() => server.stop());
    return RedisConnection.open(socketAddress(server.socket, server.password));
  };
  const redis = await connect();
  stack.defer(() => redis.close());
  redis.on('down', ({ why }) => log.error({ why }, 'Redis is away: calls go on, registrations and queues do not'));
  redis.on('up', () => log.info('Redis is back'));
  return redis;
}

/** Waits for all, also when one has failed: only what has started can be stopped. */
async function allStarted<T extends readonly unknown[]>(
  starting: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(starting);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as never;
}

async function openMedia(
  env: Environment,
  log: Logger,
  stack: AsyncDisposableStack,
): Promise<MediaServer & ConferenceMixer> {
  const media = await startEmbeddedMedia({
    address: await mediaAddress(env),
    ports: { from: env.rtpPorts.min, to: env.rtpPorts.max },
    audioCacheDir: join(env.varDir, 'audio-cache'),
    log,
    ...(env.sipExternalIp === undefined ? {} : { externalIp: env.sipExternalIp }),
  });
  stack.defer(() => media.close());
  return media;
}

/** Its legs go over our SIP side, which starts after it: none is made before. */
async function openFreeswitch(
  parts: {
    readonly env: Environment;
    readonly prompts: Promise<PromptSet>;
    readonly sip: () => SipServer;
    readonly log: Logger;
  },
  stack: AsyncDisposableStack,
): Promise<MediaServer & ConferenceMixer> {
  const { env, sip, log } = parts;
  const [{ startFreeswitch }, prompts] = await Promise.all([import('./freeswitch/index.ts'), parts.prompts]);
  const media = await startFreeswitch({
    servers: env.freeswitch.map(({ host, port, secret }) => ({ host, port, secret: secret.reveal() })),
    sip,
    shared: [...prompts.folders, resolve(env.configFolder), env.varDir],
    node: env.nodeId,
    log,
  });
  stack.defer(() => media.close());
  return media;
}

/** With its schema up to date before the first query. Nothing waits for it here. */
async function openDatabase(env: Environment, log: Logger, stack: AsyncDisposableStack): Promise<Database> {
  const [{ migrated }, { postgres }, { startEmbeddedDatabase }] = await Promise.all([
    import('./database/migrate.ts'),
    import('./database/postgres.ts'),
    import('./embedded/database/index.ts'),
  ]);
  if (env.redisUrl && !env.databaseUrl) {
    log.warn(
      { hint: 'Set DATABASE_URL, the same at each node, before a second node is started on this Redis.' },
      'REDIS_URL is set, but DATABASE_URL is not: were there several nodes, each would have a part of the call history',
    );
  }
  const database = migrated(
    env.databaseUrl
      ? postgres(env.databaseUrl.reveal(), log)
      : startEmbeddedDatabase({ directory: join(env.varDir, 'database'), log }),
  );
  stack.defer(() => database.close());
  return database;
}

/** Takes letters at once, and begins to send when it is told to. */
async function openOutbox(
  parts: {
    readonly env: Environment;
    readonly config: ConfigStore;
    readonly database: Promise<Database>;
    readonly events: EventLog;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  },
  stack: AsyncDisposableStack,
): Promise<DurableOutbox> {
  const { env, config, events, clock, random, log } = parts;
  const [{ DurableOutbox }, { MailCourier }, { SmsCourier }, database] = await Promise.all([
    import('./messages/durable-outbox.ts'),
    import('./messages/mail/courier.ts'),
    import('./messages/sms/courier.ts'),
    parts.database,
  ]);
  const outbox = new DurableOutbox({
    ...{ database, config, node: env.nodeId, clock, random, log },
    directory: join(env.varDir, 'outbox-spool'),
    couriers: { mail: new MailCourier(env.varDir, clock), sms: new SmsCourier(clock) },
  });
  stack.defer(() => outbox.close());
  stack.defer(publishOutbox(outbox, events));
  return outbox;
}

/** Takes what calls bring at once, and begins to send when it is told to. */
async function openFaxes(
  parts: {
    readonly env: Environment;
    readonly config: ConfigStore;
    readonly database: Promise<Database>;
    readonly outbox: Promise<DurableOutbox>;
    readonly events: EventLog;
    readonly services: CallServices;
    readonly inbound: Inbound;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  },
  stack: AsyncDisposableStack,
): Promise<Faxes> {
  const { env, config, events, services, inbound, clock, random, log } = parts;
  const [{ Faxes }, database, outbox] = await Promise.all([
    import('./messages/fax/index.ts'),
    parts.database,
    parts.outbox,
  ]);
  const faxes = new Faxes({
    ...{ database, outbox, services, clock, random, log },
    varDir: env.varDir,
    calls: inbound,
    pbx: (id) => config.current(id),
    node: env.nodeId,
  });
  stack.defer(() => faxes.close());
  stack.defer(publishFaxes(faxes, events));
  return faxes;
}

/** A call may come before the outbox is loaded: what it has to tell waits for it. */
const soon = (outbox: Promise<Outbox & TextOutbox>): Outbox & TextOutbox => ({
  put: async (letter) => (await outbox).put(letter),
  putText: async (message) => (await outbox).putText(message),
});

async function openVoicemail(
  parts: {
    readonly env: Environment;
    readonly database: Promise<Database>;
    readonly outbox: Promise<DurableOutbox>;
    readonly events: EventLog;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  },
  stack: AsyncDisposableStack,
): Promise<Voicemail> {
  const { env, events, clock, random, log } = parts;
  const [{ Voicemail }, database, outbox] = await Promise.all([
    import('./messages/voicemail/index.ts'),
    parts.database,
    parts.outbox,
  ]);
  const voicemail = new Voicemail({
    ...{ database, outbox, node: env.nodeId, clock, random, log },
    varDir: env.varDir,
  });
  stack.defer(publishVoicemail(voicemail, events));
  stack.defer(() => voicemail.close());
  stack.defer(outbox.onSent('voicemail', (sent) => voicemail.mailed(sent)));
  await voicemail.start();
  return voicemail;
}

/** A call may come before its parts are loaded: it waits for them. */
const voicemailSoon = (messages: Promise<VoiceMessages>): VoiceMessages => ({
  begin: async (facts) => (await messages).begin(facts),
  inbox: async (pbx, employee) => (await messages).inbox(pbx, employee),
  markRead: async (pbx, id, read) => (await messages).markRead(pbx, id, read),
  remove: async (pbx, id) => (await messages).remove(pbx, id),
});

async function openHistory(
  parts: {
    readonly env: Environment;
    readonly redis: RedisConnection;
    readonly config: ConfigStore;
    readonly database: Promise<Database>;
    readonly events: EventLog;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  },
  stack: AsyncDisposableStack,
): Promise<History> {
  const { env, redis, config, events, clock, random, log } = parts;
  const [{ startHistory }, database] = await Promise.all([import('./history/index.ts'), parts.database]);
  const history = startHistory({
    redis,
    database,
    directory: join(env.varDir, 'history-spool'),
    node: env.nodeId,
    pbxs: () => config.all().map(({ id }) => id),
    onLost: publishLost(events),
    alone: env.redisUrl === undefined,
    clock,
    random,
    log,
  });
  stack.defer(() => history.close());
  keepVersions(history, config);
  return history;
}

/** As long as a call goes on, somebody else knows enough of it to write its record. */
function keepOpenCalls(history: History, inbound: Inbound): () => void {
  const keep = ({ id, pbx, timeline }: LiveCall) => history.goesOn(pbx.id, id, () => timeline.open());
  for (const call of inbound.live.all()) keep(call);
  return inbound.events.on('changed', ({ call, what, isKept = true }) => {
    if (what === 'ended') history.ends(call.pbx.id, call.id, isKept);
    else keep(call);
  });
}

/** Calls can only be run again on a version that is still known. */
function keepVersions(history: History, config: ConfigStore): void {
  const keep = () =>
    history.inForce(
      config.all().map(({ id, version, document }) => ({ pbx: id, version, document: () => redacted(document) })),
    );
  config.on('changed', keep);
  keep();
}

/** @throws UserError `bad-environment` for a `DRACHTIO_CA` that cannot be read */
async function drachtioServers({ drachtio, drachtioTags: tags, drachtioCa }: Environment): Promise<SipServerPlace[]> {
  const ca =
    drachtioCa === undefined
      ? undefined
      : await readFile(drachtioCa, 'utf8').catch((error: unknown) => {
          throw new UserError('bad-environment', `DRACHTIO_CA cannot be read: ${errorText(error)}`);
        });
  return drachtio.map(({ host, port, secret, tls }) => ({
    name: placeOf({ host, port }),
    address: async () => ({
      ...{ host, port, tags, secret: secret.reveal() },
      ...(tls && { tls: ca === undefined ? {} : { ca } }),
    }),
  }));
}

const QUIET_EVERY_MS = 500;

/** The embedded SIP server, and another in its place when its thread has died: its calls are lost then, the next ones are not. */
class EmbeddedSipServer {
  readonly #env: Environment;
  readonly #log: Logger;
  #server: EmbeddedSip | undefined;

  private constructor(env: Environment, log: Logger) {
    this.#env = env;
    this.#log = log;
  }

  static async start(env: Environment, log: Logger, stack: AsyncDisposableStack): Promise<EmbeddedSipServer> {
    const server = new EmbeddedSipServer(env, log);
    await server.address();
    stack.defer(() => server.close());
    return server;
  }

  get place(): SipServerPlace {
    return { name: 'embedded', id: this.#env.nodeId, address: () => this.address() };
  }

  /** Where drachtio-srf connects. @throws UserError `port-in-use` and others when it has to be started and cannot listen */
  async address(): Promise<Pick<EmbeddedSip, 'host' | 'port' | 'secret'>> {
    this.#server ??= await startEmbeddedSip({
      listen: this.#env.sipListen.map(({ transport, host, port }) => `${transport}://${bracketed(host)}:${port}`),
      ...(this.#env.sipExternalIp === undefined ? {} : { externalIp: this.#env.sipExternalIp }),
      ...(this.#env.sipTls === undefined ? {} : { tls: this.#env.sipTls }),
      ...(this.#env.nodeListen === undefined ? {} : { control: this.#env.nodeListen }),
      log: this.#log,
      onCrash: () => {
        this.#server = undefined;
      },
    });
    return this.#server;
  }

  /** For other nodes; undefined: they do not reach it, or its thread has just died. */
  get announced(): NeighbourServer | undefined {
    if (!this.#server || !this.#env.nodeListen) return undefined;
    const { host, port, secret } = this.#server;
    return { server: this.#env.nodeId, host, port, secret };
  }

  /** Resolves when no call goes by it any more: other nodes ring phones by it that have registered here. */
  async quiet(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stats = await this.stats().catch(() => undefined);
      if (!stats || stats.calls === 0) return;
      await delay(clock, QUIET_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async stats(): Promise<SipServerStats | undefined> {
    return this.#server?.stats();
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}

const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

/** RTP goes where SIP listens; where that is every address, to the first one that is not loopback. */
async function mediaAddress({ sipListen }: Environment): Promise<string> {
  const host = sipListen[0]?.host ?? '127.0.0.1';
  if (host === '0.0.0.0' || host === '::') {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
  }
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new UserError('sip-listen', `SIP_LISTEN names ${host}, which has no address`, 'Write an IP address.', {
      cause: error,
    });
  }
}

/** The public holidays of a country take a tenth of a second to work out: not at the expense of the first call. */
function warmUp(pbx: PbxVersion, clock: Clock): void {
  tablesOf(pbx)
    .timetable.when([{ days: ['holidays'] }])
    .holds(clock.now());
}

/** Takes changed files into use, and says so. */
function takeReloads(config: ConfigStore, clock: Clock, log: Logger): () => void {
  config.on('changed', ({ changed, removed, warnings }) => {
    for (const pbx of changed) warmUp(pbx, clock);
    log.info(
      { pbxs: changed.map(({ id, version }) => `${id} ${version}`), removed: removed.map(({ id }) => id) },
      'configuration reloaded',
    );
    logWarnings(warnings, log);
  });
  config.on('rejected', ({ issues }) => {
    log.error({ issues: issues.filter(isError) }, 'configuration rejected: the former one stays in force');
  });
  return watchConfig(config, { clock, onProblem: (message) => log.warn(message) });
}

/** Each with its place and what to do about it, as `check --json` says it. */
function logWarnings(warnings: readonly Issue[], log: Logger): void {
  for (const { message, ...place } of warnings) log.warn(place, message);
}

function bannerText(shown: {
  readonly env: Environment;
  readonly config: ConfigStore;
  readonly listening: readonly string[];
  readonly http: string;
}): string {
  const { env, config, listening, http } = shown;
  const [sip = ''] = listening;
  const servers = env.drachtio.map(placeOf);
  const lines = [
    'Kommutator is running.',
    `  SIP       ${listening.join('  ')}  (${servers.length > 0 ? `drachtio ${servers.join(', ')}` : 'embedded'})`,
    `  Media     ${mediaText(env)}`,
    `  API       ${http}/api/openapi.json`,
    `  Database  ${env.databaseUrl ? 'DATABASE_URL' : `embedded, data in ${env.varDir}`}`,
    `  Redis     ${env.redisUrl ? 'REDIS_URL' : `private, data in ${env.varDir}`}`,
  ];
  for (const pbx of config.all()) {
    const { document } = pbx;
    const employee = document.employees.find(({ accounts }) => accounts.some((account) => 'password' in account));
    const account = employee?.accounts.find((one) => 'password' in one);
    lines.push('', `PBX "${document.pbx.name}" (${pbx.id}, version ${pbx.version})`);
    if (account) {
      lines.push(
        '  Register a first phone with',
        `    user      ${account.user}`,
        // Only on a private listener: a banner may end in a log that others read.
        `    password  ${isLoopback(env) && 'password' in account ? account.password : `as in the configuration of "${employee?.id}"`}`,
        `    domain    ${account.domain}`,
        `    proxy     ${sip.replace(/^\w+\//, '')}`,
      );
    }
    const numbers = document.numbers.filter(({ scheme }) => scheme !== undefined).map(({ number }) => number);
    if (numbers.length > 0) lines.push(`  and call ${numbers.join(' or ')}.`);
  }
  return lines.join('\n');
}

const mediaText = ({ freeswitch, rtpPorts }: Environment): string =>
  freeswitch.length === 0
    ? `ports ${rtpPorts.min}-${rtpPorts.max}  (embedded)`
    : `FreeSWITCH ${freeswitch.map(({ host, port }) => `${host}:${port}`).join(', ')}`;

const isLoopback = ({ sipListen }: Environment): boolean =>
  sipListen.every(({ host }) => host.startsWith('127.') || host === '::1' || host === 'localhost');
