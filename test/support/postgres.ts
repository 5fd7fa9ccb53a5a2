import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where Debian puts the server's programs, newest first; undefined when there is none. */
export const postgresPrograms: string | undefined = (
  existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
)
  .sort((a, b) => Number(b) - Number(a))
  .map((version) => `/usr/lib/postgresql/${version}/bin`)
  .find((path) => existsSync(join(path, 'initdb')));

/** A real PostgreSQL server that can be stopped and started again on the same data. */
export class TestPostgres {
  readonly #directory = mkdtempSync(join(tmpdir(), 'km-postgres-'));
  readonly #programs: string;
  /** PostgreSQL refuses to run as root. */
  readonly #as = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  #port = 0;
  #server: ChildProcess | undefined;

  constructor(programs: string) {
    this.#programs = programs;
    if (this.#as.uid) chownSync(this.#directory, this.#as.uid, this.#as.gid);
    const options = ['-D', join(this.#directory, 'data'), '-U', 'kommutator', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    execFileSync(join(programs, 'initdb'), options, { ...this.#as, cwd: this.#directory, stdio: 'pipe' });
  }

  get url(): string {
    return `postgresql://kommutator@127.0.0.1:${this.#port}/postgres`;
  }

  async start(): Promise<void> {
    this.#port ||= await freePort();
    const options = [
      '-D',
      join(this.#directory, 'data'),
      '-p',
      `${this.#port}`,
      '-h',
      '127.0.0.1',
      '-k',
      this.#directory,
    ];
    const server = spawn(join(this.#programs, 'postgres'), options, {
      ...this.#as,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#server = server;
    const lines = createInterface({ input: server.stderr });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => line.includes('ready to accept connections') && resolve());
      server.once('exit', (code) => reject(new Error(`postgres ended with code ${code}`)));
    });
  }

  /** At once, as if the machine had lost its power: connections are cut, nothing is written. */
  async kill(): Promise<void> {
    if (!this.#server || this.#server.exitCode !== null) return;
    this.#server.kill('SIGQUIT');
    await once(this.#server, 'exit');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A server cannot be told to choose a port by itself. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
