import type { Logger } from 'pino';
import { errorText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { HttpPorts } from './ports.ts';

/** A part that does not answer so long is not ready, milliseconds. */
const PATIENCE = 2000;

/** Asks all parts at once. Why one is not ready stands in the log alone: the answer is for everybody. */
export async function readiness(
  checks: HttpPorts['readiness'],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<{ readonly ready: boolean; readonly parts: Readonly<Record<string, boolean>> }> {
  const parts = await Promise.all(
    Object.entries(checks).map(async ([part, check]) => {
      try {
        return [part, await soon(check, clock)] as const;
      } catch (error) {
        log.debug({ part, why: errorText(error) }, 'not ready');
        return [part, false] as const;
      }
    }),
  );
  return { ready: parts.every(([, works]) => works), parts: Object.fromEntries(parts) };
}

function soon(check: () => boolean | Promise<boolean>, clock: Clock): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const timer = clock.setTimeout(() => reject(new Error(`no answer in ${PATIENCE} ms`)), PATIENCE);
  (async () => check())().then(resolve, reject);
  return promise.finally(() => clock.clearTimeout(timer));
}
