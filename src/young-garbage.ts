import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';

/** About what one call leaves; less is not worth the walk through what lives. */
const worthBytes = 600 * 1024;
/** Of the time since the last look. Above it there is no quiet moment to use, and V8's own way, which waits until there is no more room, costs less. */
const busyShare = 0.8;

/**
 * Makes what collects the young generation of the calling thread before it is full, for moments in which nobody waits. V8 collects it when there is no room left, which is
 * in the middle of some work: a millisecond and a half, a fifth of what an agent's next caller takes to his phone, and as often in that as in anything else. A collection takes as long as there are
 * living objects, not garbage; so collecting twice as often costs little.
 *
 * @returns undefined where Node was not started for it. `--expose-gc` alone is not enough: with its phases kept apart, V8 makes of a young collection that is
 *   asked for while it marks the old generation a whole one, at once: 60 ms
 */
export function youngCollector(): (() => void) | undefined {
  const collect = globalThis.gc;
  if (!collect || !process.execArgv.includes('--no-separate-gc-phases')) return undefined;
  let lived = youngBytes();
  let seen = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, seen);
    seen = now;
    const bytes = youngBytes();
    // V8 may have come before.
    lived = Math.min(lived, bytes);
    if (utilization > busyShare || bytes - lived < worthBytes) return;
    collect({ type: 'minor' });
    lived = youngBytes();
  };
}

const youngBytes = (): number =>
  getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_used_size ?? 0;
