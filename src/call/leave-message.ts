import type { Employee } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { Leg } from '../dial/leg.ts';
import { errorText } from '../errors.ts';
import type { RecordingEnd } from '../media/recorder.ts';
import type { MessageDraft, MessageEnd, MessageFacts } from '../messages/voicemail/port.ts';
import type { VoicemailRequest } from '../scheme/actors.ts';
import { recipients } from '../scheme/steps/voicemail.ts';
import type { Call } from './call.ts';

/** A caller who says nothing for so long has ended his message (2-call-behaviour §8), milliseconds. */
const SILENCE_MS = 5000;

/**
 * A caller leaves a message (§4.6.5.1): greeting, tone, and then what he says until he hangs up, presses `#`, is silent or has said enough. Answers if
 * need be. From the tone on the call counts as one that came to voicemail, whatever he says (§4.5.9, «абонент попал на голосовую почту»).
 *
 * As `SchemeWorld.voicemail`; rejects, after he has been told, where no message can be kept.
 */
export async function leaveMessage(
  call: Call,
  request: VoicemailRequest,
  signal: AbortSignal,
  recording: () => void,
): Promise<void> {
  const draft = await begin(call, request, signal);
  const all = AbortSignal.any([signal, call.caller.gone]);
  const greeting = request.greeting ?? call.pbx.document.voicemail.warning;
  for (const audio of [...(greeting === null ? [] : [greeting]), 'builtin:beep']) {
    if (!all.aborted) await call.audio.play(audio, signal);
  }
  const { leg } = call.caller;
  if (all.aborted || !leg) {
    await draft.drop();
    return;
  }
  recording();
  call.timeline.technical('voicemail');
  const message = record(call, leg, draft, signal);
  // Its id is to be in the record, also when the caller's end has already brought the scheme to its own.
  call.message = message;
  const outcome = await message;
  call.message = undefined;
  if (!all.aborted) await call.audio.play(outcomes[outcome], signal);
}

const outcomes = {
  kept: 'builtin:message-saved',
  tooShort: 'builtin:message-too-short',
  failed: 'builtin:mailbox-full',
} as const;

async function begin(call: Call, request: VoicemailRequest, signal: AbortSignal): Promise<MessageDraft> {
  try {
    return await call.services.messages.begin(factsOf(call, request));
  } catch (error) {
    call.log.warn({ why: errorText(error) }, 'the caller can leave no message');
    await call.audio.play('builtin:mailbox-full', signal);
    // Where the disk is, is nothing for the record of the call.
    throw new Error('no message can be left now', { cause: error });
  }
}

async function record(call: Call, leg: Leg, draft: MessageDraft, signal: AbortSignal) {
  const { maxDuration } = call.pbx.document.voicemail;
  const recording = leg.endpoint.record({
    file: draft.file,
    sides: 'peer',
    maxMs: maxDuration * 1000,
    silenceMs: SILENCE_MS,
  });
  let byKey = false;
  const offDigits = call.caller.on('digit', ({ digit }) => {
    if (digit !== '#') return;
    byKey = true;
    void recording.stop();
  });
  const stop = () => {
    // The end of his leg ends the recording by itself.
    if (!call.caller.gone.aborted) void recording.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  const { reason, speechMs, error } = await recording.ended;
  signal.removeEventListener('abort', stop);
  offDigits();
  const ended = byKey && reason === 'stopped' ? 'key' : ends[reason];
  const outcome = await draft.finish({ ended, speechMs, ...(error === undefined ? {} : { error }) });
  if (outcome === 'kept') call.timeline.message(draft.id);
  call.log.info({ message: draft.id, ended, speechMs, outcome }, 'voice message');
  return outcome;
}

const ends: Readonly<Record<RecordingEnd['reason'], MessageEnd['ended']>> = {
  stopped: 'hangup',
  endpointGone: 'hangup',
  silence: 'silence',
  maxLength: 'maxDuration',
  failed: 'interrupted',
};

function factsOf({ id, pbx, timeline }: Call, { to, employee }: VoicemailRequest): MessageFacts {
  const { voicemail, mail, pbx: settings } = pbx.document;
  const { from, fromName, line } = timeline.facts;
  const owner = employee === undefined ? ownerOf(pbx, to) : pbx.employee(employee);
  const copies = voicemail.copyToDefault && voicemail.email !== '' ? [voicemail.email] : [];
  return {
    pbx: pbx.id,
    call: id,
    employee: owner?.id ?? null,
    employeeName: owner?.name ?? null,
    from,
    fromName,
    line,
    to: [...new Set([...recipients(to, voicemail), ...copies])],
    // Without a mail server nobody can be told, and what nobody gets is not deleted.
    delivery: mail === undefined ? 'storeOnly' : voicemail.delivery,
    language: settings.language,
    timezone: owner?.timezone || settings.timezone,
    maxMs: voicemail.maxDuration * 1000,
  };
}

/** A message that a scheme sends to one address is that employee's whose address it is; all others are the PBX's. */
function ownerOf(pbx: PbxVersion, to: readonly string[]): Employee | undefined {
  const [address, more] = to;
  if (address === undefined || more !== undefined) return undefined;
  const owners = pbx.document.employees.filter(({ email }) => email.toLowerCase() === address.toLowerCase());
  return owners.length === 1 ? owners[0] : undefined;
}
