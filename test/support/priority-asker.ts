import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { type Duty, setThreadPriority } from '../../src/thread-priority.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

/** What a process that has asked for a priority writes: whether it was granted real time, what it has then, and what a thread has that it starts. */
export interface Asked {
  readonly granted: boolean;
  readonly itself: Schedule;
  readonly started: Schedule;
}

const itself = () => scheduleOf('/proc/thread-self');
if (isMainThread) {
  const granted = setThreadPriority(process.argv[2] as Duty);
  const [started] = await once(new Worker(import.meta.filename), 'message');
  process.stdout.write(JSON.stringify({ granted, itself: itself(), started } satisfies Asked));
} else parentPort?.postMessage(itself());
