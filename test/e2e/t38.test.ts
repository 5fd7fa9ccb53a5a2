import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pdfOfTiff } from '../../src/messages/fax/pdf.ts';
import { Engine } from '../support/engine-process.ts';
import { pageOf, shown, shownByPdf, tiffOf } from '../support/fax-pages.ts';
import { type FreeswitchProcess, startFreeswitchProcess } from '../support/freeswitch-server.ts';
import { idle } from '../support/observe.ts';
import { freeUdpPort } from '../support/ports.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Faxes by T.38 between the engine on FreeSWITCH and a fax machine that is none of ours: another FreeSWITCH. Only where a developer names one. */

const binary = process.env.FREESWITCH_BINARY ?? '';
const own = '74950000001';
const machine = '74957770001';

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly pages: number;
  readonly number: string;
  readonly error: string | null;
}

let resources: AsyncDisposableStack;
let engine: Engine;
let peer: FreeswitchProcess;
let folder: string;

/** Takes every call as a fax machine. */
const dialplan = (file: string) => `
<context name="kommutator">
  <extension name="fax">
    <condition>
      <action application="set" data="fax_enable_t38=true"/>
      <action application="set" data="fax_enable_t38_request=true"/>
      <action application="answer"/>
      <action application="rxfax" data="${file}"/>
      <action application="hangup"/>
    </condition>
  </extension>
</context>`;

beforeAll(async () => {
  if (binary === '') return;
  resources = new AsyncDisposableStack();
  folder = resources.use(await temporaryFolder('t38')).path;
  peer = resources.use(await startFreeswitchProcess(binary, dialplan(join(folder, 'received.tiff'))));
  const config = join(resources.use(await temporaryFolder('config')).path, 'acme');
  await mkdir(config);
  const document = {
    pbx: { id: 'acme', domains: ['acme.test'], language: 'en' },
    numbers: [{ number: own, scheme: 'main', source: { trunk: 'network' } }],
    trunks: [{ id: 'network', pstn: true, host: '127.0.0.1', ports: String(peer.sipPort) }],
    schemes: [{ id: 'main', steps: [{ fax: {} }] }],
  };
  await writeFile(join(config, 'pbx.json'), JSON.stringify(document));
  const env = { SIP_LISTEN: `udp://127.0.0.1:${await freeUdpPort()},tcp://127.0.0.1:0` };
  engine = resources.use(await Engine.start({ config, env }));
});
afterAll(() => resources?.disposeAsync());

const faxes = async () => (await engine.api<{ items: Shown[] }>('/api/pbxs/acme/faxes')).items;
/** Whether the call of the other machine is T.38, known when the machines know each other. */
const formAtPeer = () =>
  eventually(
    'the form of the fax',
    async () => {
      const { rows = [] }: { rows?: { uuid: string }[] } = JSON.parse(await peer.api('show channels as json'));
      return rows[0] && peer.api(`uuid_getvar ${rows[0].uuid} fax_t38_status`);
    },
    (status) => status !== undefined && /^\w+$/.test(status) && status !== '_undef_',
    30_000,
  );
const arrived = async (fax: Shown) => {
  const answer = await fetch(`${engine.url}/api/pbxs/acme/faxes/${fax.id}/file`);
  return shownByPdf(Buffer.from(await answer.arrayBuffer()));
};

describe.skipIf(binary === '')('a fax by T.38', () => {
  it.each([
    ['negotiated', 'of a peer who can', 'true'],
    ['off', 'and in the audio of a peer who refuses it', 'false'],
  ])('is received (%s) %s', async (status, _who, enabled) => {
    const pages = [pageOf(1, { height: 300 }), pageOf(2, { height: 300 })];
    const file = join(folder, `${enabled}.tiff`);
    await writeFile(file, tiffOf(pages));
    const variables = [
      `fax_enable_t38=${enabled}`,
      'fax_enable_t38_request=false',
      `origination_caller_id_number=${machine}`,
    ];
    const before = (await faxes()).length;
    const call = `originate {${variables.join(',')}}sofia/drachtio_mrf/sip:${own}@${engine.sip} &txfax(${file})`;
    expect(await peer.api(`bgapi ${call}`)).toMatch(/^\+OK|^$/);
    expect(await formAtPeer()).toBe(status);
    const [fax] = await eventually(
      'the fax',
      faxes,
      (all) => all.length > before && all[0]?.state !== 'receiving',
      60_000,
    );
    expect(fax).toMatchObject({ state: 'received', pages: 2, error: null });
    expect(await arrived(fax as Shown)).toEqual(shown(pages));
    await idle(engine);
  });

  it('is sent to one who asks for it', async () => {
    const pages = [pageOf(3, { height: 300 }), pageOf(4, { height: 300 })];
    const answer = await fetch(`${engine.url}/api/pbxs/acme/faxes?to=${machine}`, {
      method: 'POST',
      headers: { 'content-type': 'image/tiff' },
      body: tiffOf(pages),
    });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as Shown;
    expect(await formAtPeer()).toBe('negotiated');
    const fax = await eventually(
      'the fax to be sent',
      () => engine.api<Shown>(`/api/pbxs/acme/faxes/${id}`),
      ({ state }) => state === 'sent',
      60_000,
    );
    expect(fax).toMatchObject({ state: 'sent', pages: 2, error: null });
    expect(await shownByPdf(pdfOfTiff(await readFile(join(folder, 'received.tiff'))))).toEqual(shown(pages));
    await idle(engine);
  });
});
