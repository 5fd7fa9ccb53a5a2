import { join } from 'node:path';
import { type OrdinalWords, type RussianPack, series, upTo } from './pack.ts';

const ordinals = (prefix: string): OrdinalWords => ({
  units: series(prefix, upTo(1, 20)),
  tens: series(prefix, upTo(30, 90, 10)),
});

/**
 * Russian: the studio recordings of Debian's asterisk-core-sounds-ru-wav (Maxim Topal, ivrvoice.ru, CC BY 3.0). The pack has no feminine
 * numerals, no genitives, no hundreds above 100, ordinals of the masculine alone and not all plural forms; those are ours.
 */
export const ru: RussianPack = {
  language: 'ru',
  directory: '/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU',
  debianPackage: 'asterisk-core-sounds-ru-wav',
  ownDirectory: join(import.meta.dirname, 'ru'),
  prompts: {
    beep: 'beep',
    'error-tone': 'beeperr',
    greeting: './greeting',
    closed: './closed',
    'enter-extension': 'vm-enter-num-to-call', // Введите номер назначения.
    'enter-password': 'agent-pass', // Введите пароль и нажмите решётку.
    'wrong-password': 'vm-invalidpassword', // Это неверный пароль. Пожалуйста, попробуйте ещё раз.
    'invalid-choice': 'conf-errormenu', // Неверный выбор.
    'number-not-found': 'pbx-invalid', // Извините, данный номер не существует. Пожалуйста, попробуйте ещё раз.
    'number-unavailable': 'ss-noservice', // Набранный вами номер отключён. Проверьте номер и повторите попытку.
    'not-answering': 'number-not-answering',
    'nobody-available': 'vm-nobodyavail', // В данный момент никто не может принять ваш звонок.
    'call-not-allowed': './call-not-allowed',
    'transfer-not-allowed': './transfer-not-allowed',
    'line-busy': ['all-circuits-busy-now', 'pls-try-call-later'],
    'please-wait': 'one-moment-please',
    connecting: 'vm-dialout', // Пожалуйста, подождите. Происходит соединение.
    transfer: 'transfer', // Ожидайте, пожалуйста, соединения.
    'all-operators-busy': 'tt-allbusy', // В данный момент все операторы заняты. Пожалуйста, оставайтесь на линии …
    'queue-first': 'queue-youarenext', // Ваш звонок является первым в очереди …
    'queue-longer': './queue-longer',
    'queue-thanks': 'queue-thankyou', // Благодарим за терпение.
    'callback-offer': './callback-offer',
    'callback-accepted': './callback-accepted',
    'leave-message': 'vm-intro', // Оставьте сообщение после сигнала. После этого нажмите решётку или повесьте трубку.
    'message-saved': 'vm-msgsaved', // Сообщение сохранено.
    'message-too-short': 'vm-tooshort', // Ваше сообщение слишком короткое.
    'mailbox-full': 'vm-mailboxfull', // Извините, но голосовой ящик абонента переполнен.
    'enter-mailbox': './enter-mailbox',
    'voicemail-menu': './voicemail-menu',
    'message-deleted': 'vm-deleted', // Сообщение удалено.
    'no-more-messages': 'vm-nomore', // Больше нет сообщений.
    'recording-started': './recording-started',
    'recording-stopped': './recording-stopped',
    'conference-pin': 'conf-getpin', // Введите пароль конференции.
    'conference-wrong-pin': 'conf-invalidpin', // Пароль неверен.
    'conference-full': 'conf-full',
    'conference-refused': './conference-refused',
    'conference-entering': 'conf-placeintoconf', // Сейчас вы зайдёте в конференцию.
    'conference-first': 'conf-onlyperson', // Вы являетесь первым участником конференции.
    'thank-you': 'auth-thankyou', // Спасибо.
    goodbye: 'vm-goodbye', // До свидания.
  },
  fragments: {
    'call-from': 'followme/call-from', // Входящий звонок от …
    'unknown-caller': 'vm-unknown-caller', // От неизвестного абонента.
    'queue-position': 'queue-thereare', // Ваша позиция в очереди …
    'queue-wait': 'queue-holdtime', // Прогнозируемое время ожидания составляет …
    'new-messages': './new-messages',
    'saved-messages': './saved-messages',
    'less-than': 'queue-less-than', // менее …
  },
  numbers: {
    units: series('digits/', upTo(0, 19)),
    tens: series('digits/', upTo(20, 90, 10)),
    hundreds: ['digits/hundred', ...series('./numbers/', upTo(200, 900, 100))],
    thousand: {
      one: 'digits/thousand',
      oneAccusative: './numbers/thousand-accusative',
      few: 'digits/h-thousand',
      many: './numbers/thousand-many',
    },
    million: { one: 'digits/million', few: 'digits/h-million', many: './numbers/million-many' },
    billion: { one: 'digits/billion', few: './numbers/billion-few', many: 'digits/h-billion' },
    minus: 'digits/minus',
    feminine: {
      one: './numbers/1-feminine',
      oneAccusative: './numbers/1-feminine-accusative',
      two: './numbers/2-feminine',
    },
    neuter: { one: 'digits/1n' },
    genitive: {
      units: series('./numbers/genitive-', upTo(0, 19)),
      oneFeminine: './numbers/genitive-1-feminine',
      tens: series('./numbers/genitive-', upTo(20, 90, 10)),
      hundreds: series('./numbers/genitive-', upTo(100, 900, 100)),
    },
    ordinals: {
      masculine: ordinals('digits/h-'),
      feminine: ordinals('./numbers/ordinal-feminine-'),
      neuter: ordinals('./numbers/ordinal-neuter-'),
      genitive: ordinals('./numbers/ordinal-genitive-'),
    },
    ofYear: './numbers/of-year',
    from: './numbers/from',
    to: './numbers/to',
    hour: { one: './numbers/hour-one', few: './numbers/hour-few', many: 'hours' },
    minute: {
      one: 'queue-minute',
      oneAccusative: './numbers/minute-accusative',
      few: './numbers/minute-few',
      many: 'queue-minutes',
    },
    second: {
      one: './numbers/second-one',
      oneAccusative: './numbers/second-accusative',
      few: './numbers/second-few',
      many: 'queue-seconds',
    },
    weekdays: series('digits/day-', upTo(0, 6)),
    months: series('digits/mon-', upTo(0, 11)),
    today: 'digits/today',
    tomorrow: 'digits/tomorrow',
    yesterday: 'digits/yesterday',
    star: 'digits/star',
    // Not digits/pound: that one says «фунтов».
    pound: './numbers/pound',
    plus: 'letters/plus',
  },
};
