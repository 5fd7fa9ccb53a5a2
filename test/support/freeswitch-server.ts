import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkServer } from '../../src/freeswitch/check.ts';
import { systemClock } from '../../src/time/clock.ts';
import { freePortRange } from './ports.ts';
import { Program } from './process.ts';
import { freePort, temporaryFolder } from './temp.ts';
import { eventually } from './wait.ts';

const configuration = join(import.meta.dirname, '../../freeswitch-conf');
const secret = 'cymru';

export interface FreeswitchProcess extends AsyncDisposable {
  /** What `FREESWITCH` takes. */
  readonly address: string;
  readonly pid: number;
}

/** A real FreeSWITCH with the configuration that we ship, started from `FREESWITCH_BINARY`. */
export async function startFreeswitchProcess(binary: string): Promise<FreeswitchProcess> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder('freeswitch')).path;
  const [port, sip, rtp] = [await freePort(), await freePort(), await freePortRange(200)];
  const places = ['log', 'db', 'run', 'temp', 'recordings'].map((name) => [`-${name}`, join(folder, name)]);
  for (const [, path = ''] of places) await mkdir(path);
  const program = parts.use(
    await Program.start(binary, ['-nonat', '-nc', '-nf', '-np', '-conf', configuration, ...places.flat()], {
      cwd: folder,
      env: {
        ...process.env,
        FREESWITCH_SECRET: secret,
        FREESWITCH_ESL_PORT: String(port),
        FREESWITCH_SIP_PORT: String(sip),
        FREESWITCH_RTP_FROM: String(rtp.from),
        FREESWITCH_RTP_TO: String(rtp.to),
      },
    }),
  );
  const problem = () =>
    checkServer({ host: '127.0.0.1', port, secret }, [], systemClock).then(
      () => undefined,
      (error: Error) => error.message,
    );
  await eventually('FreeSWITCH to be usable', problem, (answer) => {
    if (program.child.exitCode !== null) throw new Error(`FreeSWITCH did not start:\n${program.text}`);
    return answer === undefined;
  });
  const running = parts.move();
  return {
    address: `127.0.0.1:${port}:${secret}`,
    pid: program.child.pid as number,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
