import type { Scheme } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { EndReason } from '../end-reason.ts';
import type { SchemeWorld } from '../scheme/actors.ts';
import { type CompiledScheme, compileScheme } from '../scheme/compile.ts';
import { runScheme } from '../scheme/run.ts';
import { schemesOf } from '../scheme/schemes.ts';
import type { Call } from './call.ts';
import { forward } from './forward.ts';

/** Runs a scheme for a call to its end. @returns why it ended: what a caller who is still there is hung up with */
export function runSchemeOf(call: Call, id: string): Promise<EndReason> {
  const compiled = schemesOf(call.pbx).get(id);
  if (!compiled) return Promise.resolve('schemeMisconfigured');
  call.timeline.scheme(id);
  return run(call, compiled);
}

/** Calls a short number as a scheme of that one step would, so that an employee's default action (§4.4.3) is the same either way. */
export function callExtension(call: Call, extension: string): Promise<EndReason> {
  return run(call, directScheme(call.pbx, extension));
}

async function run(call: Call, compiled: CompiledScheme): Promise<EndReason> {
  const { from } = call.timeline.facts;
  const scheme = runScheme(compiled, {
    world: worldOf(call),
    clock: call.services.clock,
    log: call.log,
    ...(from === '' ? {} : { caller: from }),
  });
  call.scheme = scheme;
  const offFaxTone = call.caller.on('faxTone', () => {
    call.timeline.input({ kind: 'fax' });
    scheme.faxTone();
  });
  const offDigits = call.caller.on('digit', ({ digit }) => {
    // The digits of a password belong into no record.
    if (!scheme.secret) call.timeline.input({ kind: 'digit', digit });
    scheme.press(digit);
  });
  const gone = () => scheme.callerGone();
  call.caller.gone.addEventListener('abort', gone, { once: true });
  if (call.caller.gone.aborted) gone();
  const { reason, failure } = await scheme.done;
  offDigits();
  offFaxTone();
  call.scheme = undefined;
  call.caller.gone.removeEventListener('abort', gone);
  // A caller for whom somebody was only rung hears why nobody came, not that a scheme has ended.
  return reason === 'schemeEnded' && failure !== undefined ? failure : reason;
}

function worldOf(call: Call): SchemeWorld {
  return {
    answer: () => call.audio.answer(),
    play: (audio, signal) => call.audio.play(audio, signal),
    startAudio: (audio) => call.audio.start(audio),
    stopAudio: () => call.audio.stop(),
    forward: async (request, signal, connected) => {
      const result = await forward(call, request, signal, connected);
      if (result.outcome === 'failed') call.timeline.stage('menu');
      return result;
    },
    voicemail: (request, signal, recording) => call.services.mailbox.record(call, request, signal, recording),
    fax: (request, signal) => call.services.fax.receive(call, request, signal),
    trace: (entry) => {
      call.log.debug(entry, 'scheme');
      call.timeline.trace(entry);
    },
  };
}

const direct = new WeakMap<PbxVersion, Map<string, CompiledScheme>>();

function directScheme(pbx: PbxVersion, extension: string): CompiledScheme {
  const made = direct.get(pbx) ?? new Map<string, CompiledScheme>();
  direct.set(pbx, made);
  const known = made.get(extension);
  if (known) return known;
  const scheme: Scheme = {
    id: `extension-${extension}`,
    name: extension,
    description: '',
    missed: { sms: false },
    speech: { digits: false, names: false, topics: false },
    branches: [{ when: 'always', steps: [{ forward: { extension } }], menu: {}, rules: {}, end: 'hangup' }],
  };
  const compiled = compileScheme(pbx, scheme);
  made.set(extension, compiled);
  return compiled;
}
