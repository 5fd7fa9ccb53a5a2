import { machine, type Rules, type State, type Step, send, start, tell, to } from './machine.ts';

/*
 *  trying ──1xx──▶ proceeding ──200–699──▶ completed ──J──▶ terminated
 *     └─────────────200–699──────────────────▲
 */

/**
 * - `waiting`: just made.
 * - `trying`: the user of the layer works on it; repeats are swallowed, there is nothing to say yet.
 * - `proceeding`: repeats get the last provisional response.
 * - `completed`: repeats get the final response.
 */
export type OtherServerState = 'waiting' | 'trying' | 'proceeding' | 'completed' | 'terminated';

export type OtherServerEvent =
  | 'start'
  /** The request again. */
  | 'request'
  /** Responses that the user of the layer gives. */
  | 'provisional'
  | 'success'
  | 'failure'
  /** The transport could not send a final response. */
  | 'broken'
  | 'timerJ';

/** Timer J is 0 on a reliable transport: nothing is repeated there. */
const answered = (_: State<OtherServerState>, { timers, reliable }: Rules): Step<OtherServerState> =>
  reliable ? [to('terminated'), send('response')] : [to('completed'), start('J', 64 * timers.t1), send('response')];

/** Server transaction of everything but INVITE and ACK: RFC 3261 §17.2.2. */
export const otherServer = machine<OtherServerState, OtherServerEvent>('waiting', {
  waiting: {
    start: () => [to('trying'), tell('request')],
  },
  trying: {
    provisional: () => [to('proceeding'), send('response')],
    success: answered,
    failure: answered,
  },
  proceeding: {
    request: (tx) => [tx, send('response')],
    provisional: (tx) => [tx, send('response')],
    success: answered,
    failure: answered,
  },
  completed: {
    request: (tx) => [tx, send('response')],
    broken: () => [to('terminated')],
    timerJ: () => [to('terminated')],
  },
  terminated: {},
});
