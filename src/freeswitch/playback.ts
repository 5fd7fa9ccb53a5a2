import type { AudioSource, Playback, PlaybackEnd, PlayOptions } from '../media/port.ts';
import type { Clock } from '../time/clock.ts';
import type { Channel } from './channel.ts';
import { after, type Item, planOf } from './sources.ts';

/** Frames are 20 ms: what was heard is told in whole ones. */
const FRAME_MS = 20;
/** FreeSWITCH may end so much before the clock says so without having been interrupted. */
const SLACK_MS = 60;

/** `uuid_displace` takes neither an offset nor what separates its arguments. */
const MIXABLE = /^(?!.*@@)[^\s'"]+$/;

type Asked = Extract<PlaybackEnd['reason'], 'stopped' | 'replaced'>;

interface Played {
  readonly problem: string | undefined;
  readonly measured: number;
}

export interface PlaybackParts {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly mp3: boolean;
  readonly sources: readonly AudioSource[];
  readonly options: PlayOptions;
  /** The one that it replaces has ended: two at once would play one inside the other. */
  readonly former: Promise<unknown>;
}

/**
 * A list of sources on a channel, one `playback` after the other: of the lists that FreeSWITCH has itself, one cannot be broken off (`playback_delimiter`), and the
 * other begins with a quarter of a second of silence (`file_string`). What was heard of a source that was broken off is measured from PLAYBACK_START on, because
 * FreeSWITCH counts what it has read ahead. A bridge that is made or undone ends the application, and the list goes on from there.
 *
 * Over a bridge, or in a conference, a `playback` would take the channel away from the other party, who would hear nothing meanwhile. There what is written to the channel is muted, and the
 * source mixed into the silence (`uuid_displace`, whose own silence would be heard by both). What the other party says meanwhile stays in recordings that have begun before.
 */
export class FreeswitchPlayback implements Playback {
  readonly ended: Promise<PlaybackEnd>;
  readonly #parts: PlaybackParts;
  #asked: Asked | undefined;
  /** When that which is heard now began. */
  #begun: number | undefined;
  /** Ends that which is heard now. */
  #breakOff = (): void => undefined;
  /** The other party is not heard by this one. */
  #isMuted = false;

  constructor(parts: PlaybackParts) {
    this.#parts = parts;
    this.ended = this.#run();
  }

  stop(): Promise<PlaybackEnd> {
    return this.end('stopped');
  }

  /** Idempotent: the first reason stays. */
  end(reason: Asked): Promise<PlaybackEnd> {
    this.#asked ??= reason;
    if (this.#begun !== undefined) this.#breakOff();
    return this.ended;
  }

  async #run(): Promise<PlaybackEnd> {
    const { channel, sources, mp3, options, former } = this.#parts;
    await former;
    const { items, ms, problems } = planOf(sources, mp3);
    const errors = [...problems];
    const { loop = false, startAtMs = 0 } = options;
    let rest = after(items, loop && ms > 0 ? startAtMs % ms : startAtMs);
    let playedMs = 0;
    while (ms > 0 && !this.#isOver) {
      const { heard, failed } = await this.#pass(rest);
      playedMs += heard;
      if (failed !== undefined && !errors.includes(failed)) errors.push(failed);
      // A loop in which nothing can be heard would turn for ever.
      if (!loop || heard === 0) break;
      rest = [...items];
    }
    await this.#mute(false);
    if (channel.isGone) return { reason: 'endpointGone', playedMs };
    if (this.#asked) return { reason: this.#asked, playedMs };
    return errors.length > 0
      ? { reason: 'failed', playedMs, error: errors.join('; ') }
      : { reason: 'finished', playedMs };
  }

  get #isOver(): boolean {
    return this.#asked !== undefined || this.#parts.channel.isGone;
  }

  /** Once through the list. */
  async #pass(items: readonly Item[]): Promise<{ heard: number; failed?: string }> {
    const { channel } = this.#parts;
    let heard = 0;
    let failed: string | undefined;
    let rest = items;
    while (!this.#isOver) {
      const [item] = rest;
      if (!item) break;
      const { moves } = channel;
      const { partner } = channel;
      const { problem, measured } =
        partner && MIXABLE.test(item.text) ? await this.#mix(item.text, partner) : await this.#playback(item.text);
      const isWhole = !this.#isOver && measured + SLACK_MS >= item.ms;
      if (measured === 0 && problem !== undefined) {
        failed = `${item.text}: ${problem}`;
        rest = after(rest, item.ms);
      } else if (isWhole) {
        heard += item.ms;
        rest = after(rest, item.ms);
      } else {
        const part = Math.min(item.ms, Math.floor(measured / FRAME_MS) * FRAME_MS);
        heard += part;
        rest = channel.moves === moves ? after(rest, item.ms) : after(rest, part);
      }
    }
    return failed === undefined ? { heard } : { heard, failed };
  }

  async #playback(argument: string): Promise<Played> {
    const { channel } = this.#parts;
    await this.#mute(false);
    this.#breakOff = () => void channel.api('uuid_break', 'all');
    // Before this moment FreeSWITCH forgets that it was told to break off.
    const off = channel.on('PLAYBACK_START', () => this.#begin());
    const complete = await channel.execute('playback', argument);
    off();
    const response = complete?.getHeader('Application-Response');
    return { problem: response === 'FILE PLAYED' ? undefined : response, measured: this.#measure() };
  }

  /** To a channel that is bridged or in a conference, where the others go on hearing it. */
  async #mix(argument: string, partner: object): Promise<Played> {
    const { channel } = this.#parts;
    const over = Promise.withResolvers<void>();
    const stop = () => void channel.api('uuid_displace', 'stop', argument);
    this.#breakOff = stop;
    const offs = [
      channel.on('MEDIA_BUG_STOP', (event) => {
        if (event.getHeader('Media-Bug-Function') === 'displace') over.resolve();
      }),
      // A channel that is parked sends nothing: it would never end.
      channel.onMove(stop),
    ];
    void channel.gone.then(() => over.resolve());
    // With no pause between: FreeSWITCH throws away what this party has just said each time that it attaches something to his channel, 40 ms each. No limit; `m`: mixed.
    const [, answer] = await Promise.all([this.#mute(true), channel.api('uuid_displace', 'start', argument, '0', 'm')]);
    const started = answer?.startsWith('+OK') === true;
    if (started) {
      this.#begin();
      if (channel.partner !== partner) stop();
      await over.promise;
    }
    for (const off of offs) off();
    return { problem: started ? undefined : answer, measured: this.#measure() };
  }

  #begin(): void {
    this.#begun ??= this.#parts.clock.monotonic();
    if (this.#asked) this.#breakOff();
  }

  /** What was heard, milliseconds. */
  #measure(): number {
    const measured = this.#begun === undefined ? 0 : this.#parts.clock.monotonic() - this.#begun;
    this.#begun = undefined;
    return measured;
  }

  async #mute(on: boolean): Promise<void> {
    if (on === this.#isMuted) return;
    this.#isMuted = on;
    await (on
      ? this.#parts.channel.api('uuid_audio', 'start', 'write', 'mute', '1')
      : this.#parts.channel.api('uuid_audio', 'stop'));
  }
}
