import type { PbxVersion } from '../../src/config/version.ts';
import type { EndReason } from '../../src/end-reason.ts';
import type { CallInput } from '../../src/history/record.ts';
import type {
  ForwardRequest,
  ForwardResult,
  RingTarget,
  SchemeWorld,
  TraceEntry,
  VoicemailRequest,
} from '../../src/scheme/actors.ts';
import { runScheme, type SchemeEnd, type SchemeRun } from '../../src/scheme/run.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import { type Clock, delay } from '../../src/time/clock.ts';
import { FakeClock, settle } from './fake-clock.ts';

/** How long things take in this world, and who answers. All times in seconds. */
export interface Script {
  /** Length of each audio; 5 if unsaid. */
  readonly audio?: Readonly<Record<string, number>>;
  /** By the name of an employee, group, phone …: what comes of ringing it. Unsaid: nobody answers for 25 s, or the step's `timeout`. */
  readonly calls?: Readonly<Record<string, CallScript>>;
  readonly greeting?: number;
  readonly message?: number;
  readonly fax?: number;
  /** Names of the effects that do not work: `answer`, `play`, `forward`, `voicemail`, `fax`. */
  readonly broken?: readonly string[];
}

export type CallScript =
  | { readonly answers: number; readonly talks: number; readonly reason?: EndReason }
  | { readonly fails: number; readonly reason: EndReason }
  /** After so many seconds his assistant takes over: leaves the caller a mailbox for `records` seconds, if that is said, and then this comes of it. */
  | { readonly assists: number; readonly records?: number; readonly result: ForwardResult };

/** A world of which the test says how it behaves. It keeps all that the scheme asked of it. */
export class ScriptedWorld implements SchemeWorld {
  readonly traces: (TraceEntry & { readonly t: number })[] = [];
  readonly forwards: ForwardRequest[] = [];
  readonly mailboxes: VoicemailRequest[] = [];
  readonly faxes: (readonly string[])[] = [];
  /** What began, ended, or was cut short, with its second. */
  readonly story: string[] = [];
  answered = false;
  background: string | undefined;
  /** Effects at work now. */
  busy = 0;
  readonly #clock: Clock;
  readonly #script: Script;
  readonly #start: number;

  constructor(clock: Clock, script: Script = {}) {
    this.#clock = clock;
    this.#script = script;
    this.#start = clock.now();
  }

  async answer(): Promise<void> {
    this.#mayBreak('answer');
    if (!this.answered) this.#tell('answer');
    this.answered = true;
  }

  async play(audio: string, signal: AbortSignal): Promise<void> {
    await this.answer();
    this.#mayBreak('play');
    await this.#during(`play ${audio}`, this.#script.audio?.[audio] ?? 5, signal);
  }

  startAudio(audio: string): void {
    this.answered = true;
    this.background = audio;
    this.#tell(`start ${audio}`);
  }

  stopAudio(): void {
    if (this.background) this.#tell(`stop ${this.background}`);
    this.background = undefined;
  }

  async forward(
    request: ForwardRequest,
    signal: AbortSignal,
    connected: (whom?: RingTarget) => void,
    recording: () => void,
  ): Promise<ForwardResult> {
    this.#mayBreak('forward');
    this.forwards.push(request);
    const { target, timeout = 25 } = request;
    const name = String(Object.values(target)[0]);
    const call = this.#script.calls?.[name] ?? { fails: timeout, reason: 'noAnswer' };
    if ('fails' in call) {
      await this.#during(`ring ${name}`, call.fails, signal);
      return { outcome: 'failed', reason: call.reason };
    }
    if ('assists' in call) {
      await this.#during(`ring ${name}`, call.assists, signal);
      if (call.records === undefined) return call.result;
      this.background = undefined;
      this.answered = true;
      recording();
      await this.#during('message', call.records, signal);
      return call.result;
    }
    await this.#during(`ring ${name}`, call.answers, signal);
    this.background = undefined;
    this.answered = true;
    connected();
    await this.#during(`talk ${name}`, call.talks, signal);
    return { outcome: 'connected', reason: call.reason ?? 'calleeHungUp' };
  }

  async voicemail(request: VoicemailRequest, signal: AbortSignal, recording: () => void): Promise<void> {
    this.#mayBreak('voicemail');
    this.answered = true;
    this.mailboxes.push(request);
    await this.#during('greeting', this.#script.greeting ?? 3, signal);
    recording();
    await this.#during('message', this.#script.message ?? 10, signal);
  }

  async fax({ to }: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void> {
    this.#mayBreak('fax');
    this.faxes.push(to);
    await this.#during('fax', this.#script.fax ?? 30, signal);
  }

  trace(entry: TraceEntry): void {
    this.traces.push({ ...entry, t: this.#seconds() });
  }

  #mayBreak(name: string): void {
    if (this.#script.broken?.includes(name)) throw new Error(`${name} does not work`);
  }

  async #during(what: string, seconds: number, signal: AbortSignal): Promise<void> {
    this.#tell(what);
    this.busy++;
    const cut = () => this.#tell(`cut ${what}`);
    signal.addEventListener('abort', cut, { once: true });
    try {
      await delay(this.#clock, seconds * 1000, signal);
    } finally {
      signal.removeEventListener('abort', cut);
      this.busy--;
    }
  }

  #tell(what: string): void {
    this.story.push(`${this.#seconds()} ${what}`);
  }

  #seconds(): number {
    return (this.#clock.now() - this.#start) / 1000;
  }
}

/** A call through a scheme on a clock that the test moves. */
export class SchemeCall {
  readonly clock: FakeClock;
  readonly world: ScriptedWorld;
  readonly run: SchemeRun;
  readonly errors: string[] = [];
  /** What came in from outside, as a record keeps it. */
  readonly inputs: CallInput[] = [];
  end: SchemeEnd | undefined;
  #endedAt: number | undefined;

  constructor(
    pbx: PbxVersion,
    scheme: string,
    options: { script?: Script; at?: string; caller?: string; lateMs?: number } = {},
  ) {
    this.clock = new FakeClock(options.at);
    this.world = new ScriptedWorld(this.clock, options.script);
    const compiled = schemesOf(pbx).get(scheme);
    if (!compiled) throw new Error(`no scheme ${scheme}`);
    const log = {
      warn: () => undefined,
      error: (fields: object, message: string) => this.errors.push(`${message} ${JSON.stringify(fields)}`),
    };
    const { caller, lateMs = 0 } = options;
    const start = this.clock.now();
    this.run = runScheme(compiled, {
      world: this.world,
      clock: late(this.clock, lateMs),
      log,
      ...(caller ? { caller } : {}),
      onInput: (input, at) => this.inputs.push([at - start, ...input] as CallInput),
    });
    void this.run.done.then((end) => {
      this.end = end;
      this.#endedAt = this.clock.monotonic();
    });
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<this> {
    await settle();
    return this;
  }

  async press(digits: string): Promise<this> {
    for (const digit of digits) {
      await settle();
      this.run.press(digit);
    }
    return this.settle();
  }

  async wait(seconds: number): Promise<this> {
    await this.clock.advanceAsync(seconds * 1000);
    return this.settle();
  }

  async hangUp(): Promise<this> {
    this.run.callerGone();
    return this.settle();
  }

  /** Waits until the call has ended, at most so many seconds. */
  async toEnd(seconds = 3600): Promise<SchemeEnd> {
    await this.settle();
    if (!this.end) await this.wait(seconds);
    if (!this.end) throw new Error(`the call has not ended; it is in ${this.run.state}`);
    return this.end;
  }

  /** The decisions as `event state`, those of the given kinds or all. */
  path(...events: string[]): string[] {
    return this.world.traces
      .filter(({ event }) => events.length === 0 || events.includes(event))
      .map(({ event, state }) => `${event} ${state}`);
  }

  /** How long the call has lasted. */
  get seconds(): number {
    return (this.#endedAt ?? this.clock.monotonic()) / 1000;
  }

  /** What a finished call must not leave behind. */
  get leftovers(): readonly string[] {
    return [
      ...(this.clock.pending > 0 ? [`${this.clock.pending} timers`] : []),
      ...(this.world.busy > 0 ? [`${this.world.busy} effects`] : []),
      ...(this.world.background ? [`audio ${this.world.background}`] : []),
      ...this.errors,
    ];
  }
}

/** Its timers are late, as real ones are. */
const late = (clock: Clock, lateMs: number): Clock => ({
  now: () => clock.now(),
  monotonic: () => clock.monotonic(),
  setTimeout: (fn, ms) => clock.setTimeout(fn, ms + lateMs),
  clearTimeout: (id) => clock.clearTimeout(id),
});
