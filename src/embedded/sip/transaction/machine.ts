import type { TimerValues } from './types.ts';

/** The timers of RFC 3261 §17 and RFC 6026; `Cancel` is the 64·T1 of §9.1 after which a cancelled INVITE is given up. */
export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M' | 'Cancel';

/** What a step asks of the world. Whoever runs the machine knows the bytes and the listeners. */
export type Effect =
  | { readonly do: 'send'; readonly what: 'request' | 'ack' | 'trying' | 'response' }
  | { readonly do: 'start'; readonly timer: TimerName; readonly ms: number }
  | { readonly do: 'stop'; readonly timer: TimerName }
  | { readonly do: 'tell'; readonly what: 'request' | 'response' | 'ack' | 'timeout' | 'broken' };

export const send = (what: 'request' | 'ack' | 'trying' | 'response'): Effect => ({ do: 'send', what });
export const start = (timer: TimerName, ms: number): Effect => ({ do: 'start', timer, ms });
export const stop = (timer: TimerName): Effect => ({ do: 'stop', timer });
export const tell = (what: 'request' | 'response' | 'ack' | 'timeout' | 'broken'): Effect => ({ do: 'tell', what });

export interface State<Name extends string> {
  readonly name: Name;
  /** Milliseconds until the next retransmission, where there are any. */
  readonly gap: number;
}

export interface Rules {
  readonly timers: TimerValues;
  /** The transport repeats what gets lost: TCP and what is built on it. */
  readonly reliable: boolean;
}

/** The next state and the effects in order. `tell` comes last: its listener may feed the next event at once. */
export type Step<Name extends string> = readonly [state: State<Name>, ...effects: Effect[]];

type Arrow<Name extends string> = (tx: State<Name>, rules: Rules) => Step<Name>;

/** One line for each arrow of the RFC's diagram. What has no arrow is ignored. */
export type Table<Name extends string, Event extends string> = Readonly<
  Record<Name, Readonly<Partial<Record<Event, Arrow<Name>>>>>
>;

/** A transaction machine: a pure function of state and event. `terminated` stops all timers. */
export interface Machine<Name extends string, Event extends string> {
  readonly initial: State<Name>;
  step(tx: State<Name>, event: Event, rules: Rules): Step<Name>;
  /** Whether the event does anything in this state. */
  handles(tx: State<Name>, event: Event): boolean;
}

export const machine = <Name extends string, Event extends string>(
  initial: Name,
  table: Table<Name, Event>,
): Machine<Name, Event> => ({
  initial: { name: initial, gap: 0 },
  step: (tx, event, rules) => table[tx.name][event]?.(tx, rules) ?? [tx],
  handles: (tx, event) => table[tx.name][event] !== undefined,
});

export const to = <Name extends string>(name: Name, gap = 0): State<Name> => ({ name, gap });

/** Effects that only an unreliable transport needs. */
export const unlessReliable = ({ reliable }: Rules, ...effects: Effect[]): Effect[] => (reliable ? [] : effects);
