import { randomInt } from 'node:crypto';
import type Mrf from 'drachtio-fsmrf';
import type { FsmrfEndpoint, FsmrfServer } from 'drachtio-fsmrf';
import { errorText, UserError } from '../errors.ts';
import { type EndpointOptions, MediaError } from '../media/port.ts';
import type { Capabilities } from '../media/sdp/negotiate.ts';
import { type Negotiation, readRemote, SdpSession } from '../media/sdp/session.ts';
import { InviteFailure } from '../sip/port.ts';
import { type Clock, delay, type TimerId } from '../time/clock.ts';
import { systemRandom } from '../time/random.ts';
import { Channel, OWNER, OWNER_HEADER } from './channel.ts';
import { type Abilities, checkServer, PROFILE } from './check.ts';
import { FreeswitchConference } from './conference.ts';
import { DEFAULT_CODECS, FreeswitchEndpoint } from './endpoint.ts';
import type { EventSocketAddress } from './event-socket.ts';
import type { FreeswitchLog } from './index.ts';
import { type Leg, sealed } from './leg.ts';
import { inOneWrite } from './one-write.ts';
import { PeerSdp } from './peer-sdp.ts';

/** How often a server is asked whether it is well, and one that was lost whether it is back, milliseconds. */
const CHECK_EVERY_MS = 2000;
/** How long it may take for an answer, and for an endpoint. */
const PATIENCE_MS = 8000;
/** drachtio-fsmrf gives up after a second, which is little on a busy machine. */
const ATTEMPTS = 3;
/** After so long an endpoint is asked for once more, milliseconds, if no more than so many are being made. */
const AGAIN_AFTER_MS = 1000;
const FEW = 8;

export interface FreeswitchServerParts {
  readonly address: EventSocketAddress;
  readonly mrf: Mrf<Leg>;
  readonly shared: readonly string[];
  readonly node: string;
  readonly clock: Clock;
  readonly log: FreeswitchLog | undefined;
}

/**
 * One FreeSWITCH server: its connection, its health, its endpoints.
 *
 * `up`: takes new endpoints. `paused`: it was told to take no more calls (`fsctl pause`), and keeps those that it has: that is how a server is drained.
 * `down`: it cannot be reached, its endpoints are lost.
 */
export class FreeswitchServer {
  readonly name: string;
  readonly endpoints = new Set<FreeswitchEndpoint>();
  readonly conferences = new Set<FreeswitchConference>();
  state: 'up' | 'paused' | 'down' = 'down';
  abilities: Abilities | undefined;
  readonly #parts: FreeswitchServerParts;
  #media: FsmrfServer<Leg> | undefined;
  #relays = 0;
  #making = 0;
  #isCleared = false;
  #timer: TimerId;
  #closed = false;

  constructor(parts: FreeswitchServerParts) {
    this.name = `${parts.address.host}:${parts.address.port}`;
    this.#parts = parts;
  }

  /** @throws UserError what is wrong with it */
  async start(): Promise<void> {
    await this.#connect();
    this.#watch();
  }

  /** Tries again from now on, in silence. */
  startLater(): void {
    this.#watch();
  }

  /** Which part of what it can carry it carries, as far as we know: its own figure is up to 20 s old, ours counts those of this engine alone. */
  get load(): number {
    const sessions = Math.max(this.endpoints.size + this.#relays + this.#making, this.#media?.currentSessions ?? 0);
    return sessions / (this.#media?.maxSessions || 1000);
  }

  /** @throws MediaError `no-port` (it has no more channels), `server-gone`, `bad-sdp`, `no-common-codec` */
  async createEndpoint(options: EndpointOptions): Promise<FreeswitchEndpoint> {
    const capabilities: Capabilities = {
      codecs: options.codecs ?? DEFAULT_CODECS,
      dtmf: options.dtmf ?? 'rfc2833',
      family: 4,
      srtp: { required: options.srtp === 'required' },
      webrtc: { required: options.webrtc === true },
    };
    const agreed = options.remoteSdp === undefined ? undefined : readRemote(options.remoteSdp, capabilities);
    this.#making++;
    try {
      const endpoint = await this.#make(capabilities, agreed, () => this.endpoints.delete(endpoint));
      this.endpoints.add(endpoint);
      return endpoint;
    } finally {
      this.#making--;
    }
  }

  createConference(): FreeswitchConference {
    const conference: FreeswitchConference = new FreeswitchConference({
      name: `kommutator-${systemRandom.uuid()}`,
      server: this,
      another: (offer) => this.#relay(offer),
      clock: this.#parts.clock,
      onEnd: () => this.conferences.delete(conference),
    });
    this.conferences.add(conference);
    return conference;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#timer);
    await Promise.all([...this.conferences].map((conference) => conference.end()));
    await Promise.all([...this.endpoints].map((endpoint) => endpoint.destroy()));
    this.#drop();
  }

  async #make(
    capabilities: Capabilities,
    agreed: Negotiation | undefined,
    onEnd: () => void,
  ): Promise<FreeswitchEndpoint> {
    const media = this.#media;
    const { abilities } = this;
    if (!media || !abilities || this.state === 'down') throw gone(this.name, 'it is not connected');
    const peer = new PeerSdp(systemRandom);
    const parameters = agreed?.agreement.parameters;
    const isBrowser = parameters?.webrtc !== undefined || capabilities.webrtc?.required === true;
    const described = () => (parameters ? peer.known(parameters) : peer.unknown(capabilities));
    const made = await this.#asked(media, isBrowser ? peer.opening(capabilities) : described());
    const channel = await Channel.take(made, this.#parts.node, this.#parts.clock);
    let side: { readonly address: string; readonly port: number };
    try {
      side = peer.hear(made.dialog.remote.sdp);
      if (isBrowser) peer.hear(await channel.dialog.modify(described()));
    } catch (error) {
      void channel.hangUp();
      throw gone(this.name, errorText(error), error);
    }
    const session = new SdpSession(capabilities, () => peer.own, { sessionId: randomInt(2 ** 47), ...side });
    if (agreed) session.accept(agreed);
    else session.offer();
    const endpoint = new FreeswitchEndpoint({
      ...{ channel, capabilities, abilities, session, peer, agreed, onEnd },
      clock: this.#parts.clock,
      server: this,
      another: (offer) => this.#relay(offer),
    });
    await endpoint.hearTones();
    return endpoint;
  }

  /** An end of a call between servers: none of those that were asked for. */
  async #relay(remoteSdp: string | undefined): Promise<FreeswitchEndpoint> {
    const capabilities: Capabilities = { codecs: DEFAULT_CODECS, dtmf: 'rfc2833', family: 4 };
    const agreed = remoteSdp === undefined ? undefined : readRemote(remoteSdp, capabilities);
    this.#relays++;
    try {
      return await this.#make(capabilities, agreed, () => this.#relays--);
    } catch (error) {
      this.#relays--;
      throw error;
    }
  }

  /**
   * On a busy machine one leg of some thousands is answered, and FreeSWITCH never connects to us for it, while those beside it take 20 ms: then another is asked for. Not where
   * many wait: FreeSWITCH is late with all of them then, and would be later.
   */
  async #asked(media: FsmrfServer<Leg>, remoteSdp: string): Promise<FsmrfEndpoint<Leg>> {
    const first = this.#invited(media, remoteSdp);
    const isSettled = first.then(
      () => true,
      () => true,
    );
    const isInTime = await this.#within(isSettled, 'it does not connect', AGAIN_AFTER_MS).catch(() => false);
    if (isInTime || this.#making > FEW) return first;
    const both = [first, this.#invited(media, remoteSdp)];
    try {
      const made = await Promise.any(both);
      const rest = both.map(async (one) => {
        const other = await one;
        if (other !== made) await other.dialog.dialog.bye();
      });
      void Promise.allSettled(rest);
      return made;
    } catch {
      // What has become of the first says why.
      return first;
    }
  }

  async #invited(media: FsmrfServer<Leg>, remoteSdp: string): Promise<FsmrfEndpoint<Leg>> {
    try {
      return await this.#within(
        media.createEndpoint({ remoteSdp: sealed(remoteSdp), headers: { [OWNER_HEADER]: this.#parts.node } }),
        'it did not answer the INVITE',
      );
    } catch (error) {
      // Its limit of sessions, or it was paused meanwhile.
      if (error instanceof InviteFailure && error.cause === 'rejected') {
        throw new MediaError('no-port', `FreeSWITCH at ${this.name} takes no more: ${error.status} ${error.reason}`, {
          cause: error,
        });
      }
      throw gone(this.name, errorText(error), error);
    }
  }

  async #connect(): Promise<void> {
    const { address, mrf, shared, clock } = this.#parts;
    const abilities = await checkServer(address, shared, clock);
    for (let attempt = 1; ; attempt++) {
      try {
        const media = await this.#within(
          mrf.connect({
            ...{ address: address.host, port: address.port, secret: address.secret, profile: PROFILE },
            listenAddress: abilities.ownAddress,
          }),
          'it does not answer',
        );
        inOneWrite(media.conn);
        media._server.on('connection::open', inOneWrite);
        await this.#clear(media);
        media.on('end', () => this.#lost(media));
        this.abilities = abilities;
        this.#media = media;
        this.state = 'up';
        return;
      } catch (error) {
        if (attempt < ATTEMPTS) continue;
        throw new UserError(
          'freeswitch-unreachable',
          `FreeSWITCH at ${this.name} cannot be used: ${errorText(error)}`,
          'Look into the log of FreeSWITCH.',
          { cause: error },
        );
      }
    }
  }

  /** Once, before the first endpoint: what is there of ours is of an engine that died. FreeSWITCH would keep it for ever. */
  async #clear(media: FsmrfServer<Leg>): Promise<void> {
    if (this.#isCleared) return;
    try {
      await this.#within(media.api(`hupall NORMAL_CLEARING ${OWNER} ${this.#parts.node}`), 'it does not answer');
    } catch (error) {
      media.disconnect();
      throw error;
    }
    this.#isCleared = true;
  }

  #lost(media: FsmrfServer<Leg>): void {
    if (media !== this.#media || this.#closed) return;
    this.#parts.log?.warn({ server: this.name, endpoints: this.endpoints.size }, 'FreeSWITCH was lost');
    this.#drop();
  }

  #drop(): void {
    this.state = 'down';
    const media = this.#media;
    this.#media = undefined;
    media?.disconnect();
    for (const conference of this.conferences) conference.lose(`FreeSWITCH at ${this.name} was lost`);
  }

  #watch(): void {
    if (this.#closed) return;
    this.#timer = this.#parts.clock.setTimeout(async () => {
      await this.#look();
      this.#watch();
    }, CHECK_EVERY_MS);
  }

  async #look(): Promise<void> {
    const media = this.#media;
    const { log } = this.#parts;
    if (!media) {
      await this.#connect().then(
        () => log?.info({ server: this.name }, 'FreeSWITCH is back'),
        // Said when it was lost.
        () => undefined,
      );
      if (this.#closed) this.#drop();
      return;
    }
    try {
      const paused = await this.#within(media.api('fsctl pause_check inbound'), 'it does not answer');
      const state = paused.trim() === 'true' ? 'paused' : 'up';
      if (state !== this.state) log?.info({ server: this.name, state }, 'FreeSWITCH changed its state');
      this.state = state;
    } catch (error) {
      log?.warn({ server: this.name, why: errorText(error) }, 'FreeSWITCH is not well');
      this.#lost(media);
    }
  }

  /** What drachtio-fsmrf promises it may never settle. */
  async #within<T>(promise: Promise<T>, otherwise: string, ms = PATIENCE_MS): Promise<T> {
    const over = new AbortController();
    try {
      const late = delay(this.#parts.clock, ms, over.signal).then(() => {
        throw new Error(otherwise);
      });
      return await Promise.race([promise, late]);
    } finally {
      over.abort();
    }
  }
}

const gone = (name: string, why: string, cause?: unknown): MediaError =>
  new MediaError('server-gone', `FreeSWITCH at ${name} cannot be used: ${why}`, { cause });
