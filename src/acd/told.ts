import { z } from 'zod';
import { Why } from './store-scripts.ts';

/** What the scripts publish to the node that has the caller. */
const Told = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('offer'),
    call: z.string(),
    agent: z.string(),
    token: z.number(),
    ringMs: z.number(),
    why: Why,
  }),
  z.object({ type: z.literal('withdraw'), call: z.string(), agent: z.string(), token: z.number() }),
  z.object({
    type: z.literal('over'),
    call: z.string(),
    reason: z.enum(['queueTimeout', 'nobodyAnswered', 'groupGone']),
  }),
]);
export type Told = z.output<typeof Told>;

/** @throws when it is none of ours: a bug */
export const parseTold = (message: string): Told => Told.parse(JSON.parse(message));
