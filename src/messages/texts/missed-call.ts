import type { LetterText, Told } from './language.ts';
import { moment } from './moment.ts';
import { fromWhom } from './words.ts';

/** A call that an employee has missed and his assistant has taken over. */
export interface MissedCallFacts {
  readonly employee: string;
  /** As in a call record: normalised number or SIP address; empty when hidden. */
  readonly caller: string;
  /** ms since 1970 */
  readonly at: number;
}

/** §4.4.6.1.5, example 2. */
export const missedCallLetter = (told: Told, missed: MissedCallFacts): LetterText => ({
  subject: `${told.language === 'ru' ? 'Пропущенный звонок от' : 'Missed call of'} ${moment(told, missed.at)}`,
  text: missedCallSms(told, missed),
});

/** §4.4.6.1.5, example 1. */
export function missedCallSms(told: Told, { employee, caller, at }: MissedCallFacts): string {
  const when = moment(told, at);
  const whom = fromWhom(told.language, caller);
  return told.language === 'ru'
    ? `${when} сотрудником ${employee} пропущен звонок ${whom}`
    : `${when}: ${employee} has missed a call ${whom}`;
}
