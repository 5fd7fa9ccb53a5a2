import { z } from 'zod';

/** A recording as it is kept and shown. */

export const formats = ['wav', 'mp3'] as const;
export type Format = (typeof formats)[number];

export const mediaTypes: Readonly<Record<Format, string>> = { wav: 'audio/wav', mp3: 'audio/mpeg' };

/** The manual's labels; whatever is marked is among the favourites (§4.5.3.2), and kept. */
export const marks = ['favourite', 'good', 'bad'] as const;
export type Mark = (typeof marks)[number];

/** What is known when it begins: lies beside the file until that is safe, so that a crash loses nothing of it. */
export const RecordingFacts = z.object({
  id: z.string(),
  pbx: z.string(),
  call: z.string(),
  /** ms since 1970 */
  start: z.number(),
  direction: z.enum(['in', 'out', 'internal']),
  from: z.string(),
  to: z.string(),
  line: z.string().nullable(),
  /** Whose end it is. */
  employee: z.string().nullable(),
  group: z.string().nullable(),
  /** Whom he talked to: an employee's id, a number, an address. */
  other: z.string(),
  manual: z.boolean(),
  /** What is to become of the file. */
  stereo: z.boolean(),
  quality: z.enum(['low', 'medium', 'good', 'high']),
  minMs: z.number(),
  email: z.array(z.string()),
});
export type RecordingFacts = z.infer<typeof RecordingFacts>;

export interface Recorded
  extends Pick<
    RecordingFacts,
    'id' | 'pbx' | 'call' | 'direction' | 'from' | 'to' | 'line' | 'employee' | 'group' | 'other' | 'manual' | 'stereo'
  > {
  /** ms since 1970 */
  readonly start: number;
  readonly ms: number;
  readonly format: Format;
  readonly bytes: number;
  readonly mark: Mark | null;
  /** Why it ends too early, in words; null: it does not. */
  readonly error: string | null;
  /** The node on whose disk the file is. */
  readonly node: string;
}

export const fileOf = ({ id, format }: Pick<Recorded, 'id' | 'format'>): string => `${id}.${format}`;

/** Which recordings; what is given must hold, of a list one. */
export interface RecordingFilter {
  readonly since?: Date;
  readonly until?: Date;
  readonly direction?: readonly Recorded['direction'][];
  readonly employee?: readonly string[];
  readonly group?: readonly string[];
  readonly call?: string;
  /** A run of digits in the caller's number, in what was dialled, or in the number of the other. */
  readonly number?: string;
  /** True: the favourites (§4.5.3.2). */
  readonly marked?: boolean;
  readonly mark?: readonly Mark[];
  /** Milliseconds. */
  readonly minMs?: number;
  readonly maxMs?: number;
}

export interface RecordingPage {
  /** The latest first. */
  readonly items: readonly Recorded[];
  readonly next: string | null;
}
