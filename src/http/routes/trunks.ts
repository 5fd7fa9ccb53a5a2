import { isOperatorLine } from '../../config/operator-line.ts';
import type { TrunkRegistration } from '../ports.ts';
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
    answers: { 200: inJson('In the order of the configuration; then the accounts with operators.', Trunks) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      const { trunks } = context.ports;
      const registrations = await trunks.registrations(pbx.id);
      return jsonReply(
        pbx.trunks.map((trunk) => {
          const { id, name, kind, lines } = trunk;
          const status = trunks.status(pbx.id, id);
          return {
            id,
            name,
            kind: isOperatorLine(trunk) ? ('active' as const) : kind,
            state: status?.state ?? null,
            reason: status?.reason ?? null,
            since: status ? instant(status.since) : null,
            lines,
            linesTaken: trunks.linesTaken(pbx.id, id),
            changes: (status?.changes ?? []).map(({ state, reason, at }) => ({
              state,
              reason: reason ?? null,
              at: instant(at),
            })),
            registration: shownRegistration(registrations.get(id)),
          };
        }),
      );
    },
  }),
];

function shownRegistration(registration: TrunkRegistration | undefined) {
  if (!registration) return null;
  const { state, since, until, reason, node, changes } = registration;
  return {
    state,
    since: instant(since),
    until: until === null ? null : instant(until),
    reason,
    node,
    changes: changes.map((change) => ({ ...change, at: instant(change.at) })),
  };
}
