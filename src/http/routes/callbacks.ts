import { z } from 'zod';
import type { Group } from '../../config/document.ts';
import { normalizePhone } from '../../config/phone.ts';
import type { PbxVersion } from '../../config/version.ts';
import { HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Callback as CallbackForm, Callbacks, NewCallback } from '../schemas.ts';
import { shownCallback } from '../shown.ts';
import { knownGroup, knownPbx, pbxParameter, type RouteContext } from './context.ts';

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
      return jsonReply((await context.ports.callbacks.list(pbx.id, limit)).map(shownCallback));
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/callbacks',
    summary: 'Have a client called back by a group: a member is rung first, then the client',
    parameters: pbxParameter,
    body: NewCallback,
    answers: { 201: inJson('The first attempt is due at once.', CallbackForm) },
    async handle({ parameters, body }) {
      const pbx = knownPbx(context, parameters.pbx);
      const group = knownGroup(pbx, body.group);
      const number = dialledNumber(pbx, body.number);
      const callerId = body.callerId === undefined ? undefined : ownNumber(pbx, body.callerId);
      if (callerId === undefined) hasNumber(pbx, group);
      const added = await context.ports.callbacks.add(pbx, {
        group: group.id,
        number,
        ...(callerId === undefined ? {} : { callerId }),
      });
      switch (added.outcome) {
        case 'added':
          context.log.info({ pbx: pbx.id, group: group.id, number }, 'callback asked for by the API');
          return jsonReply(shownCallback(added.task), 201);
        case 'exists':
          throw new HttpFailure(409, {
            code: 'callback-exists',
            message: `${number} is to be called back already`,
            hint: `DELETE /api/pbxs/${pbx.id}/callbacks/${number} first, if another group is to do it.`,
          });
        case 'barred':
          throw new HttpFailure(400, { code: 'bad-number', message: `${number} cannot be called: ${added.why}` });
      }
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/pbxs/{pbx}/callbacks/{number}',
    summary: 'Call a client not back; an attempt that goes on ends at once',
    parameters: { ...pbxParameter, number: z.string().describe('As the list has it.') },
    answers: { 204: { description: 'Cancelled.', content: {} } },
    async handle({ parameters: { pbx: id, number } }) {
      const pbx = knownPbx(context, id);
      if (await context.ports.callbacks.cancel(pbx.id, number)) {
        context.log.info({ pbx: pbx.id, number }, 'callback cancelled by the API');
        return { status: 204 };
      }
      throw new HttpFailure(404, {
        code: 'no-such-callback',
        message: `${pbx.id} is to call nobody back at "${number}"`,
        hint: `GET /api/pbxs/${pbx.id}/callbacks lists them.`,
      });
    },
  }),
];

/** @throws HttpFailure 400 `bad-number` */
function dialledNumber(pbx: PbxVersion, text: string): string {
  const number = normalizePhone(text, pbx.document.pbx.country);
  if (number !== undefined) return number;
  throw new HttpFailure(400, {
    code: 'bad-number',
    message: `"${text}" is no phone number`,
    hint: 'Write it in international format, such as "+79161234567".',
  });
}

/** @throws HttpFailure 400 `not-our-number` */
function ownNumber(pbx: PbxVersion, text: string): string {
  const number = dialledNumber(pbx, text);
  if (pbx.line(number)) return number;
  throw new HttpFailure(400, {
    code: 'not-our-number',
    message: `${number} is no number of ${pbx.id}: it cannot be shown`,
    hint: 'Take one of "numbers" in its configuration.',
  });
}

/** @throws HttpFailure 400 `no-caller-id` */
function hasNumber({ id: pbx }: PbxVersion, { id, callback }: Group): void {
  if (callback.callerId !== undefined) return;
  throw new HttpFailure(400, {
    code: 'no-caller-id',
    message: `Group "${id}" of ${pbx} has no number that clients are called back from`,
    hint: 'Say "callerId", or set "callback.callerId" of the group.',
  });
}
