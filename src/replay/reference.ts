import { isDeepStrictEqual } from 'node:util';
import type { PbxVersion } from '../config/version.ts';
import type { CallInput, CallRecord, PathStep } from '../history/record.ts';
import { type ForwardResult, type TraceEntry, type TraceEvent, toldByTheCall } from '../scheme/actors.ts';
import type { CompiledScheme } from '../scheme/compile.ts';
import type { Timer } from './clock.ts';
import { type Ask, Course, cameIn, type Outcome } from './course.ts';
import { type Start, schemeSentTo } from './start.ts';

/** What was asked in the call, and what came of it: by the number of the input that told it. */
export interface AskThen {
  readonly ask: Ask;
  readonly told: { readonly input: number; readonly event: 'connected' | 'recording' }[];
  ended?: { readonly input: number; readonly outcome: Outcome };
}

/** A time that the machine had set in the call. */
export interface TimerThen {
  readonly ms: number;
  /** How many deeds had been done when it was set, and when that was, milliseconds since 1970. */
  readonly deeds: number;
  readonly set: number;
  /** The input that ended it, by being its end or by making it needless; undefined: it ran when the call ended. */
  over?: number;
}

/** A time in which nobody knows what the caller pressed: a password, or something for whomever he talked to. Milliseconds since 1970. */
export interface Unheard {
  readonly from: number;
  /** Unset: to the end of the call. */
  to?: number;
}

/** A recorded call on the version that it used: what other versions are compared with. */
export interface Reference {
  readonly record: CallRecord;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly course: Course;
  readonly asks: readonly AskThen[];
  readonly timers: readonly TimerThen[];
  readonly unheard: readonly Unheard[];
}

/** Why a record cannot be run again. */
export class Unfaithful extends Error {}

/**
 * Runs the inputs of a record through the version that it used.
 * @throws Unfaithful when the engine does not do what it did then
 */
export async function referenceOf(record: CallRecord, start: Start): Promise<Reference> {
  const then = new Then(record, start);
  for (const [index, input] of record.inputs.entries()) {
    await then.take(index, input);
    then.listen();
  }
  return then.reference();
}

class Then {
  readonly #record: CallRecord;
  readonly #start: number;
  readonly #pbx: PbxVersion;
  readonly #scheme: CompiledScheme | undefined;
  readonly #path: readonly TraceEntry[];
  readonly #course: Course;
  readonly #asks: AskThen[] = [];
  readonly #timers = new Map<Timer, TimerThen>();
  readonly #unheard: Unheard[] = [];

  constructor(record: CallRecord, { pbx, scheme, caller, path }: Start) {
    this.#record = record;
    this.#start = Date.parse(record.start);
    this.#pbx = pbx;
    this.#scheme = scheme;
    this.#course = new Course({
      pbx,
      start: this.#start,
      caller,
      watch: {
        did: () => undefined,
        asked: (ask) => this.#asks.push({ ask, told: [] }),
        set: (timer) =>
          this.#timers.set(timer, { ms: timer.ms, deeds: this.#course.deeds.length, set: timer.due - timer.ms }),
        cleared: (timer) => this.#over(timer),
      },
    });
    this.#path = path;
  }

  async take(index: number, input: CallInput): Promise<void> {
    const [t, kind] = input;
    const course = this.#course;
    course.clock.set(this.#start + t);
    course.inputs = index;
    if (kind === 'begin') {
      const at = this.#start + t;
      const scheme = course.run ? schemeSentTo(this.#pbx, this.#record, at) : this.#scheme;
      if (!scheme) throw new Unfaithful('no scheme begins, and one did');
      course.begin(scheme);
      return;
    }
    const { run } = course;
    if (!run) throw new Unfaithful(`${kind} came in before a scheme began`);
    switch (kind) {
      case 'digit':
        return run.press(input[2]);
      case 'password':
        if (run.listening !== 'secret') throw new Unfaithful(`no password is asked for in ${run.state}`);
        return run.password(input[2]);
      case 'fax':
        return run.faxTone();
      case 'hangup':
        return run.callerGone();
      case 'timer': {
        const timer = course.clock.pending.find(({ ms }) => ms === input[2]);
        if (!timer) throw new Unfaithful(`no time of ${input[2] / 1000} s runs in ${run.state}`);
        this.#over(timer);
        return course.clock.fire(timer);
      }
      default: {
        const latest = this.#asks.at(-1);
        if (!latest || latest.ended || latest.ask.cut() || !isIn(run.state, input[2])) {
          throw new Unfaithful(`${kind} came in of ${input[2]}, and the call is in ${run.state}`);
        }
        if (kind === 'connected' || kind === 'recording') {
          latest.told.push({ input: index, event: kind });
          return latest.ask.tell(kind);
        }
        latest.ended = { input: index, outcome: outcomeOf(input) };
        latest.ask.end(latest.ended.outcome);
        await cameIn();
      }
    }
  }

  /** Notes whether what the caller presses from now on is known. */
  listen(): void {
    const { run, clock } = this.#course;
    const unknown = run !== undefined && run.listening !== 'open';
    const latest = this.#unheard.at(-1);
    if (latest && latest.to === undefined) {
      if (!unknown) latest.to = clock.now();
    } else if (unknown) this.#unheard.push({ from: clock.now() });
  }

  reference(): Reference {
    // A call that a limit kept out came to no decision.
    if (this.#course.run || !this.#scheme) samePath(this.#record, [...this.#path, ...this.#course.traces]);
    return {
      record: this.#record,
      start: this.#start,
      course: this.#course,
      asks: this.#asks,
      timers: [...this.#timers.values()],
      unheard: this.#unheard,
    };
  }

  #over(timer: Timer): void {
    const then = this.#timers.get(timer);
    if (then) then.over ??= this.#course.inputs;
  }
}

/** The state is that one, or inside it. */
const isIn = (state: string, ask: string): boolean => state === ask || state.startsWith(`${ask}:`);

function outcomeOf(
  input: Extract<CallInput, readonly [number, 'done' | 'failed' | 'forwarded', ...unknown[]]>,
): Outcome {
  switch (input[1]) {
    case 'done':
      return { kind: 'done' };
    case 'failed':
      return { kind: 'failed', error: input[3] };
    case 'forwarded':
      return { kind: 'forwarded', result: resultOf(input) };
  }
}

const resultOf = (input: Extract<CallInput, readonly [number, 'forwarded', ...unknown[]]>): ForwardResult =>
  input[3] === 'scheme'
    ? { outcome: input[3], reason: input[4], scheme: input[5] }
    : { outcome: input[3], reason: input[4] };

/** @throws Unfaithful at the first decision that is another one than the record's */
function samePath({ path, cut }: CallRecord, traces: readonly TraceEntry[]): void {
  const decided = traces.filter(({ event }) => !toldByTheCall.has(event));
  const schemes = new Set(traces.map(({ state }) => schemeOf(state)));
  const kept = path.filter(
    ({ event, state }) => !toldByTheCall.has(event as TraceEvent) && schemes.has(schemeOf(state)),
  );
  for (const [index, entry] of decided.entries()) {
    const step = kept[index];
    if (!step && cut) return;
    if (!step || !isStep(step, entry)) throw new Unfaithful(`it did ${told(step)}, and now does ${told(entry)}`);
  }
  // The end of a call that a scheme has not ended itself may be noted behind its last word.
  const more = kept.slice(decided.length).filter(({ event }) => event !== 'hangup');
  if (more[0] && !cut) throw new Unfaithful(`it did ${told(more[0])}, and now does nothing`);
}

const isStep = (step: PathStep, { state, event, detail }: TraceEntry): boolean =>
  step.state === state &&
  step.event === event &&
  (isEndFromOutside(event, detail) || isDeepStrictEqual(step.detail ?? {}, asJson(detail)));

/** All that a machine knows then is that nobody is there any more; who has hung up stands in the record. */
const isEndFromOutside = (event: TraceEvent, detail: TraceEntry['detail']): boolean =>
  event === 'hangup' && detail?.reason === 'callerHungUp';

/** As a record keeps it. */
const asJson = (detail: unknown): unknown => JSON.parse(JSON.stringify(detail ?? {}));

const schemeOf = (state: string): string => state.split(/[/:]/, 1)[0] ?? '';

const told = (entry: { readonly event: string; readonly state: string } | undefined): string =>
  entry ? `"${entry.event}" in ${entry.state}` : 'nothing';
