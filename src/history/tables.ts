import { boolean, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import type {
  AttemptOutcome,
  CallDirection,
  CallOutcome,
  CallRecord,
  CallStage,
  Participant,
  TechnicalEnd,
} from './record.ts';

/** What `src/database/migrations` has made, for typed queries. */
export const calls = pgTable('calls', {
  pbx: text().notNull(),
  id: text().notNull(),
  start: timestamp({ withTimezone: true, mode: 'date' }).notNull(),
  direction: text().$type<CallDirection>().notNull(),
  outcome: text().$type<CallOutcome>().notNull(),
  technical: text().$type<TechnicalEnd>(),
  from: text('from_number').notNull(),
  employee: text('from_employee'),
  line: text(),
  to: text('to_number').notNull(),
  duration: integer().notNull(),
  wait: integer().notNull(),
  talk: integer().notNull(),
  queued: boolean().notNull(),
  stage: text().$type<CallStage>().notNull(),
  code: integer().notNull(),
  record: jsonb().$type<CallRecord>().notNull(),
});

export const participants = pgTable('call_participants', {
  pbx: text().notNull(),
  callId: text('call_id').notNull(),
  position: integer().notNull(),
  kind: text().$type<Participant['kind']>().notNull(),
  ref: text().notNull(),
  address: text().notNull(),
  group: text('via_group'),
  outcome: text().$type<AttemptOutcome>().notNull(),
  ring: integer().notNull(),
  talk: integer().notNull(),
});
