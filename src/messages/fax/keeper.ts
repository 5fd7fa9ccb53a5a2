import type { Logger } from 'pino';
import type { PbxVersion } from '../../config/version.ts';
import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { Outbox } from '../outbox.ts';
import { faxLetter } from '../texts/fax.ts';
import type { FaxFolder } from './folder.ts';
import { pdfOfTiff } from './pdf.ts';
import { type FaxRecord, receivedState } from './record.ts';
import type { FaxStore } from './store.ts';
import { readTiff } from './tiff.ts';

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

/** Brings faxes that were received to safety: disk first, then database, then a letter. Whatever is away meanwhile, none is lost. */
export class FaxKeeper {
  readonly events = new Emitter<FaxEvents>();
  readonly #options: FaxKeeperOptions;
  /** What is received right now. */
  readonly #coming = new Set<string>();
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

  /** It is over. Resolves when it is safe on this node; database and letter follow. Never rejects. */
  async end(record: FaxRecord): Promise<void> {
    const { folder, log } = this.#options;
    try {
      await this.#makePdf(record);
      await folder.keepOpen(record);
    } catch (error) {
      log.error({ err: error, fax: record.id }, `a fax could not be put on the disk: ${errorText(error)}`);
    }
    this.#coming.delete(record.id);
    this.events.emit('changed', record);
    this.#fileSoon();
  }

  /** What was being received when the engine ended has the pages that came before. */
  async recover(): Promise<void> {
    const { folder } = this.#options;
    for (const record of await folder.stillOpen()) {
      if (record.state !== 'receiving' || this.#coming.has(record.id)) continue;
      const pages = await this.#pagesOf(record);
      const state = receivedState({ reason: 'failed', pages });
      await this.end({ ...record, state, pages, error: 'the engine was stopped while the fax came in' });
    }
    this.#fileSoon();
  }

  /** Resolves when everything that has been told to it is in the database, or has not gone there. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.clock.clearTimeout(this.#timer);
    await this.#filing;
  }

  /** One pass after the other. */
  #fileSoon(): void {
    this.#filing = this.#filing.then(() => this.#file());
  }

  async #file(): Promise<void> {
    const { folder, log, clock } = this.#options;
    clock.clearTimeout(this.#timer);
    try {
      for (const record of await folder.stillOpen()) {
        if (record.state === 'receiving') continue;
        await this.#options.store.add(record);
        await this.#tell(record);
        await folder.close(record);
      }
    } catch (error) {
      log.warn({ error: errorText(error) }, 'a fax waits on the disk: the database or the outbox does not take it');
      if (!this.#closed) this.#timer = clock.setTimeout(() => this.#fileSoon(), AGAIN_MS);
    }
  }

  async #makePdf(record: FaxRecord): Promise<void> {
    const { folder } = this.#options;
    if (record.pages === 0) return;
    const tiff = await folder.read(record.pbx, record.id, 'tiff');
    await folder.write(record.pbx, record.id, 'pdf', pdfOfTiff(tiff));
  }

  async #pagesOf({ pbx, id }: FaxRecord): Promise<number> {
    const { folder } = this.#options;
    if (!(await folder.has(pbx, id, 'tiff'))) return 0;
    return readTiff(await folder.read(pbx, id, 'tiff')).length;
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
