import { type FSWatcher, watch } from 'node:fs';
import { errorText } from '../errors.ts';
import type { Clock, TimerId } from '../time/clock.ts';
import type { ConfigStore } from './store.ts';

/** Milliseconds without a further change before a reload: editors write a file in several steps, and a deployment many files. */
const quietMs = 200;

/** Milliseconds until a folder that could not be watched is tried again. */
const retryMs = 5_000;

export interface WatchOptions {
  readonly clock: Clock;
  /** Reload on SIGHUP too; default true. */
  readonly onSighup?: boolean;
  /** The folder cannot be watched now (the system's limit of watches, a folder that is gone). SIGHUP and `reload` go on working. */
  onProblem(message: string): void;
}

/**
 * Reloads the store when its folder changes. Changed files may be written in place, or replaced by renaming, as editors do.
 * @returns what stops the watching
 */
export function watchConfig(store: ConfigStore, options: WatchOptions): () => void {
  const { clock, onProblem, onSighup = true } = options;
  let watcher: FSWatcher | undefined;
  let timer: TimerId | undefined;
  let stopped = false;

  const after = (ms: number, act: () => void) => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(act, ms);
  };
  const reload = () => {
    // `reload` reports what is wrong with the folder through its events; a rejection is a listener that threw.
    store.reload().catch((error) => onProblem(`Reload failed: ${errorText(error)}`));
  };
  const start = () => {
    try {
      watcher = watch(store.folder, { recursive: true, persistent: false });
    } catch (error) {
      failed(error);
      return;
    }
    watcher.on('change', () => after(quietMs, reload));
    watcher.on('error', failed);
  };
  const failed = (error: unknown) => {
    watcher?.close();
    watcher = undefined;
    if (stopped) return;
    onProblem(`${store.folder} cannot be watched for changes: ${errorText(error)}`);
    after(retryMs, () => {
      start();
      if (watcher) reload();
    });
  };

  start();
  if (onSighup) process.on('SIGHUP', reload);
  return () => {
    stopped = true;
    clock.clearTimeout(timer);
    watcher?.close();
    process.off('SIGHUP', reload);
  };
}
