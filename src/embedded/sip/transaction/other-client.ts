import { machine, type Rules, type State, type Step, send, start, stop, tell, to, unlessReliable } from './machine.ts';

/*
 *  trying ──1xx──▶ proceeding ──200–699──▶ completed ──K──▶ terminated
 *     └─────────────200–699──────────────────▲
 */

/**
 * - `waiting`: not sent yet; a CANCEL waits so for the first provisional response of its INVITE.
 * - `trying`: on its way, over UDP again and again, with gaps that grow up to T2.
 * - `proceeding`: heard; over UDP still repeated every T2, because a lost final response is not repeated by itself.
 * - `completed`: answered; repeats of the answer are swallowed.
 */
export type OtherClientState = 'waiting' | 'trying' | 'proceeding' | 'completed' | 'terminated';

export type OtherClientEvent =
  | 'start'
  | 'provisional'
  | 'success'
  | 'failure'
  /** The transport could not send, or nobody needs this any more. */
  | 'broken'
  | 'timerE'
  | 'timerF'
  | 'timerK';

type Result = Step<OtherClientState>;

const ended = (): Result => [to('terminated')];
const timedOut = (): Result => [to('terminated'), tell('timeout')];
const brokenOff = (): Result => [to('terminated'), tell('broken')];

/** Timer K is 0 on a reliable transport. */
const answered = (_: State<OtherClientState>, { timers, reliable }: Rules): Result =>
  reliable
    ? [to('terminated'), tell('response')]
    : [to('completed'), stop('E'), stop('F'), start('K', timers.t4), tell('response')];

/** Client transaction of everything but INVITE and ACK: RFC 3261 §17.1.2. */
export const otherClient = machine<OtherClientState, OtherClientEvent>('waiting', {
  waiting: {
    start: (_, rules) => [
      to('trying', rules.timers.t1),
      ...unlessReliable(rules, start('E', rules.timers.t1)),
      start('F', 64 * rules.timers.t1),
      send('request'),
    ],
    broken: ended,
  },
  trying: {
    timerE: ({ gap }, { timers }) => {
      const next = Math.min(gap * 2, timers.t2);
      return [to('trying', next), start('E', next), send('request')];
    },
    timerF: timedOut,
    provisional: () => [to('proceeding'), tell('response')],
    success: answered,
    failure: answered,
    broken: brokenOff,
  },
  proceeding: {
    timerE: (tx, { timers }) => [tx, start('E', timers.t2), send('request')],
    timerF: timedOut,
    provisional: (tx) => [tx, tell('response')],
    success: answered,
    failure: answered,
    broken: brokenOff,
  },
  completed: { timerK: ended },
  terminated: {},
});
