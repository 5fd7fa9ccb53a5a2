import type { FragmentName, PromptName } from './prompts/names.ts';

/** One thing to be said in the language of a PBX, by recordings. Announcements are lists of these. */
export type Spoken =
  | { readonly prompt: PromptName }
  | { readonly fragment: FragmentName }
  /** A cardinal number, an integer up to 10¹²; `gender` of what is counted where the language has it (default masculine). */
  | { readonly number: number; readonly gender?: 'masculine' | 'feminine' | 'neuter' }
  /** A place in an order: «третий», “third”; 1 to 99. */
  | { readonly ordinal: number }
  /** Key by key: `0-9*#+`. */
  | { readonly digits: string }
  /** A phone number in international format, in the groups in which people say it. */
  | { readonly phone: string }
  /** A length of time in whole minutes or hours and minutes, declined as its number asks for: «одну минуту, две минуты, пять минут». */
  | { readonly minutes: number }
  /** As `minutes`, of seconds below a minute or with seconds: «две минуты пять секунд». */
  | { readonly seconds: number }
  /** A time of the day, wall clock. */
  | { readonly time: { readonly hour: number; readonly minute: number } }
  /** A calendar date, `2026-12-31`, with its weekday if `weekday`. */
  | { readonly date: string; readonly weekday?: boolean };
