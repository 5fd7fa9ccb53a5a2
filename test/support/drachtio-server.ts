import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvironment } from '../../src/config/env.ts';
import type { DrachtioAddress } from '../../src/sip/index.ts';
import { Program } from './process.ts';
import { freePort, temporaryFolder } from './temp.ts';

/** A real drachtio server, started from `DRACHTIO_BINARY`. */
export interface DrachtioServer extends AsyncDisposable {
  /** What `DRACHTIO` takes. */
  readonly address: string;
  /** Ends it without warning. */
  kill(): Promise<void>;
  /** Again, on the same ports. */
  start(): Promise<void>;
}

/** The first server that `DRACHTIO` names, as drachtio-srf takes it. */
export function drachtioOf(text: string | undefined): DrachtioAddress {
  const [first] = readEnvironment({ DRACHTIO: text }).drachtio;
  if (!first) throw new Error('DRACHTIO names no server');
  return { host: first.host, port: first.port, secret: first.secret.reveal() };
}

/** @param listen as `SIP_LISTEN`, on one host; a port of 0 is chosen. A drachtio server has UDP and TCP on one port */
export async function startDrachtio(binary: string, listen: string): Promise<DrachtioServer> {
  const folder = await temporaryFolder('drachtio');
  const admin = await freePort();
  const [, host = '127.0.0.1', given = '0'] = /^udp:\/\/([^:]+):(\d+)/.exec(listen) ?? [];
  const port = given === '0' ? await freePort() : Number(given);
  const file = join(folder.path, 'drachtio.xml');
  await writeFile(
    file,
    `<drachtio>
  <admin port="${admin}" secret="cymru">127.0.0.1</admin>
  <sip><contacts><contact>sip:${host}:${port};transport=udp,tcp</contact></contacts></sip>
  <logging><console/><sofia-loglevel>3</sofia-loglevel><loglevel>info</loglevel></logging>
</drachtio>
`,
  );
  let program: Program;
  const start = async () => {
    program = await Program.start(binary, ['-f', file], { cwd: folder.path });
    await program.lines.find('drachtio to listen', (line) => /io_context run loop started|\(exited/.test(line));
  };
  await start();
  return {
    address: `127.0.0.1:${admin}:cymru`,
    start,
    kill: async () => void (await program.stop('SIGKILL')),
    async [Symbol.asyncDispose]() {
      await program.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}
