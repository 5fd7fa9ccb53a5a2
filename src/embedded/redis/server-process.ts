import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { UserError } from '../../errors.ts';
import { setThreadPriority } from '../../thread-priority.ts';

/** One run of redis-server. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the server serves commands, with its data loaded. Rejects with a UserError when it ended before. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended, with how, and with the last lines that it wrote. */
  readonly ended: Promise<{ readonly how: string; readonly lastLines: readonly string[] }>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts redis-server in a session of its own, so that Ctrl-C reaches the engine alone, which ends its calls before its Redis.
 * @throws UserError `redis-missing`
 */
export async function startServer(program: string, configFile: string): Promise<ServerProcess> {
  const child = spawn(program, [configFile], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const pid = await started(child, program);
  setThreadPriority('signalling', pid);
  const watchdog = watch(pid);
  const lastLines: string[] = [];
  let onReady: () => void;
  const serving = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
      if (/ready to accept connections/i.test(line)) onReady();
    });
  }
  const ended = new Promise<{ how: string; lastLines: string[] }>((resolve) => {
    // 'close' comes after the last line of output, unlike 'exit'.
    child.once('close', (code, signal) => {
      watchdog.dismiss();
      resolve({ how: signal ? `killed by ${signal}` : `exit code ${code}`, lastLines });
    });
  });
  const failed = ended.then(({ how, lastLines }) => {
    throw new UserError(
      'redis-failed',
      `${program} ended at its start (${how}): ${lastLines.join(' | ') || 'it wrote nothing'}`,
      'Mend what it complains about, or set REDIS_URL to another Redis.',
    );
  });
  const ready = Promise.race([serving, failed]);
  // Whoever does not wait for `ready` learns of the end by `ended`.
  ready.catch(() => undefined);
  failed.catch(() => undefined);
  return { pid, ready, ended, kill: (signal) => child.kill(signal) };
}

function started(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number));
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return reject(error);
      reject(
        new UserError(
          'redis-missing',
          `${program} is not installed`,
          'Install it (Debian: apt install redis-server), or set REDIS_URL to a Redis that runs elsewhere.',
        ),
      );
    });
  });
}

/**
 * A shell that ends the server when the engine is gone, however it went: the kernel then closes the engine's end of the pipe, and `read` returns. The
 * server has no such feature of its own.
 */
function watch(pid: number): { dismiss(): void } {
  const script = 'read -r word; [ "$word" = dismissed ] || kill -TERM "$0"';
  const shell = spawn('/bin/sh', ['-c', script, String(pid)], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const giveUp = () => undefined;
  // Without a shell, or with one that was killed, the next start ends the server that was left (leftover.ts).
  shell.on('error', giveUp);
  shell.stdin.on('error', giveUp);
  shell.unref();
  return {
    dismiss() {
      if (shell.stdin.writable) shell.stdin.end('dismissed\n');
    },
  };
}
