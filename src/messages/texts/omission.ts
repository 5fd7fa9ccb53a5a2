import type { Language } from './language.ts';

/** An attachment that does not go with its letter. */
export interface Omission {
  readonly name: string;
  readonly because: 'missing' | 'tooLarge';
  /** Of the system, for the log. */
  readonly error?: string;
}

/** What the letter says of it, in lines below its text. */
export const omissionNote = (omitted: readonly Omission[], language: Language): string[] =>
  omitted.length === 0 ? [] : ['', ...omitted.map(({ name, because }) => notes[language][because](name))];

const notes: Readonly<Record<Language, Readonly<Record<Omission['because'], (name: string) => string>>>> = {
  ru: {
    missing: (name) => `Файл «${name}» не приложен: его больше нет.`,
    tooLarge: (name) => `Файл «${name}» не приложен: он слишком велик для письма.`,
  },
  en: {
    missing: (name) => `The file "${name}" is not attached: it is not there any more.`,
    tooLarge: (name) => `The file "${name}" is not attached: it is too large for a letter.`,
  },
};
