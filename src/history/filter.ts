import { and, eq, exists, gte, ilike, inArray, lt, not, or, type SQL, sql } from 'drizzle-orm';
import type { CallDirection, CallOutcome, CallStage } from './record.ts';
import { calls, participants } from './tables.ts';

/** Which calls (§4.5.2.1–4.5.2.3). What is given must hold; of a list, one. */
export interface HistoryFilter {
  /** The call began at or after `since` and before `until`. */
  readonly since?: Date;
  readonly until?: Date;
  readonly direction?: readonly CallDirection[];
  readonly outcome?: readonly CallOutcome[];
  readonly stage?: readonly CallStage[];
  /** Codes of `EndReason`. */
  readonly code?: readonly number[];
  /** A run of digits or characters in the caller's number. */
  readonly from?: string;
  /** … in what was dialled. */
  readonly to?: string;
  /** … in any number of the call: caller, dialled, or of one who was rung. */
  readonly number?: string;
  /** Our numbers, trunks or SIP lines. */
  readonly line?: readonly string[];
  /** Employees who made the call. */
  readonly employee?: readonly string[];
  /** Who took part, as caller, dialled or asked: ids of employees, groups, trunks or rooms, or whole phone numbers. */
  readonly participant?: readonly string[];
  /** Ids of employees or groups that were rung or waited in, and did not answer; `nobody`: the call reached no one (it ended in the menu). */
  readonly missedBy?: readonly string[];
  /** Whether all of several participants (or of those who missed it) are wanted, or any of them. Default any. */
  readonly match?: 'any' | 'all';
}

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
