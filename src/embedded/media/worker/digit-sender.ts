import type { CodecName } from '../../../media/port.ts';
import { dtmfSamples } from '../dsp/dtmf.ts';
import { g711 } from '../dsp/g711.ts';
import { eventOf } from '../rtp/telephone-event.ts';
import { FRAME } from './playback.ts';

const FRAME_MS = 20;
/** The last packet of an event is sent three times (RFC 4733 §2.5.1.4): with the tone's last frame and in the two after it. */
const REPEATED_ENDS = 2;
/** ITU-T Q.24: receivers need at least 40 ms of tone and of pause. */
const SHORTEST_MS = 40;
/** The duration field holds 8.19 s (RFC 4733 §2.3.5). */
const LONGEST_MS = 8000;

/** Where the frames go: the endpoint. */
export interface DigitOutput {
  readonly codec: CodecName;
  readonly takesEvents: boolean;
  /** @param payload 160 bytes of the codec */
  sendAudio(payload: Uint8Array, dueMs: number): void;
  /** @param frames of 20 ms since the event's beginning, this one included; 1 begins a new event */
  sendEvent(event: number, frames: number, end: boolean, dueMs: number): void;
}

interface Digit {
  readonly key: string;
  readonly event: number;
  readonly toneFrames: number;
  readonly gapFrames: number;
  /** Called when the digit and the pause after it are out. */
  readonly sent: (() => void) | undefined;
}

/** Digits waiting to be sent, and the one that is being sent: one frame per tick. */
export class DigitSender {
  readonly #queue: Digit[] = [];
  #frame = 0;
  #tone: Uint8Array | undefined;

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** @param keys of `0-9*#A-D`; others were refused before. @param sent called when the last one is out */
  add(keys: string, toneMs: number, gapMs: number, sent?: () => void): void {
    const toneFrames = framesOf(toneMs);
    const gapFrames = framesOf(gapMs);
    const events = [...keys].map((key) => ({ key, event: eventOf(key) }));
    events.forEach(({ key, event }, index) => {
      const last = index === events.length - 1;
      if (event !== undefined) this.#queue.push({ key, event, toneFrames, gapFrames, sent: last ? sent : undefined });
    });
    if (events.length === 0) sent?.();
  }

  tick(output: DigitOutput, dueMs: number): void {
    const digit = this.#queue[0];
    if (!digit) return;
    if (this.#frame === 0) this.#tone = output.takesEvents ? undefined : toneOf(digit, output.codec);
    this.#frame++;
    if (this.#tone) this.#sendTone(this.#tone, output, dueMs);
    else this.#sendEvent(digit, output, dueMs);
    if (this.#frame < digit.toneFrames + digit.gapFrames) return;
    this.#frame = 0;
    this.#queue.shift();
    digit.sent?.();
  }

  /** The promises of what was not sent: the endpoint is going. */
  abandon(): (() => void)[] {
    return this.#queue.splice(0).flatMap((digit) => digit.sent ?? []);
  }

  #sendEvent(digit: Digit, output: DigitOutput, dueMs: number): void {
    if (this.#frame > digit.toneFrames + REPEATED_ENDS) return;
    const frames = Math.min(this.#frame, digit.toneFrames);
    output.sendEvent(digit.event, frames, this.#frame >= digit.toneFrames, dueMs);
  }

  /** The pause is sent too: a detector on the way needs to hear that the tone is over. */
  #sendTone(tone: Uint8Array, output: DigitOutput, dueMs: number): void {
    const begin = (this.#frame - 1) * FRAME;
    output.sendAudio(begin < tone.length ? tone.subarray(begin, begin + FRAME) : silence[output.codec], dueMs);
  }
}

const framesOf = (ms: number): number => Math.ceil(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)) / FRAME_MS);

function toneOf({ key, toneFrames }: Digit, codec: CodecName): Uint8Array {
  const tone = new Uint8Array(toneFrames * FRAME);
  g711[codec].encode(dtmfSamples(key, toneFrames * FRAME_MS), tone);
  return tone;
}

const silence: Record<CodecName, Uint8Array> = {
  pcma: new Uint8Array(FRAME).fill(g711.pcma.silence),
  pcmu: new Uint8Array(FRAME).fill(g711.pcmu.silence),
};
