import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import { type Endpoint, MediaError, type MediaServer } from '../media/port.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import { delay } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import type { Seat } from './meeting.ts';

/** Which node has a room, and what nodes tell each other: `redis/room-nodes.ts`. All of it rejects while Redis is away. */
export interface RoomNodes {
  /** Takes the room or keeps it for this node, for a while. @returns the node that has it; undefined: this one */
  hold(pbx: string, room: string): Promise<string | undefined>;
  send(node: string, message: RoomMessage): Promise<void>;
  /** @returns the function that takes the listener off */
  onMessage(listener: (from: string, message: RoomMessage) => void): () => void;
}

export type RoomMessage =
  | {
      readonly is: 'ask';
      readonly seat: string;
      readonly pbx: string;
      readonly room: string;
      readonly seats: number;
      readonly offer: string;
    }
  | { readonly is: 'given'; readonly seat: string; readonly answer: string; readonly isFirst: boolean }
  | { readonly is: 'refused'; readonly seat: string; readonly why: NoSeat }
  | { readonly is: 'mute'; readonly seat: string; readonly on: boolean }
  | { readonly is: 'over'; readonly seat: string }
  | { readonly is: 'alive'; readonly seats: readonly string[] };

/** `elsewhere`: that node does not have the room any more. */
export type NoSeat = 'full' | 'elsewhere' | 'failed';

/** How long another node may take for an answer, milliseconds. */
const ANSWER_MS = 4000;
const BEAT_MS = 5000;
/** A seat of which nothing was said for so long is empty, or has no room around it any more. */
const LONGEST_SILENCE_MS = 15_000;

export interface FarRoomsOptions {
  readonly nodes: RoomNodes;
  readonly media: MediaServer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Rooms of this node that somebody is in. */
  readonly rooms: () => readonly { readonly pbx: string; readonly room: string }[];
  /** A seat in a room of this node, for one who is at another. @param onLost as of `Meeting.take` */
  readonly seatHere: (
    pbx: string,
    room: string,
    seats: number,
    onLost: (reason: string) => void,
  ) => Promise<Seat | NoSeat>;
}

/** One of our callers in a room of another node. */
interface Guest {
  readonly node: string;
  readonly onLost: (reason: string) => void;
  heardMs: number;
}

/** One of another node's callers in a room of ours. */
interface Hosted {
  readonly node: string;
  readonly seat: Seat;
  readonly endpoint: Endpoint;
  heardMs: number;
}

/**
 * A room lives on one node. Who comes to it on another one gets a call between the two: an endpoint of the media at each end, whose descriptions (RFC 3264) go over Redis, because INVITEs to
 * a SIP server that nodes share would come to any of them. It carries the audio of this one caller. Both ends say again and again that they are there.
 */
export class FarRooms {
  readonly #options: FarRoomsOptions;
  readonly #asked = new Map<string, (reply: Extract<RoomMessage, { is: 'given' | 'refused' }>) => void>();
  readonly #guests = new Map<string, Guest>();
  /** By the node and the name of the seat. */
  readonly #hosted = new Map<string, Hosted>();
  readonly #off: () => void;
  #timer: TimerId | undefined;
  #isClosed = false;

  constructor(options: FarRoomsOptions) {
    this.#options = options;
    this.#off = options.nodes.onMessage((from, message) => void this.#hear(from, message));
  }

  close(): void {
    this.#isClosed = true;
    this.#off();
    this.#options.clock.clearTimeout(this.#timer);
  }

  /** @returns the node that has the room; undefined: it is this one, for as long as somebody is in it. @throws while Redis is away */
  async whereIs(pbx: string, room: string): Promise<string | undefined> {
    return this.#options.nodes.hold(pbx, room);
  }

  /** Somebody is in a room of this node, or nobody any more. */
  roomsChanged(): void {
    this.#beatLater();
  }

  /** A seat for one of our callers in a room of that node. @param onLost it is no more, and he hears nothing */
  async take(
    node: string,
    wish: { readonly pbx: string; readonly room: string; readonly seats: number; readonly callId: string },
    onLost: (reason: string) => void,
  ): Promise<Seat | NoSeat> {
    const { media, random, log } = this.#options;
    const { callId, ...wanted } = wish;
    const seat = random.uuid();
    let link: Endpoint | undefined;
    try {
      link = await media.createEndpoint({ callId, internal: true });
      const reply = await this.#ask(node, { is: 'ask', seat, offer: link.localSdp, ...wanted });
      if (reply?.is === 'given') {
        await link.negotiate(reply.answer);
        return this.#guest(seat, node, { link, isFirst: reply.isFirst, onLost });
      }
      void link.destroy();
      if (reply) return reply.why;
      log.warn({ node, ...wanted }, 'another node, which has a conference room, does not answer');
    } catch (error) {
      void link?.destroy();
      log.warn({ node, ...wanted, why: errorText(error) }, 'a conference room on another node cannot be reached');
    }
    this.#tell(node, { is: 'over', seat });
    return 'failed';
  }

  #guest(
    seat: string,
    node: string,
    { link, isFirst, onLost }: { link: Endpoint; isFirst: boolean; onLost: (reason: string) => void },
  ): Seat {
    const leave = async () => {
      if (this.#guests.delete(seat)) this.#tell(node, { is: 'over', seat });
      this.#beatLater();
      await link.destroy();
    };
    this.#guests.set(seat, { node, onLost, heardMs: this.#options.clock.monotonic() });
    link.on('gone', ({ reason }) => this.#lose(seat, reason));
    this.#beatLater();
    return {
      isFirst,
      // Keys are for nobody there.
      sit: (endpoint) => endpoint.bridge(link, { passDtmf: false }),
      mute: async (on) => this.#tell(node, { is: 'mute', seat, on }),
      leave,
    };
  }

  #lose(seat: string, reason: string): void {
    const guest = this.#guests.get(seat);
    this.#guests.delete(seat);
    guest?.onLost(reason);
  }

  async #ask(node: string, message: Extract<RoomMessage, { is: 'ask' }>) {
    const answer = new Promise<Extract<RoomMessage, { is: 'given' | 'refused' }>>((resolve) =>
      this.#asked.set(message.seat, resolve),
    );
    const over = new AbortController();
    try {
      await this.#options.nodes.send(node, message);
      const late = delay(this.#options.clock, ANSWER_MS, over.signal).then(
        () => undefined,
        () => undefined,
      );
      return await Promise.race([answer, late]);
    } finally {
      over.abort();
      this.#asked.delete(message.seat);
    }
  }

  async #hear(from: string, message: RoomMessage): Promise<void> {
    switch (message.is) {
      case 'ask':
        return this.#host(from, message);
      case 'given':
      case 'refused': {
        const asked = this.#asked.get(message.seat);
        // Whoever has asked waits no more.
        if (!asked && message.is === 'given') this.#tell(from, { is: 'over', seat: message.seat });
        return asked?.(message);
      }
      case 'mute':
        await this.#hosted.get(nameOf(from, message.seat))?.seat.mute(message.on);
        return;
      case 'over':
        this.#lose(message.seat, 'the node that has the room has ended it');
        return this.#dismiss(nameOf(from, message.seat));
      case 'alive': {
        const now = this.#options.clock.monotonic();
        const here = message.seats.filter((seat) => this.#hosted.has(nameOf(from, seat)));
        for (const one of message.seats.map((seat) => this.#hosted.get(nameOf(from, seat)) ?? this.#guests.get(seat))) {
          if (one) one.heardMs = now;
        }
        if (here.length > 0) this.#tell(from, { is: 'alive', seats: here });
      }
    }
  }

  async #host(
    from: string,
    { seat: name, pbx, room, seats, offer }: Extract<RoomMessage, { is: 'ask' }>,
  ): Promise<void> {
    const { media, clock, log, seatHere } = this.#options;
    const lost = () => {
      this.#tell(from, { is: 'over', seat: name });
      void this.#dismiss(nameOf(from, name));
    };
    const seat = await seatHere(pbx, room, seats, lost);
    if (typeof seat === 'string') return this.#tell(from, { is: 'refused', seat: name, why: seat });
    let endpoint: Endpoint | undefined;
    try {
      endpoint = await media.createEndpoint({ callId: `room ${pbx}/${room}`, remoteSdp: offer, internal: true });
      await seat.sit(endpoint);
    } catch (error) {
      void endpoint?.destroy();
      await seat.leave();
      if (!(error instanceof MediaError)) throw error;
      log.warn({ pbx, room, why: errorText(error) }, 'one who is at another node cannot be let into a conference room');
      return this.#tell(from, { is: 'refused', seat: name, why: 'failed' });
    }
    this.#hosted.set(nameOf(from, name), { node: from, seat, endpoint, heardMs: clock.monotonic() });
    endpoint.on('gone', lost);
    this.#beatLater();
    this.#tell(from, { is: 'given', seat: name, answer: endpoint.localSdp, isFirst: seat.isFirst });
  }

  async #dismiss(name: string): Promise<void> {
    const hosted = this.#hosted.get(name);
    this.#hosted.delete(name);
    this.#beatLater();
    await Promise.all([hosted?.seat.leave(), hosted?.endpoint.destroy()]);
  }

  #beatLater(): void {
    const { clock, rooms } = this.#options;
    const isNeeded = this.#guests.size + this.#hosted.size + rooms().length > 0;
    if (!isNeeded || this.#isClosed) {
      clock.clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= clock.setTimeout(async () => {
        await this.#beat();
        this.#timer = undefined;
        this.#beatLater();
      }, BEAT_MS);
    }
  }

  async #beat(): Promise<void> {
    const { nodes, clock, rooms } = this.#options;
    const seatsAt = Map.groupBy([...this.#guests], ([, { node }]) => node);
    const all = () => [...this.#guests.values(), ...this.#hosted.values()];
    try {
      await Promise.all([
        ...rooms().map(({ pbx, room }) => nodes.hold(pbx, room)),
        ...[...seatsAt].map(([node, guests]) => nodes.send(node, { is: 'alive', seats: guests.map(([seat]) => seat) })),
      ]);
    } catch {
      // Nothing can be heard while Redis is away: what goes on goes on.
      for (const one of all()) one.heardMs = clock.monotonic();
      return;
    }
    const silent = ({ heardMs }: { readonly heardMs: number }) => clock.monotonic() - heardMs > LONGEST_SILENCE_MS;
    for (const [seat, guest] of this.#guests)
      if (silent(guest)) this.#lose(seat, 'the node that has the room is silent');
    for (const [name, hosted] of this.#hosted) if (silent(hosted)) await this.#dismiss(name);
  }

  /** What gets lost shows in that nothing is heard any more. */
  #tell(node: string, message: RoomMessage): void {
    this.#options.nodes
      .send(node, message)
      .catch((error: unknown) => this.#options.log.debug({ node, why: errorText(error) }, 'a node could not be told'));
  }
}

const nameOf = (node: string, seat: string): string => `${node} ${seat}`;
