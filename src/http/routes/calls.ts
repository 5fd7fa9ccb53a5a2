import { HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { LiveCall as LiveCallForm, LiveCalls } from '../schemas.ts';
import { shownCall } from '../shown.ts';
import { callParameters, knownPbx, pbxParameter, type RouteContext } from './context.ts';

/** Calls in progress. */
export const callRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/calls',
    summary: 'The calls in progress on this node',
    parameters: pbxParameter,
    answers: { 200: inJson('In the order of their beginning.', LiveCalls) },
    handle({ parameters }) {
      const { id } = knownPbx(context, parameters.pbx);
      return jsonReply(context.ports.calls.live(id).map(shownCall));
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/calls/{id}',
    summary: 'One call in progress',
    parameters: callParameters,
    answers: { 200: inJson('As it is now.', LiveCallForm) },
    handle({ parameters: { pbx, id } }) {
      knownPbx(context, pbx);
      const call = context.ports.calls.live(pbx).find((one) => one.id === id);
      if (!call) throw noSuchCall(id);
      return jsonReply(shownCall(call));
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/calls/{id}/hangup',
    summary: 'End a call',
    parameters: callParameters,
    answers: { 204: { description: 'It is being hung up.', content: {} } },
    handle({ parameters: { pbx, id } }) {
      knownPbx(context, pbx);
      if (!context.ports.calls.hangup(pbx, id)) throw noSuchCall(id);
      context.log.info({ pbx, call: id }, 'call ended by the API');
      return { status: 204 };
    },
  }),
];

const noSuchCall = (id: string): HttpFailure =>
  new HttpFailure(404, {
    code: 'no-such-call',
    message: `No call "${id}" is in progress on this node`,
    hint: 'If it has ended, it stands in the history.',
  });
