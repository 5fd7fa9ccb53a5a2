import { z } from 'zod';
import type { RedisConnection } from './connection.ts';
import { ALL_PBXS, Keys } from './keys.ts';
import { script } from './script.ts';
import type { RedisSubscriber } from './subscriber.ts';

/** For so long nobody else has a room, unless its node says so again. A node whose room is empty does not give it back: asked for a seat meanwhile, it has one. */
const LEASE_MS = 15_000;

const file = (name: string) => new URL(`scripts/${name}.lua`, import.meta.url);

const hold = script(file('room-hold'), {
  keys: (k, ..._) => [k.rooms()],
  args: (now: number | '', room: string, node: string) => [now, room, node, LEASE_MS],
  reply: z.union([z.tuple([z.literal('held')]), z.tuple([z.literal('other'), z.string()])]),
});

/** What nodes say to each other of one who is at one and sits in a room of the other. `seat` is the name that the guest's node has given him. */
const RoomMessage = z.discriminatedUnion('is', [
  /** He wants a seat; the offer of the call between the nodes. */
  z.object({
    is: z.literal('ask'),
    seat: z.string(),
    pbx: z.string(),
    room: z.string(),
    seats: z.number(),
    offer: z.string(),
  }),
  z.object({ is: z.literal('given'), seat: z.string(), answer: z.string(), isFirst: z.boolean() }),
  z.object({ is: z.literal('refused'), seat: z.string(), why: z.enum(['full', 'elsewhere', 'failed']) }),
  z.object({ is: z.literal('mute'), seat: z.string(), on: z.boolean() }),
  /** The guest has gone, or the room has: whoever says it. */
  z.object({ is: z.literal('over'), seat: z.string() }),
  /** Said again and again by the node of the guests, and back by that of the room: those of whom it is not said are over. */
  z.object({ is: z.literal('alive'), seats: z.array(z.string()) }),
]);
export type RoomMessage = Readonly<z.infer<typeof RoomMessage>>;

const Envelope = z.object({ from: z.string(), message: RoomMessage });

/** Which node has a conference room, over all nodes, and what these tell each other. A message may be lost; what counts is said again. */
export class RedisRoomNodes {
  readonly #redis: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #run: string;
  readonly #now: () => number | '';

  /**
   * @param options.run tells this run of this node from all others
   * @param options.now the time in tests, as milliseconds since 1970; without it the Redis server's
   */
  constructor(options: { redis: RedisConnection; subscriber: RedisSubscriber; run: string; now?: () => number }) {
    this.#redis = options.redis;
    this.#subscriber = options.subscriber;
    this.#run = options.run;
    this.#now = options.now ?? (() => '');
  }

  /** Takes the room or keeps it, for 15 s. @returns the node that has it; undefined: this one. @throws RedisDownError */
  async hold(pbx: string, room: string): Promise<string | undefined> {
    const reply = await hold(this.#redis, pbx, this.#now(), room, this.#run);
    return reply[0] === 'other' ? reply[1] : undefined;
  }

  /** @throws RedisDownError */
  async send(node: string, message: RoomMessage): Promise<void> {
    const text = JSON.stringify({ from: this.#run, message } satisfies z.infer<typeof Envelope>);
    await this.#redis.use((client) => client.publish(channelOf(node), text));
  }

  /** @returns the function that takes the listener off */
  onMessage(listener: (from: string, message: RoomMessage) => void): () => void {
    return this.#subscriber.subscribe(channelOf(this.#run), (text) => {
      // Of another version of the engine, perhaps.
      const told = Envelope.safeParse(text === undefined ? undefined : JSON.parse(text));
      if (told.success) listener(told.data.from, told.data.message);
    });
  }
}

const channelOf = (node: string): string => new Keys(ALL_PBXS).roomNode(node);
