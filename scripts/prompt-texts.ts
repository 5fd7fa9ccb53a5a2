import { upTo } from '../src/media/prompts/pack.ts';

/** One recording for each number, from words in a row. */
function row(prefix: string, numbers: readonly number[], words: string): Record<string, string> {
  const texts = words.split(' ');
  if (texts.length !== numbers.length) throw new Error(`${prefix}: ${numbers.length} numbers, ${texts.length} words`);
  return Object.fromEntries(numbers.map((n, index) => [`${prefix}${n}`, texts[index] ?? '']));
}

/** All Russian ordinals but the third have the same endings; these are the stems of the first to the twentieth, then of 30 to 90. */
const STEMS =
  'перв втор трет четвёрт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат шестнадцат семнадцат восемнадцат ' +
  'девятнадцат двадцат тридцат сороков пятидесят шестидесят семидесят восьмидесят девяност';

const ordinals = (form: string, ending: string, third: string): Record<string, string> =>
  row(
    `numbers/ordinal-${form}-`,
    [...upTo(1, 20), ...upTo(30, 90, 10)],
    STEMS.split(' ')
      .map((stem) => (stem === 'трет' ? third : `${stem}${ending}`))
      .join(' '),
  );

/** What our own recordings say, by their place below src/media/prompts/<language>. */
export const PROMPTS: Record<'ru' | 'en', Record<string, string>> = {
  ru: {
    greeting: 'Здравствуйте! Наберите внутренний номер сотрудника или дождитесь ответа оператора.',
    closed: 'Вы позвонили в нерабочее время. Пожалуйста, перезвоните позже.',
    'callback-offer': 'Нажмите один, и вам перезвонит первый свободный оператор.',
    'callback-accepted': 'Спасибо. Вам перезвонит первый свободный оператор.',
    'queue-longer': 'К сожалению, время ожидания увеличилось.',
    'call-not-allowed': 'Извините, звонки на этот номер для вас не разрешены.',
    'transfer-not-allowed': 'Извините, перевод вызова на внешний номер не разрешён.',
    'recording-started': 'Запись разговора включена.',
    'recording-stopped': 'Запись разговора выключена.',
    'enter-mailbox': 'Наберите свой внутренний номер и решётку.',
    'voicemail-menu': 'Снова: один, сохранить: два, удалить: три, перезвонить: четыре, дальше: решётка.',
    'new-messages': 'Новых сообщений:',
    'saved-messages': 'Сохранённых сообщений:',
    'conference-refused': 'Извините, вы не можете подключиться к этой конференции.',
    'numbers/1-feminine': 'одна',
    'numbers/1-feminine-accusative': 'одну',
    'numbers/2-feminine': 'две',
    'numbers/genitive-1-feminine': 'одной',
    ...row(
      'numbers/genitive-',
      upTo(0, 19),
      'нуля одного двух трёх четырёх пяти шести семи восьми девяти десяти одиннадцати двенадцати тринадцати четырнадцати пятнадцати шестнадцати ' +
        'семнадцати восемнадцати девятнадцати',
    ),
    ...row(
      'numbers/genitive-',
      upTo(20, 90, 10),
      'двадцати тридцати сорока пятидесяти шестидесяти семидесяти восьмидесяти девяноста',
    ),
    ...row(
      'numbers/genitive-',
      upTo(100, 900, 100),
      'ста двухсот трёхсот четырёхсот пятисот шестисот семисот восьмисот девятисот',
    ),
    ...ordinals('feminine', 'ая', 'третья'),
    ...ordinals('neuter', 'ое', 'третье'),
    ...ordinals('genitive', 'ого', 'третьего'),
    'numbers/of-year': 'года',
    'numbers/from': 'от',
    'numbers/to': 'до',
    'numbers/200': 'двести',
    'numbers/300': 'триста',
    'numbers/400': 'четыреста',
    'numbers/500': 'пятьсот',
    'numbers/600': 'шестьсот',
    'numbers/700': 'семьсот',
    'numbers/800': 'восемьсот',
    'numbers/900': 'девятьсот',
    'numbers/thousand-accusative': 'тысячу',
    'numbers/thousand-many': 'тысяч',
    'numbers/million-many': 'миллионов',
    'numbers/billion-few': 'миллиарда',
    'numbers/pound': 'решётка',
    'numbers/hour-one': 'час',
    'numbers/hour-few': 'часа',
    'numbers/minute-accusative': 'минуту',
    'numbers/minute-few': 'минуты',
    'numbers/second-one': 'секунда',
    'numbers/second-accusative': 'секунду',
    'numbers/second-few': 'секунды',
  },
  en: {
    greeting: 'Hello! Please dial the extension you would like to reach, or hold the line for an operator.',
    closed: 'You are calling outside our business hours. Please call again later.',
    'callback-offer': 'Press one, and the first available operator will call you back.',
    'callback-accepted': 'Thank you. The first available operator will call you back.',
    'queue-longer': 'We are sorry, the waiting time has become longer.',
    'call-not-allowed': 'Sorry, you are not permitted to call this number.',
    'transfer-not-allowed': 'Sorry, transfers to external numbers are not permitted.',
    'recording-started': 'Recording is on.',
    'recording-stopped': 'Recording is off.',
    'enter-mailbox': 'Enter your extension, then the pound key.',
    'voicemail-menu': 'Again press one, save two, delete three, call back four, next pound.',
    'new-messages': 'New messages:',
    'saved-messages': 'Saved messages:',
    'conference-refused': 'Sorry, you may not join this conference.',
    'numbers/hour-one': 'hour',
    'numbers/to': 'to',
  },
};
