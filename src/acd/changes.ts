import { z } from 'zod';
import { CallbackTask } from './callback-tasks.ts';
import { AgentState, QueuedCaller } from './store-scripts.ts';

/** What the scripts add to the log of a PBX (`scripts/includes/changes.lua`, `callback.lua`), by the type of the event. `at`: ms since 1970. */

/** Something of an agent has changed: he is so since. */
export const AgentChange = z.object({ at: z.number(), agent: AgentState });

/** Why a caller is out of a queue. */
export const leftReasons = [
  'answered',
  'abandoned',
  'elsewhere',
  'queueTimeout',
  'nobodyAnswered',
  'groupGone',
  'lost',
] as const;

export const QueueChange = z.object({
  at: z.number(),
  what: z.enum(['joined', 'offered', 'waiting', 'left']),
  group: z.string(),
  caller: QueuedCaller,
  /** Callers of the group for whom nobody, and for whom somebody, is being rung. */
  waiting: z.number(),
  ringing: z.number(),
  /** Among all of them; absent: he has left. */
  position: z.number().exactOptional(),
  why: z.enum(leftReasons).exactOptional(),
  /** Who has answered him. */
  employee: z.string().exactOptional(),
});

export const CallbackChange = z.object({
  at: z.number(),
  /** `taken`: an attempt begins; `again`: it is over, and another follows. After `done`, `exhausted`, `cancelled` there is no task any more. */
  what: z.enum(['added', 'joined', 'taken', 'again', 'done', 'exhausted', 'cancelled']),
  dueAt: z.number(),
  task: CallbackTask,
});
