import type { EslEvent } from 'drachtio-fsmrf';
import { type FaxEnd, type FaxOptions, type FaxProgress, type FaxTransmission, noFaxYet } from '../media/fax.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Channel } from './channel.ts';

/** A DCN takes a second, milliseconds. */
const LEAVE_MS = 3000;

export type FaxTask =
  | { readonly application: 'rxfax'; readonly file: string; readonly maxPages?: number }
  | { readonly application: 'txfax'; readonly file: string };

/**
 * mod_spandsp as a fax machine: in the audio, or by T.38 where the dialplan of FreeSWITCH allows it (`fax_enable_t38`) and the peer can. It is the side that
 * receives that asks for it (ITU-T T.38 §D.2.3): one that sends waits for the other's offer.
 */
export class FreeswitchFax implements FaxTransmission {
  readonly ended: Promise<FaxEnd>;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #task: FaxTask;
  readonly #options: FaxOptions;
  #progress: FaxProgress = noFaxYet;
  #stopped = false;
  #isOver = false;
  /** The other side has confirmed all that was to be sent. */
  #isConfirmed = false;

  /** @param before is over when nothing else is heard any more */
  constructor(channel: Channel, clock: Clock, task: FaxTask, options: FaxOptions, before: Promise<unknown>) {
    this.#channel = channel;
    this.#clock = clock;
    this.#task = task;
    this.#options = options;
    this.ended = this.#run(before);
  }

  async stop(): Promise<FaxEnd> {
    if (!this.#stopped) {
      this.#stopped = true;
      // The applications of mod_spandsp know no break: they end with what runs them.
      await this.#channel.api('uuid_transfer', 'park', 'inline');
    }
    return this.ended;
  }

  async #run(before: Promise<unknown>): Promise<FaxEnd> {
    await before;
    const { application, file } = this.#task;
    const { stationId, ecm = true } = this.#options;
    const channel = this.#channel;
    const offs = [`spandsp::${application}negociateresult`, `spandsp::${application}pageresult`].map((subclass) =>
      channel.on('CUSTOM', (event) => {
        if (event.getHeader('Event-Subclass') === subclass) this.#goOn(event);
      }),
    );
    const { maxPages } = { maxPages: undefined, ...this.#task };
    await channel.set({
      fax_ident: stationId,
      fax_use_ecm: String(ecm),
      ...(application === 'txfax' ? { fax_enable_t38_request: 'false' } : {}),
      // Counted from 0.
      ...(maxPages === undefined ? {} : { fax_end_page: String(maxPages - 1) }),
    });
    const complete = this.#stopped ? undefined : await channel.execute(application, file);
    this.#isOver = true;
    for (const off of offs) off();
    if (complete) this.#progress = progressOf((name) => complete.getHeader(`variable_${name}`), this.#progress);
    if (complete?.getHeader('variable_fax_success') === '1' || this.#isConfirmed) {
      return { ...this.#progress, reason: 'finished' };
    }
    if (this.#stopped) return { ...this.#progress, reason: 'stopped' };
    const error = complete?.getHeader('variable_fax_result_text') ?? 'the call was over before the fax was';
    return { ...this.#progress, reason: 'failed', error };
  }

  /**
   * Whoever has confirmed the last page may hang up, or talk again, before we have taken leave of him (DCN): by T.38 the machine would then wait for the end of
   * its longest timer.
   */
  async #leave(): Promise<void> {
    await delay(this.#clock, LEAVE_MS);
    if (!this.#isOver) await this.#channel.api('uuid_transfer', 'park', 'inline');
  }

  #goOn(event: EslEvent): void {
    const total = Number.parseInt(event.getHeader('fax-document-total-pages') ?? '', 10);
    this.#progress = progressOf((name) => event.getHeader(name.replaceAll('_', '-')), this.#progress);
    this.#options.onProgress?.(this.#progress);
    // 0 until it has read the document.
    if (this.#task.application === 'rxfax' || !(total > 0 && this.#progress.pages >= total)) return;
    this.#isConfirmed = true;
    void this.#leave();
  }
}

/** The same facts stand as variables (`fax_remote_station_id`) and as headers of events (`fax-remote-station-id`). */
function progressOf(read: (name: string) => string | undefined, before: FaxProgress): FaxProgress {
  const number = (name: string, otherwise: number): number => {
    const value = Number.parseInt(read(name) ?? '', 10);
    return Number.isNaN(value) ? otherwise : value;
  };
  // spandsp counts dots by the metre.
  const [x = before.resolution.x, y = before.resolution.y] = (read('fax_image_resolution') ?? '')
    .split('x')
    .map((dots) => Math.round(Number(dots) * 0.0254))
    .filter((dots) => dots > 0);
  const ecm = read('fax_ecm_used');
  return {
    pages: number('fax_document_transferred_pages', before.pages),
    // Of a fax that was sent the last event has it no more.
    remoteStation: read('fax_remote_station_id') || before.remoteStation,
    bitRate: number('fax_transfer_rate', before.bitRate),
    ecm: ecm === undefined ? before.ecm : ecm === 'on',
    resolution: { x, y },
  };
}
