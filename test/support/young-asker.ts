import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { youngCollector } from '../../src/young-garbage.ts';

/** How often garbage was collected, the young generation's and all. */
export interface Collected {
  readonly young: number;
  readonly whole: number;
}

/** What became of garbage in the young generation of a process of its own; null: nothing collects there. */
export type Asked = Readonly<Record<'little' | 'much' | 'muchOfABusyThread', Collected>> | null;

const counted = { young: 0, whole: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail;
    counted[kind === constants.NODE_PERFORMANCE_GC_MINOR ? 'young' : 'whole']++;
  }
}).observe({ entryTypes: ['gc'] });

/** The thread has been idle for a while, or not at all; then it leaves garbage. */
async function leave(kilobytes: number, isBusy: boolean, collect: () => void): Promise<Collected> {
  if (isBusy) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  else await setTimeout(20);
  Object.assign(counted, { young: 0, whole: 0 });
  for (let i = 0; i < kilobytes; i++) new Array(125).fill(i);
  collect();
  // The observer is told in a later turn.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { ...counted };
}

async function ask(collect: () => void): Promise<Asked> {
  // What the start of the process has left.
  await leave(1000, false, collect);
  return {
    little: await leave(100, false, collect),
    much: await leave(1000, false, collect),
    muchOfABusyThread: await leave(1000, true, collect),
  };
}

const collect = youngCollector();
process.stdout.write(JSON.stringify(collect ? await ask(collect) : null));
