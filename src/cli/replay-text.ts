import type { CallRecord, PathStep } from '../history/record.ts';
import type { Difference, Doing } from '../replay/deed.ts';
import type { HeardOtherwise } from '../replay/other.ts';
import { moment, table } from './table.ts';

/** What happened to calls that were run again, for people. */

/** `2026-11-02 09:00:00Z  79161234567 → 74951234567` */
export const callText = ({ start, from, to }: CallRecord): string => `${moment(start)}  ${from || 'hidden'} → ${to}`;

export const differenceText = ({ t, state, was, now }: Difference): string =>
  `diverged at ${seconds(t)} in ${state || 'no scheme'}: then ${doingText(was)}, now ${doingText(now)}`;

export const heardText = ({ t, was, now }: HeardOtherwise): string =>
  `heard from ${seconds(t)}: then ${audioText(was)}, now ${audioText(now)}`;

export const pathText = (path: readonly PathStep[]): string =>
  table(
    [
      ['T', ({ t }) => t],
      ['EVENT', ({ event }) => event],
      ['STATE', ({ state }) => state],
      ['DETAIL', ({ detail }) => detailText(detail as PathStep['detail'])],
      ['WHY', ({ why }) => why],
    ],
    path,
  );

const seconds = (t: number): string => `${t.toFixed(1)} s`;

/** `ring employee ivanov (rung for 3 s)`, with the state, because one branch is named by that. */
function doingText(doing: Doing | null): string {
  if (!doing) return 'nothing: it waits';
  const { event, state, detail, why } = doing;
  const what = event === 'branch' ? `branch ${state}` : `${event} ${detailText(detail)}`.trim();
  return why ? `${what} (${why})` : what;
}

function detailText(detail: PathStep['detail']): string {
  return Object.entries(detail ?? {})
    .filter(([key, value]) => value !== undefined && !(key === 'contact' && value === 'asConfigured'))
    .map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

const audioText = (audios: readonly string[]): string => (audios.length > 0 ? audios.join(', ') : 'nothing');
