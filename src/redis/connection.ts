import { Cluster, Redis } from 'ioredis';
import { Emitter } from '../emitter.ts';
import { errorText, UserError } from '../errors.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { RedisAddress } from './address.ts';
import { AnswerTime, NoAnswerError } from './answer-time.ts';

/**
 * Redis cannot be reached, or cannot do what it is asked to just now (loading, failing over). The command may or may not have been carried
 * out. Calls that need no queue go on without it (2-call-behaviour §10).
 */
export class RedisDownError extends Error {
  constructor(cause: unknown) {
    super(`Redis is not available: ${errorText(cause)}`, { cause });
    this.name = 'RedisDownError';
  }
}

export interface RedisStates {
  up: undefined;
  /** Once for each loss, with what is known of the cause. */
  down: { readonly why: string };
}

/** Milliseconds. */
export interface RedisTimes {
  /** How long a command may take, before it counts as lost. */
  readonly command: number;
  /** How long the first connection may take. */
  readonly first: number;
  /** The longest pause between two attempts to reconnect. */
  readonly reconnect: number;
}

const defaults: RedisTimes = { command: 2000, first: 10_000, reconnect: 1000 };
const ownCommandMs = 10_000;

/** What scripts need of a connection. */
export type RedisCommands = Pick<RedisConnection, 'use'>;

/**
 * A connection that mends itself. While it is down, commands fail at once instead of waiting: a call must be told now that there is no queue,
 * not when Redis is back.
 */
export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #answers: AnswerTime;
  readonly #states = new Emitter<RedisStates>();
  #state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting';
  #lastError = 'the connection was closed';

  private constructor(client: Redis | Cluster, answers: AnswerTime) {
    this.#client = client;
    this.#answers = answers;
    client.on('ready', () => this.#enter('up'));
    client.on('close', () => this.#enter('down'));
    client.on('end', () => this.#enter('down'));
    client.on('error', (error) => {
      this.#lastError = connectionErrorText(error);
    });
  }

  /** @throws UserError `redis-unreachable`, `redis-refused`, `redis-too-old` */
  static async open(
    address: RedisAddress,
    times: Partial<RedisTimes> = {},
    clock: Clock = systemClock,
  ): Promise<RedisConnection> {
    const limits = { ...defaults, ...times };
    const connection = new RedisConnection(connect(address, limits), new AnswerTime(limits.command, clock));
    try {
      await connection.#ready(limits.first, address.shown, clock);
      await connection.#checkVersion(address.shown);
      return connection;
    } catch (error) {
      connection.#abandon();
      throw error;
    }
  }

  get up(): boolean {
    return this.#state === 'up';
  }

  on<K extends keyof RedisStates>(event: K, listener: (payload: RedisStates[K]) => void): () => void {
    return this.#states.on(event, listener);
  }

  /**
   * Runs commands on the client. For `src/redis`, stores and scripts; nobody else sees ioredis.
   * @throws RedisDownError when it is down or goes down; what Redis replied as an error otherwise
   */
  async use<T>(run: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    if (this.#state !== 'up') throw new RedisDownError(this.#lastError);
    try {
      return await this.#answers.limit(run(this.#client));
    } catch (error) {
      if (isReply(error)) throw error;
      this.#suspect(error);
      throw new RedisDownError(error);
    }
  }

  /** The clients of all servers that hold keys: one, or the masters of a cluster. For SCAN, which each server answers for itself. */
  servers(): Redis[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
  }

  /** Another client to the same servers, for one that only listens (`RedisSubscriber`). Whoever asked for it ends it. */
  listener(): Redis | Cluster {
    const client = this.#client;
    // One that listens is told what to listen to whenever it has connected, by its owner.
    const options = { autoResubscribe: false, connectionName: 'kommutator-listener' };
    return client instanceof Cluster ? client.duplicate() : client.duplicate(options);
  }

  /** Lets commands under way finish, then closes. `down` is not emitted. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const wasUp = this.#state === 'up';
    this.#state = 'closed';
    if (wasUp) {
      // The server may vanish before it answers QUIT: gone is what was wanted.
      await this.#client.quit().catch(() => undefined);
    }
    this.#abandon();
  }

  /**
   * A server that hangs keeps its connections open, and each command would wait for its whole time. One that did is enough: the connection
   * is down until the server answers on a new one. A cluster has other servers, and its client finds them.
   */
  #suspect(error: unknown): void {
    if (!(error instanceof NoAnswerError) || this.#state !== 'up' || this.#client instanceof Cluster) return;
    this.#lastError = error.message;
    this.#client.disconnect(true);
  }

  #abandon(): void {
    this.#state = 'closed';
    this.#states.clear();
    this.#client.disconnect();
  }

  #enter(state: 'up' | 'down'): void {
    if (this.#state === 'closed' || this.#state === state) return;
    const wasUp = this.#state === 'up';
    if (state === 'down' && !wasUp) return;
    this.#state = state;
    if (state === 'up') this.#states.emit('up', undefined);
    else this.#states.emit('down', { why: this.#lastError });
  }

  #ready(ms: number, shown: string, clock: Clock): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: UserError) => {
        clear();
        this.#client.off('error', onError);
        error ? reject(error) : resolve();
      };
      const onError = (error: Error) => {
        const text = connectionErrorText(error);
        if (/^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH|ERR invalid)/.test(text)) {
          settle(
            new UserError(
              'redis-refused',
              `Redis at ${shown} refused us: ${text}`,
              'Check user and password in REDIS_URL.',
            ),
          );
        }
      };
      const onTimeout = () =>
        settle(
          new UserError(
            'redis-unreachable',
            `Redis at ${shown} could not be reached in ${ms / 1000} s: ${this.#lastError}`,
            'Start it or correct REDIS_URL; without REDIS_URL the engine starts a Redis of its own.',
          ),
        );
      const timer = clock.setTimeout(onTimeout, ms);
      const offUp = this.#states.on('up', () => settle());
      const clear = () => {
        clock.clearTimeout(timer);
        offUp();
      };
      this.#client.on('error', onError);
    });
  }

  async #checkVersion(shown: string): Promise<void> {
    const info = await this.use((client) => client.info('server'));
    const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (Number.parseInt(version, 10) < 7) {
      throw new UserError('redis-too-old', `Redis at ${shown} is version ${version}, but 7 is needed`, 'Upgrade it.');
    }
  }
}

function connect(address: RedisAddress, times: RedisTimes): Redis | Cluster {
  const retryStrategy = (attempt: number) => Math.min(times.reconnect, 20 * 2 ** Math.min(attempt, 10));
  const perServer = {
    // Commands in flight when the connection is lost fail, instead of being sent again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // What the client asks of its own accord, before it is ready. Commands have their limit in `use`: this one would take a busy engine for a silent server.
    commandTimeout: Math.max(ownCommandMs, 2 * times.command),
    connectTimeout: Math.min(times.first, 5000),
    connectionName: 'kommutator',
    // Scripts reply in flat lists; so does the server then, whatever its protocol version.
    replyMapping: 'legacy' as const,
  };
  if (address.form !== 'cluster') {
    return new Redis({ ...address.options, ...perServer, retryStrategy, enableOfflineQueue: false });
  }
  return new Cluster([...address.nodes], {
    redisOptions: { ...address.options, ...perServer },
    clusterRetryStrategy: retryStrategy,
    enableOfflineQueue: false,
  });
}

/** An answer of Redis to this very command, unlike a lost connection or a server that serves nobody just now. */
const isReply = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'ReplyError' &&
  !/^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY)\b/.test(error.message);

/** A cluster wraps the error of its last node. */
const connectionErrorText = (error: Error & { lastNodeError?: Error }): string =>
  errorText(error.lastNodeError ?? error) || ('code' in error ? String(error.code) : error.name);
