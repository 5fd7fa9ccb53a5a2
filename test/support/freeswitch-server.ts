import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkServer } from '../../src/freeswitch/check.ts';
import { EventSocket } from '../../src/freeswitch/event-socket.ts';
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
  /** Of its SIP profile. */
  readonly sipPort: number;
  /** A command of its console. @returns what it prints */
  api(command: string): Promise<string>;
}

/**
 * A real FreeSWITCH with the configuration that we ship, started from `FREESWITCH_BINARY`.
 * @param dialplan in the place of ours: for one that is a peer of the engine
 */
export async function startFreeswitchProcess(binary: string, dialplan?: string): Promise<FreeswitchProcess> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await temporaryFolder('freeswitch')).path;
  const [port, sip, rtp] = [await freePort(), await freePort(), await freePortRange(500)];
  const places = ['log', 'db', 'run', 'temp', 'recordings', 'certs'].map((name) => [`-${name}`, join(folder, name)]);
  for (const [, path = ''] of places) await mkdir(path);
  let conf = configuration;
  if (dialplan !== undefined) {
    conf = join(folder, 'conf');
    await cp(configuration, conf, { recursive: true });
    await writeFile(join(conf, 'dialplan', 'kommutator.xml'), dialplan);
  }
  const program = parts.use(
    await Program.start(binary, ['-nonat', '-nc', '-nf', '-np', '-conf', conf, ...places.flat()], {
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
    sipPort: sip,
    async api(command) {
      const socket = await EventSocket.open({ host: '127.0.0.1', port, secret }, systemClock);
      try {
        return await socket.api(command);
      } finally {
        socket.close();
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
