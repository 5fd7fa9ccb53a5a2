import { MediaError } from '../../media/port.ts';
import { type Clock, delay } from '../../time/clock.ts';
import type { Leg } from '../leg.ts';

/** A number with what is to be dialled by tones when it has answered. */
export interface Dialled {
  readonly number: string;
  /** Pauses and digits, as `,789`; unset: nothing follows. */
  readonly postDial?: string;
}

/** Milliseconds (§4.5.7). */
const pauses: Readonly<Record<string, number>> = { ',': 2000, '.': 5000 };

/**
 * `74951234567,789`: the number of an office and an extension behind it (§4.5.7). A dot is also what people write between the groups of a number (RFC 3966
 * §5.1.1), so it counts as a pause only after one that is whole.
 */
export function parsePostDial(text: string): Dialled {
  const [, number, postDial] = /^(\+?\d+?)([,.][\d*#,.]*[\d*#])$/.exec(text) ?? [];
  if (number === undefined || postDial === undefined) return { number: text };
  if (postDial.startsWith('.') && number.replace('+', '').length < WHOLE_NUMBER_DIGITS) return { number: text };
  return { number, postDial };
}

const WHOLE_NUMBER_DIGITS = 10;

/**
 * Sends the digits to somebody who has answered, with their pauses. Resolves when the last one is out, or he is gone, or the signal is aborted; never rejects.
 */
export async function dialOn(leg: Leg, postDial: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const gone = new AbortController();
  const off = leg.on('ended', () => gone.abort());
  const stop = AbortSignal.any([signal, gone.signal]);
  try {
    for (const [part] of postDial.matchAll(/[,.]|[\d*#]+/g)) {
      stop.throwIfAborted();
      const pause = pauses[part];
      if (pause === undefined) await leg.endpoint.sendDtmf(part);
      else await delay(clock, pause, stop);
    }
  } catch (error) {
    // Who is gone needs no digits: the end of his leg tells so.
    if (!stop.aborted && !(error instanceof MediaError)) throw error;
  } finally {
    off();
  }
}
