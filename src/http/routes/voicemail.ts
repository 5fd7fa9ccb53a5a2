import { z } from 'zod';
import type { PbxVersion } from '../../config/version.ts';
import { HttpFailure } from '../failure.ts';
import { fileReply } from '../file-reply.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Heard, Mailboxes, VoiceMessage, VoicemailPage } from '../schemas.ts';
import { shownMessage } from '../shown.ts';
import { given, knownPbx, Moment, pbxParameter, type RouteContext, several } from './context.ts';

/** What the PBX's own mailbox is called where an employee's id may stand: no id begins so. */
const OWN = '-';

const messageParameters = { ...pbxParameter, id: z.string().describe('Id of a message.') };

/** Messages that callers have left (§4.6.5.1). */
export const voicemailRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/voicemail',
    summary: 'The voice messages, newest first',
    parameters: pbxParameter,
    query: {
      mailbox: several(z.string().min(1)).describe(
        'Only messages in the mailbox of this employee; "-": in the PBX\'s own. Of several, in one of them.',
      ),
      unread: z.stringbool().optional().describe('Only new messages, or only those that have been heard.'),
      since: Moment.optional().describe('Only messages that were left then or later.'),
      until: Moment.optional().describe('Only messages that were left before.'),
      limit: z.coerce.number().int().min(1).max(500).default(100).describe('Messages a page.'),
      cursor: z.string().min(1).optional().describe('"next" of the page before.'),
    },
    answers: { 200: inJson('One page.', VoicemailPage) },
    async handle({ parameters, query: { mailbox, unread, since, until, limit, cursor } }) {
      const pbx = knownPbx(context, parameters.pbx);
      const { items, next } = await context.ports.voicemail.query(
        pbx.id,
        given({ mailbox: mailbox?.map((one) => (one === OWN ? null : one)), unread, since, until }),
        { limit, ...given({ cursor }) },
      );
      return jsonReply({ items: items.map(shownMessage), next });
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/voicemail/mailboxes',
    summary: 'How many messages there are in each mailbox: what phones show',
    parameters: pbxParameter,
    answers: { 200: inJson('Mailboxes without messages are left out.', Mailboxes) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply(await context.ports.voicemail.mailboxes(pbx.id));
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/voicemail/{id}',
    summary: 'One voice message',
    parameters: messageParameters,
    answers: { 200: inJson('What is known of it; its audio is another operation.', VoiceMessage) },
    async handle({ parameters: { pbx: id, id: message } }) {
      const pbx = knownPbx(context, id);
      return jsonReply(
        shownMessage((await context.ports.voicemail.get(pbx.id, message)) ?? noSuchMessage(pbx, message)),
      );
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/voicemail/{id}/audio',
    summary: 'What the caller said',
    parameters: messageParameters,
    query: { download: z.stringbool().default(false).describe('true: to be saved, not played.') },
    answers: {
      200: { description: 'The whole file: 8 kHz, 16 bit, one channel.', content: { 'audio/wav': undefined } },
      206: { description: 'The part that was asked for.', content: { 'audio/wav': undefined } },
    },
    async handle({ parameters: { pbx: id, id: message }, query: { download }, headers }) {
      const pbx = knownPbx(context, id);
      const { node } = (await context.ports.voicemail.get(pbx.id, message)) ?? noSuchMessage(pbx, message);
      const file = await context.ports.voicemail.file(pbx.id, message);
      if (file === undefined) {
        throw new HttpFailure(409, {
          code: 'audio-elsewhere',
          message: `The audio of message "${message}" is not on this node`,
          hint: `Ask node ${node}, which took the message.`,
        });
      }
      const disposition = download ? 'attachment' : 'inline';
      return fileReply({ path: file, type: 'audio/wav', name: `voicemail-${message}.wav`, disposition }, headers);
    },
  }),
  route({
    method: 'PUT',
    path: '/api/pbxs/{pbx}/voicemail/{id}',
    summary: 'Mark a voice message as heard, or as new',
    parameters: messageParameters,
    body: Heard,
    answers: { 200: inJson('As it is since.', VoiceMessage) },
    async handle({ parameters: { pbx: id, id: message }, body: { read } }) {
      const pbx = knownPbx(context, id);
      const marked = await context.ports.voicemail.markRead(pbx.id, message, read);
      return jsonReply(shownMessage(marked ?? noSuchMessage(pbx, message)));
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/pbxs/{pbx}/voicemail/{id}',
    summary: 'Delete a voice message, with its audio',
    parameters: messageParameters,
    answers: { 204: { description: 'It is gone.', content: {} } },
    async handle({ parameters: { pbx: id, id: message } }) {
      const pbx = knownPbx(context, id);
      if (!(await context.ports.voicemail.remove(pbx.id, message))) noSuchMessage(pbx, message);
      context.log.info({ pbx: pbx.id, message }, 'voice message deleted by the API');
      return { status: 204 };
    },
  }),
];

/** @throws HttpFailure 404 `no-such-message` */
function noSuchMessage({ id }: PbxVersion, message: string): never {
  throw new HttpFailure(404, {
    code: 'no-such-message',
    message: `${id} has no voice message "${message}"`,
    hint: `GET /api/pbxs/${id}/voicemail lists them.`,
  });
}
