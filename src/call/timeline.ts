import type { Asked, Attempt, AttemptLog, RungContact } from '../dial/attempt.ts';
import { Emitter } from '../emitter.ts';
import { type EndReason, endReasons } from '../end-reason.ts';
import { figures, instant, type Mark, outcomeOf, seconds } from '../history/figures.ts';
import type { OpenCall } from '../history/open-call.ts';
import type {
  Arrival,
  AttemptOutcome,
  CallDirection,
  CallInput,
  CallRecord,
  CallStage,
  Participant,
  PathStep,
  TechnicalEnd,
  Transfer,
} from '../history/record.ts';
import { type TraceEntry, type TraceEvent, toldByTheCall } from '../scheme/actors.ts';
import type { FromOutside } from '../scheme/outside.ts';
import type { Clock } from '../time/clock.ts';

/** What is known of a call when it is born. */
export interface CallFacts {
  readonly id: string;
  readonly pbx: string;
  readonly configVersion: string;
  readonly direction: CallDirection;
  readonly from: string;
  readonly fromName: string | null;
  readonly employee: string | null;
  readonly line: string | null;
  readonly to: string;
  readonly node: string;
  /** null: nobody called us, it is a call of ours. */
  readonly arrival: Arrival | null;
}

export interface OpenAttempt {
  readonly asked: Asked;
  state: 'ringing' | 'talking';
  /** Milliseconds since 1970. */
  since: number;
}

/** What changed, for those who watch calls: the timeline tells it all. `stopped`: one of those who were rung is rung no more. */
export type TimelineChange = 'stage' | 'ringing' | 'stopped' | 'talking' | 'held' | 'retrieved';

/** As many decisions, inputs and attempts of one call as a record keeps: a caller who circles for an hour must not fill the memory. */
const MAX_ENTRIES = 1000;

/**
 * The story of one call as it happens: marks for the figures, attempts for the participants, the path through the scheme, the inputs for
 * a replay. `record` tells it in the form of history.
 */
export class Timeline implements AttemptLog {
  readonly facts: CallFacts;
  readonly changes = new Emitter<{ changed: TimelineChange; unheard: { readonly error: string } }>();
  readonly #clock: Clock;
  readonly #start: number;
  readonly #marks: Mark[] = [];
  readonly #participants: Participant[] = [];
  readonly #path: PathStep[] = [];
  readonly #inputs: CallInput[] = [];
  /** Attempts that go on, each with what ends it, and what would be told of it if the call were lost at that time. */
  readonly #open = new Map<OpenAttempt, { readonly finish: () => void; readonly lost: (at: number) => Participant }>();
  /** The place in the scheme that the machine has spoken of last. */
  #place: string | null = null;
  #scheme: string | null = null;
  #lastScheme: string | null = null;
  #technical: TechnicalEnd | null = null;
  readonly #messages: string[] = [];
  readonly #transfers: Transfer[] = [];
  #talked = false;
  /** Since when one has the other on hold, milliseconds since 1970; undefined: nobody has. */
  #heldSince: number | undefined;
  #heldMs = 0;
  #recordings: readonly string[] = [];
  /** More happened than is kept. */
  #cut = false;

  constructor(facts: CallFacts, clock: Clock) {
    this.facts = facts;
    this.#clock = clock;
    this.#start = clock.now();
    this.stage('number');
  }

  /** Milliseconds since 1970. */
  get start(): number {
    return this.#start;
  }

  get talked(): boolean {
    return this.#talked;
  }

  /** Nobody talked, and the call has come to nothing else by design. One who was asked for a message and left none is missed like any other. */
  get isMissed(): boolean {
    const hasLeftNothing = this.#technical === 'voicemail' && this.#messages.length === 0;
    return !this.#talked && (this.#technical === null || hasLeftNothing);
  }

  /** One of those who talk has the other on hold. */
  get held(): boolean {
    return this.#heldSince !== undefined;
  }

  get currentStage(): CallStage {
    return this.#marks.at(-1)?.stage ?? 'number';
  }

  /** When it came to this stage, milliseconds since 1970. */
  get since(): number {
    return this.#marks.at(-1)?.at ?? this.#start;
  }

  /** Who is being rung, or talks, right now. */
  get asking(): readonly OpenAttempt[] {
    return [...this.#open.keys()];
  }

  /** Those who were asked and are not any more. */
  get participants(): readonly Participant[] {
    return this.#participants;
  }

  get path(): readonly PathStep[] {
    return this.#path;
  }

  /** The scheme that the call entered first. */
  get firstScheme(): string | null {
    return this.#scheme;
  }

  /** The one that it came to last, of itself or sent on by another. */
  get lastScheme(): string | null {
    return this.#lastScheme;
  }

  /** The last place in a scheme that was noted. */
  get place(): string | null {
    return this.#place;
  }

  stage(stage: CallStage, group?: string): void {
    this.#mark(stage, group);
    this.changes.emit('changed', 'stage');
  }

  /** One puts the other on hold, or nobody does any more. */
  hold(held: boolean): void {
    this.#retrieved();
    if (held) this.#heldSince = this.#clock.now();
    this.changes.emit('changed', held ? 'held' : 'retrieved');
  }

  /** One who talked has brought the other one together with somebody else. */
  transferred(transfer: Omit<Transfer, 'at'>): void {
    this.#transfers.push({ at: instant(this.#clock.now()), ...transfer });
  }

  /** Recordings of a conversation are kept. @param ids theirs */
  recorded(ids: readonly string[]): void {
    this.#recordings = [...this.#recordings, ...ids];
  }

  /** The call entered a scheme; the first one is the record's. */
  scheme(id: string): void {
    this.#scheme ??= id;
    this.#lastScheme = id;
    this.stage('menu');
  }

  /** The caller waits in the queue of a group, and nobody is being rung for him. */
  queued(group: string): void {
    this.#marks.push({ at: this.#clock.now(), stage: 'group', group, queued: true });
    this.changes.emit('changed', 'stage');
  }

  technical(end: TechnicalEnd): void {
    this.#technical = end;
  }

  /** The caller has left a voice message. */
  message(id: string): void {
    this.#messages.push(id);
  }

  /** Somebody is being rung from now on; a group: the call entered it. */
  ask(asked: Asked): Attempt {
    return this.#ask(asked, (group) => this.#mark('employee', group));
  }

  /** Of those who are asked while the caller talks: he does not wait for them. */
  get asides(): AttemptLog {
    return { ask: (asked) => this.#ask(asked, () => undefined) };
  }

  /** @param stage the caller waits for one person, of this group */
  #ask(asked: Asked, stage: (group: string | undefined) => void): Attempt {
    const began = this.#clock.now();
    let answered: number | undefined;
    const open: OpenAttempt = { asked, state: 'ringing', since: began };
    if (asked.kind === 'group') {
      this.#mark('group', asked.id);
      this.#note('queue', asked);
    } else {
      stage(asked.group);
      if (asked.contact) this.#note('ring', asked, {}, asked.why);
    }
    const participant = (end: number, outcome: AttemptOutcome, reason: EndReason, heldMs: number): Participant => ({
      kind: asked.kind,
      id: asked.id,
      name: asked.name,
      address: asked.address,
      group: asked.group ?? null,
      start: instant(began),
      ring: seconds((answered ?? end) - began),
      talk: answered === undefined ? 0 : seconds(end - answered),
      hold: seconds(heldMs),
      outcome,
      reason,
    });
    const over: Attempt['over'] = (outcome, reason, heldMs = 0) => {
      if (!this.#open.delete(open)) return;
      if (answered !== undefined) this.#retrieved();
      // One who was rung for nothing because another has answered, or the caller did something else, has not failed to answer.
      if (outcome !== 'answered' && outcome !== 'elsewhere') {
        this.#note('noAnswer', asked, { reason }, endReasons[reason].text);
      }
      const end = this.#clock.now();
      if (this.#participants.length >= MAX_ENTRIES) this.#cut = true;
      else this.#participants.push(participant(end, outcome, reason, heldMs));
      this.changes.emit('changed', 'stopped');
    };
    // A call that is broken off in the middle still tells whom it was ringing.
    const soFar = () => (answered === undefined ? 'elsewhere' : 'answered');
    this.#open.set(open, {
      finish: () => over(soFar(), 'callerHungUp'),
      lost: (at) => participant(at, soFar(), 'lost', 0),
    });
    this.changes.emit('changed', 'ringing');
    return {
      asked,
      answered: () => this.#note('answer', asked),
      talking: () => {
        answered = this.#clock.now();
        open.state = 'talking';
        open.since = answered;
        this.#talked = true;
        if (asked.kind !== 'group') this.#note('connect', asked);
        if (this.currentStage !== 'conversation') this.#mark('conversation');
        this.changes.emit('changed', 'talking');
      },
      over,
    };
  }

  /** What the scheme says that it decides. */
  trace(entry: TraceEntry): void {
    this.#place = entry.state;
    if (entry.event === 'scheme') this.#lastScheme = entry.state;
    if (!toldByTheCall.has(entry.event)) this.#keep(entry);
  }

  /** Adds something to the path that no scheme has decided, and at no place in one: the call stays where it is. */
  aside(entry: TraceEntry): void {
    this.#keep(entry);
  }

  /** Audio could not be played. @param error which, and why */
  unheard(error: string): void {
    this.#keep({ state: this.#place ?? '', event: 'unheard', detail: { error } });
    this.changes.emit('unheard', { error });
  }

  /** Adds to the path what came of a forward. */
  #note(event: TraceEvent, asked: Asked, more: Readonly<Record<string, unknown>> = {}, why?: string): void {
    const detail = { ...whom(asked), ...more };
    this.#keep({ state: this.#place ?? '', event, detail, ...(why === undefined ? {} : { why }) });
  }

  #keep(entry: TraceEntry): void {
    if (this.#path.length >= MAX_ENTRIES) {
      this.#cut = true;
      return;
    }
    this.#path.push({
      t: (this.#clock.now() - this.#start) / 1000,
      state: entry.state,
      event: entry.event,
      ...(entry.detail === undefined ? {} : { detail: { ...entry.detail } }),
      ...(entry.why === undefined ? {} : { why: entry.why }),
    });
  }

  /** Something that the outside did to the scheme. @param at milliseconds since 1970 */
  input(input: FromOutside, at: number): void {
    if (this.#inputs.length < MAX_ENTRIES)
      this.#inputs.push([Math.round(at - this.#start), ...input] as Timed<FromOutside>);
    else this.#cut = true;
  }

  record(end: { readonly reason: EndReason; readonly by: CallRecord['endedBy'] }): CallRecord {
    for (const { finish } of [...this.#open.values()]) finish();
    // A conversation ends without a word of the scheme, and so does a call that has not come to one.
    if (this.#path.at(-1)?.event !== 'hangup') {
      const { reason } = end;
      this.#keep({ state: this.#place ?? '', event: 'hangup', detail: { reason }, why: endReasons[reason].text });
    }
    return this.#told(end, this.#clock.now(), this.#participants);
  }

  /** What another node has to know of the call while it goes on; changes nothing. */
  open(): OpenCall {
    const now = this.#clock.now();
    const room = Math.max(0, MAX_ENTRIES - this.#participants.length);
    const asking = [...this.#open].slice(0, room);
    const record = this.#told({ reason: 'lost', by: 'engine' }, now, [
      ...this.#participants,
      ...asking.map(([, { lost }]) => lost(now)),
    ]);
    return {
      record,
      marks: [...this.#marks],
      asking: asking.map(([{ state, since }], i) => ({ participant: this.#participants.length + i, state, since })),
      heldSince: this.#heldSince ?? null,
    };
  }

  #told(
    end: { readonly reason: EndReason; readonly by: CallRecord['endedBy'] },
    now: number,
    participants: readonly Participant[],
  ): CallRecord {
    const { duration, wait, waitMenu, waitGroup, waitEmployee, talk, queued, stage } = figures(this.#marks, now);
    return {
      ...this.facts,
      start: instant(this.#start),
      end: instant(now),
      outcome: outcomeOf({ direction: this.facts.direction, talked: this.#talked, technical: this.#technical, stage }),
      technical: this.#technical,
      duration,
      wait,
      waitMenu,
      waitGroup,
      waitEmployee,
      talk,
      hold: seconds(this.#heldMs),
      queued,
      stage,
      reason: end.reason,
      code: endReasons[end.reason].code,
      endedBy: end.by,
      participants,
      pickups: [],
      transfers: this.#transfers,
      recordings: this.#recordings,
      voicemails: this.#messages,
      scheme: this.#scheme,
      callback: null,
      path: this.#path,
      inputs: this.#inputs,
      cut: this.#cut,
    };
  }

  #retrieved(): void {
    if (this.#heldSince !== undefined) this.#heldMs += this.#clock.now() - this.#heldSince;
    this.#heldSince = undefined;
  }

  #mark(stage: CallStage, group?: string): void {
    this.#marks.push({ at: this.#clock.now(), stage, ...(group === undefined ? {} : { group }) });
  }
}

/** Who was asked, in the words of a scheme. */
function whom({ kind, id, group, contact }: Asked): Readonly<Record<string, string>> {
  const who = kind === 'number' ? {} : { [kind]: id };
  return { ...who, ...contactDetail(contact), ...(group === undefined ? {} : { group }) };
}

function contactDetail(contact: RungContact | undefined): Readonly<Record<string, string>> {
  if (contact === undefined) return {};
  return 'trunk' in contact
    ? { trunk: contact.trunk, to: contact.number }
    : 'sip' in contact
      ? { sip: contact.sip }
      : { phone: contact.phone };
}

type Timed<Input extends readonly unknown[]> = Input extends unknown ? [number, ...Input] : never;
