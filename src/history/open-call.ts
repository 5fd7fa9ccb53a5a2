import { z } from 'zod';
import { endReasons } from '../end-reason.ts';
import { figures, instant, seconds } from './figures.ts';
import { CallRecord, callStages } from './record.ts';

const At = z.number().describe('Milliseconds since 1970.');

/** A call that goes on, as another node has to know it to tell of it, should the one that carries it die. */
export const OpenCall = z.object({
  /** As it would be if the call had been lost the moment this was written. */
  record: CallRecord,
  /** The row of marks that its figures come from. */
  marks: z.array(
    z.object({
      at: At,
      stage: z.enum(callStages),
      group: z.string().optional(),
      queued: z.boolean().optional(),
    }),
  ),
  /** Those of `record.participants` who are still rung, or talk. */
  asking: z.array(
    z.object({ participant: z.int().nonnegative(), state: z.enum(['ringing', 'talking']), since: At }).readonly(),
  ),
  /** One has had the other on hold since then, which `record.hold` does not count. */
  heldSince: At.nullable(),
});
export type OpenCall = z.infer<typeof OpenCall>;

/**
 * The record of a call whose node has died.
 * @param end when the node was heard of last, milliseconds since 1970. Before the call was written last: the call ended then
 */
export function lostRecord(open: OpenCall, end: number): CallRecord {
  const { record, marks, asking, heldSince } = open;
  const at = Math.max(end, Date.parse(record.end));
  const {
    queued: _,
    stage: __,
    ...lengths
  } = figures(
    marks.map(({ at: since, stage, group, queued }) => ({
      at: since,
      stage,
      ...(group === undefined ? {} : { group }),
      ...(queued === undefined ? {} : { queued }),
    })),
    at,
  );
  const last = record.path.at(-1);
  return {
    ...record,
    ...lengths,
    end: instant(at),
    hold: record.hold + (heldSince === null ? 0 : seconds(at - heldSince)),
    participants: record.participants.map((one, i) => {
      const asked = asking.find(({ participant }) => participant === i);
      if (!asked) return one;
      const length = seconds(at - asked.since);
      return asked.state === 'talking' ? { ...one, talk: length } : { ...one, ring: length };
    }),
    path: [
      ...record.path,
      {
        t: (at - Date.parse(record.start)) / 1000,
        state: last?.state ?? '',
        event: 'hangup',
        detail: { reason: record.reason },
        why: `${endReasons[record.reason].text}: the node ${record.node} died`,
      },
    ],
  };
}
