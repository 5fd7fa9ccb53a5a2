import type { Group } from '../config/document.ts';
import type { Spoken } from '../media/spoken.ts';
import type { Prediction } from './estimate.ts';

/**
 * What a waiting caller is told of his position and his wait, on entry to the queue and every `announce.every` seconds (§4.4.6.2). It decides and yields
 * words; that an announcement never delays a connection is up to the player, who cuts it off when a member answers.
 *
 * - The wait is a range in whole minutes («от двух до пяти минут»), up to the nearest five above ten; nothing when the estimator keeps silent or
 *   it would be more than an hour.
 * - It is never longer than what the caller heard last, unless there is a reason: fewer members at work, or a place further back (one who came back
 *   to his place). Then that the wait has grown is said first. Without a reason a longer wait is not said at all: the estimate wavers,
 *   and repeating the former one would be a lie.
 * - The position is said at each interval, but never one further back than he has heard.
 * - Thanks from the second announcement on: at the first he has just heard the group's own message.
 */
export function announcement(rules: AnnounceRules, heard: Heard | undefined, situation: WaitingNow): Announcement {
  if (!rules.waitTime && !rules.position) return { say: [], heard, nextAt: undefined };
  const { now } = situation;
  const everyMs = rules.every * 1000;
  if (heard && now < heard.at + everyMs) return { say: [], heard, nextAt: heard.at + everyMs };
  const place = rules.position ? placeToSay(heard, situation) : undefined;
  const wait = rules.waitTime ? waitToSay(heard?.wait, situation) : undefined;
  const news = [...(place === undefined ? [] : sayPlace(place)), ...(wait ? sayWait(wait, heard?.wait) : [])];
  const thanks: Spoken[] = heard && news.length > 0 ? [{ prompt: 'queue-thanks' }] : [];
  return {
    say: [...news, ...thanks],
    heard: { at: now, place: place ?? heard?.place, wait: wait ?? heard?.wait },
    nextAt: now + everyMs,
  };
}

export type AnnounceRules = Group['announce'];

/** How it stands with a caller who waits. */
export interface WaitingNow {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** 1 = the next. */
  readonly position: number;
  readonly membersAtWork: number;
  readonly prediction: Prediction;
}

/** What he has been told so far; kept with the caller. */
export interface Heard {
  /** Of the last announcement, milliseconds since 1970; also when there was nothing to say. */
  readonly at: number;
  readonly place: number | undefined;
  readonly wait: SaidWait | undefined;
}

/** Whole minutes, and how it stood when they were said. */
interface SaidWait {
  /** 0: «less than». */
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly membersAtWork: number;
}

export interface Announcement {
  /** Empty: nothing now. */
  readonly say: readonly Spoken[];
  /** For the next time. */
  readonly heard: Heard | undefined;
  /** When to ask again, milliseconds since 1970; undefined: never. */
  readonly nextAt: number | undefined;
}

const MINUTE_MS = 60_000;
const LONGEST_MINUTES = 60;
/** From here on in steps of five. */
const COARSE_MINUTES = 10;
const COARSE_STEP = 5;

const placeToSay = (heard: Heard | undefined, { position }: WaitingNow): number | undefined =>
  heard?.place !== undefined && position > heard.place ? undefined : position;

function waitToSay(last: SaidWait | undefined, now: WaitingNow): SaidWait | undefined {
  const { prediction, position, membersAtWork } = now;
  if (prediction.silent) return undefined;
  const to = Math.max(1, rounded(prediction.range.toMs, Math.ceil));
  const from = Math.min(rounded(prediction.range.fromMs, Math.floor), to);
  if (to > LONGEST_MINUTES) return undefined;
  const here = { position, membersAtWork };
  if (!last) return { from, to, ...here };
  if (to > last.to) return hasReason(last, now) ? { from, to, ...here } : undefined;
  return { from: Math.min(from, last.from), to, ...here };
}

const hasReason = (last: SaidWait, { position, membersAtWork }: WaitingNow): boolean =>
  position > last.position || membersAtWork < last.membersAtWork;

function rounded(ms: number, round: (value: number) => number): number {
  const minutes = round(ms / MINUTE_MS);
  return minutes > COARSE_MINUTES ? round(minutes / COARSE_STEP) * COARSE_STEP : minutes;
}

const sayPlace = (place: number): Spoken[] =>
  place === 1 ? [{ prompt: 'queue-first' }] : [{ fragment: 'queue-position' }, { ordinal: place }];

function sayWait({ from, to }: SaidWait, last: SaidWait | undefined): Spoken[] {
  const longer: Spoken[] = last && to > last.to ? [{ prompt: 'queue-longer' }] : [];
  const length: Spoken[] =
    from === 0 ? [{ fragment: 'less-than' }, { minutes: to }] : [from === to ? { minutes: to } : { minutes: from, to }];
  return [...longer, { fragment: 'queue-wait' }, ...length];
}
