import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SMTPTransportOptions } from 'nodemailer';
import type { PbxVersion } from '../../config/version.ts';
import { errorText } from '../../errors.ts';
import type { Clock } from '../../time/clock.ts';
import type { Consignment, Content, Courier, Delivery, Patience, Verdict } from '../courier.ts';
import { type Omission, omissionNote } from '../texts/omission.ts';
import { fileName, headerText, isAddress, mediaType, messageId, wireAddress } from './compose.ts';
import { isTooLarge, ofError, ofResult, type SmtpError } from './outcome.ts';

/** RFC 5321 §4.5.4.1: a sender tries for four to five days at least. */
const patience: Patience = {
  first: 60_000,
  longest: 3_600_000,
  longestAway: 15 * 60_000,
  ttl: 5 * 86_400_000,
};

/** How long a server may be silent, milliseconds: until it is there, and in the middle of a letter. */
const PATIENCE = { greetingMs: 15_000, silenceMs: 60_000 } as const;

/** All attachments of a letter together; on the wire they are a third more. Few servers take more than 25 MB. */
const LARGEST = 18 * 1024 * 1024;

/** Letters, over the mail server of each PBX. A connection for each letter: they are few, and none hangs on another's. */
export class MailCourier implements Courier {
  readonly patience = patience;
  readonly #varDir: string;
  readonly #clock: Clock;
  readonly #silenceMs: number;

  /**
   * @param varDir what paths of attachments are relative to
   * @param silenceMs how long a server may say nothing in the middle of a letter, by the clock of the operating system
   */
  constructor(varDir: string, clock: Clock, silenceMs: number = PATIENCE.silenceMs) {
    this.#varDir = varDir;
    this.#clock = clock;
    this.#silenceMs = silenceMs;
  }

  settings({ document: { mail } }: PbxVersion): string | undefined {
    return mail && `${mail.smtp} ${mail.from}`;
  }

  async deliver(consignment: Consignment): Promise<Delivery> {
    const verdicts = new Map<string, Verdict>();
    const wire = new Map<string, string>();
    for (const one of consignment.to) {
      if (isAddress(one)) wire.set(one, wireAddress(one));
      else verdicts.set(one, { state: 'refused', why: 'it is no e-mail address' });
    }
    if (wire.size === 0) return { kind: 'tried', verdicts };
    const attempt = { ...consignment, to: [...wire.values()] };
    const files = await this.#open(consignment.content);
    try {
      let sent = await this.#send(attempt, files);
      if ('tooLarge' in sent && files.opened.length > 0) {
        const omitted = [
          ...files.omitted,
          ...files.opened.map(({ name }) => ({ name, because: 'tooLarge' }) satisfies Omission),
        ];
        sent = await this.#send(attempt, { opened: [], omitted });
      }
      const { delivery } = sent;
      if (delivery.kind === 'away') return delivery;
      for (const [one, address] of wire) {
        const verdict = delivery.verdicts.get(address);
        if (verdict) verdicts.set(one, verdict);
      }
      return { ...delivery, verdicts };
    } finally {
      await Promise.all(files.opened.map(({ file }) => file.close()));
    }
  }

  async #send(
    { pbx, id, to, content, signal }: Consignment,
    { opened, omitted }: Files,
  ): Promise<{ readonly delivery: Delivery; readonly tooLarge?: true }> {
    const { mail } = pbx.document;
    if (!mail) return { delivery: { kind: 'away', why: 'the configuration has no "mail" settings' } };
    const { createTransport } = await import('nodemailer');
    const { greetingMs } = PATIENCE;
    const timeouts = { connectionTimeout: greetingMs, greetingTimeout: greetingMs, socketTimeout: this.#silenceMs };
    const options: SMTPTransportOptions = { ...timeouts, url: mail.smtp };
    const transport = createTransport({ ...options, disableFileAccess: true, disableUrlAccess: true });
    const name = headerText(pbx.document.pbx.name);
    try {
      const result = await transport.sendMail({
        envelope: { from: mail.from, to: [...to] },
        from: name === '' ? mail.from : { name, address: mail.from },
        to: to.map((address) => ({ name: '', address })),
        subject: headerText(content.subject ?? ''),
        text: [content.text, ...omissionNote(omitted, pbx.document.pbx.language)].join('\n'),
        messageId: messageId(pbx.id, id, mail.from),
        date: new Date(this.#clock.now()),
        // RFC 3834 §5: nobody answers it by itself.
        headers: { 'Auto-Submitted': 'auto-generated' },
        attachments: opened.map(({ file, name: filename, type }) => ({
          filename,
          contentType: type,
          contentDisposition: 'attachment',
          content: file.createReadStream({ start: 0, autoClose: false }),
        })),
        signal,
      });
      const names = omitted.map((one) => one.name);
      return { delivery: { kind: 'tried', verdicts: ofResult(to, result), omitted: names } };
    } catch (error) {
      if (signal.aborted) return { delivery: { kind: 'tried', verdicts: new Map() } };
      const failed = error as SmtpError;
      return { delivery: ofError(to, failed), ...(isTooLarge(failed) ? { tooLarge: true } : {}) };
    } finally {
      transport.close();
    }
  }

  /** Opens what can be sent with it: an open file stays, whatever becomes of its name meanwhile. */
  async #open({ attachments = [] }: Content): Promise<Files> {
    const opened: OpenFile[] = [];
    const omitted: Omission[] = [];
    let size = 0;
    for (const { path, name: given, type } of attachments) {
      const name = fileName(given);
      try {
        const file = await open(resolve(this.#varDir, path));
        const stat = await file.stat();
        if (stat.isFile() && size + stat.size <= LARGEST) {
          size += stat.size;
          opened.push({ file, name, type: mediaType(type) });
          continue;
        }
        await file.close();
        omitted.push({ name, because: stat.isFile() ? 'tooLarge' : 'missing' });
      } catch (error) {
        omitted.push({ name, because: 'missing', error: errorText(error) });
      }
    }
    return { opened, omitted };
  }
}

interface OpenFile {
  readonly file: FileHandle;
  readonly name: string;
  readonly type: string;
}

interface Files {
  readonly opened: readonly OpenFile[];
  readonly omitted: readonly Omission[];
}
