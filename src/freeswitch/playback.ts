import type { AudioSource, Playback, PlaybackEnd, PlayOptions } from '../media/port.ts';
import type { Clock } from '../time/clock.ts';
import type { Channel } from './channel.ts';
import { after, type Item, planOf } from './sources.ts';

/** Frames are 20 ms: what was heard is told in whole ones. */
const FRAME_MS = 20;
/** FreeSWITCH may end so much before the clock says so without having been interrupted. */
const SLACK_MS = 60;

type Asked = Extract<PlaybackEnd['reason'], 'stopped' | 'replaced'>;

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
 */
export class FreeswitchPlayback implements Playback {
  readonly ended: Promise<PlaybackEnd>;
  readonly #parts: PlaybackParts;
  #asked: Asked | undefined;
  /** When that which is heard now began. */
  #begun: number | undefined;

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
    if (this.#begun !== undefined) void this.#break();
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
      const { response, measured } = await this.#playback(item.text);
      const isWhole = !this.#isOver && measured + SLACK_MS >= item.ms;
      if (measured === 0 && response !== undefined && response !== 'FILE PLAYED') {
        failed = `${item.text}: ${response}`;
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

  async #playback(argument: string): Promise<{ response: string | undefined; measured: number }> {
    const { channel, clock } = this.#parts;
    const off = channel.on('PLAYBACK_START', () => {
      this.#begun ??= clock.monotonic();
      // Before this moment FreeSWITCH forgets that it was told to break off.
      if (this.#asked) void this.#break();
    });
    const complete = await channel.execute('playback', argument);
    off();
    const measured = this.#begun === undefined ? 0 : clock.monotonic() - this.#begun;
    this.#begun = undefined;
    return { response: complete?.getHeader('Application-Response'), measured };
  }

  async #break(): Promise<void> {
    await this.#parts.channel.api('uuid_break', 'all');
  }
}
