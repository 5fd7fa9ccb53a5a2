/** A key press in a SIP INFO body. */
export interface InfoDigit {
  readonly digit: string;
  readonly durationMs: number;
}

/** Of phones that do not say. */
const DEFAULT_MS = 160;

/** Whether a body of this type is a digit at all. */
export const isDtmfType = (contentType: string): boolean =>
  /^application\/dtmf(?:-relay)?$/i.test(mediaType(contentType));

/**
 * Reads `application/dtmf-relay` (`Signal=5` and `Duration=160` on lines of their own) and `application/dtmf` (the digit alone). Neither
 * has a standard; phones agree on this much. 10 and 11 stand for star and pound, 12–15 for A–D, as in RFC 4733 events.
 * @returns undefined if there is no digit in it (a hook flash, for one)
 */
export function parseDtmfInfo(contentType: string, body: string): InfoDigit | undefined {
  const relay = /^application\/dtmf-relay$/i.test(mediaType(contentType));
  const signal = relay
    ? /^\s*Signal\s*=\s*(\S+)\s*$/im.exec(body)?.[1]
    : /^\s*(?:Signal\s*=\s*)?(\S+)\s*$/i.exec(body)?.[1];
  const digit = signal === undefined ? undefined : digitOf(signal);
  if (digit === undefined) return undefined;
  const duration = Number(relay ? /^\s*Duration\s*=\s*(\d{1,5})\s*$/im.exec(body)?.[1] : undefined);
  return { digit, durationMs: duration > 0 ? duration : DEFAULT_MS };
}

function digitOf(signal: string): string | undefined {
  if (/^[0-9*#A-D]$/i.test(signal)) return signal.toUpperCase();
  return EVENTS[signal];
}

const EVENTS: Readonly<Record<string, string>> = { 10: '*', 11: '#', 12: 'A', 13: 'B', 14: 'C', 15: 'D' };

const mediaType = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim();
