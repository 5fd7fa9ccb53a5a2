import { once } from 'node:events';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TlsFiles, Transports, type TransportsOptions } from '../../src/embedded/sip/transport/index.ts';
import { UserError } from '../../src/errors.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { CertificateAuthority, type CertificateFiles } from '../support/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Who is believed by his certificate, and what a person hears who has the wrong files. */

let resources: AsyncDisposableStack;
let authority: CertificateAuthority;
let local: CertificateFiles;
let open: Transports[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  authority = resources.use(await CertificateAuthority.create());
  local = await authority.issue('local', ['IP:127.0.0.1']);
});
afterEach(async () => {
  await Promise.all(open.map((one) => one.close()));
  open = [];
});
afterAll(() => resources.disposeAsync());

async function listen(
  tls: TlsFiles | undefined,
  hosts: Record<string, string> = {},
  world: Partial<Pick<TransportsOptions, 'clock' | 'warn'>> = {},
) {
  const listening = tls === undefined ? {} : { tls };
  const one = await Transports.open({
    ...{ listen: 'tls://127.0.0.1:0', clock: systemClock, random: systemRandom, hosts },
    ...listening,
    ...world,
  });
  open.push(one);
  return { transports: one, port: one.listeners()[0]?.port ?? 0 };
}

const options = Buffer.from(
  `${[
    'OPTIONS sip:127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1',
    'From: <sip:a@127.0.0.1>;tag=1',
    'To: <sip:127.0.0.1>',
    'Call-ID: 1',
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
  ].join('\r\n')}\r\n\r\n`,
);

describe('a peer to whom we connect', () => {
  it('is believed when an authority that we know has written its certificate for the name that it was found by', async () => {
    const server = await listen(await authority.issue('named', ['DNS:pbx.test']));
    const received = new Promise((resolve) => server.transports.on('message', resolve));
    const client = await listen({ ...local, ca: authority.file }, { 'pbx.test': `127.0.0.1:${server.port}` });
    const [hop] = await client.transports.resolve({ protocol: 'tls', address: 'pbx.test', port: server.port });
    expect(hop).toMatchObject({ address: '127.0.0.1', name: 'pbx.test' });
    if (hop) await client.transports.send(options, hop);
    expect(await received).toMatchObject({ message: { method: 'OPTIONS' }, source: { protocol: 'tls' } });
    // Another name for the same address is another peer.
    await expect(
      listen({ ...local, ca: authority.file }).then(({ transports }) =>
        transports.send(options, { protocol: 'tls', address: '127.0.0.1', port: server.port, name: 'other.test' }),
      ),
    ).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('other.test') });
  });

  it('is not when we do not know the authority', async () => {
    const server = await listen(local);
    const client = await listen(local);
    await expect(
      client.transports.send(options, { protocol: 'tls', address: '127.0.0.1', port: server.port }),
    ).rejects.toMatchObject({ code: 'unreachable', message: expect.stringMatching(/certificate/) });
    expect(server.transports.counters.received).toBe(0);
  });
});

describe('a stranger', () => {
  it('who speaks no TLS, or an old one, is only counted', async () => {
    const { transports, port } = await listen(local);
    const plain = connectTcp(port, '127.0.0.1');
    plain.on('error', () => undefined).end(options);
    const old = connect({
      host: '127.0.0.1',
      port,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'ALL:@SECLEVEL=0',
    });
    old.on('error', () => undefined);
    await eventually(
      'both to be counted',
      () => transports.counters.dropped.handshake,
      (count) => count === 2,
    );
    expect(transports.counters.received).toBe(0);
    plain.destroy();
    old.destroy();
  });
});

describe('files that do not fit', () => {
  const refused = async (tls: TlsFiles | undefined, text: RegExp) => {
    const error = await listen(tls).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ code: 'sip-tls', message: expect.stringMatching(text), hint: expect.any(String) });
  };

  it('are named', async () => {
    await using folder = await temporaryFolder('pem');
    const broken = join(folder.path, 'broken.pem');
    await writeFile(broken, 'no certificate');
    const other = await authority.issue('other', ['DNS:other.test']);
    await refused(undefined, /^tls:\/\/127\.0\.0\.1:0 needs a certificate/);
    await refused({ ...local, key: join(folder.path, 'none') }, /^SIP_TLS_KEY cannot be read: .*none/);
    await refused({ ...local, cert: broken }, /cannot be served/);
    await refused({ ...local, key: other.key }, /cannot be served/);
  });
});

describe('files that are renewed while we run', () => {
  const LOOK_MS = 30_000;

  it('are used for the connections that begin then, once they have stood still and fit together', async () => {
    await using folder = await temporaryFolder('pem');
    const files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') };
    const put = async (from: CertificateFiles, names: readonly ('cert' | 'key')[] = ['cert', 'key']) => {
      for (const name of names) await copyFile(from[name], files[name]);
    };
    await put(local);
    const clock = new FakeClock();
    const warned: string[] = [];
    const { port } = await listen(files, {}, { clock, warn: (message) => warned.push(message) });
    const shown = async (): Promise<string | undefined> => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    expect(await shown()).toBe('local');

    const renewed = await authority.issue('renewed', ['IP:127.0.0.1']);
    // Between certificate and key one look sees what does not fit: nobody is told.
    await put(renewed, ['cert']);
    clock.advance(LOOK_MS);
    await put(renewed, ['key']);
    clock.advance(LOOK_MS);
    expect(await shown()).toBe('local');
    clock.advance(LOOK_MS);
    expect(await shown()).toBe('renewed');
    expect(warned).toEqual([]);

    await put(local, ['key']);
    clock.advance(5 * LOOK_MS);
    expect(warned).toEqual([expect.stringMatching(/former certificate stays in use.*cannot be served/)]);
    expect(await shown()).toBe('renewed');
    await rm(files.key);
    clock.advance(5 * LOOK_MS);
    expect(warned.slice(1)).toEqual([expect.stringMatching(/SIP_TLS_KEY cannot be read/)]);
    await put(local);
    clock.advance(2 * LOOK_MS);
    expect(await shown()).toBe('local');
  });
});
