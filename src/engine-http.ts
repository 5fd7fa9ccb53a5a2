import type { CallbackTasks } from './acd/callback-tasks.ts';
import type { Dispatcher } from './acd/dispatcher.ts';
import type { GroupCallbacks } from './acd/group-callbacks.ts';
import type { WaitEstimates } from './acd/wait-estimates.ts';
import type { Inbound } from './call/inbound.ts';
import type { LiveCall as CallNow } from './call/live-calls.ts';
import type { ConfigStore } from './config/store.ts';
import { DatabaseDownError } from './database/port.ts';
import type { Destinations } from './dial/destinations.ts';
import type { Occupancy } from './dial/occupancy.ts';
import type { SipServerStats } from './embedded/sip/index.ts';
import { endReasons } from './end-reason.ts';
import { statusSetter } from './engine-acd.ts';
import type { EventFeed } from './events/index.ts';
import type { History } from './history/index.ts';
import type {
  AcdPort,
  CallbacksPort,
  HttpPorts,
  LiveCall,
  RecordingsPort,
  TrunksPort,
  WaitsPort,
} from './http/index.ts';
import type { MediaServer } from './media/port.ts';
import type { DurableOutbox } from './messages/durable-outbox.ts';
import type { Faxes } from './messages/fax/index.ts';
import { downloadName, mediaTypes, type Recordings } from './messages/recording/index.ts';
import type { Voicemail } from './messages/voicemail/index.ts';
import { type RedisConnection, RedisDownError, type RegistrationStore } from './redis/index.ts';
import type { SipServer } from './sip/port.ts';
import type { Clock } from './time/clock.ts';
import type { TrunkLines } from './trunks/lines.ts';
import type { OutgoingLimits } from './trunks/outgoing-limits.ts';
import type { Registering } from './trunks/registering.ts';
import type { TrunkWatch } from './trunks/watch.ts';

/** The parts that the API shows. */
export interface ShownParts {
  readonly config: ConfigStore;
  readonly inbound: Inbound;
  readonly occupancy: Occupancy;
  readonly registrations: RegistrationStore;
  readonly redis: RedisConnection;
  readonly sip: SipServer;
  /** Undefined with a drachtio server, which keeps its own figures. */
  readonly embeddedSip: { stats(): Promise<SipServerStats | undefined> } | undefined;
  readonly media: MediaServer;
  readonly history: History;
  readonly recordings: Recordings;
  readonly events: EventFeed;
  readonly dispatcher: Dispatcher;
  readonly estimates: WaitEstimates;
  readonly callbackTasks: CallbackTasks;
  readonly callbacks: GroupCallbacks;
  readonly destinations: Destinations;
  readonly trunks: TrunkWatch;
  readonly lines: TrunkLines;
  readonly voicemail: Voicemail;
  readonly clock: Clock;
  readonly registering: Registering;
  readonly limits: Pick<OutgoingLimits, 'refused'>;
  readonly outbox: DurableOutbox;
  readonly faxes: Faxes;
}

/** What the API asks for, taken from the parts of the engine. */
export function httpPorts(parts: ShownParts): HttpPorts {
  const { config, inbound, occupancy, registrations, redis, sip, embeddedSip, media, history, events } = parts;
  const { dispatcher, estimates, limits, outbox, faxes, voicemail } = parts;
  return {
    config,
    checkConfig: () => config.read(),
    calls: {
      live: (pbx) => inbound.live.of(pbx).map(liveView),
      order: (pbx, order) => inbound.order(pbx, order),
      hangup: (pbx, id) => inbound.hangup(pbx, id),
      transfer: (pbx, id, to, employee) => inbound.transfer(pbx, id, to, employee),
      record: (pbx, id, on) => inbound.record(pbx, id, on),
      story: (pbx, id) => {
        const call = inbound.live.get(id);
        if (call?.pbx.id !== pbx) return undefined;
        const { start, path, participants } = call.timeline;
        return { start: new Date(start).toISOString(), path, participants };
      },
    },
    registrations,
    history: history.store,
    recordings: recordingsOf(config, parts.recordings),
    versions: history.versions,
    events,
    acd: agentsOf(dispatcher),
    waits: waitsOf(config, estimates),
    callbacks: callbacksOf(parts),
    faxes,
    trunks: trunksOf(parts),
    voicemail,
    busy: (pbx, employee) => occupancy.busy(pbx, employee),
    readiness: {
      sip: () => sip.state === 'up' && !inbound.isResting,
      redis: () => redis.up,
      // A thread that is gone or hangs gives no figures.
      media: () => media.stats().then(() => true),
    },
    sipServers: () => sip.servers,
    metrics: {
      calls: () => Object.fromEntries(config.all().map(({ id }) => [id, inbound.live.count(id)])),
      callsEnded: () => inbound.ended,
      outgoingRefused: () => limits.refused,
      busyEmployees: () => occupancy.size,
      sipDialogs: () => sip.stats().dialogs,
      sipInvites: () => ({ in: sip.stats().incoming, out: sip.stats().outgoing }),
      sipMalformed: async () => {
        const transport = (await embeddedSip?.stats())?.counters.transport;
        return transport && transport.malformed + transport.dropped.garbage;
      },
      media: () => media.stats(),
      historyPending: () => history.pending(),
      outbox: () => outbox.figures(),
    },
    awayBackend: (error) => {
      if (error instanceof RedisDownError) return 'Redis';
      return error instanceof DatabaseDownError ? 'the database' : undefined;
    },
  };
}

function agentsOf(dispatcher: Dispatcher): AcdPort {
  const { store } = dispatcher;
  return {
    agents: (pbx, employees) => store.agents(pbx, employees),
    setStatus: statusSetter(dispatcher),
    setWrapUp: (pbx, employee, forMs) => store.setWrapUp(pbx, employee, forMs),
    queue: (pbx, group, limit) => store.queue(pbx, group, limit),
    explain: (pbx, call) => store.explain(pbx, call),
    figures: (pbx, group) => store.figures(pbx, group),
  };
}

function callbacksOf({ callbackTasks, callbacks, destinations, clock }: ShownParts): CallbacksPort {
  return {
    list: (pbx, limit) => callbackTasks.list(pbx, limit),
    cancel: (pbx, number) => callbackTasks.cancel(pbx, number, 'user'),
    async add(pbx, { group, number, callerId }) {
      const own = pbx.group(group)?.callback;
      const shown = { callerId: callerId ?? own?.callerId ?? null, autoCallerId: own?.autoCallerId ?? false };
      const found = destinations.ofNumber(pbx, number, shown);
      if (!found.ok) return { outcome: 'barred', why: endReasons[found.reason].text.toLowerCase() };
      const wanted = { origin: 'request', number, call: null, group, since: clock.now() } as const;
      const { outcome, task } = await callbacks.add(pbx, callerId === undefined ? wanted : { ...wanted, callerId });
      return outcome === 'added' ? { outcome, task } : { outcome: 'exists' };
    },
  };
}

function waitsOf(config: ConfigStore, estimates: WaitEstimates): WaitsPort {
  return {
    async expected(id, groupId, calls) {
      const pbx = config.current(id);
      const group = pbx?.group(groupId);
      if (!pbx || !group) return calls.map(() => undefined);
      const now = await Promise.all(calls.map((_, index) => estimates.situation(pbx, group, index + 1)));
      return now.map(({ prediction }) => (prediction.silent ? undefined : prediction.range));
    },
    accuracy: (pbx, group) => estimates.of(pbx, group).accuracy,
  };
}

function recordingsOf(config: ConfigStore, recordings: Recordings): RecordingsPort {
  return {
    query: (pbx, filter, page) => recordings.query(pbx, filter, page),
    get: (pbx, id) => recordings.get(pbx, id),
    async file(recording) {
      const pbx = config.current(recording.pbx);
      const path = await recordings.fileOf(recording);
      return pbx && path !== undefined
        ? { path, name: downloadName(pbx, recording), type: mediaTypes[recording.format] }
        : undefined;
    },
    mark: (pbx, id, mark) => recordings.mark(pbx, id, mark),
    remove: (pbx, id) => recordings.remove(pbx, id),
  };
}

function trunksOf({ trunks, lines, registering }: Pick<ShownParts, 'trunks' | 'lines' | 'registering'>): TrunksPort {
  return {
    status(pbx, trunk) {
      const known = trunks.status(pbx, trunk);
      if (!known) return undefined;
      const { state, reason, since } = known.health;
      return { state, reason, since, changes: known.changes };
    },
    linesTaken: (pbx, trunk) => lines.held(pbx, trunk),
    registrations: (pbx) => registering.status(pbx),
    registeredHere: () => registering.own().map(({ pbx, trunk, health: { until } }) => ({ pbx, trunk, until })),
  };
}

/** A call as the API shows it. */
export function liveView({ timeline }: Pick<CallNow, 'timeline'>): LiveCall {
  const { id, direction, from, fromName, to, line, employee } = timeline.facts;
  return {
    id,
    start: timeline.start,
    direction,
    from,
    fromName,
    to,
    line,
    employee,
    stage: timeline.currentStage,
    since: timeline.since,
    scheme: timeline.firstScheme,
    state: timeline.place,
    held: timeline.held,
    parties: timeline.asking.map(({ asked, state, since }) => ({
      kind: asked.kind,
      id: asked.id,
      name: asked.name,
      address: asked.address,
      state,
      since,
    })),
  };
}
