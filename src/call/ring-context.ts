import type { RingContext } from '../dial/ring.ts';
import type { Call } from './call.ts';

/** How phones are rung for a call, whosoever. */
export const ringContext = (call: Call): RingContext => ({
  sip: call.services.sip,
  media: call.services.media,
  clock: call.services.clock,
  callId: call.id,
  from: call.shown.sip,
  fromOrdinary: call.shown.ordinary,
  onRinging: () => call.audio.ringing(),
});
