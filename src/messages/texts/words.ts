import { counted } from '../../config/words.ts';
import { nounAfter } from '../../media/prompts/speak-ru.ts';
import type { Language } from './language.ts';

/** The things that letters count. */
const russian = {
  hour: { one: 'час', few: 'часа', many: 'часов' },
  minute: { one: 'минута', few: 'минуты', many: 'минут' },
  second: { one: 'секунда', few: 'секунды', many: 'секунд' },
  page: { one: 'страница', few: 'страницы', many: 'страниц' },
};

/** «3 страницы», "3 pages" */
export const countOf = (language: Language, n: number, noun: keyof typeof russian): string =>
  language === 'ru' ? `${n} ${nounAfter(n, russian[noun], 'nominative')}` : counted(n, noun);

/** «1 минута 5 секунд». @param total whole seconds */
export function lengthOf(language: Language, total: number): string {
  const parts = [
    [Math.floor(total / 3600), 'hour'],
    [Math.floor(total / 60) % 60, 'minute'],
    [total % 60, 'second'],
  ] as const;
  const shown = parts.filter(([n]) => n > 0).map(([n, noun]) => countOf(language, n, noun));
  return shown.length > 0 ? shown.join(' ') : countOf(language, 0, 'second');
}

/**
 * «с номера +79161234567». Extensions and SIP addresses stand as they are.
 * @param caller as in a call record: normalised number or SIP address; empty when hidden
 * @param name what he calls himself, or what the address book does
 */
export function fromWhom(language: Language, caller: string, name?: string | null): string {
  const named = name ? ` (${name.replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim()})` : '';
  if (caller === '') return (language === 'ru' ? 'со скрытого номера' : 'from a hidden number') + named;
  if (caller.includes('@')) return (language === 'ru' ? `с адреса ${caller}` : `from ${caller}`) + named;
  return `${language === 'ru' ? 'с номера' : 'from'} ${shownNumber(caller)}${named}`;
}

export const shownNumber = (number: string): string => (/^\d{10,15}$/.test(number) ? `+${number}` : number);
