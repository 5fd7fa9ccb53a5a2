import type { MessagePort } from 'node:worker_threads';
import type { FaxEnd, FaxProgress } from '../../media/fax.ts';
import type {
  AudioSource,
  CodecName,
  DtmfMode,
  EndpointEvents,
  EndpointStats,
  MediaErrorCode,
  PlaybackEnd,
  SilenceLimits,
} from '../../media/port.ts';
import type { RecordingEnd, RecordOptions } from '../../media/recorder.ts';
import type { MediaParameters } from '../../media/sdp/negotiate.ts';
import type { FaxTerminalOptions } from './dsp/fax.ts';
import type { Distribution } from './histogram.ts';
import type { PortInterval } from './worker/port-range.ts';

/*
 * What the main thread and a media worker say to each other. The main thread asks, and gets an answer or a refusal with the same number;
 * events come unasked.
 */

export interface WorkerOptions {
  /** Its own number, by which other workers know it. */
  readonly worker: number;
  readonly address: string;
  readonly ports: PortInterval;
  readonly audioCacheDir: string;
  readonly libspandsp?: readonly string[];
}

/** By name: what is asked, and what is answered. Endpoints are named by numbers that the main thread gives out. */
export interface Requests {
  open: { ask: { endpoint: number }; answer: { port: number } };
  /** `key`: what we encrypt with where the parameters have a key of the peer. */
  configure: { ask: { endpoint: number; dtmf: DtmfMode; key: string; parameters: MediaParameters }; answer: undefined };
  bypass: { ask: { endpoint: number }; answer: undefined };
  play: {
    ask: { endpoint: number; playback: number; sources: readonly AudioSource[]; loop: boolean; startAtMs: number };
    answer: undefined;
  };
  stop: { ask: { endpoint: number; playback: number }; answer: undefined };
  record: { ask: { endpoint: number; recording: number; options: RecordOptions }; answer: undefined };
  /** Answered when the file is closed. */
  stopRecording: { ask: { endpoint: number; recording: number }; answer: undefined };
  sendDtmf: { ask: { endpoint: number; digits: string; toneMs: number; gapMs: number }; answer: undefined };
  /** Whether the calling tones of fax machines are to be listened for. */
  listenForFax: { ask: { endpoint: number; on: boolean }; answer: undefined };
  /** Begins a fax in place of one that goes on. */
  fax: { ask: { endpoint: number; fax: number; options: FaxTerminalOptions }; answer: undefined };
  stopFax: { ask: { endpoint: number; fax: number }; answer: undefined };
  /** Audio of `endpoint` goes to `to`, which may live in another worker. One way: a bridge is two of these. */
  connect: { ask: { endpoint: number; to: Place; passDtmf: boolean }; answer: undefined };
  disconnect: { ask: { endpoint: number }; answer: undefined };
  /** Opens a conference, named by a number as endpoints are. */
  conference: { ask: { conference: number }; answer: undefined };
  /** A place in a conference: what an endpoint says that is connected to `seat` the others hear, and what they say goes to `to`. */
  seat: { ask: { conference: number; seat: number; to: Place }; answer: undefined };
  mute: { ask: { conference: number; seat: number; on: boolean }; answer: undefined };
  vacate: { ask: { conference: number; seat: number }; answer: undefined };
  endConference: { ask: { conference: number }; answer: undefined };
  expectMedia: { ask: { endpoint: number; limits: SilenceLimits }; answer: undefined };
  endpointStats: { ask: { endpoint: number }; answer: EndpointStats };
  destroy: { ask: { endpoint: number }; answer: undefined };
  stats: { ask: undefined; answer: WorkerStats };
  /** The channel over which the other worker's endpoints are reached. */
  link: { ask: { worker: number; port: MessagePort }; answer: undefined };
  close: { ask: undefined; answer: undefined };
}

/** Of an endpoint, or a seat in a conference. */
export interface Place {
  readonly worker: number;
  readonly endpoint: number;
}

export interface WorkerStats {
  /** Endpoints whose audio goes to another one. */
  readonly connected: number;
  readonly conferences: number;
  /** Seats of all conferences: as many endpoints, here or elsewhere, are connected to one. */
  readonly seats: number;
  readonly playbacks: number;
  readonly recordings: number;
  readonly rejected: number;
  readonly lateness: Distribution;
}

export type RequestName = keyof Requests;

/** Main thread → worker. */
export type ToWorker = {
  readonly [K in RequestName]: { readonly id: number; readonly name: K; readonly ask: Requests[K]['ask'] };
}[RequestName];

/** Worker → main thread. */
export type FromWorker =
  | { readonly kind: 'ready'; readonly missing?: Missing }
  /** The worker cannot work at all: it ends. */
  | { readonly kind: 'unable'; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string; readonly hint: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  /** Without a code it is a bug. */
  | {
      readonly kind: 'refusal';
      readonly id: number;
      readonly code: MediaErrorCode | undefined;
      readonly message: string;
    }
  | { readonly kind: 'dtmf'; readonly endpoint: number; readonly event: EndpointEvents['dtmf'] }
  | { readonly kind: 'media'; readonly endpoint: number; readonly event: EndpointEvents['media'] }
  | { readonly kind: 'faxTone'; readonly endpoint: number }
  | { readonly kind: 'faxProgress'; readonly endpoint: number; readonly fax: number; readonly progress: FaxProgress }
  | { readonly kind: 'faxed'; readonly endpoint: number; readonly fax: number; readonly end: FaxEnd }
  | { readonly kind: 'silent'; readonly endpoint: number; readonly event: EndpointEvents['silent'] }
  | { readonly kind: 'paused'; readonly endpoint: number; readonly event: EndpointEvents['paused'] }
  | { readonly kind: 'resumed'; readonly endpoint: number }
  | { readonly kind: 'played'; readonly endpoint: number; readonly playback: number; readonly end: PlaybackEnd }
  | {
      readonly kind: 'recorded';
      readonly endpoint: number;
      readonly recording: number;
      readonly end: RecordingEnd;
    };

/** Something that can be done without, in words for a person. */
export interface Missing {
  readonly message: string;
  readonly hint: string;
}

/** Worker → worker: a packet for an endpoint over there. `bytes` begins with an RTP header without extensions. */
export type LinkMessage =
  | { readonly kind: 'audio'; readonly to: number; readonly bytes: Uint8Array; readonly codec: CodecName }
  | { readonly kind: 'event'; readonly to: number; readonly bytes: Uint8Array; readonly pressed: string | undefined }
  | { readonly kind: 'withheld'; readonly to: number; readonly bytes: Uint8Array };
