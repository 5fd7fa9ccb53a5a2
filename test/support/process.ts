import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Inbox } from './wait.ts';

/** A program that a test runs, with all that it prints, line by line. Killed with `Symbol.asyncDispose`. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly child: ChildProcess;
  /** Lines of standard output and standard error. */
  readonly lines: Inbox<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.lines = new Inbox(name);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.exited = once(child, 'close').then(([code, signal]) => {
      this.lines.push(`(exited: ${code ?? signal})`);
      return { code, signal };
    });
    this.exited.catch(() => undefined);
  }

  static async start(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<Program> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const program = new Program(command, child);
    await once(child, 'spawn');
    return program;
  }

  get text(): string {
    return this.lines.items.join('\n');
  }

  /** Sends the signal and waits for the end; SIGKILL when that takes longer than 15 seconds. */
  async stop(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
    const end = await this.exited;
    clearTimeout(timer);
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
