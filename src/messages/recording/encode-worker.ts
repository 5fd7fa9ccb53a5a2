import { open, rename, rm } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { createMp3Encoder } from 'wasm-media-encoders';
import { errorText } from '../../errors.ts';
import { RECORDING_RATE, WAV_HEADER_BYTES, wavHeader } from '../../media/wav-file.ts';
import { setThreadPriority } from '../../thread-priority.ts';

/** One file, from the WAV of a recorder to what is kept. */
export interface EncodeRequest {
  readonly id: number;
  readonly from: string;
  /** Appears whole, or not at all. May be the same as `from`. */
  readonly to: string;
  /** As many as there are, or one, in which all are mixed. */
  readonly mono: boolean;
  /** Kilobits a second for each channel of an MP3; undefined: a WAV. */
  readonly kbps: number | undefined;
}

export interface EncodeReply {
  readonly id: number;
  readonly bytes?: number;
  readonly error?: string;
}

/** Takes the channels of a piece, and gives the bytes for the file. */
interface Encoding {
  header(samples: number): Uint8Array | undefined;
  piece(channels: readonly Int16Array[]): Uint8Array;
  end(): Uint8Array;
}

/** Samples of each channel that are read at once: a second's work is some milliseconds. */
const PIECE = 32_768;

/** The thread's entry: encodes one file after the other, with whatever the calls leave of the processor. */
if (!parentPort) throw new Error('encode-worker.ts is started as a worker thread only');
const main = parentPort;
setThreadPriority('background');
const mp3 = await createMp3Encoder();

main.on('message', async (request: EncodeRequest) => {
  const reply = (outcome: Omit<EncodeReply, 'id'>) => main.postMessage({ id: request.id, ...outcome });
  try {
    reply({ bytes: await encode(request) });
  } catch (error) {
    reply({ error: errorText(error) });
  }
});

async function encode({ from, to, mono, kbps }: EncodeRequest): Promise<number> {
  const aside = `${to}.part`;
  const source = await open(from, 'r');
  try {
    const header = Buffer.alloc(WAV_HEADER_BYTES);
    await source.read(header, 0, WAV_HEADER_BYTES, 0);
    const has = header.readUInt16LE(22);
    const target = await open(aside, 'w', 0o640);
    try {
      const encoding = kbps === undefined ? asWav(mono ? 1 : has) : asMp3(mono ? 1 : has, kbps);
      const bytes = Buffer.alloc(PIECE * 2 * has);
      let samples = 0;
      const head = encoding.header(0);
      if (head) await target.write(head);
      for (let at = WAV_HEADER_BYTES; ; ) {
        const { bytesRead } = await source.read(bytes, 0, bytes.length, at);
        const whole = bytesRead - (bytesRead % (2 * has));
        if (whole === 0) break;
        at += whole;
        samples += whole / 2 / has;
        const channels = channelsOf(bytes.subarray(0, whole), has);
        await target.write(encoding.piece(mono ? [mixed(channels)] : channels));
      }
      await target.write(encoding.end());
      const final = encoding.header(samples);
      if (final) await target.write(final, 0, final.length, 0);
      await target.sync();
      const { size } = await target.stat();
      await rename(aside, to);
      return size;
    } finally {
      await target.close();
    }
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  } finally {
    await source.close();
  }
}

function asWav(channels: number): Encoding {
  return {
    header: (samples) => wavHeader(channels, samples * 2 * channels),
    piece(of) {
      const interleaved = new Int16Array((of[0]?.length ?? 0) * channels);
      of.forEach((samples, channel) => {
        for (let i = 0; i < samples.length; i++) interleaved[i * channels + channel] = samples[i] as number;
      });
      return new Uint8Array(interleaved.buffer);
    },
    end: () => new Uint8Array(),
  };
}

function asMp3(channels: number, kbps: number): Encoding {
  mp3.configure({
    sampleRate: RECORDING_RATE,
    outputSampleRate: RECORDING_RATE,
    channels: channels === 1 ? 1 : 2,
    // Of the rates that MPEG-2.5 layer 3 has, both the single and the double of ours are some.
    bitrate: (kbps * channels) as 8,
  });
  return {
    header: () => undefined,
    // What the encoder gives lies in memory that it uses again.
    piece: (of) => mp3.encode(of.map((samples) => Float32Array.from(samples, (sample) => sample / 32_768))).slice(),
    end: () => mp3.finalize().slice(),
  };
}

function channelsOf(bytes: Buffer, count: number): Int16Array[] {
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Array.from({ length: count }, (_, channel) => {
    const own = new Int16Array(samples.length / count);
    for (let i = 0; i < own.length; i++) own[i] = samples[i * count + channel] as number;
    return own;
  });
}

/** All in one: two who talk at once are both heard, as loud as they are unless that is too loud. */
function mixed(channels: readonly Int16Array[]): Int16Array {
  const [first = new Int16Array(), ...others] = channels;
  return first.map((sample, i) => {
    const sum = others.reduce((all, other) => all + (other[i] as number), sample);
    return Math.max(-32_768, Math.min(32_767, sum));
  });
}
