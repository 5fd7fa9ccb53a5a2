import { type Clock, delay } from '../time/clock.ts';
import type { Channel } from './channel.ts';
import type { FreeswitchEndpoint } from './endpoint.ts';

/** How long FreeSWITCH may take until it reports what it has promised, milliseconds. */
const PATIENCE_MS = 2000;

/** What connects an endpoint with others: a bridge, or its place in a conference. */
export interface Joined {
  readonly kind: 'bridge' | 'conference';
  /** Its channel is parked again when it resolves. Never rejects. */
  undo(): Promise<void>;
  /** Forgets it: the channel is about to end. */
  dissolve(): void;
}

/** Two endpoints that hear each other. On different servers a call between these carries the audio, one relay at each end. */
export class Bridge implements Joined {
  readonly kind = 'bridge';
  readonly #ends: readonly [FreeswitchEndpoint, FreeswitchEndpoint];
  readonly #relays: readonly FreeswitchEndpoint[];
  readonly #clock: Clock;

  /** @throws MediaError `endpoint-gone`, and what `createEndpoint` throws if there must be relays; then nothing is bridged */
  static async make(
    a: FreeswitchEndpoint,
    b: FreeswitchEndpoint,
    passDtmfOfA: boolean,
    passDtmfOfB: boolean,
    clock: Clock,
  ): Promise<void> {
    await Promise.all([filterDigits(a.channel, !passDtmfOfA), filterDigits(b.channel, !passDtmfOfB)]);
    const relays = a.server === b.server ? [] : await relaysBetween(a, b);
    const [near = b, far = a] = relays;
    const bridge = new Bridge([a, b], relays, clock);
    a.joined = bridge;
    b.joined = bridge;
    try {
      await bridgeChannels(a.channel, near.channel, clock);
      if (relays.length > 0) await bridgeChannels(far.channel, b.channel, clock);
    } catch (error) {
      bridge.dissolve();
      throw error;
    }
  }

  private constructor(
    ends: readonly [FreeswitchEndpoint, FreeswitchEndpoint],
    relays: readonly FreeswitchEndpoint[],
    clock: Clock,
  ) {
    this.#ends = ends;
    this.#relays = relays;
    this.#clock = clock;
  }

  /** Both are parked again when it resolves. Never rejects. */
  async undo(): Promise<void> {
    const [a, b] = this.#ends;
    const parked = Promise.all([next(a.channel, 'CHANNEL_PARK'), next(b.channel, 'CHANNEL_PARK')]);
    this.dissolve();
    if (this.#relays.length === 0) await a.channel.api('uuid_transfer', '-both', 'park', 'inline');
    await Promise.race([parked, delay(this.#clock, PATIENCE_MS)]);
  }

  /** Forgets it: one of the two is about to end, and FreeSWITCH parks the other one (`park_after_bridge`). */
  dissolve(): void {
    for (const end of this.#ends) {
      if (end.joined === this) end.joined = undefined;
      end.channel.move();
    }
    for (const relay of this.#relays) void relay.destroy();
  }
}

export async function bridgeChannels(a: Channel, b: Channel, clock: Clock): Promise<void> {
  const bridged = Promise.race([next(a, 'CHANNEL_BRIDGE'), next(b, 'CHANNEL_BRIDGE')]);
  a.move(b);
  b.move(a);
  await a.must('uuid_bridge', b.uuid);
  await Promise.race([bridged, delay(clock, PATIENCE_MS)]);
}

/** Read when the bridge begins. */
const filterDigits = (channel: Channel, on: boolean): Promise<void> =>
  channel.must('uuid_setvar', 'bridge_filter_dtmf', String(on));

/** An endpoint or a conference: more endpoints can be made on its server. */
type HasRelays = Pick<FreeswitchEndpoint, 'another'>;

/** @returns the one at the server of `a`, then that of `b` */
export async function relaysBetween(a: HasRelays, b: HasRelays): Promise<FreeswitchEndpoint[]> {
  const far = await b.another();
  try {
    const near = await a.another(far.localSdp);
    await far.negotiate(near.localSdp);
    return [near, far];
  } catch (error) {
    await far.destroy();
    throw error;
  }
}

/** Resolves with the next such event, or when the channel is gone. */
export function next(channel: Channel, event: string): Promise<void> {
  return new Promise((resolve) => {
    const off = channel.on(event, () => {
      off();
      resolve();
    });
    void channel.gone.then(() => resolve());
  });
}
