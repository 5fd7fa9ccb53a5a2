import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { errorText, UserError } from '../errors.ts';

/** One directory, one engine. */
export interface DirectoryLock {
  release(): void;
  /** Set when this platform cannot lock, with the reason: two engines on one directory would then go unnoticed. */
  readonly unlocked?: string;
}

/**
 * Takes `<directory>/lock`, making the directory if need be. The kernel holds the lock for as long as this process lives, however it
 * ends, so there are no stale locks and no race between two engines that find one. Children do not inherit it (Node opens files
 * close-on-exec).
 * @throws UserError `directory-in-use`, `directory-not-usable`
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, 'lock');
  const file = open(directory, path);
  let unlocked: string | undefined;
  try {
    if (!flock(file)) {
      const holder = readFileSync(path, 'utf8').trim();
      throw new UserError(
        'directory-in-use',
        `${directory} is in use by another engine${holder ? ` (process ${holder})` : ''}`,
        'Stop that engine, or give this one a VAR_DIR of its own.',
      );
    }
    ftruncateSync(file);
    writeSync(file, `${process.pid}\n`);
  } catch (error) {
    if (error instanceof UserError) {
      closeSync(file);
      throw error;
    }
    unlocked = errorText(error);
  }
  let held = true;
  return {
    release() {
      // The number may belong to another file by the second time.
      if (held) closeSync(file);
      held = false;
    },
    ...(unlocked === undefined ? {} : { unlocked }),
  };
}

function open(directory: string, path: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new UserError(
      'directory-not-usable',
      `${directory} cannot be written to: ${errorText(error)}`,
      'Give the user that runs the engine write access to VAR_DIR, or set VAR_DIR to another directory.',
      { cause: error },
    );
  }
}

const LOCK_EX = 2;
const LOCK_NB = 4;

/** flock(2), which Node does not offer. False: somebody else holds it. */
function flock(file: number): boolean {
  const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi');
  const call = koffi.load(null).func('int flock(int file, int operation)');
  if (call(file, LOCK_EX | LOCK_NB) === 0) return true;
  const code = koffi.errno();
  if (code === koffi.os.errno.EAGAIN || code === koffi.os.errno.EWOULDBLOCK) return false;
  throw new Error(`flock failed with error ${code}`);
}
