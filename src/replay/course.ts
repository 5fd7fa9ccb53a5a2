import type { PbxVersion } from '../config/version.ts';
import type { ForwardRequest, ForwardResult, SchemeWorld, TraceEntry, VoicemailRequest } from '../scheme/actors.ts';
import type { CompiledScheme } from '../scheme/compile.ts';
import { runScheme, type SchemeRun } from '../scheme/run.ts';
import { schemesOf } from '../scheme/schemes.ts';
import { settle } from '../time/simulated-clock.ts';
import { ReplayClock, type TimerWatch } from './clock.ts';
import type { Deed } from './deed.ts';

/** Something that a machine has asked the world for. At most one goes on at a time: the latest. */
export interface Ask {
  readonly kind: 'answer' | 'play' | 'forward' | 'voicemail' | 'fax';
  /** What is played; whom a forward rings, and how. */
  readonly audio?: string;
  readonly request?: ForwardRequest;
  /** How many deeds had been done when it was asked, the one that it belongs to among them. */
  readonly deeds: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The machine has gone on without waiting for it. */
  readonly cut: () => boolean;
  /** In the middle of it. */
  readonly tell: (event: 'connected' | 'recording') => void;
  readonly end: (outcome: Outcome) => void;
}

export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'forwarded'; readonly result: ForwardResult };

/** What the caller heard, and after how many deeds. */
export interface Heard {
  readonly deeds: number;
  readonly audio: string;
  readonly at: number;
  readonly entry: TraceEntry;
}

/** Told of a course as it happens. Must not throw. */
export interface CourseWatch extends TimerWatch {
  did(deed: Deed): void;
  asked(ask: Ask): void;
}

/** The way of one call through the schemes of one version, in a world that does nothing by itself: everything happens when it is told to. */
export class Course implements SchemeWorld {
  readonly clock: ReplayClock;
  readonly traces: TraceEntry[] = [];
  readonly deeds: Deed[] = [];
  readonly heard: Heard[] = [];
  /** How many inputs have come in. Whoever replays keeps it. */
  inputs = 0;
  readonly #pbx: PbxVersion;
  readonly #caller: string | undefined;
  readonly #watch: CourseWatch;
  #scheme: CompiledScheme | undefined;
  #run: SchemeRun | undefined;

  /** @param start milliseconds since 1970 */
  constructor(options: { pbx: PbxVersion; start: number; caller: string | undefined; watch: CourseWatch }) {
    this.#pbx = options.pbx;
    this.#caller = options.caller;
    this.#watch = options.watch;
    this.clock = new ReplayClock(options.start, options.watch);
  }

  begin(scheme: CompiledScheme): void {
    this.#scheme = scheme;
    this.#run = runScheme(scheme, {
      world: this,
      clock: this.clock,
      log: silent,
      ...(this.#caller === undefined ? {} : { caller: this.#caller }),
    });
  }

  /** The schemes that run now; undefined before the first. */
  get run(): SchemeRun | undefined {
    return this.#run;
  }

  /** Where the call is; empty before the first scheme. */
  get state(): string {
    return this.#run?.state ?? '';
  }

  answer(): Promise<void> {
    return this.#ask({ kind: 'answer' });
  }

  play(audio: string, signal: AbortSignal): Promise<void> {
    return this.#ask({ kind: 'play', audio }, signal);
  }

  forward(request: ForwardRequest, signal: AbortSignal, ...tells: readonly (() => void)[]): Promise<ForwardResult> {
    this.#do(request.target);
    return this.#ask({ kind: 'forward', request }, signal, tells);
  }

  voicemail({ to }: VoicemailRequest, signal: AbortSignal, recording: () => void): Promise<void> {
    this.#do(to);
    return this.#ask({ kind: 'voicemail' }, signal, [recording]);
  }

  fax({ to }: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void> {
    this.#do(to);
    return this.#ask({ kind: 'fax' }, signal);
  }

  startAudio(): void {
    // Its trace tells that it is heard.
  }

  stopAudio(): void {
    // Nothing that a scheme asks to be silent decides anything.
  }

  trace(entry: TraceEntry): void {
    this.traces.push(entry);
    const { event, state, detail = {}, why } = entry;
    if (event === 'scheme') this.#scheme = schemesOf(this.#pbx).get(String(detail.scheme));
    switch (event) {
      case 'play':
        this.heard.push({ deeds: this.deeds.length, audio: String(detail.audio), at: this.clock.now(), entry });
        break;
      case 'branch':
        this.#do({ branch: this.#scheme?.tables.branches.get(state) });
        break;
      case 'scheme':
        this.#do(schemeEssence(this.#pbx, String(detail.scheme)));
        break;
      case 'digit':
        // A key that is none any more is another entry, though it is the same key.
        this.#do({ digits: detail.digits, why });
        break;
      case 'rule':
        // A region is a way to a target, and that is compared.
        if ('rule' in detail) this.#do(detail.rule);
        break;
      case 'password':
      case 'mainMenu':
      case 'hangup':
        this.#do(detail);
    }
  }

  #do(essence: unknown): void {
    const entry = this.traces.at(-1) as TraceEntry;
    const deed = { ...entry, inputs: this.inputs, at: this.clock.now(), essence };
    this.deeds.push(deed);
    this.#watch.did(deed);
  }

  #ask<Result>(
    what: Pick<Ask, 'kind' | 'audio' | 'request'>,
    signal?: AbortSignal,
    tells: readonly (() => void)[] = [],
  ): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#watch.asked({
      ...what,
      deeds: this.deeds.length,
      at: this.clock.now(),
      cut: () => signal?.aborted ?? false,
      // Of a forward they are told in the order of `SchemeWorld.forward`; of a mailbox there is one.
      tell: (event) => tells[event === 'recording' ? tells.length - 1 : 0]?.(),
      end: (outcome) => {
        if (outcome.kind === 'failed') reject(new Error(outcome.error));
        else resolve(outcome.kind === 'forwarded' ? outcome.result : undefined);
      },
    });
    return promise as Promise<Result>;
  }
}

/** Schemes are the same that have the same id or say the same. */
export const schemeEssence = (pbx: PbxVersion, id: string) => ({ scheme: pbx.scheme(id) ?? { id } });

/** Lets the end of an effect come in to its machine. */
export const cameIn = settle;

const silent = { warn: () => undefined, error: () => undefined };
