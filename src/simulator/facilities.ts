import type { Call } from '../call/call.ts';
import type { FaxMachine, Rooms } from '../call/facilities.ts';
import { SHORTEST_MESSAGE_MS, type VoiceMessages } from '../messages/voicemail/port.ts';
import { delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';

/** How long a fax takes, milliseconds: about a page. */
export const faxMs = 30_000;

/** Messages that nobody keeps. The caller talks until he hangs up, presses `#`, or `voicemail.maxDuration` is over. */
export const simulatedMessages = (random: Random): VoiceMessages => ({
  begin: async () => ({
    id: random.uuid(),
    file: '',
    finish: async ({ speechMs = 0 }) => (speechMs < SHORTEST_MESSAGE_MS ? 'tooShort' : 'kept'),
    drop: async () => undefined,
  }),
  inbox: async () => ({ fresh: [], saved: [] }),
  markRead: async () => undefined,
  remove: async () => undefined,
});

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
  // Nobody presses keys in a simulated conversation.
  meet: () => {
    throw new Error('a simulated call makes no conference');
  },
  takePlace: async () => undefined,
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
