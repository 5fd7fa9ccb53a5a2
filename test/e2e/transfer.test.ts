import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Phone } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle } from '../support/observe.ts';
import { domain, office, password, tunes, writeOffice } from '../support/office.ts';
import { silentSdp } from '../support/phone-bank.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { temporaryFolder } from '../support/temp.ts';
import { describeSound, sounds } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** The key of a phone for transfer: REFER (RFC 3515, RFC 5589), to phones that have audio. */

let resources: AsyncDisposableStack;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const folder = resources.use(await temporaryFolder('config'));
  const document = office() as { pbx: object; groups: object[] };
  document.groups.push({ id: 'support', name: 'Support', extension: '460', members: [{ employee: 'clara' }] });
  await writeOffice(folder.path, { ...document, pbx: { ...document.pbx, transferMusic: 'music' } });
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  await idle(engine);
});
afterAll(() => resources.disposeAsync());

async function phone(user: string, hz: number, options: { answers?: 'auto' } = {}): Promise<Phone> {
  const one = await Phone.register({
    ...{ user, password, domain, proxy: engine.sip, env: jack.env, says: { hz } },
    ...options,
  });
  phones.push(one);
  return one;
}

/** What was heard last, for 200 ms, were these tones and nothing else. */
const hears = (one: Phone, ...hz: number[]) =>
  eventually(
    `${one.options.user} to hear ${hz.join(' + ')} Hz`,
    async () => (await one.heard()).slice(-1600),
    (last) => last.length === 1600 && sounds(hz, last),
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}; heard: ${describeSound((await one.heard()).slice(-1600))}`);
  });

describe('REFER', () => {
  it('to a number: the other one hears music, then the third', async () => {
    const anna = await phone('anna', 700, { answers: 'auto' });
    const boris = await phone('boris', 900);
    const clara = await phone('clara', 1500);
    boris.dial('401');
    await Promise.all([hears(boris, 700), hears(anna, 900)]);
    anna.transfer('403');
    await clara.next('CALL_INCOMING');
    await hears(boris, tunes.music);
    clara.answer();
    await anna.next('CALL_CLOSED');
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);
    boris.hangUp();
    await clara.next('CALL_CLOSED');
    expect(await transferred(1)).toMatchObject([
      {
        from: '402',
        transfers: [{ kind: 'blind', by: 'anna', to: '403' }],
        participants: expect.arrayContaining([
          expect.objectContaining({ id: 'anna', outcome: 'answered', reason: 'transferred' }),
          expect.objectContaining({ id: 'clara', outcome: 'answered', reason: 'callerHungUp' }),
        ]),
      },
    ]);
  });

  it('to a group: the other one comes to it as any caller does', async () => {
    const before = (await transferred(1)).length;
    const anna = await phone('anna', 700, { answers: 'auto' });
    const boris = await phone('boris', 900);
    const clara = await phone('clara', 1500);
    boris.dial('401');
    await Promise.all([hears(boris, 700), hears(anna, 900)]);
    anna.transfer('460');
    await anna.next('CALL_CLOSED');
    await clara.next('CALL_INCOMING');
    clara.answer();
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);
    clara.hangUp();
    await boris.next('CALL_CLOSED');
    expect((await transferred(before + 1))[0]).toMatchObject({
      from: '402',
      endedBy: 'callee',
      transfers: [{ kind: 'blind', by: 'anna', to: '460' }],
      participants: expect.arrayContaining([
        expect.objectContaining({ id: 'anna', outcome: 'answered', reason: 'transferred' }),
        expect.objectContaining({ kind: 'group', id: 'support', outcome: 'answered' }),
        expect.objectContaining({ id: 'clara', outcome: 'answered' }),
      ]),
    });
  });

  it('with Replaces: the others of two calls of a phone are together; to a number of nobody before, it changes nothing', async () => {
    const [host = '', port] = engine.sip.split(':');
    const anna = await RawPhone.open({ user: 'anna', domain, server: { host, port: Number(port) } });
    resources.defer(() => anna.close());
    await anna.register(password);
    const boris = await phone('boris', 900);
    const clara = await phone('clara', 1500, { answers: 'auto' });
    boris.dial('401');
    const { request: invite, index } = await anna.takes('INVITE');
    anna.answer(invite, '200 OK', { body: silentSdp });
    await anna.takes('ACK', index);
    await boris.next('CALL_ESTABLISHED');

    const second = await anna.authenticated(
      { method: 'INVITE', uri: `sip:403@${domain}`, headers: [['Contact', `<${anna.contact}>`]], body: silentSdp },
      password,
    );
    const [callId = '', from = '', to = ''] = ['Call-ID', 'From', 'To'].map((name) => second.headers.get(name));
    const cseq = Number.parseInt(second.headers.get('CSeq') ?? '', 10);
    anna.ack({ callId, cseq, from, branch: '' }, second);
    await clara.next('CALL_ESTABLISHED');

    const [toTag, fromTag] = [to, from].map((value) => /;tag=([^;]+)/.exec(value)?.[1]);
    const replaces = encodeURIComponent(`${callId};to-tag=${toTag};from-tag=${fromTag}`);
    const first = {
      callId: invite.headers.get('Call-ID') ?? '',
      from: `${invite.headers.get('To')};tag=raw`,
      to: invite.headers.get('From') ?? '',
    };
    const target = /<([^>]+)>/.exec(invite.headers.get('Contact') ?? '')?.[1] ?? '';
    const refer = async (to: string): Promise<string[]> => {
      const mark = anna.received.items.length;
      const { status } = await anna.request({
        ...{ ...first, method: 'REFER', uri: target },
        headers: [
          ['Contact', `<${anna.contact}>`],
          ['Refer-To', `<sip:${to}>`],
        ],
      });
      const told = [String(status)];
      for (let at = mark, isOver = false; !isOver; ) {
        const { request, index } = await anna.takes('NOTIFY', at);
        at = index + 1;
        anna.answer(request, '200 OK');
        told.push(request.body.toString().trim());
        isOver = request.headers.get('Subscription-State') === 'terminated;reason=noresource';
      }
      return told;
    };
    expect(await refer(`499@${domain}`)).toEqual(['202', 'SIP/2.0 100 Trying', 'SIP/2.0 404 Not Found']);
    expect(await refer(`403@${domain}?Replaces=${replaces}`)).toEqual(['202', 'SIP/2.0 200 OK']);
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);

    // It does not hang up by itself, so it is hung up, in both; the two hear nothing of that.
    for (const id of [first.callId, callId]) {
      const { item } = await anna.received.find(
        `a BYE of ${id}`,
        (message) => message.kind === 'request' && message.method === 'BYE' && message.headers.get('Call-ID') === id,
      );
      if (item.kind === 'request') anna.answer(item, '200 OK');
    }
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);
    clara.hangUp();
    await boris.next('CALL_CLOSED');
    expect(await transferred(4)).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({
          from: '402',
          transfers: [expect.objectContaining({ kind: 'consultative', to: '403' })],
        }),
        expect.objectContaining({ from: '401', transfers: [expect.objectContaining({ kind: 'consultative' })] }),
      ]),
    );
  });
});

/** The records of so many calls in which somebody was transferred. */
async function transferred(count: number): Promise<CallRecord[]> {
  const history = async () => {
    const { items } = await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=500');
    return items.filter(({ transfers }) => transfers.length > 0);
  };
  return eventually('the records', history, (items) => items.length === count);
}
