import type { LetterText, Told } from './language.ts';
import { moment } from './moment.ts';
import { fromWhom, lengthOf } from './words.ts';

/** A message that a caller has left (§4.6.5.1). */
export interface VoicemailFacts {
  /** As in a call record: normalised number or SIP address; empty when hidden. */
  readonly caller: string;
  readonly callerName?: string | null;
  /** ms since 1970: when he began to speak. */
  readonly at: number;
  /** Whole seconds. */
  readonly seconds: number;
  /** The employee whom it is for, by name; unset: nobody in particular. */
  readonly employee?: string;
  /** Whether the recording goes with the letter (`attach`), or is only told of (`notify`). */
  readonly attached: boolean;
}

/** The manual gives no words for it; it is told as a missed call is (§4.4.6.1.5). */
export function voicemailLetter(told: Told, facts: VoicemailFacts): LetterText {
  const { language } = told;
  const when = moment(told, facts.at);
  const whom = fromWhom(language, facts.caller, facts.callerName);
  const length = lengthOf(language, facts.seconds);
  if (language === 'ru') {
    const forWhom = facts.employee === undefined ? '' : ` для сотрудника ${facts.employee}`;
    return {
      subject: `Голосовое сообщение от ${when}`,
      text: lines(
        `${when} оставлено голосовое сообщение${forWhom} ${whom}`,
        `Длительность: ${length}`,
        facts.attached
          ? 'Сообщение приложено к письму.'
          : 'Сообщение сохранено, его можно прослушать в голосовой почте.',
      ),
    };
  }
  const forWhom = facts.employee === undefined ? '' : ` for ${facts.employee}`;
  return {
    subject: `Voice message of ${when}`,
    text: lines(
      `${when}: a voice message${forWhom} ${whom}`,
      `Length: ${length}`,
      facts.attached ? 'The message is attached.' : 'The message is kept, and can be listened to in the voicemail.',
    ),
  };
}

const lines = (...all: readonly string[]) => all.join('\n');
