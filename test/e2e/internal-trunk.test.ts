import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipRequest } from '../../src/embedded/sip/message/index.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { Engine } from '../support/engine-process.ts';
import { idle } from '../support/observe.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { temporaryFolder } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/** Two PBXs of one engine with an internal trunk between them (§5.3.2, §5.6 example 8): phones and an operator of plain sockets, real audio. */

const password = 'Secret123';
const did = '72527955146';
const client = '72527954984';

let resources: AsyncDisposableStack;
let engine: Engine;
let anna: RawPhone;
let boris: RawPhone;
let operator: RawPhone;
const peers: RtpPeer[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder('config'));
  const head = {
    pbx: { id: 'head', domains: ['head.test'], country: 'RU', timezone: 'Europe/Moscow' },
    employees: [{ ...employee('anna', '401', 'head'), outgoing: { callerId: did } }],
    numbers: [{ number: did, scheme: 'onward', source: { trunk: 'operator' } }],
    schemes: [{ id: 'onward', steps: [{ forward: { trunk: 'branch', number: did } }] }],
    trunks: [
      { id: 'operator', host: '127.0.0.2', ports: '1-65535', options: false },
      {
        id: 'branch',
        kind: 'internal',
        peer: { pbx: 'branch', trunk: 'head' },
        lines: 1,
        masks: [{ match: '8(5\\d\\d)', to: '$1' }],
      },
    ],
  };
  const branch = {
    pbx: { id: 'branch', domains: ['branch.test'], country: 'RU', timezone: 'Europe/Moscow' },
    employees: [employee('boris', '501', 'branch')],
    numbers: [{ number: did, scheme: 'reception', source: { trunk: 'head' } }],
    schemes: [{ id: 'reception', steps: [{ forward: { employee: 'boris' } }] }],
    trunks: [{ id: 'head', kind: 'internal', peer: { pbx: 'head', trunk: 'branch' }, numbers: [{ number: did }] }],
  };
  await writeFile(join(folder.path, 'head.json'), JSON.stringify(head));
  await writeFile(join(folder.path, 'branch.json'), JSON.stringify(branch));
  engine = resources.use(await Engine.start({ config: folder.path }));
  [anna, boris, operator] = await Promise.all([
    phone('anna', 'head'),
    phone('boris', 'branch'),
    phone('operator', 'operator', '127.0.0.2'),
  ]);
  await Promise.all([anna.register(password), boris.register(password)]);
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
  await idle(engine);
});
afterAll(() => resources.disposeAsync());

const employee = (id: string, extension: string, at: string) => ({
  id,
  name: id,
  extension,
  accounts: [{ user: id, domain: `${at}.test`, password }],
});

async function phone(user: string, at: string, host = '127.0.0.1'): Promise<RawPhone> {
  const [address = '', port] = engine.sip.split(':');
  const one = await RawPhone.open({ user, domain: `${at}.test`, host, server: { host: address, port: Number(port) } });
  resources.defer(() => one.close());
  return one;
}

async function audio(): Promise<RtpPeer> {
  const peer = await RtpPeer.open();
  peers.push(peer);
  return peer;
}

/** Boris picks up. @returns what he was sent, and how he sounds and hears */
async function answeredByBoris(from: number): Promise<{ request: SipRequest; side: RtpPeer }> {
  const { request } = await boris.takes('INVITE', from);
  boris.answer(request, '180 Ringing');
  const side = (await audio()).connect(request.body.toString());
  side.talk(1000);
  boris.answer(request, '200 OK', { body: side.sdp() });
  return { request, side };
}

/** The newest record of a call of him to there, once it is there. */
const recordOf = (pbx: string, from: string, to: string) =>
  eventually(
    `the record of ${pbx}`,
    async () => (await engine.api<{ items: CallRecord[] }>(`/api/pbxs/${pbx}/history`)).items,
    (items) => items.some((one) => one.from === from && one.to === to),
  ).then((items) => items.find((one) => one.from === from && one.to === to));

const userOf = (request: SipRequest) => /sips?:([^@;>]*)@/.exec(request.headers.get('From') ?? '')?.[1];

describe('an internal trunk', () => {
  it('takes an employee by a mask to an extension of the other PBX, without leaving the installation', async () => {
    const mine = await audio();
    const before = boris.received.items.length;
    const invite = {
      method: 'INVITE',
      uri: 'sip:8501@head.test',
      headers: [['Contact', `<${anna.contact}>`]],
      body: mine.sdp(),
    } as const;
    const answered = anna.authenticated(invite, password);
    const { request, side } = await answeredByBoris(before);
    const response = await answered;
    expect(response.status).toBe(200);
    expect(userOf(request)).toBe(did);
    mine.connect(response.body.toString()).talk(440);
    await Promise.all([mine.hears(1000), side.hears(440)]);

    const to = response.headers.get('To') ?? '';
    const from = response.headers.get('From') ?? '';
    const target = /<([^>]+)>/.exec(response.headers.get('Contact') ?? '')?.[1] ?? '';
    const ids = { callId: response.headers.get('Call-ID') ?? '', from, to };
    anna.ack({ ...ids, cseq: response.cseq.number, branch: '' }, response);
    // The one line is taken, in both directions and by both PBXs.
    const trunk = async (pbx: string, id: string) =>
      (await engine.api<{ id: string; state: string | null; linesTaken: number }[]>(`/api/pbxs/${pbx}/trunks`)).find(
        (one) => one.id === id,
      );
    expect(await trunk('head', 'branch')).toMatchObject({ kind: 'internal', state: null, linesTaken: 1 });
    expect(await trunk('branch', 'head')).toMatchObject({ linesTaken: 1 });

    const hungUp = boris.received.items.length;
    anna.send({ ...ids, method: 'BYE', uri: target, cseq: response.cseq.number + 1 });
    boris.answer((await boris.takes('BYE', hungUp)).request, '200 OK');
    expect(await recordOf('head', '401', '8501')).toMatchObject({
      direction: 'out',
      employee: 'anna',
      to: '8501',
      outcome: 'answered',
      participants: [{ id: '501', outcome: 'answered' }],
    });
    expect(await recordOf('branch', did, '501')).toMatchObject({
      direction: 'in',
      from: did,
      to: '501',
      outcome: 'answered',
      participants: [{ kind: 'employee', id: 'boris' }],
    });
  });

  it('example 8: a client calls a number of the one PBX, and the other one runs its scheme for that number', async () => {
    const his = await audio();
    const before = boris.received.items.length;
    const invite = operator.send({
      method: 'INVITE',
      uri: `sip:${did}@head.test`,
      from: `<sip:${client}@operator.test>;tag=1`,
      headers: [['Contact', `<${operator.contact}>`]],
      body: his.sdp(),
    });
    const { request, side } = await answeredByBoris(before);
    expect(userOf(request)).toBe(client);
    const response = await operator.response(invite.callId, invite.cseq, (status) => status >= 200);
    expect(response.status).toBe(200);
    operator.ack(invite, response);
    his.connect(response.body.toString()).talk(700);
    await Promise.all([his.hears(1000), side.hears(700)]);

    // The line is taken: another caller hears that.
    const second = operator.send({
      method: 'INVITE',
      uri: `sip:${did}@head.test`,
      from: '<sip:79160000000@operator.test>;tag=2',
      headers: [['Contact', `<${operator.contact}>`]],
      body: his.sdp(),
    });
    const refused = await operator.response(second.callId, second.cseq, (status) => status >= 200);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    operator.ack(second, refused);

    // Boris hangs up, which ends it for the client too.
    const hungUp = operator.received.items.length;
    boris.send({
      method: 'BYE',
      uri: /<([^>]+)>/.exec(request.headers.get('Contact') ?? '')?.[1] ?? '',
      callId: request.callId,
      from: `${request.headers.get('To')};tag=raw`,
      to: request.headers.get('From') ?? '',
      cseq: 1,
    });
    operator.answer((await operator.takes('BYE', hungUp)).request, '200 OK');
    const records = { head: await recordOf('head', client, did), branch: await recordOf('branch', client, did) };
    expect(records.head).toMatchObject({
      direction: 'in',
      from: client,
      line: did,
      participants: [{ kind: 'trunk', id: 'branch' }],
    });
    expect(records.branch).toMatchObject({
      direction: 'in',
      from: client,
      line: did,
      scheme: 'reception',
      reason: 'calleeHungUp',
    });
  });
});
