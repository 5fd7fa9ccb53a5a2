export interface Search {
  /** First rate tried. */
  readonly from: number;
  /** Stop when the bounds are so close: 0.1 is ten per cent. */
  readonly within: number;
  /** No probe begins later than this many seconds after the first one. */
  readonly seconds: number;
  /** True if this rate was held. */
  readonly probe: (rate: number) => Promise<boolean>;
}

/** The highest rate that is held: doubled until one is not, then halved in between. 0 if the first one is not held. */
export async function highestRate({ from, within, seconds, probe }: Search): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let held = 0;
  let missed = Number.POSITIVE_INFINITY;
  for (let rate = from; performance.now() < end; ) {
    if (await probe(rate)) held = rate;
    else missed = rate;
    if (held === 0 || missed - held <= within * held) break;
    rate = missed === Number.POSITIVE_INFINITY ? 2 * held : Math.round((held + missed) / 2);
  }
  return held;
}
