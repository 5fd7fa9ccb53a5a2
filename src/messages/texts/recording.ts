import type { LetterText, Told } from './language.ts';
import { moment } from './moment.ts';
import { fromWhom, lengthOf, shownNumber } from './words.ts';

/** A conversation that was recorded (§4.5.3). */
export interface RecordingFacts {
  /** As in a call record: normalised number or SIP address; empty when hidden. */
  readonly from: string;
  /** As dialled. */
  readonly to: string;
  /** Whose record it is, by name; unset: nobody's in particular. */
  readonly employee?: string;
  /** ms since 1970: its beginning. */
  readonly at: number;
  /** Whole seconds. */
  readonly seconds: number;
}

/** The manual gives no words for it; it is told as a missed call is (§4.4.6.1.5). */
export function recordingLetter(told: Told, { from, to, employee, at, seconds }: RecordingFacts): LetterText {
  const { language } = told;
  const when = moment(told, at);
  const whom = fromWhom(language, from);
  const length = lengthOf(language, seconds);
  if (language === 'ru') {
    const whose = employee === undefined ? '' : `\nСотрудник: ${employee}`;
    return {
      subject: `Запись разговора от ${when}`,
      text: `${when} записан разговор ${whom} на номер ${shownNumber(to)}${whose}\nДлительность: ${length}\nЗапись приложена к письму.`,
    };
  }
  const whose = employee === undefined ? '' : `\nEmployee: ${employee}`;
  return {
    subject: `Recorded conversation of ${when}`,
    text: `${when}: a conversation ${whom} to ${shownNumber(to)} was recorded${whose}\nLength: ${length}\nThe recording is attached.`,
  };
}
