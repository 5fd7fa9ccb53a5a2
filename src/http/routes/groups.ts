import { z } from 'zod';
import type { Group } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Groups, Queue } from '../schemas.ts';
import { secondsOf, serviceLevel, shownMember, shownQueue } from '../shown.ts';
import { knownGroup, knownPbx, pbxParameter, type RouteContext } from './context.ts';

/** Within so many seconds an answer is in time: what the manual's reports call fast. The store counts by it. */
const SERVICE_SECONDS = 30;

/** Groups are asked for so many at a time: a PBX with hundreds must not hold up the calls of the others. */
const AT_ONCE = 20;

/** Groups, and who waits for them. */
export const groupRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/groups',
    summary: 'The groups, with their members, who waits, and the figures of the day',
    parameters: pbxParameter,
    answers: { 200: inJson('In the order of the configuration.', Groups) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      const { groups, employees } = pbx.document;
      const states = await context.ports.acd.agents(
        pbx.id,
        employees.map(({ id }) => id),
      );
      const agents = new Map(states.map((agent) => [agent.employee, agent]));
      const shown: unknown[] = [];
      for (let at = 0; at < groups.length; at += AT_ONCE) {
        const some = groups.slice(at, at + AT_ONCE);
        shown.push(...(await Promise.all(some.map((group) => shownGroup(context, pbx, group, agents)))));
      }
      return jsonReply(shown);
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/groups/{id}/queue',
    summary: 'Who waits for a group, in the order in which they will be served',
    parameters: { ...pbxParameter, id: z.string().describe('Id of a group.') },
    query: { limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Callers at most.') },
    answers: { 200: inJson('Callers for whom somebody is being rung stand in their place too.', Queue) },
    async handle({ parameters, query: { limit } }) {
      const { ports, clock } = context;
      const pbx = knownPbx(context, parameters.pbx);
      const group = knownGroup(pbx, parameters.id);
      const callers = await ports.acd.queue(pbx.id, group.id, limit);
      const calls = callers.map(({ call }) => call);
      const waits = (await ports.waits?.expected(pbx.id, group.id, calls)) ?? [];
      return jsonReply(shownQueue(group.id, callers, waits, clock.now()));
    },
  }),
];

type Agents = ReadonlyMap<string, Awaited<ReturnType<RouteContext['ports']['acd']['agents']>>[number]>;

async function shownGroup({ ports, clock }: RouteContext, pbx: PbxVersion, group: Group, agents: Agents) {
  const [figures, [oldest]] = await Promise.all([
    ports.acd.figures(pbx.id, group.id),
    ports.acd.queue(pbx.id, group.id, 1),
  ]);
  const now = clock.now();
  const members = group.members.flatMap(({ employee: id, priority }) => {
    const employee = pbx.employee(id);
    return employee ? [shownMember(employee, priority, agents.get(id), now)] : [];
  });
  const { entered, offered, answered, abandoned, queueTimeout, queueFull, lost, waitedMs } = figures;
  return {
    id: group.id,
    name: group.name,
    extension: group.extension ?? null,
    algorithm: group.algorithm,
    waiting: figures.waiting,
    ringing: figures.ringing,
    longestWait: oldest ? secondsOf(now - oldest.since) : null,
    available: members.filter(({ available }) => available).length,
    members,
    today: {
      entered,
      offers: offered,
      answered,
      abandoned,
      timedOut: queueTimeout,
      full: queueFull,
      lost,
      averageWait: answered > 0 ? secondsOf(waitedMs / answered) : null,
      serviceLevel: serviceLevel(figures),
      serviceSeconds: SERVICE_SECONDS,
    },
  };
}
