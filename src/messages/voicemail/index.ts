import { join } from 'node:path';
import type { Logger } from 'pino';
import { jsonLine } from '../../database/json-line.ts';
import type { Database } from '../../database/port.ts';
import { Spool, type SpoolForm } from '../../disk/spool.ts';
import { Emitter } from '../../emitter.ts';
import { errorText } from '../../errors.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import { MessageFiles } from '../files.ts';
import type { Outbox, SentLetter } from '../outbox.ts';
import { MessageFolder } from './folder.ts';
import { Handover } from './handover.ts';
import { type MessageBegun, readAs, VoiceMessage } from './message.ts';
import {
  type HeardMessage,
  type Inbox,
  type MessageDraft,
  type MessageEnd,
  type MessageFacts,
  SHORTEST_MESSAGE_MS,
  type VoiceMessages,
} from './port.ts';
import type { MailboxCounts, MessageCounts, StoredMessage, VoicemailFilter, VoicemailPage } from './query.ts';
import { VoicemailStore } from './store.ts';

export type { MailboxCounts, MessageCounts, StoredMessage, VoicemailFilter, VoicemailPage } from './query.ts';

/** Of the silence that has ended a message so much is cut off, milliseconds: the rest is the breath at its end. */
const CUT_SILENCE_MS = 4000;
/** How often to look for what could not be finished, milliseconds. */
const SWEEP_EVERY_MS = 60_000;
/** Messages of each kind that a phone is told of. */
const INBOX_LIMIT = 100;

export interface VoicemailOptions {
  readonly database: Database;
  readonly outbox: Outbox;
  /** VAR_DIR: files go to `messages/voicemail` there, and what waits for the database to `voicemail-spool`. */
  readonly varDir: string;
  /** NODE_ID. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface VoicemailEvents {
  /** `counts`: of its mailbox, as they are since. */
  changed: {
    readonly what: 'added' | 'read' | 'unread' | 'deleted';
    readonly message: StoredMessage;
    readonly counts: MessageCounts;
  };
  /** A caller came to the tone and said nothing, or hardly anything: there is no message. */
  silent: { readonly pbx: string; readonly call: string; readonly employee: string | null };
  /** A caller could not leave a message, or not all of it. */
  failed: { readonly pbx: string; readonly call: string; readonly employee: string | null; readonly why: string };
}

/**
 * Voice messages from the first word to their deletion: files on the disk of this node, what is known of them in the database, letters to the outbox.
 *
 *   begin ─► draft ──finish──► spool ─► database ─► outbox
 *              └── found again after a crash ──▲
 *
 * What is told as `changed` is what this node has done; those who watch all nodes read the events of the PBX.
 */
export class Voicemail implements VoiceMessages {
  readonly events = new Emitter<VoicemailEvents>();
  readonly #store: VoicemailStore;
  readonly #folder: MessageFolder;
  readonly #handover: Handover;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  /** Messages that are being spoken on this node. */
  readonly #spoken = new Set<string>();
  /** What is told waits for its counts, in the order in which it happened. */
  #telling: Promise<void> = Promise.resolve();
  #sweeping: Promise<unknown> | undefined;
  #timer: TimerId;

  constructor(options: VoicemailOptions) {
    const { database, outbox, clock, random, log } = options;
    this.#node = options.node;
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
    this.#store = new VoicemailStore(database);
    this.#folder = new MessageFolder(new MessageFiles(options.varDir, 'voicemail'));
    this.#handover = new Handover({
      spool: new Spool(join(options.varDir, 'voicemail-spool'), voiceMessages, random, log),
      store: this.#store,
      outbox,
      folder: this.#folder,
      clock,
      log,
      onAdded: ({ ms, ...message }) =>
        this.#tell('added', { ...message, ms: Math.round(ms), readAt: null, mailedAt: null }),
    });
  }

  /** Takes up what an earlier run of the node has left. Never rejects. */
  async start(): Promise<void> {
    await this.#takeUpDrafts();
    this.#handover.tell();
    this.#sweeping = this.#removeDeleted();
    this.#arm();
  }

  async begin(facts: MessageFacts): Promise<MessageDraft> {
    const { maxMs, ...known } = facts;
    const id = this.#random.uuid();
    const begun: MessageBegun = { ...known, id, at: new Date(this.#clock.now()).toISOString(), node: this.#node };
    this.#spoken.add(id);
    try {
      await this.#folder.begin(begun, maxMs);
    } catch (error) {
      this.#spoken.delete(id);
      this.#failed(begun, error);
      throw error;
    }
    return {
      id,
      file: this.#folder.audio(facts.pbx, id),
      finish: (end) => this.#finish(begun, end).finally(() => this.#spoken.delete(id)),
      drop: async () => {
        await this.#removeFiles(begun);
        this.#spoken.delete(id);
      },
    };
  }

  /** @throws BadCursorError */
  query(
    pbx: string,
    filter: VoicemailFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<VoicemailPage> {
    return this.#store.query(pbx, filter, page);
  }

  get(pbx: string, id: string): Promise<StoredMessage | undefined> {
    return this.#store.get(pbx, id);
  }

  /** Of every mailbox that has a message. */
  mailboxes(pbx: string): Promise<readonly MailboxCounts[]> {
    return this.#store.counts(pbx);
  }

  /** What a phone is to show (message waiting, RFC 3842). @param employee null: the PBX's own mailbox */
  counts(pbx: string, employee: string | null): Promise<MessageCounts> {
    return this.#store.countsOf(pbx, employee);
  }

  /** The audio of a message: absolute path; undefined: its file is not on this node. */
  file(pbx: string, id: string): Promise<string | undefined> {
    return this.#folder.find(pbx, id);
  }

  async inbox(pbx: string, employee: string): Promise<Inbox> {
    const heard = async (unread: boolean): Promise<HeardMessage[]> => {
      const { items } = await this.#store.query(pbx, { mailbox: [employee], unread }, { limit: INBOX_LIMIT });
      return Promise.all(
        items.map(async ({ id, from, at }) => ({
          id,
          from,
          at: Date.parse(at),
          file: await this.#folder.find(pbx, id),
        })),
      );
    };
    return { fresh: (await heard(true)).reverse(), saved: await heard(false) };
  }

  /** @returns the message as it is since; undefined: there is none */
  async markRead(pbx: string, id: string, read: boolean): Promise<StoredMessage | undefined> {
    const message = await this.#store.setRead(pbx, id, read ? new Date(this.#clock.now()) : null);
    if (message) this.#tell(read ? 'read' : 'unread', message);
    return message;
  }

  /** @returns what it was; undefined: there was none */
  async remove(pbx: string, id: string): Promise<StoredMessage | undefined> {
    const message = await this.#store.setDeleted(pbx, id, new Date(this.#clock.now()));
    if (!message) return undefined;
    this.#tell('deleted', message);
    if (message.node === this.#node) await this.#removeForGood(message);
    return message;
  }

  /**
   * The letter of a message has gone. With `attachAndDelete` only its readers have the message from now on, if they all got it. Idempotent. Rejects while the
   * database is away.
   */
  async mailed({ pbx, about, refused, omitted }: SentLetter): Promise<void> {
    const { id } = about;
    const message = await this.#store.setMailed(pbx, id, new Date(this.#clock.now()));
    if (message?.delivery !== 'attachAndDelete') return;
    if (refused.length === 0 && omitted.length === 0) await this.remove(pbx, id);
    else
      this.#log.warn({ pbx, message: id, refused, omitted }, 'not everybody got the voice message: it is not deleted');
  }

  /** Messages that the database or the outbox does not have yet, of those that were left since the start. */
  get waiting(): number {
    return this.#handover.waiting;
  }

  /** Resolves when everything kept so far is where it belongs, if that can be reached, and has been told. */
  async settled(): Promise<void> {
    await this.#handover.idle();
    await this.#telling;
  }

  /** Close this before the outbox and the database, and after the last call. */
  async close(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    await this.#sweeping;
    await this.#handover.close();
    await this.#telling;
  }

  async #finish(begun: MessageBegun, { ended, speechMs, error }: MessageEnd): Promise<'kept' | 'tooShort' | 'failed'> {
    if (error !== undefined) this.#failed(begun, error);
    try {
      const ms = await this.#folder.complete(begun, ended === 'silence' ? CUT_SILENCE_MS : 0);
      if ((speechMs ?? ms) < SHORTEST_MESSAGE_MS) {
        await this.#folder.remove(begun.pbx, begun.id);
        const { pbx, call, employee } = begun;
        this.events.emit('silent', { pbx, call, employee });
        return 'tooShort';
      }
      await this.#handover.keep({ ...begun, ms, ended });
      await this.#folder.settle(begun);
      return 'kept';
    } catch (failure) {
      // Its draft stays, and is found by the next sweep.
      this.#failed(begun, failure);
      return 'failed';
    }
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#sweeping = Promise.all([this.#takeUpDrafts(), this.#removeDeleted()]);
      this.#arm();
    }, SWEEP_EVERY_MS);
  }

  /** Finishes what was interrupted: drafts that nobody speaks any more. */
  async #takeUpDrafts(): Promise<void> {
    const spoken = new Set(this.#spoken);
    const drafts = await this.#folder.drafts().catch((error: unknown) => {
      this.#log.error({ err: error }, 'the folder of voice messages cannot be read');
      return [];
    });
    // One that was ended, or begun, while they were read has its end.
    for (const draft of drafts.filter(({ id }) => !spoken.has(id) && !this.#spoken.has(id))) {
      const outcome = await this.#finish(draft, { ended: 'interrupted', speechMs: undefined });
      const { pbx, id, call } = draft;
      this.#log.warn({ pbx, message: id, call, outcome }, 'a voice message that was interrupted was taken up');
    }
  }

  /** What was deleted by other nodes, or when its file could not be removed. */
  async #removeDeleted(): Promise<void> {
    try {
      for (const message of await this.#store.deletedOn(this.#node)) await this.#removeForGood(message);
    } catch (error) {
      this.#log.warn({ err: error }, 'deleted voice messages cannot be looked for');
    }
  }

  async #removeForGood(message: { readonly pbx: string; readonly id: string }): Promise<void> {
    const { pbx, id } = message;
    try {
      if (await this.#removeFiles(message)) await this.#store.forget(pbx, id);
    } catch (error) {
      this.#log.warn({ err: error, pbx, message: id }, 'a deleted voice message is not forgotten yet');
    }
  }

  async #removeFiles({ pbx, id }: { readonly pbx: string; readonly id: string }): Promise<boolean> {
    try {
      await this.#folder.remove(pbx, id);
      return true;
    } catch (error) {
      this.#log.error({ err: error, pbx, message: id }, 'the file of a voice message could not be removed');
      return false;
    }
  }

  #tell(what: VoicemailEvents['changed']['what'], message: StoredMessage): void {
    this.#telling = this.#telling.then(async () => {
      try {
        const counts = await this.#store.countsOf(message.pbx, message.employee);
        this.events.emit('changed', { what, message, counts });
      } catch (error) {
        this.#log.error({ err: error, what, message: message.id }, 'what happened to a voice message was not told');
      }
    });
  }

  #failed({ pbx, call, employee }: MessageBegun, error: unknown): void {
    const why = typeof error === 'string' ? error : errorText(error);
    this.#log.error({ pbx, call, employee, why }, 'a voice message cannot be kept');
    this.events.emit('failed', { pbx, call, employee, why });
  }
}

const voiceMessages: SpoolForm<VoiceMessage> = {
  what: 'voice message',
  write: jsonLine,
  read: (line) => readAs(VoiceMessage, line),
};
