import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { type PrivateRedis, startPrivateRedis } from '../../src/embedded/redis/index.ts';
import { RedisConnection, RedisDownError, type RedisTimes } from '../../src/redis/connection.ts';
import { socketAddress } from '../../src/redis/index.ts';
import { systemRandom } from '../../src/time/random.ts';
import { type FakeClock, settle } from './fake-clock.ts';
import { eventually } from './wait.ts';

/** A real redis-server for one test file. Usually made in `beforeAll` and stopped in `afterAll`. */
export interface TestRedis {
  readonly server: PrivateRedis;
  readonly directory: string;
  /** Another connection; closed by `stop`. */
  connect(times?: Partial<RedisTimes>): Promise<RedisConnection>;
  /**
   * Kills the server, when all that was written is in its file: a slow disk may hold that up for two seconds (`appendfsync everysec`), which a crash costs.
   */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestRedis(): Promise<TestRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'km-test-'));
  const server = await startPrivateRedis({ directory, log: pino({ level: 'silent' }) });
  const connections: RedisConnection[] = [];
  return {
    server,
    directory,
    async connect(times) {
      const connection = await RedisConnection.open(socketAddress(server.socket, server.password), times);
      connections.push(connection);
      return connection;
    },
    async kill() {
      const { pid } = server;
      await eventually(
        'all to be in the file',
        () => connections[0]?.use((client) => client.info('persistence')),
        (info) => info === undefined || /^aof_buffer_length:0\r$/m.test(info),
      );
      process.kill(pid, 'SIGKILL');
    },
    async stop() {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A PBX of its own for each test, so that none meets another's keys. */
export const somePbx = (): string => `test-${systemRandom.hex(6)}`;

/** Lets time pass, in steps after each of which Redis has answered what was asked over the connection, and what follows upon its answers is done. */
export async function passTime(clock: FakeClock, connection: RedisConnection, ms: number, step = 1000): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    clock.advance(Math.min(left, step));
    await settle();
    await connection.use((client) => client.ping());
    // Its reply may come in one packet with those before it, whose chains of promises are longer.
    await settle();
  }
}

/** A Redis that cannot be reached. */
export const redisAway = {
  use: () => Promise.reject(new RedisDownError('away')),
} as unknown as RedisConnection;
