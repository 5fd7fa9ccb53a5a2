import type { FaxEnd, FaxProgress } from '../../../media/fax.ts';
import { CALL_DROPPED, faxErrorText } from './fax-errors.ts';
import type { Handle, Spandsp } from './spandsp.ts';
import { WrittenPages } from './written-pages.ts';

/** What a fax terminal is to do with the call. */
export type FaxTask =
  /** Writes a TIFF; the file must not exist yet. */
  | { readonly do: 'receive'; readonly file: string; readonly maxPages?: number }
  /** Sends all pages of a TIFF with the sizes and resolutions of fax pages. */
  | { readonly do: 'send'; readonly file: string };

export type FaxTerminalOptions = FaxTask & {
  /** How we name ourselves to the other machine (CSI or TSI): at most 20 characters of `0-9+` and space. */
  readonly stationId: string;
  /** Error correction (T.30 Annex A) is offered, and used if the other machine can. */
  readonly ecm: boolean;
};

/** A fax machine on one call: T.30 with V.21, V.27ter, V.29 and V.17, all out of 8 kHz linear audio. */
export interface FaxTerminal {
  /** What the peer sends, each sample once and in order. Time in the protocol passes with these samples. */
  receive(samples: Int16Array): void;
  /** Writes what goes to the peer, silence included. */
  send(samples: Int16Array): void;
  /** False when the protocol has come to its end, whichever that is. */
  readonly active: boolean;
  readonly progress: FaxProgress;
  /**
   * Ends the protocol, wherever it is, closes the file and frees the C object. Nothing else may be called afterwards.
   * @returns how it ended: `finished` if no page is missing
   */
  close(): FaxEnd;
}

/** Numbers of the library's header files: modems V.27ter, V.29 and V.17; T.4 one- and two-dimensional and T.6. */
const MODEMS = 0x01 | 0x02 | 0x04;
const COMPRESSIONS = 0x02 | 0x04 | 0x08;
/** Standard, fine and superfine, at eight and sixteen dots a millimetre. */
const RESOLUTIONS = 0x01 | 0x02 | 0x04 | 0x20000 | 0x40000;
/** Widths of A4, B4 and A3; any length. */
const SIZES = 0x01 | 0x02 | 0x04 | 0x10000 | 0x20000 | 0x40000 | 0x80000 | 0x100000;
const T6 = 3;
const ANY_PAGE = -1;

/** `t30_stats_t`, and the places of what we read in it. */
const stats = new Int32Array(15);
const BIT_RATE = 0;
const ECM = 1;
const PAGES_SENT = 2;
const PAGES_RECEIVED = 3;
const PAGES_IN_FILE = 4;
const X_RESOLUTION = 5;
const Y_RESOLUTION = 6;
const STATUS = 14;

/** T.30 error 29: the other machine did not hang up after its last page was confirmed. Nothing of the fax is missing. */
const NO_DCN = 29;
/** «That was the last page» (EOP, PRI-EOP) and «more follow» (MPS, EOM and their PRI forms), without the bit that tells the two machines apart. */
const LAST_PAGE = [0x2e, 0x3e];
const MORE_PAGES = [0x4e, 0x5e, 0x8e, 0x9e];
const messageOf = (byte: number): number => byte & 0xfe;

/** @throws Error if the library is out of memory */
export function createFaxTerminal(spandsp: Spandsp, options: FaxTerminalOptions): FaxTerminal {
  const sends = options.do === 'send';
  const fax = spandsp.faxInit(null, sends ? 1 : 0);
  if (fax === null) throw new Error('fax_init failed');
  const t30 = spandsp.faxT30(fax);
  spandsp.faxTransmitOnIdle(fax, 1);
  spandsp.t30TxIdent(t30, options.stationId);
  spandsp.t30Ecm(t30, options.ecm ? 1 : 0);
  spandsp.t30Modems(t30, MODEMS);
  spandsp.t30Compressions(t30, COMPRESSIONS);
  spandsp.t30Resolutions(t30, RESOLUTIONS);
  spandsp.t30ImageSizes(t30, SIZES);
  spandsp.t30RxEncoding(t30, T6);
  if (options.do === 'send') spandsp.t30TxFile(t30, options.file, ANY_PAGE, ANY_PAGE);
  else spandsp.t30RxFile(t30, options.file, ANY_PAGE);
  return new SpandspTerminal(spandsp, fax, t30, options);
}

class SpandspTerminal implements FaxTerminal {
  readonly #spandsp: Spandsp;
  readonly #t30: Handle;
  readonly #sends: boolean;
  readonly #maxPages: number | undefined;
  /** Of a fax that is received. */
  readonly #written: WrittenPages | undefined;
  readonly #offPhaseD: () => void;
  #fax: Handle | undefined;
  /** The sender has said that no page follows, and we have confirmed the last one; he may hang up without a word (DCN). */
  #lastPageConfirmed = false;
  #moreAnnounced = false;
  /** More pages come than are to be taken. */
  #tooMany = false;
  #pageOver = false;
  /** Pages of a fax that is received: in the file, and counted by the library all the same although they are not. */
  #kept = 0;
  #unwritten = 0;

  constructor(spandsp: Spandsp, fax: Handle, t30: Handle, task: FaxTask) {
    this.#spandsp = spandsp;
    this.#fax = fax;
    this.#t30 = t30;
    this.#sends = task.do === 'send';
    // The library takes a last page to receive, and does not keep to it.
    this.#maxPages = task.do === 'receive' ? task.maxPages : undefined;
    this.#written = task.do === 'receive' ? new WrittenPages(task.file) : undefined;
    this.#offPhaseD = spandsp.t30OnPhaseD(t30, (message) => {
      if (this.#sends) return;
      this.#lastPageConfirmed = LAST_PAGE.includes(messageOf(message));
      this.#moreAnnounced = MORE_PAGES.includes(messageOf(message));
      this.#pageOver = true;
    });
  }

  receive(samples: Int16Array): void {
    this.#spandsp.faxRx(this.#open(), samples, samples.length);
    if (this.#pageOver && !this.#isPageKept()) return;
    if (!this.#moreAnnounced || this.#maxPages === undefined || this.progress.pages < this.#maxPages) return;
    this.#tooMany = true;
    this.#spandsp.t30Terminate(this.#t30);
  }

  send(samples: Int16Array): void {
    const count = this.#spandsp.faxTx(this.#open(), samples, samples.length);
    samples.fill(0, count);
  }

  /**
   * The library has written the page, or tried to, and has its confirmation (MCF) ready, of which nothing was sent: that begins with the next samples. A page that
   * is not in the file must not be confirmed, so the protocol ends here: the other machine hears no answer, and knows that its fax has not come through.
   */
  #isPageKept(): boolean {
    this.#pageOver = false;
    this.#kept = this.#written?.count() ?? 0;
    this.#unwritten = this.#statistic(PAGES_RECEIVED) - this.#kept;
    if (this.#unwritten <= 0) return true;
    this.#lastPageConfirmed = false;
    this.#spandsp.t30Terminate(this.#t30);
    return false;
  }

  #statistic(place: number): number {
    this.#spandsp.t30Stats(this.#t30, stats);
    return stats[place] as number;
  }

  get active(): boolean {
    this.#open();
    return this.#spandsp.t30Active(this.#t30) !== 0;
  }

  get progress(): FaxProgress {
    this.#open();
    this.#spandsp.t30Stats(this.#t30, stats);
    const at = (place: number) => stats[place] as number;
    return {
      pages: this.#sends ? at(PAGES_SENT) : this.#kept,
      remoteStation: (this.#spandsp.t30RxIdent(this.#t30) ?? '').trim(),
      bitRate: at(BIT_RATE),
      ecm: at(ECM) !== 0,
      resolution: { x: dotsPerInch(at(X_RESOLUTION)), y: dotsPerInch(at(Y_RESOLUTION)) },
    };
  }

  close(): FaxEnd {
    const fax = this.#open();
    const { active, progress } = this;
    const status = stats[STATUS] as number;
    // The receiver of it all may hang up while we say good-bye, which takes a second: what it has confirmed it has, and must not get again.
    const allConfirmed = this.#sends && progress.pages > 0 && progress.pages === stats[PAGES_IN_FILE];
    this.#fax = undefined;
    this.#offPhaseD();
    this.#written?.close();
    // Closes the file; what is on its way is given up.
    if (active) this.#spandsp.t30Terminate(this.#t30);
    this.#spandsp.faxFree(fax);
    const code = active && status === 0 ? CALL_DROPPED : status;
    if (this.#unwritten > 0) {
      const error = `${this.#unwritten} of ${this.#kept + this.#unwritten} pages could not be written: the disk is full`;
      return { ...progress, reason: 'failed', unwritten: this.#unwritten, error };
    }
    if (this.#tooMany) return { ...progress, reason: 'failed', error: `more than ${this.#maxPages} pages` };
    const whole = allConfirmed || code === 0 || code === NO_DCN || (code === CALL_DROPPED && this.#lastPageConfirmed);
    if (whole && progress.pages > 0) return { ...progress, reason: 'finished' };
    return { ...progress, reason: 'failed', error: code === 0 ? 'no page was transmitted' : faxErrorText(code) };
  }

  #open(): Handle {
    if (this.#fax === undefined) throw new Error('fax terminal used after close');
    return this.#fax;
  }
}

/** The library counts dots per metre. */
const dotsPerInch = (perMetre: number): number => Math.round(perMetre * 0.0254);
