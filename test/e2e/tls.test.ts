import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { type CertificateAuthority as Authority, CertificateAuthority } from '../support/certificates.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freePort, temporaryFolder } from '../support/temp.ts';
import { melody, tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** SIP over TLS: a phone at our PBX, whose call goes on to the PBX of a branch by a trunk. */

const password = 'Secret123';
const greeting = 600;

let resources: AsyncDisposableStack;
let authority: Authority;
let env: Record<string, string>;
let ours: Engine;
let branch: Engine;
let port: number;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const jack = resources.use(await startJack());
  env = jack.env;
  authority = resources.use(await CertificateAuthority.create());
  const [own, theirs, other] = await Promise.all([freePort(), freePort(), freePort()]);
  port = own;
  const trunk = { host: '127.0.0.1', transport: 'tls' };
  // Those that are called first: a trunk that is down is asked again after ten seconds.
  branch = await start(theirs, ['IP:127.0.0.1'], {
    ...{ id: 'branch', domains: ['branch.test'], timezone: 'Europe/Moscow' },
    employees: [],
    trunks: [{ ...trunk, id: 'head', ports: String(own) }],
  });
  // Its certificate is good, but for another host.
  await start(other, ['DNS:elsewhere.test'], { id: 'other', domains: ['other.test'], timezone: 'UTC' });
  ours = await start(own, ['IP:127.0.0.1'], {
    ...{ id: 'acme', domains: ['acme.test'], timezone: 'Europe/Moscow' },
    security: { srtp: true },
    employees: ['anna', 'vera'].map((id, i) => ({
      id,
      extension: `40${i + 1}`,
      accounts: [{ user: id, domain: 'acme.test', password }],
    })),
    trunks: [
      { ...trunk, id: 'branch', ports: String(theirs), masks: [{ match: '(45\\d)', to: '$1' }] },
      { ...trunk, id: 'impostor', ports: String(other) },
    ],
  });
});
afterAll(() => resources.disposeAsync());

async function start(at: number, names: readonly string[], more: Record<string, unknown>): Promise<Engine> {
  const { id, domains, timezone, ...rest } = more;
  const folder = resources.use(await temporaryFolder('config'));
  await mkdir(join(folder.path, String(id)));
  await writeFile(join(folder.path, String(id), 'greeting.wav'), wavFile(tone(greeting, 2000)));
  const document = {
    pbx: { id, domains, timezone, country: 'RU' },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    schemes: [{ id: 'main', ...(id === 'branch' && { extension: '456' }), steps: [{ play: 'greeting', wait: true }] }],
    ...rest,
  };
  await writeFile(join(folder.path, String(id), 'pbx.json'), JSON.stringify(document));
  const { cert, key } = await authority.issue(String(id), names);
  return resources.use(
    await Engine.start({
      config: folder.path,
      env: {
        SIP_LISTEN: `udp://127.0.0.1:0,tcp://127.0.0.1:0,tls://127.0.0.1:${at}`,
        ...{ SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: authority.file },
      },
    }),
  );
}

interface TrunkState {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
}
const trunk = async (id: string, is: (one: TrunkState) => boolean) =>
  eventually(
    `the state of ${id}`,
    async () => (await ours.api<TrunkState[]>('/api/pbxs/acme/trunks')).find((one) => one.id === id) as TrunkState,
    is,
  );

describe('SIP over TLS', () => {
  const register = (more: Partial<PhoneOptions> = {}) =>
    Phone.register({
      ...{ user: 'anna', password, domain: 'acme.test', proxy: `127.0.0.1:${port}`, transport: 'tls', env },
      ...{ certificates: authority.file, encrypts: true, ...more },
    });

  it('a phone registers, and a trunk is asked whether it is there', async () => {
    await trunk('branch', ({ state }) => state === 'up');
    await using anna = await register();
    expect(anna.options.transport).toBe('tls');
    expect(await ours.api('/api/pbxs/acme/registrations')).toMatchObject([
      { account: 'anna@acme.test', address: expect.stringMatching(/^tls\//) },
    ]);
  });

  it('a call goes out by a trunk', async () => {
    await trunk('branch', ({ state }) => state === 'up');
    await using anna = await register();
    anna.dial('456');
    await eventually(
      'the greeting of the branch',
      async () => melody(await anna.heard(), [greeting]),
      (heard) => heard.includes(greeting),
    );
    anna.hangUp();
    await Promise.all([idle(ours), idle(branch)]);
    expect(await lastRecord(ours)).toMatchObject({ direction: 'out', to: '456', outcome: 'answered' });
    expect(await lastRecord(branch, 'branch')).toMatchObject({ direction: 'in', to: '456' });
  });

  it('two phones talk, encrypted (security.srtp); one that does not encrypt is refused', async () => {
    await using vera = await register({ user: 'vera', answers: 'auto', says: { hz: 1000 } });
    {
      await using anna = await register({ says: { hz: 500 } });
      anna.dial('402');
      await anna.next('CALL_ESTABLISHED');
      for (const [phone, hz] of [
        [anna, 1000],
        [vera, 500],
      ] as const) {
        await eventually(
          `${phone.options.user} to hear the other one`,
          async () => melody(await phone.heard(), [500, 1000]),
          (heard) => heard.includes(hz),
        );
      }
      expect(anna.log).toMatch(/srtp.*AES_CM_128_HMAC_SHA1_80/i);
      anna.hangUp();
      await vera.next('CALL_CLOSED');
    }
    await using plain = await register({ encrypts: false });
    plain.dial('402');
    const { param } = await plain.next('CALL_CLOSED');
    expect(param).toContain('488');
    await idle(ours);
  });

  // drachtio 0.9.10 looks at the authority at most (DRACHTIO_TLS_VERIFY_CLIENT_CERT), and then wants certificates of phones too.
  it.skipIf(process.env.DRACHTIO_BINARY)(
    'a peer whose certificate is for another host counts as down, and its state says why',
    async () => {
      const { reason } = await trunk('impostor', ({ state }) => state === 'down');
      expect(reason).toMatch(/certificate/);
    },
  );
});
