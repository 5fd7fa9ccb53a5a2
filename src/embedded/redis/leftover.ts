import { execFile } from 'node:child_process';
import { readFile, readlink, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import { UserError } from '../../errors.ts';
import { type Clock, delay } from '../../time/clock.ts';
import type { PrivateRedisPaths } from './config.ts';

/**
 * Ends the server that an engine which was killed has left behind; normally its watchdog has done so. The caller holds the directory's lock, so no
 * living engine uses it. SIGTERM makes the server write its data first.
 * @returns the process id of the server that was ended
 * @throws UserError `redis-leftover` when it does not end
 */
export async function endLeftover(paths: PrivateRedisPaths, clock: Clock): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(paths.pid, 'utf8').catch(() => ''), 10);
  const isLeft = pid > 1 && isAlive(pid) && (await isOurServer(pid, paths.directory));
  if (isLeft) {
    process.kill(pid, 'SIGTERM');
    if (!(await gone(pid, 10_000, clock))) {
      throw new UserError(
        'redis-leftover',
        `A redis-server of an earlier run (process ${pid}) holds ${paths.directory} and does not end`,
        `End it: kill -9 ${pid}`,
      );
    }
  }
  await Promise.all([paths.socket, paths.pid, paths.config].map((path) => rm(path, { force: true })));
  return isLeft ? pid : undefined;
}

/** Whether the process in the pid file is still that server: process ids are used again. A server works in its data directory. */
async function isOurServer(pid: number, directory: string): Promise<boolean> {
  if (platform() === 'linux') return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === directory;
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.includes('redis-server');
}

async function gone(pid: number, ms: number, clock: Clock): Promise<boolean> {
  for (const end = clock.monotonic() + ms; isAlive(pid); await delay(clock, 20)) {
    if (clock.monotonic() > end) return false;
  }
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is alive and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
