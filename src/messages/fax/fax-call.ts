import type { Logger } from 'pino';
import type { CallEnd, CallServices } from '../../call/call.ts';
import type { LiveCall } from '../../call/live-calls.ts';
import { Timeline } from '../../call/timeline.ts';
import type { PbxVersion } from '../../config/version.ts';
import { attemptOutcome } from '../../dial/attempt.ts';
import type { Found } from '../../dial/destinations.ts';
import { callerIdFor } from '../../dial/outgoing/caller-id.ts';
import { RingStopped, ringFirst, ringFor, ringOne } from '../../dial/ring.ts';
import { type EndReason, endReasons } from '../../end-reason.ts';
import type { CallRecord } from '../../history/record.ts';
import { type FaxEnd, noFaxYet } from '../../media/fax.ts';
import { reasons } from '../../sip/port.ts';
import type { FaxRecord } from './record.ts';

/** A fax machine answers at once or never; the network gives up later. */
const RING_MS = 60_000;

/** `impossible`: no later try can do better. */
export interface FaxCallEnd extends FaxEnd {
  readonly verdict: 'sent' | 'failed' | 'impossible';
}

export interface FaxCallOptions {
  readonly id: string;
  readonly node: string;
  readonly pbx: PbxVersion;
  readonly fax: FaxRecord;
  /** The pages. */
  readonly file: string;
  readonly services: CallServices;
  readonly log: Logger;
}

/** One try to send a fax: a call of ours to a fax machine, with no INVITE at its beginning. It is seen and recorded like all others. */
export class FaxCall implements LiveCall {
  readonly id: string;
  readonly pbx: PbxVersion;
  readonly timeline: Timeline;
  readonly log: Logger;
  /** Nobody talks. */
  readonly recording = undefined;
  readonly company = undefined;
  readonly #options: FaxCallOptions;
  readonly #over = new AbortController();
  #end: CallEnd | undefined;

  constructor(options: FaxCallOptions) {
    const { id, pbx, fax, node, services } = options;
    this.id = id;
    this.pbx = pbx;
    this.#options = options;
    this.log = options.log.child({ call: id, pbx: pbx.id, fax: fax.id });
    this.timeline = new Timeline(
      {
        id,
        pbx: pbx.id,
        configVersion: pbx.version,
        direction: 'out',
        from: '',
        fromName: null,
        employee: null,
        line: fax.line,
        to: fax.number,
        node,
        arrival: null,
      },
      services.clock,
    );
  }

  breakOff(end: CallEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#over.abort(new RingStopped(reasons.callerGone, end.reason));
  }

  /** As history keeps it. */
  record(): CallRecord {
    return this.timeline.record(this.#end ?? { by: 'engine', reason: 'lost' });
  }

  /** Never rejects for the network's sake. */
  async run(): Promise<FaxCallEnd> {
    const { fax, services } = this.#options;
    const { number } = fax;
    const { faxProblem } = services.media;
    // Nobody is rung by a machine that is none.
    if (faxProblem) return this.#failed('unavailable', 'impossible', faxProblem);
    const found = await this.#destinations();
    if (!found.ok) return this.#failed(found.reason, 'impossible');
    const attempt = this.timeline.ask({
      kind: 'number',
      id: number,
      name: '',
      address: number,
      contact: number.includes('@') ? { sip: number } : { phone: number },
    });
    const result = await ringFor(services.clock, RING_MS, this.#over.signal, (stop) =>
      ringFirst(
        found.destinations.map((destination) => (each: AbortSignal) => ringOne(this.#context(), destination, each)),
        stop,
      ),
    );
    if (result.outcome === 'failed') {
      attempt.over(attemptOutcome(result.reason), result.reason);
      return this.#failed(result.reason, lasting.has(result.reason) ? 'impossible' : 'failed');
    }
    const { leg } = result;
    attempt.answered();
    attempt.talking();
    const transmission = leg.endpoint.sendFax({ file: this.#options.file, stationId: fax.stationId });
    const stop = () => void transmission.stop();
    this.#over.signal.addEventListener('abort', stop, { once: true });
    const end = await transmission.ended;
    const hungUp = leg.ended !== undefined;
    await leg.hangup();
    const reason = this.#end?.reason ?? leg.cutFor ?? (hungUp ? 'calleeHungUp' : 'normal');
    attempt.over('answered', reason);
    this.#end ??= { by: hungUp ? 'callee' : 'engine', reason };
    if (end.reason === 'finished') return { ...end, verdict: 'sent' };
    return { ...end, verdict: 'failed' };
  }

  async #destinations(): Promise<Found> {
    const { pbx } = this;
    const { fax, services } = this.#options;
    if (fax.number.includes('@')) return services.destinations.ofSipAddress(pbx, fax.number);
    const choice = { callerId: fax.line, autoCallerId: false };
    // Without a number of ours nothing leaves.
    if (!callerIdFor(pbx, choice, fax.number)) return { ok: false, reason: 'directionBarred' };
    return services.destinations.ofNumber(pbx, fax.number, choice);
  }

  #failed(reason: EndReason, verdict: FaxCallEnd['verdict'], error: string = endReasons[reason].text): FaxCallEnd {
    this.#end ??= { by: 'engine', reason };
    return { ...noFaxYet, reason: 'failed', error, verdict };
  }

  #context() {
    const { services, fax } = this.#options;
    const host = this.pbx.document.pbx.domains[0] ?? 'invalid';
    const party = { user: fax.line ?? 'anonymous', host, display: '' };
    return {
      sip: services.sip,
      media: services.media,
      clock: services.clock,
      callId: this.id,
      from: party,
      fromOrdinary: party,
      callerId: { callerId: fax.line, autoCallerId: false },
      onRinging: () => undefined,
    };
  }
}

/** What a later try would find the same. */
const lasting: ReadonlySet<EndReason> = new Set([
  'directionBarred',
  'doesNotExist',
  'schemeMisconfigured',
  'mediaIncompatible',
]);
