import { z } from 'zod';
import { EventStream, parsePositions } from '../event-stream.ts';
import { HttpFailure } from '../failure.ts';
import { type Route, route } from '../route.ts';
import { eventTypes, LiveEvent } from '../schemas.ts';
import { knownPbx, type RouteContext } from './context.ts';

/** Streams that a node serves at once. */
const MAX_STREAMS = 500;

/** PBXs in one stream: its position in all of them has to fit into a header field. */
const MAX_PBXS = 50;

/** `a,b`, or the parameter several times. */
const listed = <S extends z.ZodType>(one: S) =>
  z.preprocess((value) => [value].flat().flatMap((text) => String(text).split(',')), z.array(one)).optional();

/** What happens, as it happens. */
export function eventRoutes(context: RouteContext): Route[] {
  const { ports, clock, log, closing } = context;
  let open = 0;
  return [
    route({
      method: 'GET',
      path: '/api/events',
      summary: 'Everything that changes, on all nodes, as server-sent events',
      endless: true,
      query: {
        pbx: listed(z.string()).describe('Only of these PBXs, separated by commas.'),
        types: listed(z.enum(eventTypes)).describe('Only events of these types, separated by commas.'),
        after: z.string().optional().describe('The id of the last event that was seen; as the header Last-Event-ID.'),
      },
      answers: {
        200: {
          description:
            'The data of each event. With Last-Event-ID, those that were missed come first. "reset" means that what follows does not join what went before: read the lists anew.',
          content: { 'text/event-stream': LiveEvent },
        },
      },
      handle({ query: { pbx: asked, types, after }, headers }) {
        const { 'last-event-id': last } = headers;
        const pbxs = () => asked ?? ports.config.all().map(({ id }) => id);
        for (const pbx of asked ?? []) knownPbx(context, pbx);
        if (pbxs().length > MAX_PBXS) {
          throw new HttpFailure(400, {
            code: 'too-many-pbxs',
            message: `One stream tells of ${MAX_PBXS} PBXs at most`,
            hint: 'Say which: ?pbx=acme,demo',
          });
        }
        if (open >= MAX_STREAMS) {
          throw new HttpFailure(503, {
            code: 'too-many-streams',
            message: `The node serves ${MAX_STREAMS} streams of events already`,
            hint: 'Ask another node: each tells the events of all.',
          });
        }
        const stream = new EventStream({
          events: ports.events,
          awayBackend: ports.awayBackend,
          pbxs,
          types: types && new Set(types),
          from: parsePositions(after ?? (typeof last === 'string' ? last : '')),
          closing,
          clock,
          log,
        });
        open++;
        stream.once('close', () => {
          open--;
        });
        // A proxy that gathers an answer before it passes it on would never pass this one on. The connection ends with the answer: it would
        // keep a node that stops waiting.
        return {
          status: 200,
          type: 'text/event-stream',
          body: stream,
          headers: { 'x-accel-buffering': 'no', connection: 'close' },
        };
      },
    }),
  ];
}
