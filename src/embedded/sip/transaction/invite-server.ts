import { machine, type Rules, type State, type Step, send, start, stop, tell, to, unlessReliable } from './machine.ts';

/*
 *  proceeding ──2xx──▶ accepted (ACK: up) ──L──▶ terminated
 *      │                                            ▲
 *      └──300–699──▶ completed ──ACK──▶ confirmed ──I
 *                        └───────────H──────────────┘
 */

/**
 * - `waiting`: just made.
 * - `proceeding`: the caller hears that we try; repeats of the INVITE get the last provisional response.
 * - `accepted`: answered; the user of the layer repeats its 2xx, we swallow repeats of the INVITE and hand up the ACKs.
 * - `completed`: refused; over UDP repeated until the ACK comes.
 * - `confirmed`: the ACK came; its repeats are swallowed.
 */
export type InviteServerState = 'waiting' | 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated';

export type InviteServerEvent =
  | 'start'
  /** The INVITE again. */
  | 'request'
  | 'ack'
  /** Responses that the user of the layer gives. */
  | 'provisional'
  | 'success'
  | 'failure'
  /** The transport could not send a final response. */
  | 'broken'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerL';

type Result = Step<InviteServerState>;

const ended = (): Result => [to('terminated')];

/** Timer I is 0 on a reliable transport. */
const confirmed = (_: State<InviteServerState>, { timers, reliable }: Rules): Result =>
  reliable ? ended() : [to('confirmed'), stop('G'), stop('H'), start('I', timers.t4)];

/**
 * INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. Differs in one thing: the 100 goes out at
 * once, not after 200 ms, since what answers is another thread and may take its time.
 */
export const inviteServer = machine<InviteServerState, InviteServerEvent>('waiting', {
  waiting: {
    start: () => [to('proceeding'), send('trying'), tell('request')],
  },
  proceeding: {
    request: (tx) => [tx, send('response')],
    provisional: (tx) => [tx, send('response')],
    success: (_, { timers }) => [to('accepted'), start('L', 64 * timers.t1), send('response')],
    failure: (_, rules) => [
      to('completed', rules.timers.t1),
      ...unlessReliable(rules, start('G', rules.timers.t1)),
      start('H', 64 * rules.timers.t1),
      send('response'),
    ],
  },
  accepted: {
    success: (tx) => [tx, send('response')],
    ack: (tx) => [tx, tell('ack')],
    broken: ended,
    timerL: ended,
  },
  completed: {
    request: (tx) => [tx, send('response')],
    timerG: ({ gap }, { timers }) => {
      const next = Math.min(gap * 2, timers.t2);
      return [to('completed', next), start('G', next), send('response')];
    },
    ack: confirmed,
    broken: ended,
    timerH: ended,
  },
  confirmed: { timerI: ended },
  terminated: {},
});
