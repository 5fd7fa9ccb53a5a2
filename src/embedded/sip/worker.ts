import { parentPort, workerData } from 'node:worker_threads';
import { errorText, UserError } from '../../errors.ts';
import { setThreadPriority } from '../../thread-priority.ts';
import { systemClock } from '../../time/clock.ts';
import { systemRandom } from '../../time/random.ts';
import { SipServer } from './sip-server.ts';
import type { Ask, FromThread, ThreadData } from './thread-messages.ts';

/** The thread of the SIP server: nothing that the main thread does can delay a retransmission. */
const port = parentPort;
if (!port) throw new Error('worker.ts runs only as a worker thread');

setThreadPriority('signalling');
const tell = (message: FromThread): void => port.postMessage(message);
const { settings, secret } = workerData as ThreadData;

try {
  const server = await SipServer.open(settings, {
    clock: systemClock,
    random: systemRandom,
    secret,
    warn: (message) => tell({ kind: 'log', level: 'warn', message }),
    onFault: (error) => {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      tell({ kind: 'log', level: 'error', message });
    },
  });
  port.on('message', ({ id, ask }: Ask) => {
    if (ask === 'stats') tell({ kind: 'stats', id, stats: server.stats() });
    else {
      void server.close().then(() => {
        tell({ kind: 'closed', id });
        port.close();
      });
    }
  });
  tell({ kind: 'ready', port: server.controlPort, listeners: server.listeners() });
} catch (error) {
  const { code, hint } = error instanceof UserError ? error : {};
  tell({
    kind: 'unable',
    message: errorText(error),
    ...(code !== undefined && { code }),
    ...(hint !== undefined && { hint }),
  });
}
