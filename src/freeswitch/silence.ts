import { PauseWatch } from '../media/pause-watch.ts';
import type { SilenceLimits } from '../media/port.ts';
import type { Clock, TimerId } from '../time/clock.ts';

/** FreeSWITCH tells of no packet: its counters are looked at so many times within the shorter limit of a silence and once within that of a pause, but neither more often than this nor less, milliseconds. */
const LOOKS = 4;
const LEAST_MS = 50;
const MOST_MS = 5000;

export interface SilenceWatchParts {
  readonly clock: Clock;
  /** Packets from the peer so far; undefined: there is no channel any more. */
  readonly packetsIn: () => Promise<number | undefined>;
  /** False while nothing is to be expected of him. */
  readonly shouldSend: () => boolean;
  readonly onMedia: () => void;
  readonly onSilent: (ms: number) => void;
  readonly onPaused: (ms: number) => void;
  readonly onResumed: () => void;
}

/** Notices the peer's first packet, and when no more of them come: what he sends by RTCP does not count here. */
export class SilenceWatch {
  readonly #parts: SilenceWatchParts;
  readonly #pause: PauseWatch;
  #limits: SilenceLimits | undefined;
  #timer: TimerId;
  #packets = 0;
  #since: number;
  #told = false;
  #closed = false;

  constructor(parts: SilenceWatchParts) {
    this.#parts = parts;
    this.#pause = new PauseWatch(parts.onPaused, parts.onResumed);
    this.#since = parts.clock.monotonic();
    this.#arm();
  }

  expect(limits: SilenceLimits): void {
    this.#limits = limits;
    this.#since = this.#parts.clock.monotonic();
    this.#told = false;
    this.#pause.expect(limits.pauseMs, this.#since);
    this.#parts.clock.clearTimeout(this.#timer);
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    if (this.#closed) return;
    const { firstMs = 0, thenMs = 0, pauseMs = 0 } = this.#limits ?? {};
    const looks = [firstMs / LOOKS, thenMs / LOOKS, pauseMs].filter((ms) => ms > 0);
    const every = Math.min(MOST_MS, Math.max(LEAST_MS, ...(looks.length > 0 ? [Math.min(...looks)] : [MOST_MS])));
    this.#timer = this.#parts.clock.setTimeout(
      () => void this.#look(),
      this.#packets === 0 ? Math.min(every, 500) : every,
    );
  }

  async #look(): Promise<void> {
    const { clock, packetsIn, shouldSend, onMedia, onSilent } = this.#parts;
    const packets = await packetsIn();
    if (packets === undefined || this.#closed) return;
    const now = clock.monotonic();
    if (packets !== this.#packets) this.#pause.heard(now);
    else this.#pause.check(now);
    if (packets !== this.#packets || !shouldSend()) {
      if (this.#packets === 0 && packets > 0) onMedia();
      this.#packets = packets;
      this.#since = now;
      this.#told = false;
    }
    const limit = this.#packets === 0 ? this.#limits?.firstMs : this.#limits?.thenMs;
    if (limit && !this.#told && now - this.#since >= limit) {
      this.#told = true;
      onSilent(Math.round(now - this.#since));
    }
    this.#arm();
  }
}
