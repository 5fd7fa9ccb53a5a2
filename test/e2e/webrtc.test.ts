import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Phone } from '../support/baresip.ts';
import { BrowserPhone, servePhone } from '../support/browser-phone.ts';
import { CertificateAuthority, keyHash } from '../support/certificates.ts';
import { type Chromium, chromiumBinary, startChromium } from '../support/chromium.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { freePort, temporaryFolder } from '../support/temp.ts';
import { melody, tone, wavFile } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Phones that are web pages: SIP.js in Chromium, over WebSocket, with DTLS-SRTP and ICE. */

const password = 'Secret123';
/** Hertz: what the browser says, a phone on a desk, and an announcement. */
const [browserSays, deskSays, greeting] = [1000, 500, 600];
const users = ['page', 'other', 'desk'] as const;

let resources: AsyncDisposableStack;
let engine: Engine;
let browser: Chromium;
let env: Record<string, string>;
/** `ws://127.0.0.1:5062`, and the same encrypted. */
let server: string;
let encrypted: string;
let url: string;

const start = async () => {
  resources = new AsyncDisposableStack();
  const jack = resources.use(await startJack());
  env = jack.env;
  const folder = resources.use(await temporaryFolder('config'));
  await mkdir(join(folder.path, 'acme'));
  await writeFile(join(folder.path, 'acme', 'greeting.wav'), wavFile(tone(greeting, 2000)));
  const document = {
    pbx: { id: 'acme', domains: ['acme.test'], timezone: 'Europe/Moscow', country: 'RU' },
    audio: [{ id: 'greeting', file: 'greeting.wav' }],
    employees: users.map((id, i) => ({
      ...{ id, extension: `40${i + 1}` },
      accounts: [{ user: id, domain: 'acme.test', password }],
    })),
    schemes: [
      {
        ...{ id: 'main', extension: '456' },
        steps: [{ play: 'greeting', wait: true }],
        menu: { 7: { steps: [{ forward: { employee: 'desk' } }] } },
      },
    ],
  };
  await writeFile(join(folder.path, 'acme', 'pbx.json'), JSON.stringify(document));
  const authority = resources.use(await CertificateAuthority.create());
  const { cert, key } = await authority.issue('acme', ['IP:127.0.0.1']);
  server = `ws://127.0.0.1:${await freePort()}`;
  encrypted = `wss://127.0.0.1:${await freePort()}`;
  engine = resources.use(
    await Engine.start({
      config: folder.path,
      env: {
        SIP_LISTEN: `udp://127.0.0.1:0,tcp://127.0.0.1:0,${server},${encrypted}`,
        ...{ SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: authority.file },
      },
    }),
  );
  const microphone = join(folder.path, 'microphone.wav');
  // Whole periods: it is played again and again.
  await writeFile(microphone, wavFile(tone(browserSays, 2000)));
  browser = resources.use(await startChromium(chromiumBinary ?? '', microphone, await keyHash(cert)));
  url = resources.use(await servePhone()).url;
};

const page = async (user: (typeof users)[number], by = server): Promise<BrowserPhone> => {
  const phone = await BrowserPhone.open(browser, url);
  await phone.register(by, user, 'acme.test', password);
  return phone;
};

const desk = (answers: 'auto' | 'manual' = 'auto') =>
  Phone.register({
    ...{ user: 'desk', password, domain: 'acme.test', proxy: engine.sip, env, answers },
    says: { hz: deskSays },
  });

const deskHears = (phone: Phone, hz: number) =>
  eventually(
    'the desk phone to hear the browser',
    async () => melody((await phone.heard()).slice(-4000), [browserSays, deskSays, greeting]),
    (heard) => heard.at(-1) === hz,
  );

const why = chromiumBinary ? '' : ' – skipped: there is no Chromium (CHROMIUM_BINARY=/path/to/chromium)';
const onFreeswitch = process.env.FREESWITCH_BINARY !== undefined;
const possible = chromiumBinary !== undefined;

describe.skipIf(!possible || !onFreeswitch)(
  `a phone in a browser${why}${onFreeswitch ? '' : ' – skipped: set FREESWITCH_BINARY=/path/to/freeswitch, which speaks WebRTC'}`,
  () => {
    beforeAll(start);
    afterAll(() => resources.disposeAsync());

    it('calls a phone on a desk: each hears the other, by DTLS-SRTP and ICE', async () => {
      const phone = await page('page');
      await using other = await desk();
      await phone.dial('403');
      await phone.next('Established');
      await Promise.all([phone.hears(deskSays), deskHears(other, browserSays)]);
      const description = await phone.description();
      expect(description).toMatch(/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF /m);
      expect(description).toMatch(/^a=fingerprint:sha-256 /m);
      await phone.hangUp();
      await other.next('CALL_CLOSED');
      await idle(engine);
      expect(await lastRecord(engine)).toMatchObject({ from: '401', to: '403', outcome: 'answered' });
    });

    it('is called by a phone on a desk', async () => {
      const phone = await page('page');
      await using other = await desk('manual');
      other.dial('401');
      await phone.next('Rings');
      await phone.answer();
      await phone.next('Established');
      await Promise.all([phone.hears(deskSays), deskHears(other, browserSays)]);
      other.hangUp();
      await phone.next('Terminated');
      await idle(engine);
    });

    it('talks to another one, which is there by wss, holds and goes on', async () => {
      const [phone, other] = [await page('page'), await page('other', encrypted)];
      await phone.dial('402');
      await other.next('Rings');
      await other.answer();
      await Promise.all([phone.next('Established'), other.next('Established')]);
      await Promise.all([phone.hears(browserSays), other.hears(browserSays)]);
      await phone.hold(true);
      await phone.next('Holds');
      // Music on hold, from the engine.
      await other.hearsNoMore(browserSays);
      await phone.hold(false);
      await phone.next('Resumes');
      await Promise.all([phone.hears(browserSays), other.hears(browserSays)]);
      await other.hangUp();
      await phone.next('Terminated');
      await idle(engine);
    });

    it('looks for a way anew in the middle of a call (ICE restart), and both are heard by it', async () => {
      const phone = await page('page');
      await using other = await desk();
      await phone.dial('403');
      await phone.next('Established');
      await Promise.all([phone.hears(deskSays), deskHears(other, browserSays)]);
      const { ufrag } = await phone.way();
      await phone.restart();
      await phone.next('Restarted');
      await eventually(
        'sound by a new way',
        () => phone.way(),
        (way) => way.ufrag !== ufrag && way.bytes > 8000,
      );
      await Promise.all([phone.hears(deskSays), deskHears(other, browserSays)]);
      await phone.hangUp();
      await idle(engine);
    });

    it('hears a menu, and presses a key of it', async () => {
      const phone = await page('page');
      await using other = await desk();
      await phone.dial('456');
      await phone.next('Established');
      await phone.hears(greeting);
      await phone.press('7');
      await other.next('CALL_ESTABLISHED');
      await Promise.all([phone.hears(deskSays), deskHears(other, browserSays)]);
      await phone.hangUp();
      await idle(engine);
    });
  },
);

describe.skipIf(!possible || onFreeswitch)(`a phone in a browser, on the embedded media${why}`, () => {
  beforeAll(start);
  afterAll(() => resources.disposeAsync());

  it.each(['ws', 'wss'])('is refused when it calls by %s, and told what to do', async (scheme) => {
    const phone = await page('page', scheme === 'ws' ? server : encrypted);
    await phone.dial('456');
    expect(await phone.next('Refused')).toMatch(/^Refused 488 399 kommutator ".*WebRTC.*FREESWITCH=/);
    await idle(engine);
  });
});
