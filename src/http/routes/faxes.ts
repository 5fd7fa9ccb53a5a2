import { z } from 'zod';
import { HttpFailure } from '../failure.ts';
import { fileReply } from '../file-reply.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Fax, FaxMark, FaxPage } from '../schemas.ts';
import { shownFax } from '../shown.ts';
import { given, knownPbx, pbxParameter, type RouteContext, several } from './context.ts';

const faxParameters = { ...pbxParameter, id: z.string().describe('Id of a fax.') };

/** §4.5.6.3 */
const MOST_BYTES = 20 * 1024 * 1024;

const states = ['receiving', 'received', 'partial', 'failed', 'waiting', 'sending', 'sent'] as const;

/** Faxes that came, and those that are or were to be sent (§4.5.6). */
export const faxRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/faxes',
    summary: 'The faxes, newest first',
    parameters: pbxParameter,
    query: {
      direction: z.enum(['in', 'out']).optional().describe('Only those that came, or only those that are sent.'),
      state: several(z.enum(states)).describe('Only these; of several, any of them.'),
      limit: z.coerce.number().int().min(1).max(500).default(100).describe('Faxes a page.'),
      cursor: z.string().min(1).optional().describe('"next" of the page before.'),
    },
    answers: { 200: inJson('One page.', FaxPage) },
    async handle({ parameters, query: { direction, state, limit, cursor } }) {
      const pbx = knownPbx(context, parameters.pbx);
      const { items, next } = await context.ports.faxes.query(pbx.id, given({ direction, states: state }), {
        limit,
        ...given({ cursor }),
      });
      return jsonReply({ items: items.map(shownFax), next });
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/faxes',
    summary: 'Send a fax: it is tried for an hour',
    parameters: pbxParameter,
    query: {
      to: z.string().min(1).describe('A number, or a SIP address.'),
      line: z.string().min(1).optional().describe('Which number of ours is shown. Default: the first one.'),
      name: z.string().min(1).max(200).optional().describe('What the document is called.'),
    },
    file: { types: ['application/pdf', 'image/tiff'], maxBytes: MOST_BYTES },
    answers: { 202: inJson('The job. GET tells what becomes of it.', Fax) },
    async handle({ parameters, query: { to, line, name }, body, headers }) {
      const pbx = knownPbx(context, parameters.pbx);
      const document: unknown = body;
      if (!(document instanceof Uint8Array) || document.length === 0) {
        throw new HttpFailure(415, {
          code: 'bad-body',
          message: 'The body of the request is no document',
          hint: 'Send a PDF as "application/pdf", or a fax as "image/tiff".',
        });
      }
      const type = headers['content-type']?.startsWith('image/tiff') ? 'image/tiff' : 'application/pdf';
      const fax = await context.ports.faxes.send(pbx, {
        to,
        ...given({ line, name }),
        document,
        type,
      });
      context.log.info({ pbx: pbx.id, fax: fax.id, pages: fax.totalPages }, 'fax to be sent by the API');
      return jsonReply(shownFax(fax), 202);
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/faxes/{id}',
    summary: 'One fax: its state, and how each try has ended',
    parameters: faxParameters,
    answers: { 200: inJson('What is known of it; its pages are another operation.', Fax) },
    async handle({ parameters: { pbx: id, id: fax } }) {
      const pbx = knownPbx(context, id);
      return jsonReply(shownFax((await context.ports.faxes.get(pbx.id, fax)) ?? noSuchFax(pbx.id, fax)));
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/faxes/{id}/file',
    summary: 'The pages of a fax',
    parameters: faxParameters,
    query: { format: z.enum(['pdf', 'tiff']).default('pdf') },
    answers: {
      200: {
        description: 'Each dot as it was sent.',
        content: { 'application/pdf': undefined, 'image/tiff': undefined },
      },
      206: {
        description: 'The part that was asked for.',
        content: { 'application/pdf': undefined, 'image/tiff': undefined },
      },
    },
    async handle({ parameters: { pbx: id, id: fax }, query: { format }, headers }) {
      const pbx = knownPbx(context, id);
      const { node, pages, totalPages } = (await context.ports.faxes.get(pbx.id, fax)) ?? noSuchFax(pbx.id, fax);
      const path = await context.ports.faxes.file(pbx.id, fax, format);
      if (path !== undefined) {
        const type = format === 'pdf' ? 'application/pdf' : 'image/tiff';
        return fileReply({ path, type, name: `fax-${fax}.${format}` }, headers);
      }
      if (pages > 0 || totalPages !== null) throw elsewhere(fax, node);
      throw new HttpFailure(404, { code: 'fax-without-pages', message: `Of the fax "${fax}" no page came` });
    },
  }),
  route({
    method: 'PUT',
    path: '/api/pbxs/{pbx}/faxes/{id}',
    summary: 'Mark a fax as read, or as new',
    parameters: faxParameters,
    body: FaxMark,
    answers: { 200: inJson('As it is since.', Fax) },
    async handle({ parameters: { pbx: id, id: fax }, body: { read } }) {
      const pbx = knownPbx(context, id);
      return jsonReply(shownFax((await context.ports.faxes.markRead(pbx.id, fax, read)) ?? noSuchFax(pbx.id, fax)));
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/pbxs/{pbx}/faxes/{id}',
    summary: 'Delete a fax with its pages; one that is to be sent is not sent any more',
    parameters: faxParameters,
    answers: { 204: { description: 'It is gone.', content: {} } },
    async handle({ parameters: { pbx: id, id: fax } }) {
      const pbx = knownPbx(context, id);
      const { node } = (await context.ports.faxes.get(pbx.id, fax)) ?? noSuchFax(pbx.id, fax);
      const removed = await context.ports.faxes.remove(pbx.id, fax);
      if (removed === 'none') noSuchFax(pbx.id, fax);
      if (removed === 'elsewhere') throw elsewhere(fax, node);
      context.log.info({ pbx: pbx.id, fax }, 'fax deleted by the API');
      return { status: 204 };
    },
  }),
];

const elsewhere = (fax: string, node: string): HttpFailure =>
  new HttpFailure(409, {
    code: 'fax-elsewhere',
    message: `The pages of the fax "${fax}" are on the disk of the node "${node}"`,
    hint: 'Ask that node.',
  });

/** @throws HttpFailure 404 `no-such-fax` */
function noSuchFax(pbx: string, fax: string): never {
  throw new HttpFailure(404, {
    code: 'no-such-fax',
    message: `${pbx} has no fax "${fax}"`,
    hint: `GET /api/pbxs/${pbx}/faxes lists them.`,
  });
}
