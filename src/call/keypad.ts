import { delay } from '../time/clock.ts';
import type { Call } from './call.ts';

/** The keys that a caller presses where no scheme runs. Those that come early wait until they are asked for. */
export class Keypad {
  readonly #call: Call;
  readonly #off: () => void;
  #waiting: string[] = [];
  #pressed = Promise.withResolvers<void>();

  constructor(call: Call) {
    this.#call = call;
    this.#off = call.caller.on('digit', ({ digit }) => {
      this.#waiting.push(digit);
      this.#pressed.resolve();
      this.#pressed = Promise.withResolvers();
    });
  }

  /** Plays to the end; a key, also one that has waited, cuts it off. @returns whether it was heard to its end */
  async hear(play: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.#waiting.length > 0 || this.#call.caller.gone.aborted) return false;
    const cut = new AbortController();
    const gone = () => cut.abort();
    this.#call.caller.gone.addEventListener('abort', gone, { once: true });
    void this.#pressed.promise.then(() => cut.abort());
    await play(cut.signal);
    this.#call.caller.gone.removeEventListener('abort', gone);
    return !cut.signal.aborted && !this.#call.caller.gone.aborted;
  }

  /** The next key. Undefined: none was pressed for so many milliseconds, or the caller is gone. */
  async next(ms: number): Promise<string | undefined> {
    const { caller, services } = this.#call;
    if (this.#waiting.length === 0 && !caller.gone.aborted) {
      const stop = new AbortController();
      await Promise.race([
        this.#pressed.promise,
        delay(services.clock, ms, AbortSignal.any([stop.signal, caller.gone])).catch(() => undefined),
      ]);
      stop.abort();
    }
    return caller.gone.aborted ? undefined : this.#waiting.shift();
  }

  /** Digits up to a `#`, or up to a pause. Empty: none. @param ms the pause, milliseconds; the first digit may take twice as long */
  async entry(ms: number, longest = 20): Promise<string> {
    let digits = '';
    while (digits.length < longest) {
      const key = await this.next(digits === '' ? 2 * ms : ms);
      if (key === undefined || key === '#') break;
      digits += key;
    }
    return digits;
  }

  /** Nothing waits any more. */
  forget(): void {
    this.#waiting = [];
  }

  /** Must be called at the end. */
  close(): void {
    this.#off();
  }
}
