import type { FragmentName, PromptName } from './prompts/names.ts';

/**
 * One thing to be said in the language of a PBX, by recordings. Announcements are lists of these: a fragment begins a sentence, and what follows it is
 * declined as that sentence asks for («составляет две минуты», «менее двух минут»), so that nobody outside has to know the grammar.
 * What cannot be said (no integer, no such day) is left out: an announcement never stops a call.
 */
export type Spoken =
  | { readonly prompt: PromptName }
  | { readonly fragment: FragmentName }
  /** A cardinal number, an integer up to ±10¹², above that digit by digit; `gender` of what is counted where the language has it (default masculine). */
  | { readonly number: number; readonly gender?: Gender }
  /** A place in an order: «третий», “third”; 1 to 99, else as a cardinal. Agrees with the fragment before it, or with `gender` (default masculine). */
  | { readonly ordinal: number; readonly gender?: Gender }
  /** Key by key: `0-9*#+`; what is none of these is passed over. */
  | { readonly digits: string }
  /** A phone number in the groups in which people say it: international if it has seven digits or more (`74951234567`), else an extension. */
  | { readonly phone: string }
  /** A length of time, in hours from an hour on: «пять минут», «два часа пять минут»; with `to` a range of them: «от двух до пяти минут». */
  | { readonly minutes: number; readonly to?: number }
  /** As `minutes`, of whole seconds: «две минуты пять секунд». */
  | { readonly seconds: number }
  /** A time of the day, wall clock: «девять часов пять минут», “nine oh five a.m.”; hour 0 to 23. */
  | { readonly time: { readonly hour: number; readonly minute: number } }
  /** A calendar date, `2026-12-31`: «тридцать первое декабря»; with its weekday before it and its year (2001 to 2099) after it if asked for. */
  | { readonly date: string; readonly weekday?: boolean; readonly year?: boolean }
  | { readonly day: 'today' | 'tomorrow' | 'yesterday' };

export type Gender = 'masculine' | 'feminine' | 'neuter';
