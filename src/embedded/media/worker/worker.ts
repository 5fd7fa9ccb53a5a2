import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';
import { errorText } from '../../../errors.ts';
import { MediaError } from '../../../media/port.ts';
import { setThreadPriority } from '../../../thread-priority.ts';
import { systemClock } from '../../../time/clock.ts';
import { systemRandom } from '../../../time/random.ts';
import { createAudioFiles } from '../dsp/audio-files.ts';
import { isMissing, loadSpandsp } from '../dsp/spandsp.ts';
import type { FromWorker, ToWorker, WorkerOptions } from '../protocol.ts';
import { MediaCore } from './media-core.ts';
import { bindPortPair } from './port-pair.ts';
import { PortRange } from './port-range.ts';
import { makeFile } from './recording-file.ts';

/** The thread's entry: gives the core its sockets, files and library, and serves the main thread's requests. */
if (!parentPort) throw new Error('worker.ts is started as a worker thread only');
const main = parentPort;
const options = workerData as WorkerOptions;
const send = (message: FromWorker) => main.postMessage(message);

setThreadPriority('audio');
const spandsp = loadSpandsp();
const clips = createAudioFiles({
  clock: systemClock,
  cacheDirectory: options.audioCacheDir,
  onWarning: (warning) => send({ kind: 'warning', ...warning }),
});
const core = new MediaCore({
  worker: options.worker,
  clock: systemClock,
  random: systemRandom,
  ports: new PortRange(options.ports),
  bind: (port, receiver) => bindPortPair(options.address, port, receiver),
  clips,
  spandsp: isMissing(spandsp) ? undefined : spandsp,
  makeFile,
  emit: send,
});

main.on('message', async (request: ToWorker) => {
  try {
    send({ kind: 'answer', id: request.id, answer: await serve(request) });
  } catch (error) {
    const code = error instanceof MediaError ? error.code : undefined;
    send({ kind: 'refusal', id: request.id, code, message: errorText(error) });
  }
  if (request.name !== 'close') return;
  await clips.close();
  // With its last port closed and no socket open the thread ends by itself.
  main.close();
});

try {
  await tryAddress(options.address);
  send({ kind: 'ready', ...(isMissing(spandsp) && { missing: { message: spandsp.missing, hint: spandsp.hint } }) });
} catch (error) {
  send({ kind: 'unable', message: errorText(error) });
  main.close();
}

/** Each handler takes what its own request asks: the union cannot express that pairing. */
const serve = (request: ToWorker): unknown => core.handlers[request.name](request.ask as never);

/** An address that is not this machine's must be known at the start and not at the first call. */
function tryAddress(address: string): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, address, () => socket.close(() => resolve()));
  });
}
