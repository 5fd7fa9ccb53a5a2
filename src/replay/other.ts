import type { PbxVersion } from '../config/version.ts';
import type { CallInput } from '../history/record.ts';
import type { CompiledScheme } from '../scheme/compile.ts';
import type { Timer } from './clock.ts';
import { type Ask, Course, cameIn, type Heard } from './course.ts';
import { type Deed, type Difference, doingOf, sameDeed } from './deed.ts';
import type { AskThen, Reference, TimerThen, Unheard } from './reference.ts';
import { type Start, schemeSentTo } from './start.ts';

/** Another audio at the same place of the way. */
export interface HeardOtherwise {
  /** Seconds from the start of the call. */
  readonly t: number;
  readonly was: readonly string[];
  readonly now: readonly string[];
}

export interface OtherWay {
  /** Where it would go elsewhere; undefined: nowhere. */
  readonly diverged: Difference | undefined;
  /** Up to there. */
  readonly heard: readonly HeardOtherwise[];
}

/**
 * Runs the inputs of a call through another version, for as long as that does with the call what was done then. What comes in is what came in then: the
 * keys at their times, and of each thing that the scheme asks for what came of it in the call. As soon as it does something else, nothing more is
 * known of what caller and callees would do: it stops.
 */
export async function otherWay(then: Reference, start: Start): Promise<OtherWay> {
  return new Now(then, start).run();
}

class Now {
  readonly #then: Reference;
  readonly #pbx: PbxVersion;
  readonly #scheme: CompiledScheme | undefined;
  readonly #course: Course;
  /** Each ask with the one of the call that it is. */
  readonly #asks = new Map<AskThen, Ask>();
  /** Each time that runs with the one of the call that it is; undefined: it was not set then. */
  readonly #timers = new Map<Timer, TimerThen | undefined>();
  readonly #takenTimers = new Set<TimerThen>();
  /** The first audio since the latest deed that was not heard then. */
  #passedOver: Heard | undefined;
  /** To be ended before anything else happens. */
  #due: (() => void)[] = [];
  #diverged: Difference | undefined;

  constructor(then: Reference, { pbx, scheme, caller }: Start) {
    this.#then = then;
    this.#pbx = pbx;
    this.#scheme = scheme;
    this.#course = new Course({
      pbx,
      start: then.start,
      caller,
      watch: {
        did: (deed) => this.#did(deed),
        asked: (ask) => this.#asked(ask),
        set: (timer) => this.#set(timer),
        cleared: (timer) => void this.#timers.delete(timer),
      },
    });
  }

  async run(): Promise<OtherWay> {
    const { record, start } = this.#then;
    for (const [index, input] of record.inputs.entries()) {
      await this.#until(start + input[0]);
      if (!this.#diverged && isFree(input)) this.#mustHaveCaughtUp(index);
      if (this.#diverged) break;
      this.#course.inputs = index;
      await this.#take(index, input);
    }
    if (!this.#diverged && !record.cut) {
      this.#course.inputs = record.inputs.length;
      await this.#until(Date.parse(record.end));
      if (!this.#diverged) this.#mustHaveCaughtUp(record.inputs.length);
    }
    return { diverged: this.#diverged, heard: this.#heardOtherwise() };
  }

  async #take(index: number, input: CallInput): Promise<void> {
    const { run } = this.#course;
    switch (input[1]) {
      case 'begin': {
        const at = this.#then.start + input[0];
        const scheme = run ? schemeSentTo(this.#pbx, this.#then.record, at) : this.#scheme;
        if (scheme) this.#course.begin(scheme);
        break;
      }
      case 'digit':
        run?.press(input[2]);
        break;
      case 'password':
        run?.password(input[2]);
        break;
      case 'fax':
        run?.faxTone();
        break;
      case 'hangup':
        run?.callerGone();
        break;
      case 'timer':
        for (const [timer, then] of this.#timers) if (then?.over === index) this.#fire(timer);
        break;
      default:
        for (const [then, ask] of this.#asks) {
          for (const { event } of then.told.filter((one) => one.input === index)) ask.tell(event);
          if (then.ended?.input === index) ask.end(then.ended.outcome);
        }
        await cameIn();
    }
    await this.#settle();
  }

  /** What is over already by the record ends at once. */
  async #settle(): Promise<void> {
    while (this.#due.length > 0 && !this.#diverged) {
      for (const end of this.#due.splice(0)) end();
      await cameIn();
    }
  }

  /** Lets the time go on to `instant`; times that were not set in the call end by the clock. */
  async #until(instant: number): Promise<void> {
    const { clock } = this.#course;
    for (let timer = this.#ownDue(instant); timer && !this.#diverged; timer = this.#ownDue(instant)) {
      clock.set(Math.max(clock.now(), timer.due));
      this.#mustHaveHeard(clock.now());
      if (this.#diverged) return;
      this.#fire(timer);
      await this.#settle();
    }
    clock.set(Math.max(clock.now(), instant));
  }

  #ownDue(instant: number): Timer | undefined {
    // When the keys of a password came is not known, only what became of it.
    if (this.#course.run?.listening === 'secret') return undefined;
    return this.#course.clock.pending
      .filter((timer) => timer.due <= instant && this.#isOwn(timer))
      .sort((a, b) => a.due - b.due)[0];
  }

  /** It was not set in the call, or runs on although it was over then. */
  #isOwn(timer: Timer): boolean {
    const then = this.#timers.get(timer);
    return !then || (then.over !== undefined && then.over < this.#course.inputs);
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#course.clock.fire(timer);
  }

  /** The first one of the call that was set at the same place of the way and at the same time, and as long. Any other ends by the clock. */
  #set(timer: Timer): void {
    const deeds = this.#course.deeds.length;
    const then = this.#then.timers.find(
      (one) =>
        one.ms === timer.ms && one.set === timer.due - timer.ms && one.deeds === deeds && !this.#takenTimers.has(one),
    );
    if (then) this.#takenTimers.add(then);
    this.#timers.set(timer, then);
  }

  #did(deed: Deed): void {
    if (this.#diverged) return;
    const index = this.#course.deeds.length - 1;
    const then = this.#then.course.deeds[index];
    if (then && sameDeed(then, deed)) {
      this.#passedOver = undefined;
      return;
    }
    // What a record that was cut does not tell any more cannot be compared.
    if (!then && this.#then.record.cut) return;
    this.#diverge(Math.min(then?.at ?? deed.at, deed.at), then, deed);
  }

  #asked(ask: Ask): void {
    if (this.#diverged) return;
    const then = this.#pairOf(ask);
    if (!then) {
      // Something to hear that was not heard then: nobody knows how long it is, and what the caller would do meanwhile. It is passed over.
      if (ask.kind === 'play') this.#passedOver ??= this.#course.heard.at(-1);
      this.#due.push(() => ask.end({ kind: 'done' }));
      return;
    }
    this.#asks.set(then, ask);
    if (ask.kind === 'forward' && this.#otherLimit(ask, then)) return;
    this.#due.push(() => {
      for (const { event, input } of then.told) if (input < this.#course.inputs) ask.tell(event);
      if (then.ended && then.ended.input < this.#course.inputs) ask.end(then.ended.outcome);
    });
  }

  /** The one of the call that stands at the same place of the way; of several audios the same, else the first. */
  #pairOf(ask: Ask): AskThen | undefined {
    const there = this.#then.asks.filter(
      (one) => one.ask.kind === ask.kind && one.ask.deeds === ask.deeds && !this.#asks.has(one),
    );
    return there.find((one) => one.ask.audio === ask.audio) ?? there[0];
  }

  /** Rung for a shorter or longer time than then, and it matters. */
  #otherLimit(ask: Ask, then: AskThen): boolean {
    const limit = ask.request?.timeout;
    const limitThen = then.ask.request?.timeout;
    if (limit === limitThen) return false;
    const { told, ended, ask: asked } = then;
    const began = asked.at;
    const answered = told.find(({ event }) => event === 'connected')?.input;
    const over = this.#timeOf(answered ?? ended?.input) ?? Date.parse(this.#then.record.end);
    const rung = over - began;
    const gaveUp = answered === undefined && ended !== undefined && limitThen !== undefined && rung >= limitThen * 1000;
    const deed = this.#then.course.deeds[asked.deeds - 1];
    if (!deed) return false;
    if (limit !== undefined && rung > limit * 1000 && !gaveUp) {
      this.#diverge(
        began + limit * 1000,
        { ...deed, why: `rung for ${rung / 1000} s` },
        { ...deed, why: `rung for ${limit} s` },
      );
      return true;
    }
    if (gaveUp && (limit ?? Number.POSITIVE_INFINITY) > (limitThen ?? 0)) {
      const longer = limit === undefined ? 'as long as he rings by default' : `up to ${limit} s`;
      this.#diverge(over, { ...deed, why: `rung for ${limitThen} s` }, { ...deed, why: `rung for ${longer}` });
      return true;
    }
    return false;
  }

  #timeOf(input: number | undefined): number | undefined {
    const found = input === undefined ? undefined : this.#then.record.inputs[input];
    return found && this.#then.start + found[0];
  }

  /** What the caller does next he did because of what had been done by then. */
  #mustHaveCaughtUp(input: number): void {
    const missing = this.#missing;
    if (missing && missing.inputs < input) this.#diverge(missing.at, missing, undefined);
  }

  /**
   * Waits for the caller longer than the call did, where nobody knows what he pressed meanwhile: he may have talked to somebody already, and would he have been
   * silent here? @param instant milliseconds since 1970
   */
  #mustHaveHeard(instant: number): void {
    const missing = this.#missing;
    const unheard = ({ from, to }: Unheard) => from < instant && (to ?? instant) > (missing?.at ?? instant);
    if (missing && missing.at < instant && this.#then.unheard.some(unheard))
      this.#diverge(missing.at, missing, undefined);
  }

  /** What the call did next, which has not been done yet. */
  get #missing(): Deed | undefined {
    return this.#then.course.deeds[this.#course.deeds.length];
  }

  /** Whatever comes behind an audio that was not heard then comes only if the caller bears with it: it is that audio that is new, and nothing behind it is told. */
  #diverge(at: number, then: Deed | undefined, now: Deed | undefined): void {
    const audio = this.#passedOver;
    this.#diverged = {
      t: (Math.min(at, audio?.at ?? at) - this.#then.start) / 1000,
      state: then?.state ?? this.#then.course.state,
      was: then ? doingOf(then) : null,
      now: audio ? doingOf(audio.entry) : now ? doingOf(now) : null,
    };
  }

  #heardOtherwise(): HeardOtherwise[] {
    const then = Map.groupBy(this.#then.course.heard, ({ deeds }) => deeds);
    const now = Map.groupBy(this.#course.heard, ({ deeds }) => deeds);
    const places = [...new Set([...then.keys(), ...now.keys()])].sort((a, b) => a - b);
    const differing: HeardOtherwise[] = [];
    for (const place of places) {
      // Behind the place where it went elsewhere nothing can be compared.
      if (this.#diverged && place >= this.#course.deeds.length) break;
      const [one = [], other = []] = [then.get(place), now.get(place)];
      if (audios(one).join() === audios(other).join()) continue;
      const at = (one[0] ?? other[0])?.at ?? this.#then.start;
      differing.push({ t: (at - this.#then.start) / 1000, was: audios(one), now: audios(other) });
    }
    return differing;
  }
}

const audios = (heard: readonly Heard[]): string[] => heard.map(({ audio }) => audio);

/** Done by somebody who has his reasons: not the end of something that the scheme waited for. */
const isFree = ([, kind]: CallInput): boolean => ['begin', 'digit', 'password', 'fax', 'hangup'].includes(kind);
