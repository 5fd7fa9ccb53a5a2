const BUCKET_MS = 0.25;
/** The last one takes everything from 50 ms up. */
const BUCKETS = 201;
const SLICES = 6;
const SLICE_MS = 10_000;

/** Counts of latenesses, as plain data that passes between threads. */
export interface Distribution {
  readonly counts: readonly number[];
  readonly maxMs: number;
}

interface Slice {
  readonly counts: Uint32Array;
  maxMs: number;
  /** Which ten seconds of the clock it holds. */
  epoch: number;
}

/** Latenesses of the last minute in steps of a quarter of a millisecond. Recording allocates nothing. */
export class LatenessHistogram {
  readonly #slices: readonly Slice[] = Array.from({ length: SLICES }, () => ({
    counts: new Uint32Array(BUCKETS),
    maxMs: 0,
    epoch: -1,
  }));

  record(ms: number, nowMs: number): void {
    const epoch = Math.floor(nowMs / SLICE_MS);
    const slice = this.#slices[epoch % SLICES] as Slice;
    if (slice.epoch !== epoch) {
      slice.counts.fill(0);
      slice.maxMs = 0;
      slice.epoch = epoch;
    }
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(ms / BUCKET_MS)));
    slice.counts[bucket] = (slice.counts[bucket] as number) + 1;
    if (ms > slice.maxMs) slice.maxMs = ms;
  }

  lastMinute(nowMs: number): Distribution {
    const oldest = Math.floor(nowMs / SLICE_MS) - SLICES + 1;
    return merge(
      this.#slices
        .filter((slice) => slice.epoch >= oldest)
        .map((slice) => ({ counts: [...slice.counts], maxMs: slice.maxMs })),
    );
  }
}

export function merge(parts: readonly Distribution[]): Distribution {
  const counts = Array.from({ length: BUCKETS }, (_, i) => sum(parts.map((part) => part.counts[i] ?? 0)));
  return { counts, maxMs: parts.reduce((max, part) => Math.max(max, part.maxMs), 0) };
}

/** @returns undefined if nothing was recorded; quantiles are the upper edges of their buckets, but never above the maximum */
export function quantiles({ counts, maxMs }: Distribution): { p50: number; p99: number; max: number } | undefined {
  const total = sum(counts);
  if (total === 0) return undefined;
  const quantile = (share: number) => {
    let seen = 0;
    const bucket = counts.findIndex((count) => {
      seen += count;
      return seen >= total * share;
    });
    return bucket === BUCKETS - 1 ? maxMs : Math.min(maxMs, (bucket + 1) * BUCKET_MS);
  };
  return { p50: quantile(0.5), p99: quantile(0.99), max: maxMs };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
