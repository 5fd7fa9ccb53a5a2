import { PROMPTS } from '../../scripts/prompt-texts.ts';
import { en } from '../../src/media/prompts/en.ts';
import type { Language, PromptPack } from '../../src/media/prompts/pack.ts';
import { ru } from '../../src/media/prompts/ru.ts';
import { speak } from '../../src/media/prompts/speak.ts';
import type { Spoken } from '../../src/media/spoken.ts';

/** What a listener hears: the words of the recordings, with a comma for a pause. A recording without a known text makes the test fail. */
export function heard(language: Language, ...spoken: readonly Spoken[]): string {
  const pack: PromptPack = language === 'ru' ? ru : en;
  return speak(spoken, pack)
    .map((word) => (typeof word === 'string' ? ` ${textOf(language, word)}` : ','))
    .join('')
    .trim();
}

function textOf(language: Language, recording: string): string {
  const text = recording.startsWith('./')
    ? PROMPTS[language][recording.slice(2)]
    : (language === 'ru' ? RUSSIAN : ENGLISH)[recording];
  if (text === undefined) throw new Error(`nobody knows what the recording ${recording} says`);
  return text;
}

const row = (prefix: string, from: number, words: string, step = 1): Record<string, string> =>
  Object.fromEntries(words.split(' ').map((word, index) => [`${prefix}${from + index * step}`, word]));

/** The texts of the studio recordings. */
const RUSSIAN: Readonly<Record<string, string>> = {
  ...row(
    'digits/',
    0,
    'ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать ' +
      'семнадцать восемнадцать девятнадцать',
  ),
  ...row('digits/', 20, 'двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто', 10),
  ...row(
    'digits/h-',
    1,
    'первый второй третий четвёртый пятый шестой седьмой восьмой девятый десятый одиннадцатый двенадцатый тринадцатый четырнадцатый ' +
      'пятнадцатый шестнадцатый семнадцатый восемнадцатый девятнадцатый двадцатый',
  ),
  ...row('digits/h-', 30, 'тридцатый сороковой пятидесятый шестидесятый семидесятый восьмидесятый девяностый', 10),
  ...row('digits/day-', 0, 'воскресенье понедельник вторник среда четверг пятница суббота'),
  ...row('digits/mon-', 0, 'января февраля марта апреля мая июня июля августа сентября октября ноября декабря'),
  'digits/1n': 'одно',
  'digits/hundred': 'сто',
  'digits/thousand': 'тысяча',
  'digits/h-thousand': 'тысячи',
  'digits/million': 'миллион',
  'digits/h-million': 'миллиона',
  'digits/billion': 'миллиард',
  'digits/h-billion': 'миллиардов',
  'digits/minus': 'минус',
  'digits/star': 'звёздочка',
  'letters/plus': 'плюс',
  'digits/today': 'сегодня',
  'digits/tomorrow': 'завтра',
  'digits/yesterday': 'вчера',
  hours: 'часов',
  'queue-minute': 'минута',
  'queue-minutes': 'минут',
  'queue-seconds': 'секунд',
  'queue-thereare': 'ваша позиция в очереди',
  'queue-holdtime': 'прогнозируемое время ожидания составляет',
  'queue-less-than': 'менее',
  'followme/call-from': 'входящий звонок от',
  'queue-thankyou': 'благодарим за терпение',
};

const ENGLISH: Readonly<Record<string, string>> = {
  ...row(
    'digits/',
    0,
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
  ),
  ...row('digits/', 20, 'twenty thirty forty fifty sixty seventy eighty ninety', 10),
  ...row(
    'digits/h-',
    1,
    'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth ' +
      'eighteenth nineteenth twentieth',
  ),
  ...row('digits/h-', 30, 'thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth', 10),
  ...row('digits/day-', 0, 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'),
  ...row('digits/mon-', 0, 'January February March April May June July August September October November December'),
  'digits/hundred': 'hundred',
  'digits/thousand': 'thousand',
  'digits/million': 'million',
  'digits/billion': 'billion',
  'digits/minus': 'minus',
  'digits/star': 'star',
  'digits/pound': 'pound',
  'letters/plus': 'plus',
  'digits/oh': 'oh',
  'digits/a-m': 'a.m.',
  'digits/p-m': 'p.m.',
  'digits/today': 'today',
  'digits/tomorrow': 'tomorrow',
  'digits/yesterday': 'yesterday',
  hours: 'hours',
  minute: 'minute',
  minutes: 'minutes',
  second: 'second',
  seconds: 'seconds',
  'queue-thereare': 'you are currently caller number',
  'queue-holdtime': 'the estimated hold time is currently',
  'queue-less-than': 'less than',
  'followme/call-from': 'incoming call from',
  'queue-thankyou': 'thank you for your patience',
};
