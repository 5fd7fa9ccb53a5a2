import type { Clock, TimerId } from '../../../time/clock.ts';

/**
 * Repeats our 2xx to an INVITE, gaps growing from T1 to T2, until the ACK comes; 64·T1 without one and `unheard` is called.
 * RFC 3261 §13.3.1.4. The dialog does this, not the transaction, and over TCP too: a later hop may be UDP.
 */
export class Answer {
  /** Of the INVITE; its ACK has the same number. */
  readonly cseq: number;
  readonly transactionId: string;
  readonly #clock: Clock;
  #timer: TimerId;

  constructor(options: {
    cseq: number;
    transactionId: string;
    clock: Clock;
    timers: { readonly t1: number; readonly t2: number };
    repeat: () => void;
    unheard: () => void;
  }) {
    this.cseq = options.cseq;
    this.transactionId = options.transactionId;
    this.#clock = options.clock;
    const { clock, timers, repeat, unheard } = options;
    let gap = timers.t1;
    let left = 64 * timers.t1;
    const wait = () => {
      this.#timer = clock.setTimeout(() => {
        left -= gap;
        if (left <= 0) return unheard();
        gap = Math.min(gap * 2, timers.t2, left);
        wait();
        repeat();
      }, gap);
    };
    wait();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}
