import type { Call } from '../../call/call.ts';
import { CallerGone } from '../../call/caller-leg.ts';
import type { FaxMachine, FaxWhileTalking } from '../../call/facilities.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { Leg } from '../../dial/leg.ts';
import { errorText } from '../../errors.ts';
import { noFaxYet } from '../../media/fax.ts';
import { MediaError } from '../../media/port.ts';
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
  readonly leg: Leg;
  readonly recipients: readonly string[];
  readonly employee: string | null;
  readonly log: Call['log'];
}

/** Receives the faxes of calls, as a scheme decides or somebody who talks to the caller. */
export class FaxReception implements FaxMachine {
  readonly #keeper: () => Promise<FaxKeeper>;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: {
    readonly keeper: () => Promise<FaxKeeper>;
    readonly node: string;
    readonly clock: Clock;
    readonly random: Random;
  }) {
    this.#keeper = options.keeper;
    this.#node = options.node;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  async receive(call: Call, { to }: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void> {
    let leg: Leg;
    try {
      leg = await call.caller.answer();
    } catch (error) {
      if (!(error instanceof CallerGone || error instanceof MediaError)) throw error;
      return;
    }
    call.audio.stop();
    const { fax } = call.pbx.document;
    const recipients = to.length > 0 ? to : fax.email === '' ? [] : [fax.email];
    const { from, line } = call.timeline.facts;
    const pages = await this.#receive(
      { pbx: call.pbx, call: call.id, number: from, line, leg, recipients, employee: null, log: call.log },
      AbortSignal.any([signal, call.caller.gone]),
    );
    if (pages > 0) call.timeline.technical('fax');
  }

  async receiveWhileTalking({ talk, leg, number, employee, log }: FaxWhileTalking): Promise<number> {
    const { pbx, call, line } = talk;
    const { fax } = pbx.document;
    const own = fax.copyToEmployee ? (pbx.employee(employee)?.email ?? '') : '';
    const recipients = [...new Set([fax.email, own])].filter((address) => address !== '');
    return this.#receive({ pbx, call, number, line, leg, recipients, employee, log });
  }

  /** @returns how many pages came */
  async #receive(
    { pbx, call, number, line, leg, recipients, employee, log }: Coming,
    signal?: AbortSignal,
  ): Promise<number> {
    const keeper = await this.#keeper();
    const stationId = stationIdOf(line);
    const begun: FaxRecord = {
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
      stationId,
      tries: [],
      nextAt: null,
      giveUpAt: null,
    };
    const file = await keeper.begin(begun).catch((error: unknown) => {
      log.error({ err: error }, `a fax cannot be received: ${errorText(error)}`);
      return undefined;
    });
    if (file === undefined) return 0;
    log.info({ fax: begun.id }, 'receiving a fax');
    const transmission = leg.endpoint.receiveFax({ file, stationId, maxPages: MOST_PAGES });
    const stop = () => void transmission.stop();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const end = await transmission.ended;
    signal?.removeEventListener('abort', stop);
    const error = end.reason === 'finished' ? null : (end.error ?? 'it was broken off');
    await keeper.end({ ...begun, ...toldBy(end), state: receivedState(end), error });
    log.info({ fax: begun.id, pages: end.pages, station: end.remoteStation, error }, 'fax over');
    return end.pages;
  }
}
