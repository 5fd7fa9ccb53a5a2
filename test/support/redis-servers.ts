import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './temp.ts';

/** Several redis-servers that belong together, on ports of 127.0.0.1. */
export interface RedisServers {
  readonly url: string;
  /** Ends one of them without warning. */
  kill(index: number): Promise<void>;
  stop(): Promise<void>;
}

class Servers {
  readonly #children: ChildProcess[] = [];
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  static open = async (): Promise<Servers> => new Servers(await mkdtemp(join(tmpdir(), 'km-redis-')));

  /** Resolves when the server says what matches. */
  async start(args: readonly string[], ready: RegExp): Promise<void> {
    const child = spawn('redis-server', args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => {
        if (ready.test(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`redis-server ${args.join(' ')} has ended`)));
    });
  }

  async kill(index: number): Promise<void> {
    const child = this.#children[index];
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((_, i) => this.kill(i)));
    await rm(this.directory, { recursive: true, force: true });
  }
}

const local = ['--bind', '127.0.0.1', '--save', ''];

/** One server alone. */
export async function startRedisServer(): Promise<RedisServers> {
  const servers = await Servers.open();
  const port = await freePort();
  await servers.start(['--port', `${port}`, ...local], /ready to accept connections/i);
  return {
    url: `redis://127.0.0.1:${port}`,
    kill: (index) => servers.kill(index),
    stop: () => servers.stop(),
  };
}

/**
 * A cluster of one node refuses what a real one refuses: a script that touches keys of two slots, and a key that it did not declare in a slot
 * that is not its own.
 */
export async function startRedisCluster(masters = 1): Promise<RedisServers> {
  const servers = await Servers.open();
  const clients: Redis[] = [];
  const ports: { readonly port: number; readonly second: number }[] = [];
  for (let i = 0; i < masters; i++) {
    // redis-server cannot choose a port itself, and needs a second one 10000 above (here: one that is free as well).
    const [port, second] = [await freePort(), await freePort()];
    await servers.start(
      [
        ...['--port', `${port}`, '--cluster-port', `${second}`, '--cluster-enabled', 'yes', ...local],
        ...['--cluster-config-file', `nodes-${i}.conf`],
        // What CLUSTER SLOTS tells clients; a node that has met no other does not know its own address.
        ...['--cluster-announce-ip', '127.0.0.1'],
      ],
      /ready to accept connections/i,
    );
    const client = new Redis({ port, lazyConnect: true, enableReadyCheck: false });
    await client.connect();
    const slot = (of: number) => Math.floor((16384 * of) / masters);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', slot(i), slot(i + 1) - 1);
    for (const other of ports) await client.call('CLUSTER', 'MEET', '127.0.0.1', other.port, other.second);
    ports.push({ port, second });
    clients.push(client);
  }
  for (const client of clients) {
    const knowsAll = async () => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}`);
    };
    while (!(await knowsAll())) await pause(20);
    await client.quit();
  }
  const port = ports[0]?.port;
  return {
    url: `redis+cluster://127.0.0.1:${port}`,
    kill: (index) => servers.kill(index),
    stop: () => servers.stop(),
  };
}

/** A master (server 0), its replica (1), and a sentinel (2) that makes the replica the master half a second after the master has gone. */
export async function startRedisSentinel(): Promise<RedisServers> {
  const servers = await Servers.open();
  const [master, replica, sentinel] = [await freePort(), await freePort(), await freePort()];
  await servers.start(['--port', `${master}`, ...local, '--repl-diskless-sync-delay', '0'], /ready to accept/i);
  await servers.start(
    ['--port', `${replica}`, ...local, '--replicaof', '127.0.0.1', `${master}`, '--dbfilename', 'replica.rdb'],
    /Finished with success/i,
  );
  // A sentinel writes into its configuration.
  const config = join(servers.directory, 'sentinel.conf');
  await writeFile(
    config,
    [
      `port ${sentinel}`,
      'bind 127.0.0.1',
      `sentinel monitor acd 127.0.0.1 ${master} 1`,
      'sentinel down-after-milliseconds acd 500',
      'sentinel failover-timeout acd 3000',
    ].join('\n'),
  );
  await servers.start([config, '--sentinel'], /\+slave slave/);
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel}/acd`,
    kill: (index) => servers.kill(index),
    stop: () => servers.stop(),
  };
}
