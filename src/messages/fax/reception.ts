import type { Call } from '../../call/call.ts';
import { CallerGone } from '../../call/caller-leg.ts';
import type { FaxMachine, FaxWhileTalking } from '../../call/facilities.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { Leg } from '../../dial/leg.ts';
import { errorText } from '../../errors.ts';
import { noFaxYet } from '../../media/fax.ts';
import { MediaError, type MediaServer } from '../../media/port.ts';
import type { Clock } from '../../time/clock.ts';
import type { Random } from '../../time/random.ts';
import type { FaxKeeper } from './keeper.ts';
import { type FaxRecord, receivedState, stationIdOf, toldBy } from './record.ts';

/** More than any document has: a machine that never ends must not fill the disk. */
const MOST_PAGES = 500;

/** A fax that is about to come, and what is to become of it. */
interface Coming {
  readonly pbx: PbxVersion;
  readonly call: string;
  readonly number: string;
  readonly line: string | null;
  readonly recipients: readonly string[];
  readonly employee: string | null;
  readonly log: Call['log'];
}

/** Receives the faxes of calls, as a scheme decides or somebody who talks to the caller. */
export class FaxReception implements FaxMachine {
  readonly #keeper: () => Promise<FaxKeeper>;
  readonly #media: Pick<MediaServer, 'faxProblem'>;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: {
    readonly keeper: () => Promise<FaxKeeper>;
    readonly media: Pick<MediaServer, 'faxProblem'>;
    readonly node: string;
    readonly clock: Clock;
    readonly random: Random;
  }) {
    this.#keeper = options.keeper;
    this.#media = options.media;
    this.#node = options.node;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  async receive(call: Call, { to }: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void> {
    const { pbx, id, log } = call;
    const { fax } = pbx.document;
    const recipients = to.length > 0 ? to : fax.email === '' ? [] : [fax.email];
    const { from, line } = call.timeline.facts;
    const coming = { pbx, call: id, number: from, line, recipients, employee: null, log };
    // Who was not answered yet hears that nobody can be reached, instead of a machine that says nothing.
    if (this.#media.faxProblem) return this.#cannot(coming, this.#media.faxProblem);
    let leg: Leg;
    try {
      leg = await call.caller.answer();
    } catch (error) {
      if (!(error instanceof CallerGone || error instanceof MediaError)) throw error;
      return;
    }
    call.audio.stop();
    const receiving = this.#receive(coming, leg, AbortSignal.any([signal, call.caller.gone])).then((pages) => {
      if (pages > 0) call.timeline.technical('fax');
    });
    // A machine may hang up before we have read its last words, which ends the scheme at once: the record waits.
    call.conversation = receiving;
    await receiving;
  }

  async receiveWhileTalking({ talk, leg, number, employee, log }: FaxWhileTalking): Promise<number> {
    const { pbx, call, line } = talk;
    const { fax } = pbx.document;
    const own = fax.copyToEmployee ? (pbx.employee(employee)?.email ?? '') : '';
    const recipients = [...new Set([fax.email, own])].filter((address) => address !== '');
    const coming = { pbx, call, number, line, recipients, employee, log };
    if (!this.#media.faxProblem) return this.#receive(coming, leg);
    await this.#cannot(coming, this.#media.faxProblem);
    return 0;
  }

  /** @returns how many pages came */
  async #receive(coming: Coming, leg: Leg, signal?: AbortSignal): Promise<number> {
    const { log } = coming;
    const keeper = await this.#keeper();
    const begun = this.#begun(coming);
    const { stationId } = begun;
    let file: string;
    try {
      file = await keeper.begin(begun);
    } catch (error) {
      log.error({ err: error }, `a fax cannot be received: ${errorText(error)}`);
      await keeper.keep({ ...begun, state: 'failed', error: `it could not be written: ${errorText(error)}` });
      return 0;
    }
    log.info({ fax: begun.id }, 'receiving a fax');
    const transmission = leg.endpoint.receiveFax({ file, stationId, maxPages: MOST_PAGES });
    const stop = () => void transmission.stop();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const end = await transmission.ended;
    signal?.removeEventListener('abort', stop);
    const pages = Math.min(end.pages, await keeper.pagesOf(begun));
    // A media server may know of none, and count what is not in the file.
    const unwritten = end.pages - pages + (end.unwritten ?? 0);
    const isWhole = end.reason === 'finished' && unwritten === 0;
    const full = `${unwritten} of ${pages + unwritten} pages could not be written: the disk is full`;
    const error = isWhole ? null : unwritten > 0 ? full : (end.error ?? 'it was broken off');
    const state = receivedState(isWhole ? end : { reason: 'failed', pages });
    await keeper.keep({ ...begun, ...toldBy(end), pages, state, error });
    log[unwritten > 0 ? 'error' : 'info']({ fax: begun.id, pages, station: end.remoteStation, error }, 'fax over');
    return pages;
  }

  /** Somebody wanted to send a fax, and there is no machine: it stands in the list, with the reason. */
  async #cannot(coming: Coming, why: string): Promise<void> {
    coming.log.warn({ hint: why }, 'a fax cannot be received');
    await (await this.#keeper()).keep({ ...this.#begun(coming), state: 'failed', error: why });
  }

  #begun({ pbx, call, number, line, recipients, employee }: Coming): FaxRecord {
    return {
      pbx: pbx.id,
      id: this.#random.uuid(),
      direction: 'in',
      state: 'receiving',
      at: this.#clock.now(),
      node: this.#node,
      call,
      number,
      line,
      ...toldBy(noFaxYet),
      totalPages: null,
      error: null,
      read: false,
      employee,
      recipients: [...recipients],
      delivery: pbx.document.fax.delivery,
      name: null,
      stationId: stationIdOf(line),
      tries: [],
      nextAt: null,
      giveUpAt: null,
    };
  }
}
