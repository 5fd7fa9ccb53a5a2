import type { Target } from '../config/document.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import type { SchemeWorld, TraceEntry } from '../scheme/actors.ts';
import type { CompiledScheme } from '../scheme/compile.ts';
import { directScheme } from '../scheme/direct.ts';
import { runScheme } from '../scheme/run.ts';
import { schemesOf } from '../scheme/schemes.ts';
import type { Call } from './call.ts';
import { forward } from './forward.ts';
import { leaveMessage } from './leave-message.ts';

/** Runs a scheme for a call to its end. @returns why it ended: what a caller who is still there is hung up with */
export function runSchemeOf(call: Call, id: string): Promise<EndReason> {
  const compiled = schemesOf(call.pbx).get(id);
  if (!compiled) return Promise.resolve('schemeMisconfigured');
  call.timeline.scheme(id);
  return run(call, compiled);
}

/**
 * Sends a call to a target as a scheme of that one step would, so that an employee's default action (§4.4.3) is the same either way.
 * @param by the name of that scheme: one for each target of a PBX version
 */
export function sendTo(call: Call, target: Target, by: string): Promise<EndReason> {
  return run(call, directScheme(call.pbx, target, by));
}

async function run(call: Call, compiled: CompiledScheme): Promise<EndReason> {
  const { from } = call.timeline.facts;
  const { autoDetect } = call.pbx.document.fax;
  let offFaxTone: (() => void) | undefined;
  const deaf = () => {
    offFaxTone?.();
    offFaxTone = undefined;
  };
  const scheme = runScheme(compiled, {
    world: worldOf(call, deaf),
    clock: call.services.clock,
    log: call.log,
    ...(from === '' ? {} : { caller: from }),
    onInput: (input, at) => call.timeline.input(input, at),
  });
  call.scheme = scheme;
  if (autoDetect) offFaxTone = call.caller.on('faxTone', () => scheme.faxTone());
  const offDigits = call.caller.on('digit', ({ digit }) => {
    if (!call.keys?.(digit)) scheme.press(digit);
  });
  const gone = () => scheme.callerGone();
  call.caller.gone.addEventListener('abort', gone, { once: true });
  if (call.caller.gone.aborted) gone();
  const { reason, failure } = await scheme.done;
  offDigits();
  deaf();
  call.scheme = undefined;
  call.caller.gone.removeEventListener('abort', gone);
  // A caller for whom somebody was only rung hears why nobody came, not that a scheme has ended. One who has left a message has come to what he was sent to.
  return reason === 'schemeEnded' && failure !== undefined && call.timeline.isMissed ? failure : reason;
}

/** @param deaf called when somebody has the line: what is heard from then on is not the scheme's (and a fax machine that calls is not listened for) */
function worldOf(call: Call, deaf: () => void): SchemeWorld {
  return {
    answer: () => call.audio.answer(),
    play: (audio, signal) => call.audio.play(audio, signal),
    startAudio: (audio) => call.audio.start(audio),
    stopAudio: () => call.audio.stop(),
    forward: async (request, signal, connected, recording) => {
      const hears =
        <A extends unknown[]>(then: (...whom: A) => void) =>
        (...whom: A) => {
          deaf();
          then(...whom);
        };
      const result = await forward(call, request, signal, { connected: hears(connected), recording: hears(recording) });
      // One who has left was missed where he was.
      if (result.outcome === 'failed' && !call.end) call.timeline.stage('menu');
      return result;
    },
    voicemail: (request, signal, recording) => leaveMessage(call, request, signal, recording),
    fax: (request, signal) => {
      deaf();
      return call.services.fax.receive(call, request, signal);
    },
    trace: (entry) => call.trace(truly(call, entry)),
  };
}

/** A scheme that is ended from outside only knows that nobody is there any more; the call knows who has hung up. */
function truly({ end }: Call, entry: TraceEntry): TraceEntry {
  if (entry.event !== 'hangup' || !end || entry.detail?.reason === end.reason) return entry;
  return { ...entry, detail: { ...entry.detail, reason: end.reason }, why: endReasons[end.reason].text };
}
