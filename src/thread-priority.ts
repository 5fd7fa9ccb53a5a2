import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, constants, setPriority } from 'node:os';

/**
 * What a thread does, the most urgent first. `audio`: a frame every 20 ms. `signalling`: SIP and Redis, whose answers calls wait for; short work each.
 * `calls`: the main thread. `background`: what nobody waits for.
 */
export type Duty = 'audio' | 'signalling' | 'calls' | 'background';

/** Real-time priorities (sched(7): 1 to 99), below those that kernel threads have. */
export const realTimePriorities = { audio: 20, signalling: 12, calls: 10 } as const;

/**
 * Schedules a thread for what it does, on Linux, where a priority belongs to a thread; elsewhere nothing is changed. A call passes through a dozen wake-ups, and
 * without real time each waits for whoever has the processor just then, some milliseconds. FreeSWITCH (`-rp`) and Asterisk (`-p`) take real time for the same reason.
 *
 * It is taken only with `--single-threaded-gc`, as `npm start` has it. Otherwise a thread that collects garbage waits for helpers of V8, which have the normal priority: with as
 * many threads that have real time as there are processors they hardly come to run. An engine under overload did not come back within five minutes.
 *
 * Real time needs root, CAP_SYS_NICE or a limit (`LimitRTPRIO` of systemd). What a thread that has it starts, threads and processes, has the normal priority. Where it is not to
 * be had, audio still asks for a higher priority (`LimitNICE`), which counts among the threads of the engine and of its control group (or session, where the
 * kernel groups by sessions); against other groups it is the group's weight that helps (`CPUWeight`). That one is inherited: so whoever is started by an audio thread
 * and is none says `background`, which is always allowed.
 *
 * @param id a thread's or a process' number as the kernel counts them; 0: the calling thread
 * @returns whether it has real time now
 */
export function setThreadPriority(duty: Duty, id = 0): boolean {
  if (process.platform !== 'linux') return false;
  const { PRIORITY_HIGH, PRIORITY_LOW } = constants.priority;
  if (duty === 'background') setNice(id, PRIORITY_LOW);
  // One processor is for the rest of the machine: no long work of the main thread may take the last one.
  else if ((duty !== 'calls' || availableParallelism() > 1) && takeRealTime(id, realTimePriorities[duty])) return true;
  else if (duty === 'audio') setNice(id, PRIORITY_HIGH);
  return false;
}

function setNice(id: number, nice: number): void {
  try {
    setPriority(id, nice);
  } catch {
    // Not allowed: the normal case for a service without special rights.
  }
}

const SCHED_RR = 2;
/** Threads and processes that it starts do not inherit: V8's helpers, a Redis that writes its file anew. */
const SCHED_RESET_ON_FORK = 0x40000000;

/** sched_setscheduler(2), which Node does not offer. False: not wise, not allowed, or not known to this system. */
function takeRealTime(id: number, priority: number): boolean {
  try {
    // Of the process: `process.execArgv` is the thread's.
    if (!readFileSync('/proc/self/cmdline', 'utf8').split('\0').includes('--single-threaded-gc')) return false;
    // Not a static import: koffi is a native addon, and a platform that it has no binary for must still get an engine.
    const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
    const call = koffi.load(null).func('int sched_setscheduler(int pid, int policy, const int *priority)');
    return call(id, SCHED_RR | SCHED_RESET_ON_FORK, [priority]) === 0;
  } catch {
    return false;
  }
}
