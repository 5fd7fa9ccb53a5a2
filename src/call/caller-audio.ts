import type { Logger } from 'pino';
import type { PbxVersion } from '../config/version.ts';
import { errorText } from '../errors.ts';
import { type AudioSource, type Endpoint, MediaError, type Playback, type PlayOptions } from '../media/port.ts';
import type { Spoken } from '../media/spoken.ts';
import { CallerGone, type CallerLeg } from './caller-leg.ts';
import type { Sounds } from './sounds.ts';

/**
 * What the caller hears before he talks to somebody: one thing at a time, the latest wins. Nothing here rejects: a caller who cannot
 * hear is hung up, a file that cannot be played is silence, which is told.
 */
export class CallerAudio {
  readonly #caller: CallerLeg;
  readonly #pbx: PbxVersion;
  readonly #sounds: Sounds;
  readonly #log: Logger;
  readonly #onUnheard: (error: string) => void;
  /** Counts what is played: who finds another number than his own has been replaced. */
  #turn = 0;
  /** Counts the waits for an answer in the same way. */
  #wait = 0;
  /** The turn in which he was last made to wait for an answer. */
  #waitingTurn: number | undefined;
  #playback: Playback | undefined;
  /** The music that he has last waited with, and how much of it he has heard, milliseconds. */
  #music: { readonly audio: string; readonly heardMs: number } | undefined;
  /** Started by `start`, and still to be heard while it rings. */
  #background = false;

  constructor(options: {
    caller: CallerLeg;
    pbx: PbxVersion;
    sounds: Sounds;
    log: Logger;
    /** Audio could not be played: which, and why. */
    onUnheard: (error: string) => void;
  }) {
    this.#caller = options.caller;
    this.#pbx = options.pbx;
    this.#sounds = options.sounds;
    this.#log = options.log;
    this.#onUnheard = options.onUnheard;
  }

  /** Answers, unless that has been done. */
  async answer(): Promise<void> {
    await this.#answered();
  }

  /** Answers and plays to the end, or until the signal is aborted. */
  play(audio: string, signal: AbortSignal): Promise<void> {
    return this.#playAll(this.#sounds.audio(this.#pbx, audio), signal);
  }

  /** As `play`, of a file that nobody else hears. */
  playOnce(file: string, signal: AbortSignal): Promise<void> {
    return this.#playAll([{ file, once: true }], signal);
  }

  /** As `play`, in the language of the PBX. */
  say(spoken: readonly Spoken[], signal: AbortSignal): Promise<void> {
    return this.#playAll(this.#sounds.say(this.#pbx, spoken), signal);
  }

  async #playAll(sources: readonly AudioSource[], signal: AbortSignal): Promise<void> {
    const turn = this.#takeTurn();
    const endpoint = await this.#answered();
    if (!endpoint || signal.aborted || turn !== this.#turn) return;
    const playback = this.#begin(endpoint, sources);
    const stop = () => void playback.stop();
    signal.addEventListener('abort', stop, { once: true });
    await playback.ended;
    signal.removeEventListener('abort', stop);
  }

  /**
   * Plays to the end, as early media where he has not been answered, for a caller who is to be refused. One who cannot hear it (no offer in his INVITE, no
   * common codec) is spared the wait.
   */
  async announce(audio: string): Promise<void> {
    if (!this.#caller.canHear) return;
    try {
      await this.#begin(await this.#caller.earlyMedia(), this.#sounds.audio(this.#pbx, audio)).ended;
    } catch (error) {
      if (!(error instanceof MediaError || error instanceof CallerGone)) throw error;
    }
  }

  /** Whoever has been brought to the phone hears that nobody was reached for him. */
  async tellFailure(): Promise<void> {
    if (this.#caller.leg) await this.play('builtin:error-tone', this.#caller.gone);
  }

  /** Answers and plays while other things go on. */
  start(audio: string): void {
    const turn = this.#takeTurn();
    this.#background = true;
    void this.#answered().then((endpoint) => {
      if (!endpoint || turn !== this.#turn) return;
      const playback = this.#begin(endpoint, this.#sounds.audio(this.#pbx, audio));
      void playback.ended.then(() => {
        if (turn === this.#turn) this.#background = false;
      });
    });
  }

  /** Resolves when what `start` has begun is over, or something else is heard instead; at once if it is. */
  async startedIsOver(signal: AbortSignal): Promise<void> {
    if (!this.#background || !(await this.#answered()) || signal.aborted) return;
    await Promise.race([this.#playback?.ended, aborted(signal)]);
  }

  /**
   * Somebody is being rung. With `music` he hears that, from where it was interrupted if he has heard some of it before, and as early media if the call is not
   * answered. Without, what was started goes on, and then an
   * answered caller hears ring-back; one who is not answered makes his own, when `ringing` says that there is somebody to wait for.
   */
  async waitForAnswer(music: string | undefined): Promise<void> {
    if (music !== undefined) {
      const turn = this.#takeTurn();
      this.#waitingTurn = turn;
      const endpoint = await this.#audible();
      if (endpoint && turn === this.#turn) this.#goOn(endpoint, music);
      return;
    }
    const turn = this.#turn;
    this.#waitingTurn = turn;
    if (!this.#background && !this.#caller.leg) return;
    const wait = ++this.#wait;
    const endpoint = await this.#answered();
    if (this.#background) await this.#playback?.ended;
    if (endpoint && turn === this.#turn && wait === this.#wait) {
      this.#begin(endpoint, this.#sounds.ringBack(this.#pbx), { loop: true });
    }
  }

  /** 180, for a caller who hears nothing yet. */
  ringing(): void {
    this.#caller.ring();
  }

  /** Nobody answered: music and ring-back end, what a step started goes on, and so does what a key has started since. */
  stopWaiting(): void {
    this.#wait++;
    if (!this.#background && this.#turn === this.#waitingTurn) this.stop();
  }

  stop(): void {
    this.#takeTurn();
    void this.#playback?.stop();
    this.#playback = undefined;
  }

  #takeTurn(): number {
    this.#background = false;
    return ++this.#turn;
  }

  #goOn(endpoint: Endpoint, music: string): void {
    const startAtMs = this.#music?.audio === music ? this.#music.heardMs : 0;
    const playback = this.#begin(endpoint, this.#sounds.audio(this.#pbx, music), { loop: true, startAtMs });
    void playback.ended.then(({ playedMs }) => {
      this.#music = { audio: music, heardMs: startAtMs + playedMs };
    });
  }

  #begin(endpoint: Endpoint, sources: readonly AudioSource[], options: PlayOptions = {}): Playback {
    const playback = endpoint.play(sources, options);
    this.#playback = playback;
    void playback.ended.then(({ reason, error }) => {
      if (reason !== 'failed') return;
      this.#log.warn({ error }, 'audio could not be played');
      this.#onUnheard(error ?? 'the media server does not say why');
    });
    return playback;
  }

  #answered(): Promise<Endpoint | undefined> {
    return this.#orEnd(this.#caller.answer().then(({ endpoint }) => endpoint));
  }

  #audible(): Promise<Endpoint | undefined> {
    return this.#orEnd(this.#caller.earlyMedia());
  }

  async #orEnd(endpoint: Promise<Endpoint>): Promise<Endpoint | undefined> {
    try {
      return await endpoint;
    } catch (error) {
      if (error instanceof CallerGone) return undefined;
      this.#log.warn({ error: errorText(error) }, 'the caller cannot be given audio');
      const incompatible =
        error instanceof MediaError && (error.code === 'no-common-codec' || error.code === 'bad-sdp');
      this.#caller.end(incompatible ? 'mediaIncompatible' : 'serviceUnavailable');
      return undefined;
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
