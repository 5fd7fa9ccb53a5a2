import type { TimerId } from '../../../time/clock.ts';
import {
  parseNameAddr,
  printUri,
  responseTo,
  SipParseError,
  type SipRequest,
  type SipResponse,
} from '../message/index.ts';
import type { ClientTransaction, ServerTransaction } from '../transaction/index.ts';
import { type Source, TransportError } from '../transport/index.ts';
import { attempt } from './attempt.ts';
import { BestResponse } from './best-response.ts';
import type { Core } from './core.ts';
import type { RouteTarget } from './proxy.ts';
import { syntheticResponse } from './synthetic-response.ts';

/** RFC 3261 §16.6 step 11: over three minutes without news a ringing branch is cancelled. */
const TIMER_C_MS = 185_000;
const MAX_TARGETS = 64;

export interface ProxyRunOptions {
  readonly core: Core;
  readonly tx: ServerTransaction;
  readonly targets: readonly RouteTarget[];
  readonly parallel: boolean;
  readonly followRedirects: boolean;
  readonly provisionalTimeout: number | undefined;
  readonly finalTimeout: number | undefined;
  /** The request as this target gets it. */
  readonly prepare: (target: RouteTarget) => SipRequest;
  /** A target's final response. */
  readonly progress: (response: SipResponse, source: Source | undefined) => void;
  readonly done: () => void;
}

interface Branch {
  tx: ClientTransaction | undefined;
  timerC: TimerId | undefined;
  readonly timers: TimerId[];
  open: boolean;
}

/** One request on its way through us: its branches, and what goes back. The response context of RFC 3261 §16.7. */
export class ProxyRun {
  readonly #options: ProxyRunOptions;
  readonly #targets: RouteTarget[];
  readonly #branches = new Set<Branch>();
  readonly #best = new BestResponse();
  #tried = 0;
  #cancelled = false;
  #answered = false;
  #finished = false;

  constructor(options: ProxyRunOptions) {
    this.#options = options;
    this.#targets = [...options.targets];
  }

  start(): void {
    this.#next();
  }

  /** The caller gave up. */
  cancel(): void {
    this.#cancelled = true;
    this.#stopSearching();
    this.#settle();
  }

  /** Ends it without a word to anyone. */
  close(): void {
    for (const branch of this.#branches) this.#clear(branch);
  }

  #next(): void {
    do {
      const target = this.#targets.shift();
      if (!target) break;
      this.#tried++;
      this.#options.core.supervise(this.#try(target));
    } while (this.#options.parallel);
    this.#settle();
  }

  async #try(target: RouteTarget): Promise<void> {
    const { core } = this.#options;
    const branch: Branch = { tx: undefined, timerC: undefined, timers: [], open: true };
    this.#branches.add(branch);
    try {
      const hops = target.hop ? [target.hop] : await core.ways.resolve(target.uri);
      if (!branch.open || this.#cancelled) return this.#lost(branch, 487);
      const request = this.#options.prepare(hops[0] ? { ...target, hop: hops[0] } : target);
      branch.tx = attempt(core, request, hops, {
        response: (response, source) => this.#responded(branch, response, source),
        failed: (why) => this.#lost(branch, this.#cancelled ? 487 : why === 'timeout' ? 408 : 503),
        moved: (tx) => {
          branch.tx = tx;
        },
        wanted: () => branch.open && !this.#cancelled,
      });
      this.#watch(branch);
    } catch (error) {
      if (!(error instanceof TransportError || error instanceof SipParseError)) throw error;
      this.#lost(branch, 503);
    }
  }

  #watch(branch: Branch): void {
    const { core, provisionalTimeout, finalTimeout } = this.#options;
    const giveUp = () => this.#giveUp(branch);
    if (provisionalTimeout !== undefined) {
      const ifUnheard = () => {
        if (branch.tx?.state === 'calling' || branch.tx?.state === 'trying') giveUp();
      };
      branch.timers.push(core.clock.setTimeout(ifUnheard, provisionalTimeout));
    }
    if (finalTimeout !== undefined) branch.timers.push(core.clock.setTimeout(giveUp, finalTimeout));
    this.#restartTimerC(branch);
  }

  #restartTimerC(branch: Branch): void {
    const { core, tx } = this.#options;
    core.clock.clearTimeout(branch.timerC);
    if (tx.request.method === 'INVITE') branch.timerC = core.clock.setTimeout(() => branch.tx?.cancel(), TIMER_C_MS);
  }

  #responded(branch: Branch, response: SipResponse, source: Source): void {
    const { status } = response;
    if (status < 200) {
      this.#restartTimerC(branch);
      if (!this.#answered) this.#send(withoutOurVia(response));
      return;
    }
    // Every 2xx goes back, those of other forks and repeats included (§16.7 step 5).
    if (status < 300) this.#send(withoutOurVia(response));
    if (!branch.open) return;
    this.#close(branch);
    this.#options.progress(response, source);
    if (status < 300) {
      this.#answered = true;
      this.#stopSearching();
    } else {
      this.#best.add(withoutOurVia(response));
      if (status >= 600 || status === 401 || status === 407) this.#stopSearching();
      if (status < 400 && this.#options.followRedirects) this.#redirect(response);
    }
    this.#goOn();
  }

  /** The branch ended without a response. */
  #lost(branch: Branch, status: number): void {
    if (!branch.open) return;
    this.#close(branch);
    const { core, tx } = this.#options;
    if (branch.tx) this.#options.progress(syntheticResponse(branch.tx.request, status, core.random), undefined);
    this.#best.add(responseTo(tx.request, status, { toTag: tx.toTag }));
    this.#goOn();
  }

  #giveUp(branch: Branch): void {
    if (!branch.open) return;
    branch.tx?.cancel();
    this.#lost(branch, 408);
  }

  #redirect(response: SipResponse): void {
    for (const contact of response.headers.all('Contact')) {
      if (this.#tried + this.#targets.length >= MAX_TARGETS) return;
      try {
        const { uri } = parseNameAddr(contact);
        if (uri.kind === 'sip') this.#targets.push({ uri, requestUri: printUri(uri) });
      } catch (error) {
        if (!(error instanceof SipParseError)) throw error;
      }
    }
  }

  #goOn(): void {
    if (this.#targets.length > 0 && !this.#answered && !this.#cancelled) this.#next();
    else this.#settle();
  }

  /** No new targets; what rings is cancelled. */
  #stopSearching(): void {
    this.#targets.length = 0;
    for (const branch of this.#branches) if (branch.open) branch.tx?.cancel();
  }

  /** All branches have ended: the caller gets the best of what they said. */
  #settle(): void {
    if (this.#finished || this.#targets.length > 0) return;
    for (const branch of this.#branches) if (branch.open) return;
    this.#finished = true;
    const best = this.#best.get();
    if (!this.#answered && best) this.#send(best);
    else if (!this.#answered) {
      const { tx } = this.#options;
      this.#send(responseTo(tx.request, this.#cancelled ? 487 : 408, { toTag: tx.toTag }));
    }
    this.#options.done();
  }

  #send(response: SipResponse): void {
    // A caller that cannot be answered has gone.
    this.#options.tx.respond(response).catch(() => undefined);
  }

  #close(branch: Branch): void {
    branch.open = false;
    this.#clear(branch);
  }

  #clear(branch: Branch): void {
    const { clock } = this.#options.core;
    clock.clearTimeout(branch.timerC);
    for (const timer of branch.timers) clock.clearTimeout(timer);
  }
}

function withoutOurVia(response: SipResponse): SipResponse {
  const back = response.clone();
  back.headers.removeFirst('Via');
  return back;
}
