import type { EslEvent, FsmrfEndpoint } from 'drachtio-fsmrf';
import { Emitter } from '../emitter.ts';
import { MediaError } from '../media/port.ts';
import type { Dialog } from '../sip/port.ts';
import { type Clock, delay } from '../time/clock.ts';
import type { Leg } from './leg.ts';

/** How long FreeSWITCH may take to close a channel that was hung up, milliseconds. */
const PATIENCE_MS = 2000;

/** The variable that names the node whose channel it is; the dialplan takes it, and sets more, from the header of our INVITE. */
export const OWNER = 'kommutator_node';
export const OWNER_HEADER = 'X-kommutator-node';

/** Events that drachtio-fsmrf does not subscribe to. The name CUSTOM takes all that follows for subclasses. */
const EVENTS = [
  ...['PLAYBACK_START', 'MEDIA_BUG_STOP', 'RECORD_STOP', 'CHANNEL_BRIDGE', 'CHANNEL_PARK', 'CUSTOM'],
  ...['rxfaxnegociateresult', 'rxfaxpageresult', 'txfaxnegociateresult', 'txfaxpageresult'].map(
    (name) => `spandsp::${name}`,
  ),
  'conference::maintenance',
];

/** A channel of FreeSWITCH, parked and waiting for commands, from its answer to its end. Commands to one that is gone resolve to undefined. */
export class Channel {
  readonly uuid: string;
  /** Resolves once, when it is gone, with why; also after `hangUp`. */
  readonly gone: Promise<string>;
  /** FreeSWITCH tells us of its events from now on. */
  readonly #subscribed: Promise<void>;
  readonly #moved = new Emitter<{ moved: object }>();
  #moves = 0;
  #partner: object | undefined;
  readonly #endpoint: FsmrfEndpoint<Leg>;
  readonly #clock: Clock;
  readonly #gone = Promise.withResolvers<string>();
  /** FreeSWITCH has ended it too: files are closed. */
  readonly #closed = Promise.withResolvers<void>();
  #isGone = false;

  private constructor(endpoint: FsmrfEndpoint<Leg>, clock: Clock) {
    this.uuid = endpoint.uuid;
    this.gone = this.#gone.promise;
    this.#endpoint = endpoint;
    this.#clock = clock;
    endpoint.once('destroy', () => {
      this.#closed.resolve();
      this.#end('FreeSWITCH closed the channel, or died');
    });
    this.dialog.on('ended', ({ by, reason }) => {
      if (by !== 'local') this.#end(`its SIP leg ended: ${by}${reason ? `, ${reason}` : ''}`);
    });
    this.#subscribed = new Promise((resolve) => endpoint.conn?.subscribe([...EVENTS], () => resolve()));
  }

  /** @throws MediaError `server-gone`: FreeSWITCH has not made it one of ours, so it would behave otherwise */
  static async take(endpoint: FsmrfEndpoint<Leg>, node: string, clock: Clock): Promise<Channel> {
    const channel = new Channel(endpoint, clock);
    if (endpoint.conn?.getInfo().getHeader(`variable_${OWNER}`) === node) {
      // Else the first key of one who is quick would be missing.
      await Promise.race([channel.#subscribed, channel.gone]);
      return channel;
    }
    void channel.hangUp();
    throw new MediaError(
      'server-gone',
      'its dialplan does not set our variables; take dialplan/kommutator.xml from freeswitch-conf/',
    );
  }

  get dialog(): Dialog {
    return this.#endpoint.dialog.dialog;
  }

  /** Grows with each change that ends a running application: a bridge or a conference joined or left. */
  get moves(): number {
    return this.#moves;
  }

  /** What it is connected with: the channel that it is bridged to, or its place in a conference. */
  get partner(): object | undefined {
    return this.#partner;
  }

  /** Told before it is connected, or taken apart (no partner). */
  move(partner?: object): void {
    this.#partner = partner;
    this.#moves++;
    this.#moved.emit('moved', {});
  }

  /** @returns the function that takes the listener off */
  onMove(listener: () => void): () => void {
    return this.#moved.on('moved', listener);
  }

  /** From `hangUp` on: no more is asked of it. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Runs an application of the dialplan, and resolves to its CHANNEL_EXECUTE_COMPLETE. */
  execute(application: string, argument = ''): Promise<EslEvent | undefined> {
    return this.#unlessGone(() => this.#endpoint.execute(application, argument));
  }

  /** An API command about this channel. @returns what it prints */
  async api(command: string, ...rest: readonly string[]): Promise<string | undefined> {
    return this.command(command, this.uuid, ...rest);
  }

  /** Any API command, over its connection. @returns what it prints */
  async command(command: string, ...rest: readonly string[]): Promise<string | undefined> {
    const answer = await this.#unlessGone(() => this.#endpoint.api(command, rest));
    return answer?.getBody()?.trim();
  }

  /** @throws MediaError `endpoint-gone` if it is gone, or FreeSWITCH refuses */
  async must(command: string, ...rest: readonly string[]): Promise<void> {
    const answer = await this.api(command, ...rest);
    if (!answer?.startsWith('+OK')) {
      throw new MediaError('endpoint-gone', `FreeSWITCH refused ${command}: ${answer ?? 'the channel is gone'}`);
    }
  }

  async set(variables: Readonly<Record<string, string>>): Promise<void> {
    const list = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    // With a separator of its own, `^^` and a character.
    await this.execute('multiset', `^^^${list.join('^')}`);
  }

  /** Its variables, the counters of its RTP up to date. */
  variables(): Promise<Readonly<Record<string, string | number>> | undefined> {
    return this.#unlessGone(() => this.#endpoint.getChannelVariables(true));
  }

  /** @returns the function that takes the listener off */
  on(event: string, listener: (event: EslEvent) => void): () => void {
    const name = `esl::event::${event}::${this.uuid}`;
    const { conn } = this.#endpoint;
    conn?.on(name, listener);
    return () => conn?.removeListener(name, listener);
  }

  /** Idempotent. Resolves when FreeSWITCH has ended it, or does not say so. */
  async hangUp(): Promise<void> {
    this.#isGone = true;
    await this.dialog.bye();
    await Promise.race([this.#closed.promise, delay(this.#clock, PATIENCE_MS)]);
    this.#end('we hung up');
  }

  async #unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (this.#isGone) return undefined;
    const gone = this.gone.then(() => undefined);
    // The library rejects only when its connection is gone.
    return Promise.race([ask().catch(() => undefined), gone]);
  }

  #end(why: string): void {
    this.#isGone = true;
    this.#gone.resolve(why);
  }
}
