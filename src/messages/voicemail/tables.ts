import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core';
import type { VoiceMessage } from './message.ts';

/** What `src/database/migrations` has made, for typed queries. */
export const voicemails = pgTable('voicemails', {
  pbx: text().notNull(),
  id: text().notNull(),
  call: text('call_id').notNull(),
  employee: text(),
  at: timestamp('left_at', { withTimezone: true, mode: 'date' }).notNull(),
  from: text('from_number').notNull(),
  fromName: text('from_name'),
  line: text(),
  ms: integer().notNull(),
  ended: text().$type<VoiceMessage['ended']>().notNull(),
  delivery: text().$type<VoiceMessage['delivery']>().notNull(),
  to: jsonb('recipients').$type<readonly string[]>().notNull(),
  readAt: timestamp('read_at', { withTimezone: true, mode: 'date' }),
  mailedAt: timestamp('mailed_at', { withTimezone: true, mode: 'date' }),
  deletedAt: timestamp('deleted_at', { withTimezone: true, mode: 'date' }),
  node: text().notNull(),
});
