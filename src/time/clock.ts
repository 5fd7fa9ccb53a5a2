/**
 * The only source of time and timers. Everything that waits or stamps takes a `Clock` as an argument, so that a test or the
 * simulator can run a day in a second. XState takes the same object: `createActor(machine, { clock })`.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. Not monotonic: the wall clock may be set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For measuring lengths. */
  monotonic(): number;
  setTimeout(fn: () => void, ms: number): TimerId;
  clearTimeout(id: TimerId): void;
}

/** Opaque; only the clock that made it may clear it. `any`, because XState's own clock type demands it. */
// biome-ignore lint/suspicious/noExplicitAny: XState's Clock interface types the id so
export type TimerId = any;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => clearTimeout(id),
};

/** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
