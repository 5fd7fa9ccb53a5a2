import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { type Clock, delay, systemClock } from '../../time/clock.ts';
import { type Random, systemRandom } from '../../time/random.ts';
import { type DirectoryLock, lockDirectory } from '../directory-lock.ts';
import { type PrivateRedisPaths, redisConfig } from './config.ts';
import { endLeftover } from './leftover.ts';
import { type ServerProcess, startServer } from './server-process.ts';

export interface PrivateRedisOptions {
  /** `<VAR_DIR>/redis`; made if need be. */
  readonly directory: string;
  readonly log: Logger;
  readonly program?: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface PrivateRedis {
  /** For `socketAddress` of src/redis. They stay the same when the server has to be started anew. */
  readonly socket: string;
  readonly password: string;
  /** Process id of the server that runs now. */
  readonly pid: number;
  /** Ends the server after it has written its data. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts a redis-server that belongs to this engine: nobody else can reach it, it ends with the engine even when that is killed, and it is started
 * again when it dies.
 * @throws UserError `directory-in-use`, `directory-not-usable`, `redis-missing`, `redis-failed`, `redis-leftover`
 */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const { log, program = 'redis-server', clock = systemClock, random = systemRandom } = options;
  const directory = resolve(options.directory);
  const lock = lockDirectory(directory);
  if (lock.unlocked) log.warn({ reason: lock.unlocked }, `${directory} cannot be locked against a second engine`);
  let paths: PrivateRedisPaths | undefined;
  try {
    paths = await placeFiles(directory);
    const leftover = await endLeftover(paths, clock);
    if (leftover) log.warn({ pid: leftover }, 'ended the redis-server that a killed engine had left');
    const password = random.hex(32);
    await writeFile(paths.config, redisConfig(paths, password), { mode: 0o600 });
    const server = await startServer(program, paths.config);
    await server.ready;
    log.info({ pid: server.pid }, 'private redis-server started');
    return new Supervised(
      server,
      paths,
      password,
      lock,
      () => startServer(program, (paths as PrivateRedisPaths).config),
      log,
      clock,
    );
  } catch (error) {
    if (paths) await removeSocketDirectory(paths);
    lock.release();
    throw error;
  }
}

/** How long a server may take to write its data at the end, in milliseconds. */
const patience = 10_000;
const longestPause = 5000;

class Supervised implements PrivateRedis {
  readonly socket: string;
  readonly password: string;
  #server: ServerProcess;
  readonly #paths: PrivateRedisPaths;
  readonly #lock: DirectoryLock;
  readonly #start: () => Promise<ServerProcess>;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #supervision: Promise<void>;

  constructor(
    server: ServerProcess,
    paths: PrivateRedisPaths,
    password: string,
    lock: DirectoryLock,
    start: () => Promise<ServerProcess>,
    log: Logger,
    clock: Clock,
  ) {
    this.socket = paths.socket;
    this.password = password;
    this.#server = server;
    this.#paths = paths;
    this.#lock = lock;
    this.#start = start;
    this.#log = log;
    this.#clock = clock;
    this.#supervision = this.#supervise();
  }

  get pid(): number {
    return this.#server.pid;
  }

  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#server.kill('SIGTERM');
      const timer = this.#clock.setTimeout(() => this.#server.kill('SIGKILL'), patience);
      await this.#supervision;
      this.#clock.clearTimeout(timer);
      await Promise.all([this.#paths.config, this.#paths.pid].map((path) => rm(path, { force: true })));
      await removeSocketDirectory(this.#paths);
      this.#lock.release();
    }
    await this.#supervision;
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { how, lastLines } = await this.#server.ended;
      if (signal.aborted) return;
      this.#log.error({ how, lastLines }, 'the private redis-server has died; starting it again');
      await this.#restart();
    }
  }

  /** At once the first time, then with growing pauses. Returns when a server has come up, or when there is to be none any more. */
  async #restart(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pause = 0; !signal.aborted; pause = Math.min(longestPause, Math.max(100, pause * 2))) {
      try {
        await delay(this.#clock, pause, signal);
        this.#server = await this.#start();
        // stop() may have come while it was starting, and have killed only its dead predecessor.
        if (signal.aborted) this.#server.kill('SIGTERM');
        await this.#server.ready;
        this.#log.info({ pid: this.#server.pid }, 'private redis-server started again');
        return;
      } catch (error) {
        if (signal.aborted) await this.#server.ended;
        else this.#log.error({ err: error }, 'the private redis-server does not start');
      }
    }
  }
}

/** Longest path of a unix socket, less one for the end: 104 bytes on macOS, 108 on Linux. */
const longestSocketPath = 103;

async function placeFiles(directory: string): Promise<PrivateRedisPaths> {
  const files = { directory, config: join(directory, 'redis.conf'), pid: join(directory, 'redis.pid') };
  const socket = join(directory, 'redis.sock');
  if (Buffer.byteLength(socket) <= longestSocketPath) return { ...files, socket };
  return { ...files, socket: join(await mkdtemp(join(tmpdir(), 'kommutator-')), 'redis.sock') };
}

/** When the data directory's path was too long for a socket, this was made for it. */
async function removeSocketDirectory(paths: PrivateRedisPaths): Promise<void> {
  if (dirname(paths.socket) !== paths.directory) await rm(dirname(paths.socket), { recursive: true, force: true });
}
