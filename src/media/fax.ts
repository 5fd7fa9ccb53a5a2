/**
 * Fax over the audio of a call (ITU-T T.30, here over G.711): the part of the media port that endpoints offer for it. Pages are TIFF files (TIFF/F,
 * RFC 3949), because that is what every fax engine reads and writes; PDF is the business of whoever keeps them.
 */
export interface FaxOptions {
  /** How we name ourselves to the other machine (T.30 CSI, TSI): up to 20 characters of `0-9`, `+` and space. */
  readonly stationId: string;
  /** Error correction (T.30 Annex A) if the other machine can. Default true. */
  readonly ecm?: boolean;
  /** Told when the machines know each other, and at each page that is over. */
  readonly onProgress?: (progress: FaxProgress) => void;
}

export interface FaxReceiveOptions extends FaxOptions {
  /** Absolute path of a file that does not exist yet; its folder exists. Each page is in it as soon as it is over: a crash loses no earlier one. */
  readonly file: string;
  /** After so many the other machine is told that no more is taken. Default: any number. */
  readonly maxPages?: number;
}

export interface FaxSendOptions extends FaxOptions {
  /** Absolute path of a TIFF whose pages have fax sizes. */
  readonly file: string;
}

export interface FaxProgress {
  /** Pages that were sent and confirmed, or received and kept. */
  readonly pages: number;
  /** How the other machine names itself; empty if it does not. */
  readonly remoteStation: string;
  /** Of the pages, bit/s: 2400 to 14400. */
  readonly bitRate: number;
  /** Errors are corrected by sending again. */
  readonly ecm: boolean;
  /** Dots per inch of the latest page. */
  readonly resolution: { readonly x: number; readonly y: number };
}

export interface FaxEnd extends FaxProgress {
  /** `failed`: the machines did not come to the end of it, or the call was over before. What was received stays in the file. */
  readonly reason: 'finished' | 'stopped' | 'failed';
  /** Of `failed`: what went wrong, for a person. */
  readonly error?: string;
  /** Pages that came and could not be written, which the other machine was not told to have arrived. */
  readonly unwritten?: number;
}

/** A fax under way. */
export interface FaxTransmission {
  /** Always resolves, never rejects; the file is complete and closed then. */
  readonly ended: Promise<FaxEnd>;
  /** Breaks it off. Resolves with `ended`. Idempotent. */
  stop(): Promise<FaxEnd>;
}

/** Before anything is known of the other machine. */
export const noFaxYet: FaxProgress = {
  pages: 0,
  remoteStation: '',
  bitRate: 0,
  ecm: false,
  resolution: { x: 0, y: 0 },
};
