import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Agent, GroupFigures, HttpPorts } from './ports.ts';
import { serviceLevel } from './shown.ts';
import { keysOf, unavailabilities } from './words.ts';

/** Groups that have metrics, of all PBXs in their order: labels must not grow with whatever is configured. */
const MAX_GROUPS = 500;

/** What is read of one group at a scrape. */
export interface GroupReading {
  readonly labels: { readonly pbx: string; readonly group: string };
  readonly figures: GroupFigures;
  /** Milliseconds since 1970; undefined: nobody waits. */
  readonly oldest: number | undefined;
  /** Members by what keeps them from calls. */
  readonly agents: Readonly<Record<string, number>>;
  /** Undefined: not known. */
  readonly estimateError: number | undefined;
}

/** One question to Redis for each PBX and two for each group. @throws what the ACD rejects with */
export async function readGroups({ config, acd, waits }: HttpPorts): Promise<readonly GroupReading[]> {
  const readings: GroupReading[] = [];
  for (const pbx of config.all()) {
    const groups = pbx.document.groups.slice(0, MAX_GROUPS - readings.length);
    if (groups.length === 0) continue;
    const members = [...new Set(groups.flatMap((group) => group.members.map(({ employee }) => employee)))];
    const states = await acd.agents(pbx.id, members);
    const agents = new Map(states.map((agent) => [agent.employee, agent]));
    for (const group of groups) readings.push(await readGroup({ acd, waits }, pbx, group, agents));
  }
  return readings;
}

async function readGroup(
  { acd, waits }: Pick<HttpPorts, 'acd'> & { readonly waits: HttpPorts['waits'] | undefined },
  { id: pbx }: PbxVersion,
  { id: group, members }: Group,
  agents: ReadonlyMap<string, Agent>,
): Promise<GroupReading> {
  const [figures, [oldest]] = await Promise.all([acd.figures(pbx, group), acd.queue(pbx, group, 1)]);
  const counts: Record<string, number> = Object.fromEntries(
    ['available', ...keysOf(unavailabilities)].map((state) => [state, 0]),
  );
  for (const { employee } of members) {
    const state = agents.get(employee)?.unavailable ?? 'available';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  const estimateError = waits?.accuracy(pbx, group)?.relativeError;
  return { labels: { pbx, group }, figures, oldest: oldest?.since, agents: counts, estimateError };
}

type GroupSamples = readonly { readonly value: number | undefined; readonly labels: Record<string, string> }[];

interface GroupFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: readonly string[];
  readonly samples: (reading: GroupReading, now: number) => GroupSamples;
}

const one =
  (value: (reading: GroupReading, now: number) => number | undefined): GroupFamily['samples'] =>
  (reading, now) => [{ labels: reading.labels, value: value(reading, now) }];

const ofGroup = ['pbx', 'group'] as const;

const counter = (name: string, what: string, key: keyof GroupFigures): GroupFamily => ({
  name: `kommutator_group_${name}_total`,
  help: `${what}, since midnight of the PBX; of all nodes.`,
  kind: 'counter',
  labels: ofGroup,
  samples: one(({ figures }) => figures[key]),
});

/** Every node tells the same of a group: take one, or the maximum, never the sum. */
export const groupFamilies: readonly GroupFamily[] = [
  {
    name: 'kommutator_group_waiting',
    help: 'Callers who wait for a group and for whom nobody is being rung; of all nodes.',
    kind: 'gauge',
    labels: ofGroup,
    samples: one(({ figures }) => figures.waiting),
  },
  {
    name: 'kommutator_group_ringing',
    help: 'Callers of a group for whom somebody is being rung; of all nodes.',
    kind: 'gauge',
    labels: ofGroup,
    samples: one(({ figures }) => figures.ringing),
  },
  {
    name: 'kommutator_group_longest_wait_seconds',
    help: 'How long the caller has waited who has waited longest; 0: nobody waits.',
    kind: 'gauge',
    labels: ofGroup,
    samples: one(({ oldest }, now) => (oldest === undefined ? 0 : Math.max(0, (now - oldest) / 1000))),
  },
  {
    name: 'kommutator_group_service_level',
    help: 'Share of the callers of a group since midnight who were answered within 30 s.',
    kind: 'gauge',
    labels: ofGroup,
    samples: one(({ figures }) => serviceLevel(figures) ?? undefined),
  },
  counter('entered', 'Callers who came into the queue of a group or were offered at once', 'entered'),
  counter('offers', 'Calls that were offered to a member of a group', 'offered'),
  counter('answered', 'Callers of a group who were answered', 'answered'),
  counter('abandoned', 'Callers who left a group while they waited', 'abandoned'),
  counter('timeouts', 'Callers who had waited for as long as they may', 'queueTimeout'),
  counter('refused', 'Callers whom the queue of a group had no room for', 'queueFull'),
  {
    name: 'kommutator_group_agents',
    help: 'Members of a group: available, or what keeps them from calls.',
    kind: 'gauge',
    labels: [...ofGroup, 'state'],
    samples: ({ labels, agents }) =>
      Object.entries(agents).map(([state, value]) => ({ labels: { ...labels, state }, value })),
  },
  {
    name: 'kommutator_group_wait_estimate_error_ratio',
    help: 'Mean error of the expected waits that this node announced lately, as a share of the mean wait.',
    kind: 'gauge',
    labels: ofGroup,
    samples: one(({ estimateError }) => estimateError),
  },
];
