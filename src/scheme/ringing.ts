import type { RingTarget } from './actors.ts';
import { after, ended, goOnSent, type SchemeBuild } from './build.ts';
import type { Action, State, Transitions } from './chart.ts';
import type { HearEntry } from './hear-out.ts';
import { place, to } from './paths.ts';

/** Whom to ring: a target that the scheme names, or whom the caller has dialled. */
export type Call =
  | { readonly target: RingTarget; readonly timeout?: number; readonly music?: string }
  | { readonly target?: never };

/**
 * Somebody is being rung, and talks when he answers. While he rings, and while his assistant speaks, the block's keys are live (their handlers are the
 * block's); from `connected` or `recording` on they and the fax detector are dead.
 *
 * Only an employee has an assistant, or a phone that sends the call on: a group, a number, a trunk and a room leave the caller no mailbox and lead to no other scheme.
 * @param otherwise what follows when nobody was reached
 * @param hearEntry where an entry is heard out that has begun when an assistant sends the call on. Unset: none can have begun
 */
export function ringing(
  scheme: SchemeBuild,
  path: string,
  call: Call,
  otherwise: Transitions,
  hearEntry?: HearEntry,
): State {
  const traced = (event: 'ring' | 'connect' | 'noAnswer'): Action => ({
    type: 'traceCall',
    params: { state: path, event, ...(call.target ? { target: call.target } : {}) },
  });
  const assists = call.target === undefined || 'employee' in call.target;
  const recording = place(path, 'recording');
  const sent = assists ? after([{ type: 'failed' }], goOnSent(scheme, path)) : [];
  const sentEntry = assists ? hearEntry?.(place(path, 'sentEntry'), goOnSent(scheme, path)) : undefined;
  const keepsSent: readonly Action[] = [{ type: 'failed' }, { type: 'sent' }];
  return {
    id: path,
    entry: [traced('ring')],
    invoke: {
      ...(call.target ? { src: 'forward', input: call } : { src: 'forwardDialled' }),
      onDone: [
        { guard: { type: 'dealtWith' }, target: to(ended(scheme)), actions: [{ type: 'endOfForward' }] },
        ...(sentEntry ? [{ guard: { type: 'sentInEntry' } as const, target: sentEntry, actions: keepsSent }] : []),
        ...sent,
        ...after([{ type: 'failed' }, traced('noAnswer')], otherwise),
      ],
      onError: after([{ type: 'fault', params: { state: path } }], otherwise),
    },
    initial: 'ringing',
    states: {
      ringing: {
        id: place(path, 'ringing'),
        on: {
          connected: [{ target: to(place(path, 'connected')) }],
          ...(assists ? { recording: [{ target: to(recording) }] } : {}),
        },
      },
      ...(assists ? { recording: deaf(recording) } : {}),
      connected: deaf(place(path, 'connected'), [traced('connect')]),
    },
  };
}

/** Nobody listens for keys any more: whoever has the line (a person, the mailbox, a fax) hears them himself. They do not come to the machine then (`run.ts`). */
export const deaf = (id: string, entry: readonly Action[] = []): State => ({
  id,
  tags: ['deaf'],
  entry: [{ type: 'forget' }, ...entry],
});
