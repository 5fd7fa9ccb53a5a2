import type { Logger } from 'pino';
import { DatabaseDownError, DatabaseError } from '../../database/port.ts';
import type { Spool } from '../../disk/spool.ts';
import type { Clock, TimerId } from '../../time/clock.ts';
import type { Outbox } from '../outbox.ts';
import type { MessageFolder } from './folder.ts';
import { letterOf } from './letter.ts';
import type { VoiceMessage } from './message.ts';
import type { VoicemailStore } from './store.ts';

/** Pauses between attempts, milliseconds. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export interface HandoverParts {
  readonly spool: Spool<VoiceMessage>;
  readonly store: VoicemailStore;
  readonly outbox: Outbox;
  readonly folder: MessageFolder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Once for each message, as soon as the database has it. */
  readonly onAdded: (message: VoiceMessage) => void;
}

/**
 * Takes messages from the disk to where they belong: into the database, then their letters to the outbox. A message leaves the spool when both have
 * it; each of the two takes it once, however often it is handed to them.
 */
export class Handover {
  readonly #parts: HandoverParts;
  #run: Promise<void> | undefined;
  #told = false;
  #closed = false;
  #pause = FIRST_PAUSE_MS;
  #timer: TimerId;

  constructor(parts: HandoverParts) {
    this.#parts = parts;
  }

  /** How many messages wait, of those that were kept since the start. */
  get waiting(): number {
    return this.#parts.spool.waiting;
  }

  /** Resolves when the message will not be lost any more. Rejects when the disk does not take it. */
  async keep(message: VoiceMessage): Promise<void> {
    await this.#parts.spool.append(message);
    this.tell();
  }

  /** There may be something in the spool. */
  tell(): void {
    if (this.#closed) return;
    this.#told = true;
    this.#run ??= this.#work().finally(() => {
      this.#run = undefined;
      // Told after the last look, and before its end was known.
      if (this.#told) this.tell();
    });
  }

  /** Resolves when nothing is being handed on. */
  async idle(): Promise<void> {
    while (this.#run) await this.#run;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#timer);
    await this.#run;
    await this.#parts.spool.close();
  }

  async #work(): Promise<void> {
    const { spool, clock, log } = this.#parts;
    clock.clearTimeout(this.#timer);
    while (this.#told && !this.#closed) {
      this.#told = false;
      try {
        await spool.drain(async (messages) => {
          for (const message of messages) await this.#handOn(message);
        });
        this.#pause = FIRST_PAUSE_MS;
      } catch (error) {
        this.#told = false;
        if (this.#closed) return;
        const isOutage = error instanceof DatabaseDownError;
        log[isOutage ? 'warn' : 'error']({ err: error }, 'voice messages wait on the disk');
        this.#timer = clock.setTimeout(() => this.tell(), this.#pause);
        this.#pause = Math.min(LONGEST_PAUSE_MS, this.#pause * 2);
      }
    }
  }

  async #handOn(message: VoiceMessage): Promise<void> {
    const { store, outbox, folder, log, onAdded } = this.#parts;
    const { pbx, id } = message;
    // Handed on before, and deleted since.
    if (!(await folder.find(pbx, id))) return;
    try {
      if (await store.insert(message)) onAdded(message);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.isAboutData)) throw error;
      log.error({ err: error, pbx, message: id }, 'a voice message cannot be stored; its file is kept');
    }
    const letter = letterOf(message, folder.audio(pbx, id));
    if (letter) await outbox.put(letter);
  }
}
