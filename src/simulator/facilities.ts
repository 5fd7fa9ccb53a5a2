import type { Call } from '../call/call.ts';
import type { FaxMachine, Mailbox, Rooms } from '../call/facilities.ts';
import { delay } from '../time/clock.ts';

/** How long a fax takes, milliseconds: about a page. */
export const faxMs = 30_000;

/** A mailbox that hears a caller who talks until he hangs up, presses `#`, or `voicemail.maxDuration` is over (2-call-behaviour §8). */
export class SimulatedMailbox implements Mailbox {
  /** From the tone on: keys are the mailbox's. */
  recording = false;

  async record(...[call, request, signal, recording]: Parameters<Mailbox['record']>): Promise<void> {
    const { voicemail } = call.pbx.document;
    const greeting = request.greeting ?? voicemail.warning;
    if (greeting !== null) await call.audio.play(greeting, signal);
    await call.audio.play('builtin:beep', signal);
    if (signal.aborted || call.end) return;
    recording();
    this.recording = true;
    const message = new AbortController();
    const offDigits = call.caller.on('digit', ({ digit }) => {
      if (digit === '#') message.abort();
    });
    await during(call, voicemail.maxDuration * 1000, [signal, message.signal]);
    offDigits();
    this.recording = false;
    call.timeline.technical('voicemail');
  }
}

export const simulatedFax: FaxMachine = {
  receive: async (call, _request, signal) => {
    await call.audio.answer();
    call.audio.stop();
    await during(call, faxMs, [signal]);
    call.timeline.technical('fax');
  },
  // Nobody presses keys in a simulated conversation.
  receiveWhileTalking: async () => 0,
};

/** A conference in which the caller talks until he hangs up. */
export const simulatedRooms: Rooms = {
  join: async (call, id, signal, connected) => {
    const room = call.pbx.room(id);
    if (!room) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    await call.audio.answer();
    if (signal.aborted || call.end) return { outcome: 'failed', reason: 'callerHungUp' };
    call.audio.stop();
    const attempt = call.timeline.ask({ kind: 'room', id, name: room.name, address: '' });
    connected();
    attempt.talking();
    await new Promise<void>((resolve) => call.caller.gone.addEventListener('abort', () => resolve(), { once: true }));
    attempt.over('answered', 'callerHungUp');
    return { outcome: 'connected', reason: 'callerHungUp' };
  },
};

/** Waits, at most until one of the signals is aborted or the caller is gone. */
async function during(call: Call, ms: number, signals: readonly AbortSignal[]): Promise<void> {
  const stop = AbortSignal.any([...signals, call.caller.gone]);
  await delay(call.services.clock, ms, stop).catch(() => undefined);
}
