import type { Employee } from '../config/document.ts';
import type { Leg } from '../dial/leg.ts';
import { stopOf } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import type { AudioSource, Endpoint } from '../media/port.ts';
import type { Spoken } from '../media/spoken.ts';
import type { Call } from './call.ts';

/**
 * What is heard before the two are connected (§4.4.1.2): the employee is told who calls, while the caller goes on hearing ringing or music; then the
 * warning of the line, by those whom it is for, at the same time. Never rejects.
 *
 * @param employee undefined: somebody else, who is told no number
 * @param wait the caller hears again what he heard before the warning
 * @param signal the caller is gone, or wants something else
 * @returns why the callee was not reached after all; he has hung up then, or was hung up. Undefined: the two may talk
 */
export async function introduce(
  call: Call,
  leg: Leg,
  { employee, wait }: { readonly employee: Employee | undefined; readonly wait: () => void },
  signal: AbortSignal,
): Promise<EndReason | undefined> {
  const { sounds } = call.services;
  const over = new AbortController();
  const off = leg.on('ended', () => over.abort());
  const stop = AbortSignal.any([signal, over.signal]);

  if (employee && tellsNumber(call, employee))
    await hear(leg.endpoint, sounds.say(call.pbx, callerSpoken(call.timeline.facts.from)), stop);

  const warning = warningOf(call);
  const heardByCaller = warning !== undefined && warning.to !== 'employee' && !stop.aborted;
  if (warning) {
    const { audio, to } = warning;
    await Promise.all([
      ...(to === 'caller' ? [] : [hear(leg.endpoint, sounds.audio(call.pbx, audio), stop)]),
      ...(heardByCaller ? [call.audio.play(audio, stop)] : []),
    ]);
  }
  off();
  if (signal.aborted) {
    const { sip, endReason } = stopOf(signal);
    void leg.hangup(sip);
    return endReason;
  }
  if (!leg.ended) return undefined;
  if (heardByCaller) wait();
  return 'noAnswer';
}

/** Whether anything is heard at all before the two are connected. @param employee as for `introduce` */
export const isIntroduced = (call: Call, employee: Employee | undefined): boolean =>
  (employee !== undefined && tellsNumber(call, employee)) || warningOf(call) !== undefined;

/** Of the line that was called. */
const warningOf = ({ pbx, timeline }: Call) => pbx.line(timeline.facts.line ?? '')?.entry?.warning;

/** It is for callers from outside, and no robot listens to it. */
const tellsNumber = ({ pbx, timeline }: Call, { robot }: Employee): boolean =>
  pbx.document.pbx.announceCallerNumber && timeline.facts.direction === 'in' && !robot;

/**
 * «Входящий звонок от …»; a name that has no number in it cannot be said.
 * @param from as in `CallFacts`
 */
export function callerSpoken(from: string): readonly Spoken[] {
  const [, digits, address] = /^(\d+)(@.*)?$/.exec(from) ?? [];
  if (digits === undefined) return [{ fragment: 'unknown-caller' }];
  return [{ fragment: 'call-from' }, address === undefined ? { phone: digits } : { digits }];
}

/** Plays to the end, or until the signal is aborted. */
async function hear(endpoint: Endpoint, sources: readonly AudioSource[], signal: AbortSignal): Promise<void> {
  if (signal.aborted || sources.length === 0) return;
  const playback = endpoint.play(sources);
  const stop = () => void playback.stop();
  signal.addEventListener('abort', stop, { once: true });
  await playback.ended;
  signal.removeEventListener('abort', stop);
}
