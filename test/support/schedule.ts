import { readFileSync } from 'node:fs';

/** How the kernel schedules a thread (sched(7)). */
export interface Schedule {
  readonly policy: string;
  /** Of real time; 0: none. */
  readonly priority: number;
}

const policies = ['normal', 'first in, first out', 'round robin', 'batch'];

/** @param thread its folder, such as `/proc/<process>/task/<thread>` */
export function scheduleOf(thread: string): Schedule {
  // proc(5): the second field is a name in brackets, which may hold anything; 40 is rt_priority, 41 policy.
  const stat = readFileSync(`${thread}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const policy = Number(fields[41 - 3]);
  return { policy: policies[policy] ?? String(policy), priority: Number(fields[40 - 3]) };
}
