import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readEnvironment } from '../../src/config/env.ts';
import type { DrachtioAddress } from '../../src/sip/index.ts';
import { Program } from './process.ts';
import { freePort, temporaryFolder } from './temp.ts';

/** A real drachtio server, started from `DRACHTIO_BINARY`. */
export interface DrachtioServer extends AsyncDisposable {
  /** What `DRACHTIO` takes. */
  readonly address: string;
  /** The same, encrypted, of a server with a certificate for SIP over TLS. */
  readonly tlsAddress: string;
  /** `127.0.0.1:5060`, for UDP and TCP. */
  readonly sip: string;
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

/**
 * @param env what an engine with an embedded server would be given: `SIP_LISTEN`, on one host, where a port of 0 is chosen (a drachtio server has UDP and TCP on one port),
 * and the files of `SIP_TLS_…`
 */
export async function startDrachtio(
  binary: string,
  env: Readonly<Record<string, string>> = {},
): Promise<DrachtioServer> {
  const folder = await temporaryFolder('drachtio');
  const [admin, adminTls] = await Promise.all([freePort(), freePort()]);
  const [, host = '127.0.0.1', given = '0'] = /^udp:\/\/([^:]+):(\d+)/.exec(env.SIP_LISTEN ?? '') ?? [];
  const chosen = async (port: string | undefined) => (port === '0' ? String(await freePort()) : port);
  const port = await chosen(given);
  // It opens the encrypted ones for `sips:` alone.
  const contacts = [`sip:${host}:${port};transport=udp,tcp`];
  for (const [, transport = '', at, wanted] of (env.SIP_LISTEN ?? '').matchAll(/\b(tls|wss?):\/\/([^:,]+):(\d+)/g)) {
    contacts.push(`${transport === 'ws' ? 'sip' : 'sips'}:${at}:${await chosen(wanted)};transport=${transport}`);
  }
  const encrypted = env.SIP_TLS_CERT !== undefined;
  const file = join(folder.path, 'drachtio.xml');
  await writeFile(
    file,
    `<drachtio>
  <admin port="${admin}"${encrypted ? ` tls-port="${adminTls}"` : ''} secret="cymru">127.0.0.1</admin>
  <sip>
    <contacts>
      ${contacts.map((contact) => `<contact>${contact}</contact>`).join('\n      ')}
    </contacts>
    ${encrypted ? await tlsFiles(env, folder.path) : ''}
  </sip>
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
    tlsAddress: `tls://127.0.0.1:${adminTls}:cymru`,
    sip: `${host}:${port}`,
    start,
    kill: async () => void (await program.stop('SIGKILL')),
    async [Symbol.asyncDispose]() {
      await program.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Its SIP does not open without a chain file, its port for applications not without Diffie-Hellman parameters: those of RFC 7919. */
async function tlsFiles(
  { SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: ca }: Readonly<Record<string, string>>,
  folder: string,
): Promise<string> {
  const dh = join(folder, 'dh.pem');
  const options = ['genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048', '-out', dh];
  await promisify(execFile)('openssl', options);
  return `<tls>
      <key-file>${key}</key-file>
      <cert-file>${cert}</cert-file>
      <chain-file>${ca}</chain-file>
      <dh-param>${dh}</dh-param>
      <min-tls-version>1.2</min-tls-version>
    </tls>`;
}
