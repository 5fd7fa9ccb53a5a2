import { seconds } from '../../history/figures.ts';
import { Zone } from '../../time/zone.ts';
import type { Letter } from '../outbox.ts';
import { voicemailLetter } from '../texts/voicemail.ts';
import type { VoiceMessage } from './message.ts';

/**
 * The letter that tells of a message (§4.6.5.1). Undefined: nobody is to be told.
 * @param file its audio
 */
export function letterOf(message: VoiceMessage, file: string): Letter | undefined {
  const { pbx, id, to, delivery, language, timezone, from, fromName, employeeName } = message;
  if (delivery === 'storeOnly' || to.length === 0) return undefined;
  const attached = delivery !== 'notify';
  const words = voicemailLetter(
    { language, timezone },
    {
      caller: from,
      callerName: fromName,
      at: Date.parse(message.at),
      seconds: seconds(message.ms),
      ...(employeeName === null ? {} : { employee: employeeName }),
      attached,
    },
  );
  return {
    pbx,
    id: `voicemail-${id}`,
    to,
    ...words,
    ...(attached ? { attachments: [{ path: file, name: attachmentName(message), type: 'audio/wav' }] } : {}),
    about: { kind: 'voicemail', id },
  };
}

/** `voicemail-2026-11-26-1542-79161234567.wav`, by the clocks of whom it is for. */
function attachmentName({ at, timezone, from }: VoiceMessage): string {
  const [date, time = ''] = new Date(Zone.of(timezone).wallAt(Date.parse(at))).toISOString().split('T');
  const parts = ['voicemail', date, time.slice(0, 5).replace(':', ''), ...(from === '' ? [] : [plain(from)])];
  return `${parts.join('-')}.wav`;
}

/** A SIP address may have in it what file systems take for something else. */
const plain = (part: string): string => part.replace(/[^\p{L}\p{N}@.+_-]/gu, '_');
