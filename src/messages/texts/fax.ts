import type { LetterText, Told } from './language.ts';
import { moment } from './moment.ts';
import { countOf, fromWhom } from './words.ts';

/** A fax that was received (§4.6.5.2). */
export interface FaxFacts {
  /** As in a call record: normalised number or SIP address; empty when hidden. */
  readonly caller: string;
  /** What the machine calls itself (T.30: CSI, TSI). */
  readonly station?: string | null;
  /** ms since 1970 */
  readonly at: number;
  readonly pages: number;
  /** False: it broke off, and these are the pages that came before. */
  readonly complete: boolean;
  /** Whether the document goes with the letter (`attach`), or is only told of (`notify`). */
  readonly attached: boolean;
}

/** The manual gives no words for it; it is told as a missed call is (§4.4.6.1.5). */
export function faxLetter(told: Told, { caller, station, at, pages, complete, attached }: FaxFacts): LetterText {
  const { language } = told;
  const when = moment(told, at);
  const whom = fromWhom(language, caller, station);
  const count = countOf(language, pages, 'page');
  const lines =
    language === 'ru'
      ? [
          `${when} получен факс ${whom}: ${count}`,
          complete ? '' : 'Передача прервалась, получены не все страницы.',
          attached ? 'Факс приложен к письму.' : 'Факс сохранён, его можно открыть в списке факсов.',
        ]
      : [
          `${when}: a fax ${whom}, ${count}`,
          complete ? '' : 'The transmission broke off: not all pages have come.',
          attached ? 'The fax is attached.' : 'The fax is kept, and can be opened in the list of faxes.',
        ];
  return {
    subject: language === 'ru' ? `Факс от ${when}` : `Fax of ${when}`,
    text: lines.filter((line) => line !== '').join('\n'),
  };
}
