import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { DrachtioConnection } from '../../src/sip/connection.ts';
import { Phone } from '../support/baresip.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { drachtioOf, startDrachtio } from '../support/drachtio-server.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle } from '../support/observe.ts';
import { domain, lines, office, password, writeOffice } from '../support/office.ts';
import { sippAnswers, sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** A real drachtio server that dies and comes back, and one that is connected to by TLS. */

const binary = process.env.DRACHTIO_BINARY;

if (!binary) {
  describe('a drachtio server', () => {
    it.skip('skipped: set DRACHTIO_BINARY to the program of a drachtio server');
  });
} else {
  let resources: AsyncDisposableStack;
  let engine: Engine;
  let env: Record<string, string>;

  beforeAll(async () => {
    resources = new AsyncDisposableStack();
    env = resources.use(await startJack()).env;
    const peer = resources.use(await sippAnswers());
    const folder = resources.use(await temporaryFolder('config'));
    await writeOffice(folder.path, office(peer.port));
    engine = resources.use(await Engine.start({ config: folder.path, env: { LOG_LEVEL: 'info' } }));
  });
  afterAll(() => resources.disposeAsync());

  describe('drachtio killed', () => {
    it('ends its calls with a reason; back again it takes new ones at once, and rings phones that have not registered again', async () => {
      await using anna = await Phone.register({
        user: 'anna',
        password,
        domain,
        proxy: engine.sip,
        env,
        answers: 'auto',
      });
      const killed = Promise.withResolvers<void>();
      const talks = sippCalls(engine.sip, { to: lines.load, talkMs: 60_000 }, { calls: 5, until: killed.promise });
      await eventually(
        'the calls',
        () => engine.metric('kommutator_sip_dialogs'),
        (count) => count === 10,
      );
      await engine.drachtio?.kill();
      killed.resolve();
      await talks;
      await idle(engine);
      expect((await fetch(`${engine.url}/readyz`)).status).toBe(503);
      const records = await eventually(
        'the records',
        async () => (await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history')).items,
        (items) => items.length === 5,
      );
      expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set(['networkFailure']));

      await engine.drachtio?.start();
      const back = Date.now();
      await eventually(
        'the connection',
        async () => (await fetch(`${engine.url}/readyz`)).status,
        (status) => status === 200,
      );
      expect(Date.now() - back).toBeLessThan(5000);
      const rung = sippCalls(engine.sip, { to: lines.forwarding, talkMs: 200 });
      await anna.next('CALL_ESTABLISHED');
      expect(await rung).toMatchObject({ code: 0, successful: 1, failed: 0 });
      await idle(engine);
    });
  });

  describe('drachtio connected to by TLS', () => {
    it('is believed when its certificate comes from the authority of DRACHTIO_CA', async () => {
      await using authority = await CertificateAuthority.create();
      await using stranger = await CertificateAuthority.create();
      const { cert, key } = await authority.issue('drachtio', ['IP:127.0.0.1']);
      await using server = await startDrachtio(binary, {
        ...{ SIP_LISTEN: 'udp://127.0.0.1:0,tls://127.0.0.1:0' },
        ...{ SIP_TLS_CERT: cert, SIP_TLS_KEY: key, SIP_TLS_CA: authority.file },
      });
      const open = async (file: string) =>
        DrachtioConnection.open(
          { ...drachtioOf(server.tlsAddress), tls: { ca: await readFile(file, 'utf8') } },
          () => undefined,
        );
      const connection = await open(authority.file);
      expect(connection.listening).toContain(`udp/${server.sip}`);
      connection.close();
      await expect(open(stranger.file)).rejects.toMatchObject({
        code: 'sip-server-unreachable',
        message: expect.stringContaining('certificate'),
      });
    });
  });
}
