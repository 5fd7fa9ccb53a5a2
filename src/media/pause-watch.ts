/** An interval between two words of one pause is at most so many times the first one. */
const GROWS = 4;

/** Notices pauses of a peer, for every adapter: that nothing comes from him, whatever that means, and that something comes again. */
export class PauseWatch {
  readonly #paused: (ms: number) => void;
  readonly #resumed: () => void;
  #pauseMs = 0;
  /** Of what came last; milliseconds, monotonic, as all moments here. */
  #sinceMs = 0;
  #dueMs = Infinity;
  #isPaused = false;

  /** @param paused how long it has lasted so far; told again as `SilenceLimits` says */
  constructor(paused: (ms: number) => void, resumed: () => void) {
    this.#paused = paused;
    this.#resumed = resumed;
  }

  /** @param pauseMs 0: pauses are not told of */
  expect(pauseMs: number, nowMs: number): void {
    this.#pauseMs = pauseMs;
    this.heard(nowMs);
  }

  /** Something has come. */
  heard(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#dueMs = this.#pauseMs > 0 ? nowMs + this.#pauseMs : Infinity;
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#resumed();
  }

  /** To be called a few times a second. */
  check(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    const ms = nowMs - this.#sinceMs;
    // From when it was due: what comes late once is not late for ever.
    this.#dueMs += Math.min(this.#dueMs - this.#sinceMs, GROWS * this.#pauseMs);
    this.#isPaused = true;
    this.#paused(Math.round(ms));
  }
}
