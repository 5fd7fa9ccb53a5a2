import { openApiDocument } from '../openapi.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { OpenApiDocument } from '../schemas.ts';
import { callbackRoutes } from './callbacks.ts';
import { callRoutes } from './calls.ts';
import { configRoutes } from './config.ts';
import type { RouteContext } from './context.ts';
import { eventRoutes } from './events.ts';
import { faxRoutes } from './faxes.ts';
import { groupRoutes } from './groups.ts';
import { historyRoutes } from './history.ts';
import { nodeRoutes } from './node.ts';
import { peopleRoutes } from './people.ts';
import { recordingRoutes } from './recordings.ts';
import { trunkRoutes } from './trunks.ts';
import { voicemailRoutes } from './voicemail.ts';
import { whyRoutes } from './why.ts';

/** Everything that the API can do, and the document that tells of it. */
export function allRoutes(context: RouteContext): readonly Route[] {
  const routes: Route[] = [
    ...nodeRoutes(context),
    ...configRoutes(context),
    ...callRoutes(context),
    ...peopleRoutes(context),
    ...groupRoutes(context),
    ...whyRoutes(context),
    ...callbackRoutes(context),
    ...faxRoutes(context),
    ...trunkRoutes(context),
    ...historyRoutes(context),
    ...voicemailRoutes(context),
    ...recordingRoutes(context),
    ...eventRoutes(context),
  ];
  let document: ReturnType<typeof openApiDocument> | undefined;
  routes.push(
    route({
      method: 'GET',
      path: '/api/openapi.json',
      summary: 'This document',
      answers: { 200: inJson('OpenAPI 3.1.', OpenApiDocument) },
      handle() {
        document ??= openApiDocument(routes);
        return jsonReply(document);
      },
    }),
  );
  return routes;
}
