import { describe, expect, it } from 'vitest';
import { faxLetter } from '../../../src/messages/texts/fax.ts';
import { missedCallLetter, missedCallSms } from '../../../src/messages/texts/missed-call.ts';
import { omissionNote } from '../../../src/messages/texts/omission.ts';
import { recordingLetter } from '../../../src/messages/texts/recording.ts';
import { voicemailLetter } from '../../../src/messages/texts/voicemail.ts';
import { countOf, fromWhom, lengthOf } from '../../../src/messages/texts/words.ts';

const at = Date.parse('2026-11-02T21:05:30Z');
const ru = { language: 'ru', timezone: 'Europe/Moscow' } as const;
const en = { language: 'en', timezone: 'Asia/Vladivostok' } as const;
const caller = '79161234567';

describe('a missed call (§4.4.6.1.5)', () => {
  const missed = { employee: 'Иван Иванов', caller, at };

  it('is told in the manual’s words, by the clocks of whom it is for', () => {
    const text = '03.11.2026 в 00:05 сотрудником Иван Иванов пропущен звонок с номера +79161234567';
    expect(missedCallLetter(ru, missed)).toEqual({ subject: 'Пропущенный звонок от 03.11.2026 в 00:05', text });
    expect(missedCallSms(ru, missed)).toBe(text);
  });

  it('is told in English', () => {
    expect(missedCallLetter(en, missed)).toEqual({
      subject: 'Missed call of 3 November 2026 at 07:05',
      text: '3 November 2026 at 07:05: Иван Иванов has missed a call from +79161234567',
    });
  });

  it.each([
    { from: '', ru: 'со скрытого номера', en: 'from a hidden number' },
    { from: '402', ru: 'с номера 402', en: 'from 402' },
    { from: 'ivanov@acme.example', ru: 'с адреса ivanov@acme.example', en: 'from ivanov@acme.example' },
  ])('from "$from"', ({ from, ru: russian, en: english }) => {
    expect([fromWhom('ru', from), fromWhom('en', from)]).toEqual([russian, english]);
  });
});

it('names of callers stay on their line', () => {
  expect(fromWhom('ru', caller, 'Мария\r\nВы выиграли: \u202ehttp://evil')).toBe(
    'с номера +79161234567 (Мария Вы выиграли: http://evil)',
  );
});

it.each([
  [1, '1 страница', '1 page'],
  [2, '2 страницы', '2 pages'],
  [5, '5 страниц', '5 pages'],
  [11, '11 страниц', '11 pages'],
  [21, '21 страница', '21 pages'],
  [112, '112 страниц', '112 pages'],
])('%d pages are counted as the language has it', (n, russian, english) => {
  expect([countOf('ru', n, 'page'), countOf('en', n, 'page')]).toEqual([russian, english]);
});

it.each([
  [0, '0 секунд', '0 seconds'],
  [65, '1 минута 5 секунд', '1 minute 5 seconds'],
  [3600, '1 час', '1 hour'],
  [7384, '2 часа 3 минуты 4 секунды', '2 hours 3 minutes 4 seconds'],
])('%d seconds', (n, russian, english) => {
  expect([lengthOf('ru', n), lengthOf('en', n)]).toEqual([russian, english]);
});

it('a voice message', () => {
  const facts = { caller, callerName: 'Мария', at, seconds: 65, employee: 'Иван Иванов', attached: true };
  expect(voicemailLetter(ru, facts)).toEqual({
    subject: 'Голосовое сообщение от 03.11.2026 в 00:05',
    text: [
      '03.11.2026 в 00:05 оставлено голосовое сообщение для сотрудника Иван Иванов с номера +79161234567 (Мария)',
      'Длительность: 1 минута 5 секунд',
      'Сообщение приложено к письму.',
    ].join('\n'),
  });
  const { employee: _, ...nobody } = facts;
  expect(voicemailLetter(en, { ...nobody, attached: false }).text.split('\n')).toEqual([
    '3 November 2026 at 07:05: a voice message from +79161234567 (Мария)',
    'Length: 1 minute 5 seconds',
    'The message is kept, and can be listened to in the voicemail.',
  ]);
});

it('a fax', () => {
  const fax = { caller, station: '+7 495 123', at, pages: 3, complete: true, attached: true };
  expect(faxLetter(ru, fax)).toEqual({
    subject: 'Факс от 03.11.2026 в 00:05',
    text: '03.11.2026 в 00:05 получен факс с номера +79161234567 (+7 495 123): 3 страницы\nФакс приложен к письму.',
  });
  expect(faxLetter(ru, { ...fax, pages: 1, complete: false }).text).toContain('получены не все страницы');
  expect(faxLetter(en, { ...fax, attached: false }).text).toContain('a fax from +79161234567 (+7 495 123), 3 pages');
});

it('a recorded conversation', () => {
  const recorded = { from: caller, to: '74951234567', employee: 'Иван Иванов', at, seconds: 61 };
  expect(recordingLetter(ru, recorded)).toEqual({
    subject: 'Запись разговора от 03.11.2026 в 00:05',
    text: [
      '03.11.2026 в 00:05 записан разговор с номера +79161234567 на номер +74951234567',
      ...['Сотрудник: Иван Иванов', 'Длительность: 1 минута 1 секунда', 'Запись приложена к письму.'],
    ].join('\n'),
  });
});

it('what does not go with a letter is said in it', () => {
  expect(omissionNote([], 'ru')).toEqual([]);
  expect(
    omissionNote(
      [
        { name: 'a.wav', because: 'missing' },
        { name: 'b.wav', because: 'tooLarge' },
      ],
      'en',
    ),
  ).toEqual([
    '',
    'The file "a.wav" is not attached: it is not there any more.',
    'The file "b.wav" is not attached: it is too large for a letter.',
  ]);
});
