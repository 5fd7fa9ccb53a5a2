import type { Logger } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { errorText } from '../errors.ts';
import { callOutcomes } from '../history/record.ts';
import type { Clock } from '../time/clock.ts';
import { type GroupReading, groupFamilies, readGroups } from './group-metrics.ts';
import type { HttpPorts, MediaFigures, OutboxFigures } from './ports.ts';

/** Media type of the answer. */
export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE;

/** Trunks that have metrics: labels must not grow with whatever is configured. */
const MAX_TRUNKS = 2000;

type Labels = Readonly<Record<string, string>>;
type Samples = readonly { readonly value: number | undefined; readonly labels?: Labels }[];

/** All samples of one name. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels?: readonly string[];
  readonly read: () => Samples | Promise<Samples>;
}

/** What a node tells, beside what every Node.js process does. */
function families(ports: HttpPorts, ready: () => Promise<Readonly<Record<string, boolean>>>, clock: Clock): Family[] {
  const { config, registrations, metrics } = ports;
  const pbxIds = () => config.all().map(({ id }) => id);
  // One question a scrape, for all that comes from the media server.
  let asked: Promise<MediaFigures | undefined> | undefined;
  const media = () => {
    asked ??= (async () => metrics.media())();
    return asked;
  };
  let groupsAsked: Promise<readonly GroupReading[]> | undefined;
  const groups = () => {
    groupsAsked ??= readGroups(ports);
    return groupsAsked;
  };
  let outboxAsked: Promise<readonly OutboxFigures[]> | undefined;
  const ofOutbox = async (value: (figures: OutboxFigures) => number): Promise<Samples> => {
    outboxAsked ??= (async () => metrics.outbox())();
    return (await outboxAsked).map((figures) => ({ labels: { way: figures.way }, value: value(figures) }));
  };
  const ofMedia = async (value: (figures: MediaFigures) => number): Promise<Samples> => {
    const figures = await media();
    return figures ? one(value(figures)) : [];
  };
  return [
    {
      name: 'kommutator_calls',
      help: 'Calls in progress.',
      kind: 'gauge',
      labels: ['pbx'],
      read: async () => by('pbx', { ...zeros(pbxIds()), ...(await metrics.calls()) }),
    },
    {
      name: 'kommutator_calls_ended_total',
      help: 'Calls that ended, by outcome.',
      kind: 'counter',
      labels: ['outcome'],
      read: async () => by('outcome', { ...zeros(callOutcomes), ...(await metrics.callsEnded()) }),
    },
    {
      name: 'kommutator_outgoing_refused_total',
      help: 'Calls to the telephone network that were refused or cut off because a limit was reached.',
      kind: 'counter',
      labels: ['pbx', 'limit'],
      read: async () =>
        [...(await metrics.outgoingRefused())].map(([key, value]) => {
          const [pbx = '', limit = ''] = key.split('/');
          return { labels: { pbx, limit }, value };
        }),
    },
    {
      name: 'kommutator_busy_employees',
      help: 'Employees who are calling, rung, or talking.',
      kind: 'gauge',
      read: async () => one(await metrics.busyEmployees()),
    },
    {
      name: 'kommutator_registrations',
      help: 'Devices that are registered.',
      kind: 'gauge',
      labels: ['pbx'],
      read: () =>
        Promise.all(pbxIds().map(async (pbx) => ({ labels: { pbx }, value: await registrations.count(pbx) }))),
    },
    ...groupFamilies.map(({ samples, ...family }) => ({
      ...family,
      read: async () => (await groups()).flatMap((reading) => samples(reading, clock.now())),
    })),
    {
      name: 'kommutator_trunk_up',
      help: 'Whether calls can go through a trunk (1) or not (0), as this node sees it.',
      kind: 'gauge',
      labels: ['pbx', 'trunk'],
      read: () =>
        config
          .all()
          .flatMap(({ id: pbx, trunks }) =>
            trunks.map(({ id: trunk }) => ({ pbx, trunk, status: ports.trunks.status(pbx, trunk) })),
          )
          .slice(0, MAX_TRUNKS)
          .map(({ pbx, trunk, status }) => ({
            labels: { pbx, trunk },
            value: status && (status.state === 'up' ? 1 : 0),
          })),
    },
    {
      name: 'kommutator_trunk_registered',
      help: 'Whether an account at an operator that this node registers is registered (1) or not (0). Another node has no sample of it.',
      kind: 'gauge',
      labels: ['pbx', 'trunk'],
      read: () =>
        ports.trunks
          .registeredHere()
          .slice(0, MAX_TRUNKS)
          .map(({ pbx, trunk, until = 0 }) => ({ labels: { pbx, trunk }, value: until > clock.now() ? 1 : 0 })),
    },
    {
      name: 'kommutator_sip_dialogs',
      help: 'Established SIP dialogs.',
      kind: 'gauge',
      read: async () => one(await metrics.sipDialogs()),
    },
    {
      name: 'kommutator_sip_server_up',
      help: 'Whether a SIP server is connected (1) or not (0).',
      kind: 'gauge',
      labels: ['server'],
      read: () =>
        ports.sipServers().map(({ name, state }) => ({ labels: { server: name }, value: state === 'up' ? 1 : 0 })),
    },
    {
      name: 'kommutator_sip_server_dialogs',
      help: 'Established SIP dialogs, by the SIP server that carries them.',
      kind: 'gauge',
      labels: ['server'],
      read: () => ports.sipServers().map(({ name, dialogs }) => ({ labels: { server: name }, value: dialogs })),
    },
    {
      name: 'kommutator_sip_invites',
      help: 'INVITEs without a final response, by direction.',
      kind: 'gauge',
      labels: ['direction'],
      read: async () => by('direction', await metrics.sipInvites()),
    },
    {
      name: 'kommutator_sip_malformed_total',
      help: 'SIP messages that were dropped because they could not be read.',
      kind: 'counter',
      read: async () => one(await metrics.sipMalformed()),
    },
    {
      name: 'kommutator_media_endpoints',
      help: 'RTP endpoints in use.',
      kind: 'gauge',
      read: () => ofMedia(({ endpoints }) => endpoints),
    },
    {
      name: 'kommutator_media_bridges',
      help: 'Pairs of endpoints that are connected.',
      kind: 'gauge',
      read: () => ofMedia(({ bridges }) => bridges),
    },
    {
      name: 'kommutator_media_conferences',
      help: 'Conferences that are mixed.',
      kind: 'gauge',
      read: () => ofMedia(({ conferences }) => conferences),
    },
    {
      name: 'kommutator_media_playbacks',
      help: 'Endpoints to which something is being played.',
      kind: 'gauge',
      read: () => ofMedia(({ playbacks }) => playbacks),
    },
    {
      name: 'kommutator_rtp_rejected_total',
      help: 'Packets dropped on RTP ports because they were no RTP or came from elsewhere.',
      kind: 'counter',
      read: () => ofMedia(({ rejected }) => rejected),
    },
    {
      name: 'kommutator_media_pacing_error_seconds',
      help: 'How late 20 ms frames were sent over the last minute; quantile 1 is the worst.',
      kind: 'gauge',
      labels: ['quantile'],
      read: async () => {
        const pacing = (await media())?.pacingErrorMs;
        return pacing ? by('quantile', { 0.5: pacing.p50 / 1000, 0.99: pacing.p99 / 1000, 1: pacing.max / 1000 }) : [];
      },
    },
    {
      name: 'kommutator_history_pending_records',
      help: 'Records of ended calls that are not in the database yet.',
      kind: 'gauge',
      read: async () => one(await metrics.historyPending()),
    },
    {
      name: 'kommutator_outbox_waiting',
      help: 'Letters and text messages that have not been delivered yet, of all nodes.',
      kind: 'gauge',
      labels: ['way'],
      read: () => ofOutbox(({ waiting }) => waiting),
    },
    {
      name: 'kommutator_outbox_oldest_seconds',
      help: 'How long the oldest of them has waited; 0: none waits.',
      kind: 'gauge',
      labels: ['way'],
      read: () => ofOutbox(({ oldestMs }) => oldestMs / 1000),
    },
    {
      name: 'kommutator_outbox_given_up_total',
      help: 'Letters and text messages that this node has given up, for one recipient at least.',
      kind: 'counter',
      labels: ['way'],
      read: () => ofOutbox(({ givenUp }) => givenUp),
    },
    {
      name: 'kommutator_part_up',
      help: 'Whether a part of the node works (1) or not (0), as /readyz says.',
      kind: 'gauge',
      labels: ['part'],
      read: async () =>
        Object.entries(await ready()).map(([part, works]) => ({ labels: { part }, value: works ? 1 : 0 })),
    },
    {
      name: 'kommutator_config_info',
      help: 'Always 1; the labels tell which version of its configuration a PBX runs.',
      kind: 'gauge',
      labels: ['pbx', 'version'],
      read: () => config.all().map(({ id, version }) => ({ labels: { pbx: id, version }, value: 1 })),
    },
  ];
}

const one = (value: number | undefined): Samples => [{ value }];

const by = (label: string, values: Readonly<Record<string, number | undefined>>): Samples =>
  Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));

const zeros = (keys: readonly string[]): Record<string, number> => Object.fromEntries(keys.map((key) => [key, 0]));

/**
 * All metrics in the Prometheus text format. One that cannot be read (its backend is away) is left out: the others are wanted most just then.
 * @param ready the parts of the node, and whether they work
 */
export async function metricsText(options: {
  readonly ports: HttpPorts;
  readonly ready: () => Promise<Readonly<Record<string, boolean>>>;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<string> {
  const registry = new Registry();
  const all = families(options.ports, options.ready, options.clock);
  const read = await Promise.allSettled(all.map(async (family) => family.read()));
  for (const [at, family] of all.entries()) {
    const found = read[at];
    if (found?.status === 'fulfilled') show(registry, family, found.value);
    else options.log.warn({ metric: family.name, why: errorText(found?.reason) }, 'metric not known');
  }
  return Registry.merge([registry, processMetrics()]).metrics();
}

/** A name without a sample is left out: the library would show a 0 that nobody has measured. */
function show(registry: Registry, { name, help, kind, labels = [] }: Family, samples: Samples): void {
  const known = samples.filter(({ value }) => value !== undefined);
  if (known.length === 0) return;
  const configuration = { name, help, labelNames: [...labels], registers: [registry] };
  const metric = kind === 'gauge' ? new Gauge(configuration) : new Counter(configuration);
  for (const { labels: of = {}, value } of known) metric.inc(of, value);
}

let ofProcess: Registry | undefined;

/** CPU, memory, event loop, garbage collection. One collector a process, because it has one event loop. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}
