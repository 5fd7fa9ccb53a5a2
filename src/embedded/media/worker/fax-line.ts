import type { FaxEnd, FaxProgress } from '../../../media/fax.ts';
import type { CodecName } from '../../../media/port.ts';
import { createFaxTerminal, type FaxTerminal, type FaxTerminalOptions } from '../dsp/fax.ts';
import { g711 } from '../dsp/g711.ts';
import type { Spandsp } from '../dsp/spandsp.ts';
import { JitterBuffer } from '../rtp/jitter-buffer.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { FRAME } from './playback.ts';

/**
 * How much later than it came the other machine's signal is read, so that a packet may be so late without harm. T.30 allows its machines three seconds
 * for an answer, of which this takes a fraction.
 */
const DELAY_MS = 200;
/** Frames. A gap in what comes is waited out for so long, as if time stood still; after that the line is silent, and the timers of T.30 run. */
const LONGEST_WAIT = 25;
/** Frames that still go out when the protocol is over: the last message must have reached the other machine before the call ends. */
const AFTERWARDS = 25;

export interface FaxLineListener {
  progress(progress: FaxProgress): void;
  /** It is over by itself: `end` is to be called. */
  over(): void;
}

const linear = new Int16Array(2048);
const frame = new Int16Array(FRAME);

/** A fax terminal on one RTP session: from packets to samples and back. No sample is dropped, made up or changed on the way but those that were lost. */
export class FaxLine {
  readonly id: number;
  readonly #terminal: FaxTerminal;
  readonly #listener: FaxLineListener;
  readonly #buffer = new JitterBuffer({ fixedMs: DELAY_MS });
  #waited = 0;
  #afterwards = 0;
  #told = '';

  /** @throws Error if the library is out of memory */
  constructor(id: number, spandsp: Spandsp, options: FaxTerminalOptions, listener: FaxLineListener) {
    this.id = id;
    this.#terminal = createFaxTerminal(spandsp, options);
    this.#listener = listener;
  }

  receive(bytes: Uint8Array, packet: RtpPacket, codec: CodecName): void {
    const count = packet.end - packet.start;
    g711[codec].decode(bytes.subarray(packet.start, packet.end), linear, count);
    this.#buffer.push(packet.timestamp, linear, count);
  }

  /** Once per 20 ms. */
  listen(): void {
    if (this.#buffer.pull(frame, 0) !== 'empty') this.#waited = 0;
    else if (this.#waited++ < LONGEST_WAIT) return;
    else frame.fill(0);
    this.#terminal.receive(frame);
    this.#tellProgress();
    if (!this.#terminal.active && this.#afterwards++ === AFTERWARDS) this.#listener.over();
  }

  /** Writes the next 20 ms for the peer. */
  send(payload: Uint8Array, offset: number, codec: CodecName): void {
    this.#terminal.send(frame);
    g711[codec].encode(frame, payload.subarray(offset), FRAME);
  }

  /** Reads what has come already, and ends it. Nothing else may be called afterwards. */
  end(): FaxEnd {
    while (this.#terminal.active && this.#buffer.drain(frame)) this.#terminal.receive(frame);
    return this.#terminal.close();
  }

  #tellProgress(): void {
    const { progress } = this.#terminal;
    const told = `${progress.pages} ${progress.remoteStation}`;
    if (told === this.#told) return;
    if (this.#told !== '') this.#listener.progress(progress);
    this.#told = told;
  }
}
