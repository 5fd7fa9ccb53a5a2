import { z } from 'zod';
import type { FaxEnd, FaxProgress } from '../../media/fax.ts';

export const faxDirections = ['in', 'out'] as const;
/**
 * Of one that comes in: `receiving`, then `received`, `partial` (it broke off, and has the pages that came before) or `failed` (no page came). Of one
 * that is to be sent: `waiting`, `sending` and `waiting` again until it is `sent` or has `failed`.
 */
export const faxStates = ['receiving', 'received', 'partial', 'failed', 'waiting', 'sending', 'sent'] as const;

const Resolution = z.object({ x: z.number(), y: z.number() });

const Try = z.object({
  at: z.number(),
  /** Its call, as history has it. */
  call: z.string(),
  pages: z.number().int(),
  /** Why it failed; null: it did not. */
  error: z.string().nullable(),
});

/** What is kept of a fax beside its pages. Times are milliseconds since 1970. */
export const FaxRecord = z.object({
  pbx: z.string(),
  id: z.string(),
  direction: z.enum(faxDirections),
  state: z.enum(faxStates),
  at: z.number(),
  /** Who has the files. */
  node: z.string(),
  /** The call that it came in; null of one to be sent, whose tries have theirs. */
  call: z.string().nullable(),
  /** Whose fax it is, or whom it is for: a normalised number or a SIP address; empty when hidden. */
  number: z.string(),
  /** Our number: called, or shown. */
  line: z.string().nullable(),
  /** What the other machine calls itself. */
  station: z.string(),
  /** Received and kept, or confirmed in the last try. */
  pages: z.number().int(),
  /** Of one to be sent: how many there are. */
  totalPages: z.number().int().nullable(),
  bitRate: z.number().int(),
  ecm: z.boolean(),
  resolution: Resolution,
  error: z.string().nullable(),
  /** Somebody has marked it as read. */
  read: z.boolean(),
  /** Who took it in a conversation. */
  employee: z.string().nullable(),
  /** E-mail addresses that it goes to. */
  recipients: z.array(z.string()),
  delivery: z.enum(['attach', 'notify', 'attachAndDelete', 'storeOnly']),
  /** Of one to be sent: what the document is called. */
  name: z.string().nullable(),
  /** What we call ourselves to the other machine. */
  stationId: z.string(),
  tries: z.array(Try),
  nextAt: z.number().nullable(),
  giveUpAt: z.number().nullable(),
});
export type FaxRecord = z.infer<typeof FaxRecord>;

/** What a transmission has told, for its record. */
export const toldBy = ({ pages, remoteStation, bitRate, ecm, resolution }: FaxProgress) => ({
  pages,
  station: remoteStation,
  bitRate,
  ecm,
  resolution: { ...resolution },
});

/** How a reception ended. */
export function receivedState({ reason, pages }: Pick<FaxEnd, 'reason' | 'pages'>): 'received' | 'partial' | 'failed' {
  if (pages === 0) return 'failed';
  return reason === 'finished' ? 'received' : 'partial';
}

/** T.30 lets a machine call itself by up to twenty digits, spaces and a plus. */
export function stationIdOf(number: string | null): string {
  const digits = (number ?? '').replace(/[^\d]/g, '').slice(0, 19);
  return digits === '' ? '' : `+${digits}`;
}
