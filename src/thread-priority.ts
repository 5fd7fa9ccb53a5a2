import { constants, setPriority } from 'node:os';

/**
 * `audio` lets the calling thread go before others when the machine is overloaded: 20 ms are short. It needs root, CAP_SYS_NICE or a limit
 * (`LimitNICE` of systemd); without, audio is then as late as everything else. `background` is always allowed, and needed by a thread that an
 * audio thread starts: it would inherit. It counts among the threads of the engine and of its control group (or session, where the kernel
 * groups by sessions): against other groups on the same processors it is the group's weight that helps (`CPUWeight`).
 * Only on Linux, where a priority belongs to a thread; elsewhere it would change the whole process.
 */
export function setThreadPriority(kind: 'audio' | 'background'): void {
  if (process.platform !== 'linux') return;
  const { PRIORITY_HIGH, PRIORITY_LOW } = constants.priority;
  try {
    setPriority(kind === 'audio' ? PRIORITY_HIGH : PRIORITY_LOW);
  } catch {
    // Not allowed: the normal case for a service without special rights.
  }
}
