import type { RingContext } from '../dial/ring.ts';
import type { HeaderFields, Party } from '../sip/port.ts';
import type { Call } from './call.ts';

/** How phones are rung for a call, whosoever. */
export const ringContext = (call: Call): RingContext => ({
  sip: call.services.sip,
  media: call.services.media,
  clock: call.services.clock,
  callId: call.id,
  from: call.shown.sip,
  fromOrdinary: call.shown.ordinary,
  callerId: call.shown.callerId,
  ...inNameOf(call.redirectedBy.at(-1) ?? call.timeline.facts.employee),
  headers: { 'Max-Forwards': String(hopsLeft(call)) },
  trunkHeaders: diversion(call),
  onRinging: () => call.audio.ringing(),
});

/** Whose limits count: his whose phone has sent the call on, or who makes it. */
const inNameOf = (employee: string | null) => (employee === null ? {} : { employee });

/**
 * How one is rung who is to be the caller of a call of ours: his phone shows whom he will talk to, one outside a number of ours.
 * @param other whom he will talk to
 */
export function contextOfFirst(call: Call, other: Pick<Party, 'user' | 'display'>): RingContext {
  const host = call.pbx.document.pbx.domains[0] ?? 'invalid';
  const { callerId } = call.shown.callerId;
  return {
    ...ringContext(call),
    from: { ...other, host },
    fromOrdinary: { user: callerId ?? 'anonymous', host, display: '' },
  };
}

/** RFC 3261 §16.3, RFC 7332: a call that runs in a circle, over other systems too, ends. */
export const isPassedOnTooOften = (call: Call): boolean => hopsLeft(call) < 0;

const hopsLeft = ({ caller }: Call): number => caller.maxForwards - 1;

/** Whose call it was, for those outside whom it is passed on to (RFC 5806, RFC 7044). */
function diversion({ timeline, pbx }: Call): HeaderFields {
  const { direction, line } = timeline.facts;
  if (direction !== 'in' || line === null) return {};
  const uri = `sip:${line}@${pbx.document.pbx.domains[0] ?? 'invalid'}`;
  return { Diversion: `<${uri}>;reason=unconditional`, 'History-Info': `<${uri}>;index=1` };
}
