import { z } from 'zod';
import { deliveries, messageEnds } from './port.ts';

/** What of a message can be known before a word of it is spoken: what stands in its draft. */
export const MessageBegun = z.object({
  pbx: z.string().min(1),
  id: z.uuid(),
  call: z.string(),
  /** Null: the PBX's own mailbox. */
  employee: z.string().nullable(),
  /** For the letter. */
  employeeName: z.string().nullable(),
  from: z.string(),
  fromName: z.string().nullable(),
  line: z.string().nullable(),
  /** When it was left. */
  at: z.iso.datetime({ precision: 3 }),
  to: z.array(z.string()).readonly(),
  delivery: z.enum(deliveries),
  language: z.enum(['ru', 'en']),
  timezone: z.string(),
  /** Whose disk has the file. */
  node: z.string(),
});
export type MessageBegun = z.infer<typeof MessageBegun>;

/**
 * One voice message. The schema is the type's only source, because messages cross the disk, and with it an upgrade of the engine, on their way to the
 * database: a field that is added later needs a default here.
 */
export const VoiceMessage = MessageBegun.extend({
  /** Milliseconds. */
  ms: z.number().nonnegative(),
  ended: z.enum(messageEnds),
});
export type VoiceMessage = z.infer<typeof VoiceMessage>;

/** Undefined: the text is none. */
export function readAs<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
