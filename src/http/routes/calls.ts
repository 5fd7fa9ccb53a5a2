import { UserError } from '../../errors.ts';
import { failureBody, HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { LiveCall as LiveCallForm, LiveCalls, NewCall, NewTransfer, OrderedCall } from '../schemas.ts';
import { shownCall } from '../shown.ts';
import { callParameters, knownPbx, noConversation, pbxParameter, type RouteContext } from './context.ts';

/** Calls in progress, and those that are ordered. */
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
    path: '/api/pbxs/{pbx}/calls',
    summary: 'Order a call (click-to-call): the first is rung, and when he answers the second is called',
    parameters: pbxParameter,
    body: NewCall,
    answers: { 202: inJson('It has begun. What comes of it tell its events and its record.', OrderedCall) },
    handle({ parameters, body }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply({ id: ordered(() => context.ports.calls.order(pbx, body)) }, 202);
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
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/calls/{id}/transfer',
    summary: 'Send the one whom an employee talks to to somebody else, as the transfer key of his phone does',
    parameters: callParameters,
    body: NewTransfer,
    answers: { 202: { description: 'It has begun. Where nobody can be reached the two talk on.', content: {} } },
    handle({ parameters: { pbx, id }, body: { to, employee } }) {
      knownPbx(context, pbx);
      const { calls } = context.ports;
      if (!ordered(() => calls.transfer(pbx, id, to, employee))) throw noConversation(id);
      context.log.info({ pbx, call: id, to }, 'call transferred by the API');
      return { status: 202 };
    },
  }),
];

/** An order that cannot be understood is told at once. */
function ordered<T>(order: () => T): T {
  try {
    return order();
  } catch (error) {
    if (error instanceof UserError) throw new HttpFailure(error.code === 'not-now' ? 409 : 400, failureBody(error));
    throw error;
  }
}

const noSuchCall = (id: string): HttpFailure =>
  new HttpFailure(404, {
    code: 'no-such-call',
    message: `No call "${id}" is in progress on this node`,
    hint: 'If it has ended, it stands in the history.',
  });
