import { z } from 'zod';
import { type CallRecord, callDirections, callOutcomes, callStages } from '../../history/record.ts';
import { prefers } from '../accept.ts';
import { type CsvColumn, csv } from '../csv.ts';
import { HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { HistoryPage, Record } from '../schemas.ts';
import { callParameters, given, knownPbx, Moment, pbxParameter, type RouteContext, several } from './context.ts';

const CSV = 'text/csv';

const some = z.string().min(1);
const callsWith = (what: string) => `Only calls with ${what}; of several, one.`;

/** `HistoryFilter`, and which page. */
const query = {
  since: Moment.optional().describe('Only calls that began then or later.'),
  until: Moment.optional().describe('Only calls that began before.'),
  direction: several(z.enum(callDirections)).describe(callsWith('this direction')),
  outcome: several(z.enum(callOutcomes)).describe(callsWith('this outcome')),
  stage: several(z.enum(callStages)).describe(callsWith('this stage of ending')),
  code: several(z.coerce.number().int()).describe(callsWith('this code of the reason of ending')),
  from: some.optional().describe("Part of the caller's number."),
  to: some.optional().describe('Part of what was dialled.'),
  number: some.optional().describe('Part of any number of the call.'),
  line: several(some).describe(callsWith('this line of ours')),
  employee: several(some).describe(callsWith('this employee as the caller')),
  participant: several(some).describe(
    'Only calls in which they took part: ids of employees, groups, trunks or rooms, or phone numbers.',
  ),
  missedBy: several(some).describe(
    'Only calls that these employees or groups did not answer; "nobody": that reached no one.',
  ),
  match: z
    .enum(['any', 'all'])
    .optional()
    .describe('Whether any or all of several participants are meant. Default: any.'),
  limit: z.coerce.number().int().min(1).max(500).default(100).describe('Records a page.'),
  cursor: some.optional().describe('"next" of the page before.'),
};

/** Calls that have ended. */
export const historyRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/history',
    summary: 'The calls that have ended, newest first; with "Accept: text/csv" as a table',
    parameters: pbxParameter,
    query,
    answers: {
      200: {
        description: 'One page. Of a table, the header field Link names the next one.',
        content: { 'application/json': HistoryPage, [CSV]: undefined },
      },
    },
    async handle({ parameters, query: { limit, cursor, ...filter }, headers, url }) {
      const { id } = knownPbx(context, parameters.pbx);
      const page = await context.ports.history.query(id, given(filter), { limit, ...given({ cursor }) });
      if (!prefers(headers.accept, CSV, 'application/json')) return jsonReply(page);
      return {
        status: 200,
        type: `${CSV}; charset=utf-8; header=present`,
        body: csv(columns, page.items),
        headers: {
          'content-disposition': `attachment; filename="${id}-calls.csv"`,
          ...(page.next === null ? {} : { link: `<${withCursor(url, page.next)}>; rel="next"` }),
        },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/history/{id}',
    summary: 'The record of one call that has ended',
    parameters: callParameters,
    answers: { 200: inJson('With its path through the scheme.', Record) },
    async handle({ parameters: { pbx, id } }) {
      knownPbx(context, pbx);
      const record = await context.ports.history.get(pbx, id);
      if (record) return jsonReply(record);
      const hint = 'A call in progress has no record yet.';
      throw new HttpFailure(404, { code: 'no-such-call', message: `The history has no call "${id}"`, hint });
    },
  }),
];

const columns: readonly CsvColumn<CallRecord>[] = [
  ['id', ({ id }) => id],
  ['start', ({ start }) => start],
  ['end', ({ end }) => end],
  ['direction', ({ direction }) => direction],
  ['from', ({ from }) => from],
  ['fromName', ({ fromName }) => fromName],
  ['employee', ({ employee }) => employee],
  ['line', ({ line }) => line],
  ['to', ({ to }) => to],
  ['outcome', ({ outcome }) => outcome],
  ['technical', ({ technical }) => technical],
  ['duration', ({ duration }) => duration],
  ['wait', ({ wait }) => wait],
  ['talk', ({ talk }) => talk],
  ['hold', ({ hold }) => hold],
  ['queued', ({ queued }) => queued],
  ['stage', ({ stage }) => stage],
  ['reason', ({ reason }) => reason],
  ['code', ({ code }) => code],
  ['endedBy', ({ endedBy }) => endedBy],
  ['participants', ({ participants }) => participants.map(({ name, outcome }) => `${name} (${outcome})`).join('; ')],
  ['scheme', ({ scheme }) => scheme],
  ['configVersion', ({ configVersion }) => configVersion],
  ['node', ({ node }) => node],
];

function withCursor(url: string, cursor: string): string {
  const [path = '', search = ''] = url.split('?');
  const parameters = new URLSearchParams(search);
  parameters.set('cursor', cursor);
  return `${path}?${parameters}`;
}
