import type { ConferenceMixer } from '../../media/conference.ts';
import type { MediaServer } from '../../media/port.ts';
import { EmbeddedMediaServer } from './server.ts';

export interface EmbeddedMediaOptions {
  /** IP address that the RTP sockets bind to. */
  readonly address: string;
  /** Stands in our SDP instead of `address`: what peers behind the router see. */
  readonly externalIp?: string;
  /** UDP ports for RTP and RTCP, both ends included; each endpoint takes an even one and the next. */
  readonly ports: { readonly from: number; readonly to: number };
  /** Threads that carry the audio. Default: one for every two processors. Endpoints of one `callId` share a thread where they can. */
  readonly workers?: number;
  /** Where converted WAV and MP3 files are kept between runs; made if need be. */
  readonly audioCacheDir: string;
  /** Where libspandsp is looked for, as `dlopen` takes it. Default: by its names on Debian and Homebrew. */
  readonly libspandsp?: readonly string[];
  readonly log?: MediaLog;
}

/** The part of pino's interface that is used here. */
export interface MediaLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * An RTP media server inside this process, its audio in worker threads: see README.md.
 * @throws UserError `media-address` (the address cannot be bound), `media-ports` (the range holds no even port with its successor)
 */
export function startEmbeddedMedia(options: EmbeddedMediaOptions): Promise<MediaServer & ConferenceMixer> {
  return EmbeddedMediaServer.start(options);
}
