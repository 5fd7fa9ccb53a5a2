import type { Logger } from 'pino';
import type { Leg } from '../dial/leg.ts';
import { errorText } from '../errors.ts';
import type { EndpointStats } from '../media/port.ts';
import { directOffer, isSentFrom } from '../media/sdp/direct.ts';
import type { Clock, TimerId } from '../time/clock.ts';

/** Milliseconds without a change until the audio goes: the ACK of what came before has arrived then (RFC 3261 §14.1), and short calls are left alone. */
const SETTLE_MS = 1000;
/** Milliseconds between two questions whether a party is there whose audio does not pass here, and whether one is heard at last who has not been. */
const ASK_MS = 15_000;

/**
 * The audio of two phones goes from one to the other, past the media server (re-INVITE: RFC 3261 §14), once each has been heard from the very address that its
 * description names. It comes back while one of them holds; for the rest of the call, when one changes its session otherwise (another address, a fax), or `takeBack` is called.
 * A phone that refuses keeps the audio of both here. Nothing here throws or rejects.
 */
export class DirectMedia {
  readonly #legs: readonly [Leg, Leg];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #off: (() => void)[] = [];
  /** Each change of the sessions begins when the one before is done. */
  #work: Promise<void> = Promise.resolve();
  /** It stays here for the rest of the call. */
  #stays = false;
  #isOver = false;
  #timer: TimerId | undefined;

  constructor(legs: readonly [Leg, Leg], { clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#legs = legs;
    this.#clock = clock;
    this.#log = log;
    for (const leg of legs) {
      this.#off.push(
        leg.endpoint.on('media', () => this.#consider()),
        leg.on('hold', ({ held }) => (held ? void this.#recall() : this.#consider())),
        leg.on('returned', () => {
          if (!leg.held) this.#stays = true;
          void this.#recall();
        }),
        leg.on('ended', () => this.close()),
      );
    }
    this.#consider();
  }

  /** The audio passes the media server again, for the rest of the call. Resolves when it does. */
  takeBack(): Promise<void> {
    this.#stays = true;
    return this.#recall();
  }

  /** The conversation is over. Idempotent. */
  close(): void {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#timer);
    for (const off of this.#off.splice(0)) off();
  }

  get #isDirect(): boolean {
    return this.#legs.every(({ isDirect }) => isDirect);
  }

  #consider(ms = SETTLE_MS): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#stays || this.#isOver) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#work = this.#work.then(() => this.#release());
    }, ms);
  }

  async #release(): Promise<void> {
    const [first, second] = this.#legs;
    const sources = await Promise.all([first, second].map(sourceOf));
    if (sources.includes(undefined)) this.#consider(ASK_MS);
    const mayGo = () =>
      !this.#stays && !this.#isOver && this.#legs.every((leg, index) => isReachable(leg, sources[index]));
    const theirs = second.remoteSdp ?? '';
    const offer = mayGo() && directOffer(first.remoteSdp ?? '', theirs);
    if (!offer) return;
    try {
      const answer = await first.sendAudioTo(offer);
      const back = mayGo() && directOffer(theirs, answer);
      if (!back) throw new Error('one of them wants something else now');
      const end = await second.sendAudioTo(back);
      // The first has been told what the second had said before.
      if (!mayGo() || !this.#isDirect || directOffer(answer, end) !== directOffer(answer, theirs)) {
        throw new Error('one of them wants something else now');
      }
      await Promise.all(this.#legs.map(({ endpoint }) => endpoint.bypass()));
    } catch (error) {
      if (this.#isOver) return;
      this.#log.info(`the audio of two phones stays on the media server: ${errorText(error)}`);
      if (!this.#legs.some(({ held }) => held)) this.#stays = true;
      await this.#bringBack();
      return;
    }
    this.#log.info('the audio of two phones passes the media server no more');
    this.#watch();
  }

  #recall(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#work = this.#work.then(() => this.#bringBack());
    return this.#work;
  }

  async #bringBack(): Promise<void> {
    if (this.#isOver) return;
    await Promise.all(this.#legs.map((leg) => leg.takeAudioBack()));
  }

  #watch(): void {
    if (this.#isOver || !this.#isDirect) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => {
      void Promise.all(this.#legs.map((leg) => leg.confirm())).then(() => this.#watch());
    }, ASK_MS);
  }
}

/** From where he is heard; undefined: not yet, or his endpoint is gone. */
const sourceOf = async ({ endpoint }: Leg): Promise<EndpointStats['source']> =>
  endpoint.stats().then(
    ({ source }) => source,
    () => undefined,
  );

/** NAT between him and us would make the address in his description, or the way to it, worthless to another. */
function isReachable({ remoteSdp, ended, held }: Leg, source: EndpointStats['source']): boolean {
  if (ended || held || remoteSdp === undefined || !source) return false;
  try {
    return isSentFrom(remoteSdp, source);
  } catch {
    // A description that cannot be read is the media server's to judge.
    return false;
  }
}
