import { type FSWatcher, statSync, watch } from 'node:fs';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { ConfigStore } from './store.ts';

/** Milliseconds without a further change before a reload: editors write a file in several steps, and a deployment many files. */
const quietMs = 200;

/** Milliseconds until a folder that could not be watched is tried again. */
const retryMs = 5_000;

export interface WatchOptions {
  readonly clock: Clock;
  /** The folder cannot be watched now (it is gone, the system's limit of watches). SIGHUP and `reload` go on working. */
  onProblem(message: string): void;
}

/**
 * Reloads the store when its folder changes and on SIGHUP. Changed files may be written in place or replaced by renaming, as editors do, and the
 * folder itself may be replaced, as deployments do.
 * @returns what stops the watching
 */
export function watchConfig(store: ConfigStore, { clock, onProblem }: WatchOptions): () => void {
  let watcher: FSWatcher | undefined;
  let timer: TimerId | undefined;

  const reload = () => {
    // What is wrong with the folder is told by the store's events; a rejection here is a listener that threw.
    store.reload().catch((error) => onProblem(`Reload failed: ${errorText(error)}`));
  };
  const after = (ms: number, act: () => void) => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(act, ms);
  };
  // Begun anew after each change, and before the reload: a watcher keeps to the folder that it was given, also when another has taken its
  // place, and a change between the two would be seen by neither.
  const changed = () => {
    if (start()) reload();
  };
  const failed = (error: unknown) => {
    watcher?.close();
    watcher = undefined;
    onProblem(`${store.folder} cannot be watched for changes: ${errorText(error)}`);
    after(retryMs, changed);
  };
  const start = (): boolean => {
    watcher?.close();
    try {
      // A recursive watch of a missing folder fails without a word.
      statSync(store.folder);
      watcher = watch(store.folder, { recursive: true, persistent: false });
    } catch (error) {
      failed(error);
      return false;
    }
    watcher.on('change', () => after(quietMs, changed));
    watcher.on('error', failed);
    return true;
  };

  start();
  process.on('SIGHUP', reload);
  return () => {
    clock.clearTimeout(timer);
    watcher?.close();
    process.off('SIGHUP', reload);
  };
}
