import type { Clock, TimerId } from '../../../time/clock.ts';
import type { Random } from '../../../time/random.ts';
import type { SipResponse } from '../message/index.ts';

interface Queued {
  readonly response: SipResponse;
  readonly sent: () => void;
}

/**
 * Reliable provisional responses to one INVITE, RFC 3262 §3: numbered, repeated with doubling gaps until the PRACK comes, one at a
 * time. 64·T1 without a PRACK and `unheard` is called.
 */
export class ReliableResponses {
  readonly #clock: Clock;
  readonly #t1: number;
  readonly #send: (response: SipResponse) => void;
  readonly #unheard: () => void;
  #rseq: number;
  #waiting: { readonly rseq: number; readonly cseq: number } | undefined;
  readonly #queue: Queued[] = [];
  #timer: TimerId | undefined;
  #stopped = false;

  constructor(options: {
    clock: Clock;
    random: Random;
    t1: number;
    send: (response: SipResponse) => void;
    unheard: () => void;
  }) {
    this.#clock = options.clock;
    this.#t1 = options.t1;
    this.#send = options.send;
    this.#unheard = options.unheard;
    // §3: from 1 to 2³¹−1, and room to count up.
    this.#rseq = 1 + options.random.below(2 ** 30);
  }

  /** Sends it now, or after the PRACKs of those before; `sent` is called then. @returns false when too many wait */
  push(response: SipResponse, sent: () => void): boolean {
    if (this.#queue.length >= MAX_QUEUED) return false;
    this.#queue.push({ response, sent });
    this.#next();
    return true;
  }

  /** Whether this RAck (`<RSeq> <CSeq> INVITE`, §7.2) is that of the response that waits. */
  acknowledge(rack: string | undefined): boolean {
    const [rseq, cseq, method] = (rack ?? '').trim().split(/\s+/);
    const { rseq: expected, cseq: number } = this.#waiting ?? {};
    if (expected === undefined || Number(rseq) !== expected || Number(cseq) !== number || method !== 'INVITE')
      return false;
    this.#clock.clearTimeout(this.#timer);
    this.#waiting = undefined;
    this.#next();
    return true;
  }

  /** There is a final response: nothing is repeated any more, though a PRACK may still come (§3). */
  stop(): void {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #next(): void {
    if (this.#waiting || this.#stopped) return;
    const queued = this.#queue.shift();
    if (!queued) return;
    const { response, sent } = queued;
    const rseq = this.#rseq++;
    this.#waiting = { rseq, cseq: response.cseq.number };
    response.headers.set('RSeq', String(rseq));
    this.#send(response);
    this.#repeat(response, this.#t1, 64 * this.#t1);
    sent();
  }

  #repeat(response: SipResponse, gap: number, left: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (left <= gap) return this.#unheard();
      this.#send(response);
      this.#repeat(response, Math.min(gap * 2, left - gap), left - gap);
    }, gap);
  }
}

const MAX_QUEUED = 8;
