import type { SchemeWorld } from '../scheme/actors.ts';
import { runScheme } from '../scheme/run.ts';
import type { Call } from './call.ts';
import type { EndReason } from './end-reason.ts';
import { forward } from './forward.ts';

/**
 * Runs a scheme for a call to its end. While it runs, the caller's digits are its input.
 *
 * @returns why it ended; a caller who is still there is then to be hung up with that reason
 */
export async function runSchemeOf(call: Call, id: string, hops = 0): Promise<EndReason> {
  const compiled = call.prepared.scheme(id);
  if (!compiled) return 'schemeMisconfigured';
  call.timeline.scheme(id);
  let lastFailure: EndReason | undefined;

  const world: SchemeWorld = {
    answer: async () => {
      await call.audio.answer();
    },
    play: (audio, signal) => call.audio.play(audio, signal),
    startAudio: (audio) => call.audio.start(audio),
    stopAudio: () => call.audio.stop(),
    forward: async (request, signal, connected) => {
      const { target, timeout, music } = request;
      const result = await forward(
        call,
        {
          target,
          connected,
          hops,
          ...(timeout === undefined ? {} : { timeout }),
          ...(music === undefined ? {} : { music }),
        },
        signal,
      );
      if (result.outcome === 'failed') {
        lastFailure = result.reason;
        call.timeline.stage('menu');
      }
      return result;
    },
    voicemail: async (_request, signal) => {
      // Recording is not built yet (the checker warns of each such step): the caller is told that nobody can take the call.
      call.log.warn('voicemail is not available yet');
      await call.audio.play('builtin:nobody-available', signal);
    },
    fax: async () => {
      call.log.warn('fax reception is not available yet');
    },
    trace: (entry) => {
      call.log.debug(entry, 'scheme');
      call.timeline.trace(entry);
    },
  };

  const run = runScheme(compiled, {
    world,
    clock: call.services.clock,
    log: call.log,
    caller: call.timeline.facts.from,
  });
  const offDigits = call.caller.on('digit', ({ digit }) => {
    call.timeline.input({ kind: 'digit', digit });
    run.press(digit);
  });
  const gone = () => run.callerGone();
  call.caller.gone.addEventListener('abort', gone, { once: true });
  if (call.caller.gone.aborted) gone();
  const { reason } = await run.done;
  offDigits();
  call.caller.gone.removeEventListener('abort', gone);
  // A caller who was only rung for hears why nobody came: the failure of the last attempt, not the end of the scheme.
  return reason === 'schemeEnded' && lastFailure !== undefined ? lastFailure : reason;
}
