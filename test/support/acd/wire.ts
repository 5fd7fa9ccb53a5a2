import { isDeepStrictEqual } from 'node:util';
import type { Cluster, Redis } from 'ioredis';
import { Emitter } from '../../../src/emitter.ts';
import {
  type RedisCommands,
  type RedisConnection,
  RedisDownError,
  type RedisStates,
} from '../../../src/redis/connection.ts';
import type { ReferenceAcd } from './reference.ts';

/** A command as it reached Redis. */
interface Carried {
  readonly name: string;
  readonly argv: readonly (string | number)[];
  readonly reply: unknown;
}

interface Request {
  /** Runs it in Redis; the promise of whoever asked is settled by `deliver` or `lose`. */
  readonly carryOut: () => Promise<Carried>;
  readonly deliver: () => void;
  readonly lose: () => void;
}

/**
 * A node's connection to Redis, whose requests and replies travel when the test says so: in the order in which they were sent, but at any time.
 */
export class Wire implements RedisCommands, Pick<RedisConnection, 'on'> {
  readonly requests: Request[] = [];
  readonly replies: Request[] = [];
  readonly #real: RedisConnection;
  readonly #states = new Emitter<RedisStates>();
  up = true;

  constructor(real: RedisConnection) {
    this.#real = real;
  }

  on<K extends keyof RedisStates>(event: K, listener: (payload: RedisStates[K]) => void): () => void {
    return this.#states.on(event, listener);
  }

  use<T>(run: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    if (!this.up) return Promise.reject(new RedisDownError('the test has cut the wire'));
    return new Promise<T>((resolve, reject) => {
      let done: (() => void) | undefined;
      this.requests.push({
        carryOut: async () => {
          let call: Pick<Carried, 'name' | 'argv'> | undefined;
          try {
            const reply = await this.#real.use((client) => run(watched(client, (it) => (call = it))));
            done = () => resolve(reply);
            return { ...(call ?? { name: '', argv: [] }), reply };
          } catch (error) {
            done = () => reject(error);
            throw error;
          }
        },
        deliver: () => done?.(),
        lose: () => reject(new RedisDownError('the test has cut the wire')),
      });
    });
  }

  /** @param reached how many of the requests under way reach Redis, though nobody hears the reply */
  async cut(reached: number, carried: (request: Request) => Promise<void>): Promise<void> {
    const under = this.requests.splice(0);
    for (const request of under.slice(0, reached)) await carried(request);
    for (const request of [...this.replies.splice(0), ...under]) request.lose();
    if (!this.up) return;
    this.up = false;
    this.#states.emit('down', { why: 'the test has cut the wire' });
  }

  mend(): void {
    if (this.up) return;
    this.up = true;
    this.#states.emit('up', undefined);
  }

  /** The node is dead: nothing of it goes anywhere any more. */
  drop(): void {
    this.requests.length = 0;
    this.replies.length = 0;
    this.up = false;
  }
}

/** A client that tells which script is run with what. */
const watched = <C extends Redis | Cluster>(client: C, tell: (call: Pick<Carried, 'name' | 'argv'>) => void): C =>
  new Proxy(client, {
    get(target, property) {
      const value = Reflect.get(target, property) as unknown;
      if (typeof value !== 'function') return value;
      if (property !== 'fcall') return value.bind(target);
      return (name: string, keys: number, ...values: (string | number)[]) => {
        // `km_end_call_<digest>`, as `script-source.ts` names it.
        const script = name.replace(/^km_(.*)_[0-9a-f]+$/, '$1').replaceAll('_', '-');
        tell({ name: script, argv: values.slice(keys) });
        return value.call(target, name, keys, ...values);
      };
    },
  });

/** Scripts that change nothing, and whose replies other checks look at. */
const onlyReads = new Set(['list-agents', 'list-queue', 'explain', 'day-figures']);

type Told = readonly (readonly [node: string, message: unknown])[];

/** Runs in the reference what has run in Redis. Throws when the two do not say the same. */
export function compare(reference: ReferenceAcd, { name, argv, reply }: Carried, told: Told): void {
  if (onlyReads.has(name)) return;
  const expected = reference.run(name, argv);
  const differ = (what: string, theirs: unknown, ours: unknown) => {
    if (isDeepStrictEqual(theirs, ours)) return;
    const text = [`${name} ${JSON.stringify(argv)}: ${what} differs`, `Redis     ${JSON.stringify(theirs)}`];
    throw new Error([...text, `reference ${JSON.stringify(ours)}`].join('\n'));
  };
  differ('the reply', plain(name, reply), plain(name, expected.reply));
  const sorted = (messages: Told) => messages.map((message) => JSON.stringify(message, sortKeys)).sort();
  differ('what is published', sorted(told), sorted(expected.told));
}

/** JSON in replies is read, and what has no order is sorted. */
function plain(name: string, reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  const read = reply.map((part: unknown) => (typeof part === 'string' && /^[[{]/.test(part) ? JSON.parse(part) : part));
  if (name === 'answer' && read.length > 2) return [read[0], read[1], list(read[2]), [...(read[3] as string[])].sort()];
  if (name === 'leave' && read.length > 2) return [read[0], read[1], list(read[2])];
  if (name === 'sync' || name === 'configure-groups') return read.map((part) => JSON.stringify(part, sortKeys)).sort();
  return read;
}

/** Lua's JSON has no empty list. */
const list = (value: unknown): unknown => (Array.isArray(value) ? value : []);

const sortKeys = (_: string, value: unknown): unknown =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
