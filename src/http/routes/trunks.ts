import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Trunks } from '../schemas.ts';
import { instant } from '../shown.ts';
import { knownPbx, pbxParameter, type RouteContext } from './context.ts';

/** Whether the peers of trunks can be reached. */
export const trunkRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/trunks',
    summary: 'The trunks, with whether this node reaches their peers, and since when',
    parameters: pbxParameter,
    answers: { 200: inJson('In the order of the configuration.', Trunks) },
    handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply(
        pbx.document.trunks.map(({ id, name, kind, lines }) => {
          const status = context.ports.trunks.status(pbx.id, id);
          return {
            id,
            name,
            kind,
            state: status?.state ?? null,
            reason: status?.reason ?? null,
            since: status ? instant(status.since) : null,
            lines,
            linesTaken: status?.linesTaken ?? 0,
            changes: (status?.changes ?? []).map(({ state, reason, at }) => ({
              state,
              reason: reason ?? null,
              at: instant(at),
            })),
          };
        }),
      );
    },
  }),
];
