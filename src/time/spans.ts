/**
 * Stretches of time: sorted, apart from each other, each from its first moment to the first after it, written flat
 * (`[from, to, from, to]`). The unit is the user's.
 */
export type Spans = readonly number[];

export const noSpans: Spans = [];

/** In any order, overlapping or empty: as spans. */
export function spansOf(pairs: readonly (readonly [number, number])[]): Spans {
  const sorted = pairs.filter(([from, to]) => from < to).sort(([a], [b]) => a - b);
  const spans: number[] = [];
  for (const [from, to] of sorted) {
    const last = spans.length - 1;
    if (last > 0 && from <= (spans[last] as number)) spans[last] = Math.max(spans[last] as number, to);
    else spans.push(from, to);
  }
  return spans;
}

export function union(a: Spans, b: Spans): Spans {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  return combined(a, b, (inA, inB) => inA || inB);
}

export function intersection(a: Spans, b: Spans): Spans {
  if (a.length === 0 || b.length === 0) return noSpans;
  return combined(a, b, (inA, inB) => inA && inB);
}

/** What of `a` is not in `b`. */
export function difference(a: Spans, b: Spans): Spans {
  if (a.length === 0 || b.length === 0) return a;
  return combined(a, b, (inA, inB) => inA && !inB);
}

/** One sweep over the ends of both: at an even place a span begins, at an odd one it ends. */
function combined(a: Spans, b: Spans, keeps: (inA: boolean, inB: boolean) => boolean): Spans {
  const spans: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const at = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    if (a[i] === at) i++;
    if (b[j] === at) j++;
    if (keeps(i % 2 === 1, j % 2 === 1) !== (spans.length % 2 === 1)) spans.push(at);
  }
  return spans;
}
