import { createHash } from 'node:crypto';
import type { PbxVersion } from '../../config/version.ts';
import { errorText } from '../../errors.ts';
import type { Clock } from '../../time/clock.ts';
import type { Consignment, Courier, Delivery, Patience, Verdict } from '../courier.ts';

/** A text message that comes a day late is worse than none. */
const patience: Patience = {
  first: 10_000,
  longest: 15 * 60_000,
  longestAway: 5 * 60_000,
  ttl: 86_400_000,
};

/** Milliseconds for the whole request. */
const TIMEOUT = 30_000;

/** Text messages, over the HTTP gateway of each PBX (`sms.gateway.url`). The request is a contract: docs/messages.md. */
export class SmsCourier implements Courier {
  readonly patience = patience;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  settings({ document: { sms } }: PbxVersion): string | undefined {
    return sms && `${sms.gateway.url} ${sms.sender}`;
  }

  async deliver({ pbx, id, to, content, signal }: Consignment): Promise<Delivery> {
    const { sms } = pbx.document;
    if (!sms) return { kind: 'away', why: 'the configuration has no "sms" settings' };
    const [number = ''] = to;
    const key = idempotencyKey(pbx.id, id);
    const { url, headers } = addressed(sms.gateway.url);
    const timeout = new AbortController();
    const timer = this.#clock.setTimeout(() => timeout.abort(), TIMEOUT);
    try {
      const response = await fetch(url, {
        method: 'POST',
        // A redirected POST would come as a GET without its body.
        redirect: 'manual',
        headers: { ...headers, 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify({ id: key, to: number, from: sms.sender, text: content.text }),
        signal: AbortSignal.any([signal, timeout.signal]),
      });
      const said = await beginning(response);
      return judged(number, response, said, this.#clock.now());
    } catch (error) {
      if (signal.aborted) return { kind: 'tried', verdicts: new Map() };
      const why = timeout.signal.aborted ? `it has not answered in ${TIMEOUT / 1000} s` : causeText(error);
      return { kind: 'away', why: `the SMS gateway cannot be reached: ${why}` };
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}

/** The same for every attempt: a gateway that has sent the message already does not send it again. */
export const idempotencyKey = (pbx: string, id: string): string =>
  createHash('sha256').update(`${pbx}\n${id}`).digest('hex').slice(0, 40);

/** `user:password@` in the address is sent as Basic authentication (RFC 7617), `:token@` as a bearer token (RFC 6750). */
function addressed(address: string): { readonly url: URL; readonly headers: Readonly<Record<string, string>> } {
  const url = new URL(address);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  if (user === '' && password === '') return { url, headers: {} };
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { url, headers: { Authorization: user === '' ? `Bearer ${password}` : basic } };
}

/** 2xx: taken. 429 and 5xx: later, and nothing else until then. All others are about this message, and it would be refused again. */
function judged(to: string, { status, ok, headers }: Response, said: string, now: number): Delivery {
  const why = `the SMS gateway answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 429 || status >= 500) {
    const retryAfterMs = retryAfter(headers.get('Retry-After'), now);
    return { kind: 'away', why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  const verdict: Verdict = ok ? { state: 'sent' } : { state: 'refused', why };
  return { kind: 'tried', verdicts: new Map([[to, verdict]]) };
}

/** RFC 9110 §10.2.3: seconds, or a date. @returns milliseconds from now, an hour at most; undefined: it says nothing that can be understood */
export function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(3_600_000, Math.max(0, ms));
}

/** What a person is to see of the answer; the rest is not read. */
async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return Buffer.from(first?.value ?? [])
    .toString('utf8')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);
}

/** `fetch failed` alone says nothing. */
const causeText = (error: unknown): string =>
  error instanceof Error && error.cause !== undefined
    ? errorText(error.cause) || causeCode(error.cause)
    : errorText(error);

const causeCode = (cause: unknown): string =>
  typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'no connection';
