import { z } from 'zod';
import { HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Callbacks } from '../schemas.ts';
import { instant } from '../shown.ts';
import { knownPbx, pbxParameter, type RouteContext } from './context.ts';

/** Clients who are to be called back (§4.4.6.2.1). */
export const callbackRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/callbacks',
    summary: 'The clients who are to be called back',
    parameters: pbxParameter,
    query: { limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Tasks at most.') },
    answers: { 200: inJson('The next first.', Callbacks) },
    async handle({ parameters, query: { limit } }) {
      const pbx = knownPbx(context, parameters.pbx);
      const tasks = await context.ports.callbacks.list(pbx.id, limit);
      return jsonReply(
        tasks.map(({ number, call, groups, since, createdAt, dueAt, attempts, maxAttempts }) => ({
          number,
          call,
          groups,
          since: instant(since),
          created: instant(createdAt),
          due: instant(dueAt),
          attempts,
          maxAttempts,
        })),
      );
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/pbxs/{pbx}/callbacks/{number}',
    summary: 'Call a client not back',
    parameters: { ...pbxParameter, number: z.string().describe('As the list has it.') },
    answers: { 204: { description: 'Cancelled.', content: {} } },
    async handle({ parameters: { pbx: id, number } }) {
      const pbx = knownPbx(context, id);
      if (await context.ports.callbacks.cancel(pbx.id, number)) return { status: 204 };
      throw new HttpFailure(404, {
        code: 'no-such-callback',
        message: `${pbx.id} is to call nobody back at "${number}"`,
        hint: `GET /api/pbxs/${pbx.id}/callbacks lists them.`,
      });
    },
  }),
];
