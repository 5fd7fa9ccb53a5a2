import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PrivateRedis, startPrivateRedis } from '../../src/embedded/redis/index.ts';
import { RedisConnection, RedisDownError, socketAddress } from '../../src/redis/index.ts';

const log = pino({ level: 'silent' });
let directory: string;
const running: PrivateRedis[] = [];
const connections: RedisConnection[] = [];
const engines: ChildProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'km-redis-'));
});

afterEach(async () => {
  for (const engine of engines.splice(0)) engine.kill('SIGKILL');
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
  await Promise.all(running.splice(0).map((server) => server.stop()));
  await rm(directory, { recursive: true, force: true });
});

async function start(at = directory): Promise<PrivateRedis> {
  const server = await startPrivateRedis({ directory: at, log });
  running.push(server);
  return server;
}

async function connect(server: PrivateRedis): Promise<RedisConnection> {
  const connection = await RedisConnection.open(socketAddress(server.socket, server.password));
  connections.push(connection);
  return connection;
}

const next = (connection: RedisConnection, event: 'up' | 'down') =>
  new Promise<void>((resolve) => {
    const off = connection.on(event, () => {
      off();
      resolve();
    });
  });

/** Polls the process table: there is no event for the end of somebody else's child. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await pause(10);
  }
}

/** An engine reduced to what matters here: a process that starts the private server, says where, and never stops it. */
async function engineThatHolds(at: string) {
  const program = `
    import pino from 'pino';
    import { startPrivateRedis } from ${JSON.stringify(new URL('../../src/embedded/redis/index.ts', import.meta.url).href)};
    const { socket, password, pid } = await startPrivateRedis({ directory: ${JSON.stringify(at)}, log: pino({ level: 'silent' }) });
    console.log(JSON.stringify({ socket, password, pid }));
  `;
  const engine = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  engines.push(engine);
  const [line] = (await once(createInterface({ input: engine.stdout }), 'line')) as [string];
  return { engine, ...(JSON.parse(line) as { socket: string; password: string; pid: number }) };
}

describe('the private redis-server', () => {
  it('keeps its data over a restart', async () => {
    const first = await start();
    const connection = await connect(first);
    await connection.use((client) => client.set('greeting', 'hello'));
    await connection.close();
    await first.stop();
    const again = await connect(await start());
    expect(await again.use((client) => client.get('greeting'))).toBe('hello');
  });

  it('can be reached by nobody but this user, and only with the password', async () => {
    const server = await start();
    expect((await stat(server.socket)).mode & 0o077).toBe(0);
    expect((await stat(join(directory, 'redis.conf'))).mode & 0o077).toBe(0);
    await expect(RedisConnection.open(socketAddress(server.socket, 'guess'))).rejects.toMatchObject({
      code: 'redis-refused',
    });
    const connection = await connect(server);
    expect(await connection.use((client) => client.config('GET', 'port'))).toEqual(['port', '0']);
  });

  it('ends with the engine and leaves neither lock nor password', async () => {
    const server = await start();
    const { pid } = server;
    await server.stop();
    await ended(pid);
    expect(await readdir(directory)).not.toContain('redis.conf');
    await start();
  });

  it('is refused to a second engine on the same directory', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({
      code: 'directory-in-use',
      message: expect.stringContaining(`process ${process.pid}`),
      hint: expect.stringContaining('VAR_DIR'),
    });
  });

  it('says what is missing when there is no redis-server', async () => {
    const options = { directory, log, program: 'no-such-redis-server' };
    await expect(startPrivateRedis(options)).rejects.toMatchObject({
      code: 'redis-missing',
      hint: expect.stringContaining('apt'),
    });
    // The failed start has let go of the directory.
    await start();
  });

  it('repeats what redis-server complains about', async () => {
    await writeFile(join(directory, 'appendonlydir'), 'a file where a directory has to be');
    await expect(start()).rejects.toMatchObject({ code: 'redis-failed', message: expect.stringMatching(/append/i) });
  });

  it('works where the path is too long for a socket', async () => {
    const server = await start(join(directory, 'x'.repeat(120)));
    const connection = await connect(server);
    expect(await connection.use((client) => client.ping())).toBe('PONG');
  });

  it('is started again when it is killed, and loses nothing that it had acknowledged', async () => {
    const server = await start();
    const connection = await connect(server);
    const down = next(connection, 'down');
    await connection.use((client) => client.set('kept', '1'));
    const killed = server.pid;
    process.kill(killed, 'SIGKILL');
    await down;
    const before = performance.now();
    await expect(connection.use((client) => client.ping())).rejects.toThrow(RedisDownError);
    expect(performance.now() - before).toBeLessThan(50);
    await next(connection, 'up');
    expect(await connection.use((client) => client.get('kept'))).toBe('1');
    expect(server.pid).not.toBe(killed);
  });

  it('fails what was under way when it was killed, instead of sending it again', async () => {
    const server = await start();
    const connection = await connect(server);
    process.kill(server.pid, 'SIGSTOP');
    const hanging = connection.use((client) => client.incr('counter'));
    process.kill(server.pid, 'SIGKILL');
    await expect(hanging).rejects.toThrow(RedisDownError);
    await next(connection, 'up');
    expect(Number(await connection.use((client) => client.get('counter')))).toBe(0);
  });

  it('ends when its engine is killed', async () => {
    const { engine, pid } = await engineThatHolds(directory);
    engine.kill('SIGKILL');
    await ended(pid);
    await start();
  });

  it('that outlived its engine and its watchdog is ended by the next engine, data complete', async () => {
    const { engine, pid, socket, password } = await engineThatHolds(directory);
    const connection = await RedisConnection.open(socketAddress(socket, password));
    connections.push(connection);
    await connection.use((client) => client.set('kept', '1'));
    process.kill(pid, 'SIGSTOP'); // the watchdog's SIGTERM has no effect while it is stopped …
    engine.kill('SIGKILL');
    await once(engine, 'exit');
    const starting = start();
    process.kill(pid, 'SIGCONT'); // … and the next engine finds it alive.
    const again = await connect(await starting);
    await ended(pid);
    expect(await again.use((client) => client.get('kept'))).toBe('1');
  });
});
