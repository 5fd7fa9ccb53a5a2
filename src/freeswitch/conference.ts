import type { Conference, Participant } from '../media/conference.ts';
import { type Endpoint, MediaError } from '../media/port.ts';
import { type Clock, delay } from '../time/clock.ts';
import { bridgeChannels, type Joined, next, relaysBetween } from './bridge.ts';
import type { Channel } from './channel.ts';
import { FreeswitchEndpoint } from './endpoint.ts';

/** The profile of `freeswitch-conf/autoload_configs/conference.conf.xml`: without sounds, keys and thresholds of its own. */
export const CONFERENCE_PROFILE = 'kommutator';

/** How long FreeSWITCH may take until somebody is in, or out, milliseconds. */
const PATIENCE_MS = 2000;

export interface FreeswitchConferenceParts {
  /** What FreeSWITCH calls it: nobody else's name. */
  readonly name: string;
  /** As of the endpoints that need no way to it. */
  readonly server: object;
  /** An end of a call to it, for one whose channel is on another server. */
  readonly another: (remoteSdp?: string) => Promise<FreeswitchEndpoint>;
  readonly clock: Clock;
  readonly onEnd: () => void;
}

/** A conference of mod_conference. FreeSWITCH makes it with the first channel that enters, and forgets it with the last one that leaves. */
export class FreeswitchConference implements Conference {
  readonly lost: Promise<string>;
  readonly #parts: FreeswitchConferenceParts;
  readonly #lost = Promise.withResolvers<string>();
  readonly #seats = new Map<Seat, FreeswitchEndpoint>();
  #isOver = false;

  constructor(parts: FreeswitchConferenceParts) {
    this.#parts = parts;
    this.lost = this.#lost.promise;
  }

  get size(): number {
    return this.#seats.size;
  }

  async join(endpoint: Endpoint): Promise<Participant> {
    if (!(endpoint instanceof FreeswitchEndpoint)) throw new TypeError('only endpoints of one media server can meet');
    const seat = await endpoint.join(async () => {
      if (this.#isOver) throw new MediaError('server-gone', 'The conference is over');
      return this.#seat(endpoint);
    });
    return {
      mute: (on) => seat.mute(on),
      leave: async () => {
        if (endpoint.joined === seat) await endpoint.unbridge();
      },
    };
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#over();
    await Promise.all([...this.#seats.values()].map((endpoint) => endpoint.unbridge()));
  }

  /** The server is gone. Whoever was on it is lost himself; others hear nothing any more. */
  lose(reason: string): void {
    if (this.#isOver) return;
    this.#over();
    for (const seat of [...this.#seats.keys()]) seat.dissolve();
    this.#lost.resolve(reason);
  }

  async #seat(endpoint: FreeswitchEndpoint): Promise<Seat> {
    const { name, server, another, clock } = this.#parts;
    const relays = endpoint.server === server ? [] : await relaysBetween(endpoint, { another });
    const [, far = endpoint] = relays;
    const seat: Seat = new Seat({
      ...{ name, clock, endpoint, relays },
      channel: far.channel,
      onEnd: () => this.#seats.delete(seat),
    });
    this.#seats.set(seat, endpoint);
    await seat.enter();
    return seat;
  }

  #over(): void {
    this.#isOver = true;
    this.#parts.onEnd();
  }
}

interface SeatParts {
  readonly name: string;
  readonly clock: Clock;
  readonly endpoint: FreeswitchEndpoint;
  /** Between the servers: at that of the endpoint, and at that of the conference. */
  readonly relays: readonly FreeswitchEndpoint[];
  /** The channel that is in the conference: the endpoint's, or that of a relay. */
  readonly channel: Channel;
  readonly onEnd: () => void;
}

/** One endpoint in the conference: what it has in place of a bridge. */
class Seat implements Joined {
  readonly kind = 'conference';
  readonly #parts: SeatParts;
  /** What mod_conference calls him. */
  #member = '';
  /** The application has ended: the channel is parked again. */
  #left: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(parts: SeatParts) {
    this.#parts = parts;
  }

  /** @throws MediaError `endpoint-gone`; then he is not in */
  async enter(): Promise<void> {
    const { name, clock, endpoint, relays, channel } = this.#parts;
    const [near] = relays;
    endpoint.joined = this;
    try {
      const added = memberOf(channel);
      channel.move(this);
      this.#left = channel.execute('conference', `${name}@${CONFERENCE_PROFILE}`);
      const member = await Promise.race([added, this.#left, delay(clock, PATIENCE_MS)]);
      if (typeof member !== 'string') {
        throw new MediaError('endpoint-gone', 'FreeSWITCH did not let a channel into a conference; look into its log');
      }
      this.#member = member;
      if (near) await bridgeChannels(endpoint.channel, near.channel, clock);
    } catch (error) {
      await this.undo();
      throw error;
    }
  }

  async mute(on: boolean): Promise<void> {
    if (this.#isOver) return;
    // Without a word about it.
    await this.#command(on ? 'mute' : 'unmute', 'quiet');
  }

  async undo(): Promise<void> {
    const { clock, endpoint, relays } = this.#parts;
    const isIn = !this.#isOver && this.#member !== '';
    const parked = relays.length > 0 ? next(endpoint.channel, 'CHANNEL_PARK') : this.#left;
    this.dissolve();
    if (relays.length > 0) await endpoint.channel.api('uuid_transfer', 'park', 'inline');
    else if (isIn) await this.#command('hup');
    await Promise.race([parked, delay(clock, PATIENCE_MS)]);
  }

  async #command(does: string, ...rest: readonly string[]): Promise<void> {
    await this.#parts.channel.command('conference', this.#parts.name, does, this.#member, ...rest);
  }

  dissolve(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { endpoint, relays, onEnd } = this.#parts;
    if (endpoint.joined === this) endpoint.joined = undefined;
    endpoint.channel.move();
    for (const relay of relays) void relay.destroy();
    onEnd();
  }
}

/** Resolves with the number of the member that this channel becomes. */
function memberOf(channel: Channel): Promise<string> {
  return new Promise((resolve) => {
    const off = channel.on('CUSTOM', (event) => {
      if (event.getHeader('Action') !== 'add-member') return;
      off();
      resolve(event.getHeader('Member-ID') ?? '');
    });
    void channel.gone.then(off);
  });
}
