import { machine, type Rules, type State, type Step, send, start, stop, tell, to, unlessReliable } from './machine.ts';

/*
 *  calling ──1xx──▶ proceeding ──2xx──▶ accepted ──M──▶ terminated
 *     │  └──────────2xx───────────────────▲  │ (2xx: up)     ▲
 *     │                 │                                    │
 *     └──300–699──┬─────┘                                    │
 *                 └──▶ completed (300–699: ACK again) ──D────┘
 */

/**
 * - `waiting`: not sent yet.
 * - `calling`: the INVITE is on its way, over UDP again and again; nobody has heard it for sure.
 * - `proceeding`: somebody works on it; it may ring for as long as the user of the layer lets it.
 * - `accepted`: answered; 2xx of other forks and repeats still come through.
 * - `completed`: refused and acknowledged; repeats of the refusal get the ACK again.
 */
export type InviteClientState = 'waiting' | 'calling' | 'proceeding' | 'accepted' | 'completed' | 'terminated';

export type InviteClientEvent =
  | 'start'
  | 'provisional'
  | 'success'
  | 'failure'
  /** A CANCEL has been sent. */
  | 'cancelled'
  /** The transport could not send. */
  | 'broken'
  | 'timerA'
  | 'timerB'
  | 'timerD'
  | 'timerM'
  | 'timerCancel';

type Tx = State<InviteClientState>;
type Result = Step<InviteClientState>;

const ended = (): Result => [to('terminated')];
const timedOut = (): Result => [to('terminated'), tell('timeout')];
const brokenOff = (): Result => [to('terminated'), tell('broken')];

/** RFC 6026 §7.2. */
const answered = (_: Tx, { timers }: Rules): Result => [
  to('accepted'),
  stop('A'),
  stop('B'),
  stop('Cancel'),
  start('M', 64 * timers.t1),
  tell('response'),
];

/** RFC 3261 §17.1.1.2. Timer D is 0 on a reliable transport. */
const refused = (_: Tx, { timers, reliable }: Rules): Result =>
  reliable
    ? [to('terminated'), send('ack'), tell('response')]
    : [to('completed'), stop('A'), stop('B'), stop('Cancel'), send('ack'), start('D', timers.d), tell('response')];

/** INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2. */
export const inviteClient = machine<InviteClientState, InviteClientEvent>('waiting', {
  waiting: {
    start: (_, rules) => [
      to('calling', rules.timers.t1),
      ...unlessReliable(rules, start('A', rules.timers.t1)),
      start('B', 64 * rules.timers.t1),
      send('request'),
    ],
  },
  calling: {
    timerA: ({ gap }) => [to('calling', gap * 2), start('A', gap * 2), send('request')],
    timerB: timedOut,
    provisional: () => [to('proceeding'), stop('A'), stop('B'), tell('response')],
    success: answered,
    failure: refused,
    broken: brokenOff,
  },
  proceeding: {
    provisional: (tx) => [tx, tell('response')],
    success: answered,
    failure: refused,
    cancelled: (tx, { timers }) => [tx, start('Cancel', 64 * timers.t1)],
    timerCancel: timedOut,
  },
  accepted: {
    success: (tx) => [tx, tell('response')],
    timerM: ended,
  },
  completed: {
    failure: (tx) => [tx, send('ack')],
    // The user has its final response already; that the ACK could not be sent changes nothing for it.
    broken: ended,
    timerD: ended,
  },
  terminated: {},
});
