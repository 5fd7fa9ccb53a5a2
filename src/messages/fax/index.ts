import type { Logger } from 'pino';
import type { CallServices } from '../../call/call.ts';
import type { Inbound } from '../../call/inbound.ts';
import { normalizePhone } from '../../config/phone.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { Database } from '../../database/port.ts';
import { Emitter } from '../../emitter.ts';
import { UserError } from '../../errors.ts';
import { noFaxYet } from '../../media/fax.ts';
import type { Clock } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import type { Outbox, SentLetters } from '../outbox.ts';
import { type DocumentType, faxPages } from './document.ts';
import { type FaxFile, FaxFolder } from './folder.ts';
import { type FaxEvents, FaxKeeper } from './keeper.ts';
import { pdfOfTiff } from './pdf.ts';
import { type FaxRecord, stationIdOf, toldBy } from './record.ts';
import { FaxSender, giveUpAt } from './sender.ts';
import { type FaxFilter, type FaxPage, FaxStore } from './store.ts';

export interface FaxesOptions {
  readonly varDir: string;
  readonly database: Database;
  readonly outbox: Outbox & SentLetters;
  readonly services: CallServices;
  readonly calls: Pick<Inbound, 'begins' | 'ends'>;
  readonly pbx: (id: string) => PbxVersion | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly node: string;
  readonly log: Logger;
}

/** A fax to be sent. */
export interface FaxToSend {
  /** A number as anybody writes it, or a SIP address. */
  readonly to: string;
  /** Which of our numbers is shown. Default: the first one of the PBX. */
  readonly line?: string;
  /** What the document is called. */
  readonly name?: string;
  readonly document: Uint8Array;
  readonly type: DocumentType;
}

/** The faxes of this node: those that come, those that are to be sent, and all that are kept. */
export class Faxes {
  readonly events = new Emitter<FaxEvents>();
  readonly keeper: FaxKeeper;
  readonly #options: FaxesOptions;
  readonly #folder: FaxFolder;
  readonly #store: FaxStore;
  readonly #sender: FaxSender;
  readonly #offs: readonly (() => void)[];

  /** @throws Error of node:fs when the folder cannot be made */
  constructor(options: FaxesOptions) {
    const { varDir, database, outbox, pbx, clock, log } = options;
    this.#options = options;
    this.#folder = new FaxFolder(varDir);
    this.#store = new FaxStore(database);
    this.keeper = new FaxKeeper({ folder: this.#folder, store: this.#store, outbox, pbx, clock, log });
    this.#sender = new FaxSender({ ...options, folder: this.#folder, store: this.#store, keeper: this.keeper });
    this.#offs = [
      this.keeper.events.on('changed', (record) => this.events.emit('changed', record)),
      this.#sender.events.on('changed', (record) => this.events.emit('changed', record)),
      outbox.onSent('fax', async ({ pbx: owner, about, refused, omitted }) => {
        const record = await this.#store.get(owner, about.id);
        // What did not reach everybody whole is kept.
        if (record?.delivery !== 'attachAndDelete' || refused.length > 0 || omitted.length > 0) return;
        await this.remove(owner, about.id);
      }),
    ];
  }

  /** What a former run has left is brought to its end, and sending goes on. Never rejects. */
  async start(): Promise<void> {
    await this.keeper.recover();
    this.#sender.start();
  }

  /** Begins to send no more. */
  rest(): Promise<void> {
    return this.#sender.rest();
  }

  /** When no call goes on any more: what has come, and what became of tries to send, is brought to safety. */
  async close(): Promise<void> {
    await this.#sender.close();
    await this.keeper.close();
    for (const off of this.#offs) off();
  }

  /**
   * @returns the job; it is safe, and tried at once
   * @throws UserError `fax-document`, `fax-poppler`, `fax-number`, `fax-line`, `fax-unavailable`
   */
  async send(pbx: PbxVersion, { to, line, name, document, type }: FaxToSend): Promise<FaxRecord> {
    const { random, clock, node, services } = this.#options;
    const { faxProblem } = services.media;
    if (faxProblem) throw new UserError('fax-unavailable', 'This node cannot send faxes', faxProblem);
    const number = numberOf(pbx, to);
    const shown = lineOf(pbx, line);
    const { tiff, pages } = await faxPages(document, type);
    const id = random.uuid();
    const now = clock.now();
    const record: FaxRecord = {
      pbx: pbx.id,
      id,
      direction: 'out',
      state: 'waiting',
      at: now,
      node,
      call: null,
      number,
      line: shown,
      ...toldBy(noFaxYet),
      totalPages: pages,
      error: null,
      read: true,
      employee: null,
      recipients: [],
      delivery: 'storeOnly',
      name: name ?? null,
      stationId: stationIdOf(shown),
      tries: [],
      nextAt: now,
      giveUpAt: giveUpAt(now),
    };
    try {
      await this.#folder.write(pbx.id, id, 'tiff', tiff);
      await this.#folder.write(pbx.id, id, 'pdf', pdfOfTiff(tiff));
      if (type === 'application/pdf') await this.#folder.write(pbx.id, id, 'original.pdf', document);
      await this.#sender.take(record);
    } catch (error) {
      await this.#folder.remove(pbx.id, id);
      throw error;
    }
    return record;
  }

  query(pbx: string, filter: FaxFilter, page: { readonly limit: number; readonly cursor?: string }): Promise<FaxPage> {
    return this.#store.query(pbx, filter, page);
  }

  get(pbx: string, id: string): Promise<FaxRecord | undefined> {
    return this.#store.get(pbx, id);
  }

  /** @returns its absolute path; undefined: this node has none */
  async file(pbx: string, id: string, kind: FaxFile): Promise<string | undefined> {
    return (await this.#folder.has(pbx, id, kind)) ? this.#folder.path(pbx, id, kind) : undefined;
  }

  async markRead(pbx: string, id: string, read: boolean): Promise<FaxRecord | undefined> {
    const record = await this.#store.markRead(pbx, id, read);
    if (record) this.events.emit('changed', record);
    return record;
  }

  /** With its files; one that is being sent is broken off. Only the node that has it can. */
  async remove(pbx: string, id: string): Promise<'removed' | 'none' | 'elsewhere'> {
    const found = await this.#store.get(pbx, id);
    if (found && found.node !== this.#options.node) return 'elsewhere';
    const record = await this.#store.remove(pbx, id);
    if (!record) return 'none';
    this.#sender.breakOff(id);
    await this.#folder.remove(pbx, id);
    this.events.emit('removed', record);
    return 'removed';
  }
}

function numberOf(pbx: PbxVersion, to: string): string {
  if (/^[^\s@]+@[^\s@]+$/.test(to)) return to.replace(/^sips?:/, '');
  const number = normalizePhone(to, pbx.document.pbx.country);
  if (number !== undefined) return number;
  throw new UserError('fax-number', `"${to}" is no number`, 'Write it in international format: 74951234567.');
}

function lineOf(pbx: PbxVersion, line: string | undefined): string | null {
  const { numbers } = pbx.document;
  if (line === undefined) return numbers[0]?.number ?? null;
  const digits = line.replace(/[\s()+-]/g, '');
  if (numbers.some(({ number }) => number === digits)) return digits;
  throw new UserError('fax-line', `"${line}" is no number of ${pbx.id}`, 'Name one of "numbers".');
}
