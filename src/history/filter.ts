import { and, eq, exists, gte, ilike, inArray, lt, not, or, type SQL, sql } from 'drizzle-orm';
import type { HistoryFilter } from './query.ts';
import { calls, participants } from './tables.ts';

/** The filter as SQL over `calls`. */
export function whereOf(pbx: string, filter: HistoryFilter): SQL | undefined {
  const { since, until, direction, outcome, stage, code, from, to, number, line, employee, participant, missedBy } =
    filter;
  const matching = filter.match === 'all' ? and : or;
  return and(
    eq(calls.pbx, pbx),
    since && gte(calls.start, since),
    until && lt(calls.start, until),
    direction && inArray(calls.direction, [...direction]),
    outcome && inArray(calls.outcome, [...outcome]),
    stage && inArray(calls.stage, [...stage]),
    code && inArray(calls.code, [...code]),
    from ? contains(calls.from, from) : undefined,
    to ? contains(calls.to, to) : undefined,
    number
      ? or(contains(calls.from, number), contains(calls.to, number), tookPart(contains(participants.address, number)))
      : undefined,
    line && inArray(calls.line, [...line]),
    employee && inArray(calls.employee, [...employee]),
    participant && matching(...participant.map(tookPartAs)),
    missedBy && matching(...missedBy.map(missedByOne)),
  );
}

const tookPartAs = (id: string): SQL | undefined =>
  or(
    eq(calls.employee, id),
    eq(calls.from, id),
    eq(calls.to, id),
    tookPart(or(eq(participants.ref, id), eq(participants.address, id))),
  );

const missedByOne = (id: string): SQL | undefined =>
  id === 'nobody'
    ? not(tookPart(sql`true`))
    : and(
        tookPart(eq(participants.ref, id)),
        not(tookPart(and(eq(participants.ref, id), eq(participants.outcome, 'answered')))),
      );

/** Some attempt of the call is like that. */
const tookPart = (condition: SQL | undefined): SQL =>
  exists(
    sql`(select 1 from ${participants} where ${and(eq(participants.pbx, calls.pbx), eq(participants.callId, calls.id), condition)})`,
  );

/** What people put between the digits of a number is no part of it. */
function contains(column: typeof calls.from | typeof calls.to | typeof participants.address, part: string): SQL {
  const bare = part.replace(/[\s()+-]/g, '');
  const wanted = /^\d+$/.test(bare) ? bare : part;
  return ilike(column, `%${wanted.replace(/[\\%_]/g, '\\$&')}%`);
}
