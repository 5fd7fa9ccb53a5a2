import { readFileSync } from 'node:fs';

/** How the kernel schedules a thread (sched(7)). */
export interface Schedule {
  readonly policy: string;
  /** Of real time; 0: none. */
  readonly priority: number;
  /** Among those of the normal policy, −20 to 19; the lowest goes first. */
  readonly nice: number;
}

const policies = ['normal', 'first in, first out', 'round robin', 'batch'];

/** @param thread its folder, such as `/proc/<process>/task/<thread>` */
export function scheduleOf(thread: string): Schedule {
  // proc(5): the second field is a name in brackets, which may hold anything; 19 is nice, 40 rt_priority, 41 policy.
  const stat = readFileSync(`${thread}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [nice, priority, policy] = [19, 40, 41].map((number) => Number(fields[number - 3])) as [number, number, number];
  return { policy: policies[policy] ?? String(policy), priority, nice };
}
