import { metricsText, metricsType } from '../metrics.ts';
import { readiness } from '../readiness.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Health, Readiness } from '../schemas.ts';
import type { RouteContext } from './context.ts';

/** How the node is, for those who watch it. */
export const nodeRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the process lives',
    open: true,
    answers: { 200: inJson('It does.', Health) },
    handle: () => jsonReply({ ok: true }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    summary: 'Whether the node can take calls',
    open: true,
    answers: { 200: inJson('It can.', Readiness), 503: inJson('Some part of it does not work.', Readiness) },
    async handle() {
      const found = await readiness(context.ports.readiness, context);
      const own = context.ports.sipServers().filter(({ isNeighbour }) => !isNeighbour);
      const sipServers = own.map(({ state }) => state === 'up');
      return jsonReply({ ...found, sipServers }, found.ready ? 200 : 503);
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics in the text format of Prometheus',
    answers: { 200: { description: 'Gauges and counters.', content: { 'text/plain': undefined } } },
    async handle() {
      const ready = async () => (await readiness(context.ports.readiness, context)).parts;
      return { status: 200, type: metricsType, body: await metricsText({ ...context, ready }) };
    },
  }),
];
