import { z } from 'zod';
import { callDirections } from '../../history/record.ts';
import { HttpFailure } from '../failure.ts';
import { fileReply } from '../file-reply.ts';
import { recordingMarks } from '../ports.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { NewMark, NewRecording, Recording, RecordingPage, RecordingState } from '../schemas.ts';
import { shownRecording } from '../shown.ts';
import {
  callParameters,
  given,
  knownPbx,
  Moment,
  noConversation,
  pbxParameter,
  type RouteContext,
  several,
} from './context.ts';

const parameters = { ...pbxParameter, id: z.string() };
const some = z.string().min(1);
const onlyWith = (what: string) => `Only recordings with ${what}; of several, one.`;
const length = z.coerce.number().nonnegative().optional();

const query = {
  since: Moment.optional().describe('Only recordings that began then or later.'),
  until: Moment.optional().describe('Only recordings that began before.'),
  direction: several(z.enum(callDirections)).describe(onlyWith('this direction of the call')),
  employee: several(some).describe(onlyWith('this employee')),
  group: several(some).describe(onlyWith('this group')),
  call: some.optional().describe('Only those of this call.'),
  number: some.optional().describe('Part of a number of the call.'),
  marked: z.stringbool().optional().describe('true: the favourites, whatever their mark; false: all others.'),
  mark: several(z.enum(recordingMarks)).describe(onlyWith('this mark')),
  minLength: length.describe('Seconds.'),
  maxLength: length.describe('Seconds.'),
  limit: z.coerce.number().int().min(1).max(500).default(100).describe('Recordings a page.'),
  cursor: some.optional().describe('"next" of the page before.'),
};

/** Recorded conversations (§4.5.3). */
export const recordingRoutes = (context: RouteContext): Route[] => {
  const { ports, log } = context;
  const known = async (pbx: string, id: string) => {
    knownPbx(context, pbx);
    const recording = await ports.recordings.get(pbx, id);
    if (recording) return recording;
    throw new HttpFailure(404, {
      code: 'no-such-recording',
      message: `${pbx} has no recording "${id}"`,
      hint: `GET /api/pbxs/${pbx}/recordings lists them.`,
    });
  };
  return [
    route({
      method: 'GET',
      path: '/api/pbxs/{pbx}/recordings',
      summary: 'The recorded conversations, newest first',
      parameters: pbxParameter,
      query,
      answers: { 200: inJson('One page.', RecordingPage) },
      async handle({ parameters: { pbx }, query: { limit, cursor, minLength, maxLength, ...filter } }) {
        const { id } = knownPbx(context, pbx);
        const lengths = {
          minMs: minLength === undefined ? undefined : 1000 * minLength,
          maxMs: maxLength === undefined ? undefined : 1000 * maxLength,
        };
        const page = await ports.recordings.query(id, given({ ...filter, ...lengths }), {
          limit,
          ...given({ cursor }),
        });
        return jsonReply({ items: page.items.map(shownRecording), next: page.next });
      },
    }),
    route({
      method: 'GET',
      path: '/api/pbxs/{pbx}/recordings/{id}',
      summary: 'One recorded conversation',
      parameters,
      answers: { 200: inJson('Without its audio.', Recording) },
      async handle({ parameters: { pbx, id } }) {
        return jsonReply(shownRecording(await known(pbx, id)));
      },
    }),
    route({
      method: 'GET',
      path: '/api/pbxs/{pbx}/recordings/{id}/audio',
      summary: 'What was said: the file, or the part of it that "Range" asks for',
      parameters,
      query: { download: z.stringbool().default(false).describe('true: to be saved, not played.') },
      answers: {
        200: { description: 'The whole file.', content: { 'audio/mpeg': undefined, 'audio/wav': undefined } },
        206: {
          description: 'The part that was asked for.',
          content: { 'audio/mpeg': undefined, 'audio/wav': undefined },
        },
      },
      async handle({ parameters: { pbx, id }, query: { download }, headers }) {
        const recording = await known(pbx, id);
        const file = await ports.recordings.file(recording);
        if (!file) throw elsewhere(recording);
        return fileReply({ ...file, disposition: download ? 'attachment' : 'inline' }, headers);
      },
    }),
    route({
      method: 'PUT',
      path: '/api/pbxs/{pbx}/recordings/{id}/mark',
      summary: 'Put a recording among the favourites, or take it out',
      parameters,
      body: NewMark,
      answers: { 200: inJson('As it is now. What is marked is not removed for its age or size.', Recording) },
      async handle({ parameters: { pbx, id }, body: { mark } }) {
        await known(pbx, id);
        const marked = await ports.recordings.mark(pbx, id, mark);
        return jsonReply(shownRecording(marked ?? (await known(pbx, id))));
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/pbxs/{pbx}/recordings/{id}',
      summary: 'Delete a recording and its audio, for good',
      parameters,
      answers: { 204: { description: 'It is gone.', content: {} } },
      async handle({ parameters: { pbx, id } }) {
        const recording = await known(pbx, id);
        if ((await ports.recordings.remove(pbx, id)) === 'elsewhere') throw elsewhere(recording);
        log.info({ pbx, recording: id }, 'recording deleted by the API');
        return { status: 204 };
      },
    }),
    route({
      method: 'POST',
      path: '/api/pbxs/{pbx}/calls/{id}/record',
      summary: 'Record a conversation from now on, or not any more, as "#5" does',
      parameters: callParameters,
      body: NewRecording,
      answers: { 200: inJson('Whether it is recorded from now on.', RecordingState) },
      handle({ parameters: { pbx, id }, body }) {
        knownPbx(context, pbx);
        const recording = ports.calls.record(pbx, id, body?.on ?? true);
        if (recording === undefined) {
          throw noConversation(id);
        }
        log.info({ pbx, call: id, recording }, 'recording switched by the API');
        return jsonReply({ recording });
      },
    }),
  ];
};

const elsewhere = ({ id, node }: { readonly id: string; readonly node: string }): HttpFailure =>
  new HttpFailure(409, {
    code: 'recording-elsewhere',
    message: `The audio of the recording "${id}" is on the disk of the node "${node}"`,
    hint: 'Ask that node.',
  });
