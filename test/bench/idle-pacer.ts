import { LatenessHistogram, quantiles } from '../../src/embedded/media/histogram.ts';
import { type Paced, Pacer } from '../../src/embedded/media/worker/pacer.ts';
import { setThreadPriority } from '../../src/thread-priority.ts';
import { systemClock } from '../../src/time/clock.ts';

/**
 * What the pacing of a media thread is measured against: a process of the same priority whose pacer has nothing to do. What is late here is late by the machine and by what else
 * runs on it. At any message it tells its figures and ends.
 */
setThreadPriority('audio');
const lateness = new LatenessHistogram();
const pacer = new Pacer(systemClock);
const measures = (): Paced => ({
  tick(dueMs) {
    const now = systemClock.monotonic();
    lateness.record(now - dueMs, now);
  },
});
// One in each phase, so that every slot of 5 ms is looked at.
for (let phase = 0; phase < 4; phase++) pacer.add(measures());
process.once('message', () => {
  pacer.stop();
  process.send?.(quantiles(lateness.lastMinute(systemClock.monotonic())));
  process.disconnect();
});
