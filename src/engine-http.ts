import type { Call } from './call/call.ts';
import type { Inbound } from './call/inbound.ts';
import type { ConfigStore } from './config/store.ts';
import { DatabaseDownError } from './database/port.ts';
import type { Occupancy } from './dial/occupancy.ts';
import type { SipServerStats } from './embedded/sip/index.ts';
import type { EventFeed } from './events/index.ts';
import type { History } from './history/index.ts';
import type { HttpPorts, LiveCall } from './http/index.ts';
import type { MediaServer } from './media/port.ts';
import { type RedisConnection, RedisDownError, type RegistrationStore } from './redis/index.ts';
import type { SipServer } from './sip/port.ts';

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
  readonly events: EventFeed;
}

/** What the API asks for, taken from the parts of the engine. */
export function httpPorts(parts: ShownParts): HttpPorts {
  const { config, inbound, occupancy, registrations, redis, sip, embeddedSip, media, history, events } = parts;
  return {
    config,
    checkConfig: () => config.read(),
    calls: {
      live: (pbx) => inbound.live.of(pbx).map(liveView),
      hangup: (pbx, id) => inbound.hangup(pbx, id),
    },
    registrations,
    history: history.store,
    versions: history.versions,
    events,
    busy: (pbx, employee) => occupancy.busy(pbx, employee),
    readiness: {
      sip: () => sip.state === 'up',
      redis: () => redis.up,
      // A thread that is gone or hangs gives no figures.
      media: () => media.stats().then(() => true),
    },
    metrics: {
      calls: () => Object.fromEntries(config.all().map(({ id }) => [id, inbound.live.count(id)])),
      callsEnded: () => inbound.ended,
      busyEmployees: () => occupancy.size,
      sipDialogs: () => sip.stats().dialogs,
      sipInvites: () => ({ in: sip.stats().incoming, out: sip.stats().outgoing }),
      sipMalformed: async () => {
        const transport = (await embeddedSip?.stats())?.counters.transport;
        return transport && transport.malformed + transport.dropped.garbage;
      },
      media: () => media.stats(),
      historyPending: () => history.pending(),
    },
    awayBackend: (error) => {
      if (error instanceof RedisDownError) return 'Redis';
      return error instanceof DatabaseDownError ? 'the database' : undefined;
    },
  };
}

/** A call as the API shows it. */
export function liveView({ timeline }: Call): LiveCall {
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
