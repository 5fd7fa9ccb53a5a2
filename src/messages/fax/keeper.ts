import type { Logger } from 'pino';
import type { PbxVersion } from '../../config/version.ts';
import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import { readTiff } from '../../media/tiff-file.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { Outbox } from '../outbox.ts';
import { faxLetter } from '../texts/fax.ts';
import type { FaxFolder } from './folder.ts';
import { pdfOfTiff } from './pdf.ts';
import { type FaxRecord, receivedState } from './record.ts';
import type { FaxStore } from './store.ts';

/** How often what the database or the outbox did not take is offered again. */
const AGAIN_MS = 15_000;

export interface FaxKeeperOptions {
  readonly folder: FaxFolder;
  readonly store: FaxStore;
  readonly outbox: Outbox;
  readonly pbx: (id: string) => PbxVersion | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface FaxEvents {
  /** A fax has come to another state. */
  changed: FaxRecord;
  /** It was deleted. */
  removed: FaxRecord;
}

/**
 * Brings to safety what has become of faxes: disk first, then database, then a letter. Whatever is away meanwhile, no fax that came is lost, and none that was sent
 * is sent again.
 */
export class FaxKeeper {
  readonly events = new Emitter<FaxEvents>();
  readonly #options: FaxKeeperOptions;
  /** What is received right now. */
  readonly #coming = new Set<string>();
  /** What the disk did not take: it goes to the database alone. */
  readonly #unwritten = new Map<string, FaxRecord>();
  #timer: TimerId | undefined;
  #filing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FaxKeeperOptions) {
    this.#options = options;
  }

  /**
   * A reception begins.
   * @returns the file for its pages
   * @throws Error of node:fs: the disk is full, the folder is not writable
   */
  async begin(record: FaxRecord): Promise<string> {
    const { folder } = this.#options;
    this.#coming.add(record.id);
    try {
      await folder.keepOpen(record);
      this.events.emit('changed', record);
      return folder.path(record.pbx, record.id, 'tiff');
    } catch (error) {
      this.#coming.delete(record.id);
      throw error;
    }
  }

  /** A reception is over, or a try to send. Resolves when that is safe on this node; database and letter follow. Never rejects. */
  async keep(record: FaxRecord): Promise<void> {
    const { folder, log } = this.#options;
    try {
      await folder.keepOpen(record);
      this.#unwritten.delete(record.id);
    } catch (error) {
      this.#unwritten.set(record.id, record);
      log.error({ err: error, fax: record.id }, `the disk does not take what became of a fax: ${errorText(error)}`);
    }
    this.#coming.delete(record.id);
    this.#fileSoon();
  }

  /** What was being received when the engine ended has the pages that came before. Never rejects. */
  async recover(): Promise<void> {
    const { folder, log } = this.#options;
    try {
      for (const record of await folder.stillOpen()) {
        if (record.state !== 'receiving' || this.#coming.has(record.id)) continue;
        const pages = await this.pagesOf(record);
        const state = receivedState({ reason: 'failed', pages });
        await this.keep({ ...record, state, pages, error: 'the engine was stopped while the fax came in' });
      }
    } catch (error) {
      log.error({ err: error }, `faxes of the last run cannot be read: ${errorText(error)}`);
    }
    this.#fileSoon();
    await this.#filing;
  }

  /** Resolves when everything that has been told to it is in the database, or has not gone there. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#filing;
  }

  /** One pass after the other. */
  #fileSoon(): void {
    this.#filing = this.#filing.then(() => this.#fileAll());
  }

  async #fileAll(): Promise<void> {
    const { log, clock } = this.#options;
    clock.clearTimeout(this.#timer);
    let why: unknown;
    try {
      for (const record of await this.#unfiled()) {
        // One that cannot be filed does not keep the others from it.
        await this.#file(record).catch((error: unknown) => {
          why = error;
        });
      }
    } catch (error) {
      why = error;
    }
    if (why === undefined) return;
    log.warn({ error: errorText(why) }, 'a fax waits on the disk: the database or the outbox does not take it');
    if (!this.#closed) this.#timer = clock.setTimeout(() => this.#fileSoon(), AGAIN_MS);
  }

  async #unfiled(): Promise<FaxRecord[]> {
    const written = await this.#options.folder.stillOpen();
    const known = new Map([...written, ...this.#unwritten.values()].map((record) => [record.id, record]));
    return [...known.values()].filter(({ state }) => state !== 'receiving');
  }

  async #file(record: FaxRecord): Promise<void> {
    const { folder, store } = this.#options;
    const isIn = record.direction === 'in';
    if (isIn) await this.#makePdf(record);
    // Of one that is sent the database knows already, unless it was deleted meanwhile.
    const isNews = isIn ? await store.add(record) : await store.update(record);
    if (isNews) this.events.emit('changed', record);
    if (isIn) await this.#tell(record);
    await folder.close(record);
    this.#unwritten.delete(record.id);
  }

  async #makePdf(record: FaxRecord): Promise<void> {
    const { folder, log } = this.#options;
    const { pbx, id } = record;
    if (record.pages === 0 || (await folder.has(pbx, id, 'pdf'))) return;
    const tiff = await folder.read(pbx, id, 'tiff');
    try {
      await folder.write(pbx, id, 'pdf', pdfOfTiff(tiff));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      log.error({ err: error, fax: id }, 'a fax is kept as TIFF alone: its pages are none that a PDF can hold');
    }
  }

  /** Pages that are whole in its file: the fax machine counts those too that a full disk has swallowed. */
  async pagesOf({ pbx, id }: FaxRecord): Promise<number> {
    const { folder, log } = this.#options;
    try {
      return (await folder.has(pbx, id, 'tiff')) ? readTiff(await folder.read(pbx, id, 'tiff')).length : 0;
    } catch (error) {
      log.error({ err: error, fax: id }, 'the pages of a fax cannot be read');
      return 0;
    }
  }

  async #tell(record: FaxRecord): Promise<void> {
    const { outbox, folder, pbx: find } = this.#options;
    const pbx = find(record.pbx);
    if (!pbx || record.pages === 0 || record.recipients.length === 0 || record.delivery === 'storeOnly') return;
    const { language, timezone } = pbx.document.pbx;
    const attached = record.delivery !== 'notify';
    const letter = faxLetter(
      { language, timezone },
      {
        caller: record.number,
        station: record.station,
        at: record.at,
        pages: record.pages,
        complete: record.state === 'received',
        attached,
      },
    );
    const name = `fax-${new Date(record.at).toISOString().slice(0, 16).replace(/[:T]/g, '-')}.pdf`;
    await outbox.put({
      pbx: record.pbx,
      id: `fax-${record.id}`,
      to: record.recipients,
      ...letter,
      ...(attached
        ? { attachments: [{ path: folder.path(record.pbx, record.id, 'pdf'), name, type: 'application/pdf' }] }
        : {}),
      about: { kind: 'fax', id: record.id },
    });
  }
}
