import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SipResponse } from '../../src/embedded/sip/message/index.ts';
import { type Dialog, type IncomingInvite, InviteGone, type OutgoingInvite, reasons } from '../../src/sip/port.ts';
import { peerTarget } from '../../src/sip/target.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { eventually } from '../support/wait.ts';

/** Calls between real sockets and the port of the call layer, through the SIP server and drachtio-srf. */

const password = 'Secret123';
const pbx = pbxOf({
  employees: [employee('ivanov', '451'), employee('petrov', '452')],
  trunks: [{ id: 'operator', host: '127.0.0.21', ports: '1-65535' }],
  schemes: [{ id: 'main', branches: [{ when: 'always', steps: [{ hangup: true }] }] }],
  numbers: [
    { number: '74951234567', scheme: 'main', source: { trunk: 'operator' } },
    { number: '74957654321', scheme: 'main', source: { passive: 'line@acme.example' } },
  ],
});

const sdpOf = (name: string, direction = 'sendrecv') =>
  `v=0\r\no=${name} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=${direction}\r\n`;
const offer = sdpOf('phone');
const answer = sdpOf('engine');
const us = { user: '452', host: 'acme.example', display: 'Пётр' };

let stack: SipStack;
const phones: RawPhone[] = [];

beforeAll(async () => {
  stack = await startSipStack({ pbxs: [pbx], patienceMs: 300 });
});

afterEach(async () => {
  // Nothing is left of any test.
  await eventually(
    'an idle server',
    () => stack.sip.server.stats(),
    ({ incoming, outgoing, dialogs }) => incoming + outgoing + dialogs === 0,
  );
  for (const phone of phones.splice(0)) phone.close();
});

afterAll(() => stack.stop());

async function phoneOf(user: string, options: { protocol?: 'udp' | 'tcp'; host?: string } = {}): Promise<RawPhone> {
  const server = stack.endpoint(options.protocol ?? 'udp');
  const phone = await RawPhone.open({ user, domain: 'acme.example', server, ...options });
  phones.push(phone);
  return phone;
}

type Sent = ReturnType<RawPhone['send']>;

interface Arrived {
  readonly phone: RawPhone;
  readonly sent: Sent;
  readonly invite: IncomingInvite;
  final(): Promise<SipResponse>;
}

/** A call from the trunk, which needs no credentials, as it reaches the call layer. */
async function call(
  options: { headers?: readonly (readonly [string, string])[]; body?: string; protocol?: 'udp' | 'tcp' } = {},
): Promise<Arrived> {
  const phone = await phoneOf('79161234567', {
    host: '127.0.0.21',
    ...(options.protocol && { protocol: options.protocol }),
  });
  const sent = phone.send({
    method: 'INVITE',
    uri: 'sip:74951234567@127.0.0.1',
    headers: [['Contact', `<${phone.contact}>`], ...(options.headers ?? [])],
    body: options.body ?? offer,
  });
  const { item: invite } = await stack.invites.find('the call', ({ id }) => id === sent.callId);
  const final = () => phone.response(sent.callId, sent.cseq, (status) => status >= 200);
  return { phone, sent, invite, final };
}

async function establish(options: Parameters<typeof call>[0] = {}) {
  const { phone, sent, invite, final } = await call(options);
  const dialog = await invite.answer({ sdp: answer });
  const ok = await final();
  phone.ack(sent, ok);
  const inDialog = (method: string, headers: readonly (readonly [string, string])[] = [], body = '') =>
    phone.request({
      method,
      uri: targetOf(ok),
      from: sent.from,
      to: ok.headers.get('To') ?? '',
      callId: sent.callId,
      headers,
      body,
    });
  return { phone, sent, invite, dialog, ok, inDialog };
}

const targetOf = (response: SipResponse): string => /<([^>]+)>/.exec(response.headers.get('Contact') ?? '')?.[1] ?? '';
const endOf = (dialog: Dialog) => new Promise((resolve) => dialog.on('ended', resolve));

describe('a party who is asked whether he is there', () => {
  const hangUp = async ({ phone, dialog }: Awaited<ReturnType<typeof establish>>) => {
    const bye = dialog.bye();
    phone.answer((await phone.takes('BYE')).request, '200 OK');
    await bye;
  };

  it.each([
    ['200 OK', 'there'],
    ['405 Method Not Allowed', 'there'],
    ['500 Server Internal Error', 'there'],
    ['481 Call/Transaction Does Not Exist', 'gone'],
    ['408 Request Timeout', 'gone'],
  ])('and says %s is %s', async (answers, presence) => {
    const made = await establish();
    const asking = made.dialog.ask();
    const { request } = await made.phone.takes('OPTIONS');
    expect(request.headers.get('Call-ID')).toBe(made.sent.callId);
    expect(request.headers.get('To')).toMatch(/;tag=/);
    made.phone.answer(request, answers);
    expect(await asking).toBe(presence);
    // What is to be done is for whoever has asked.
    expect(made.dialog.ended).toBeUndefined();
    await hangUp(made);
  });

  it.each(['udp', 'tcp'] as const)('and says nothing is silent, over %s', async (protocol) => {
    const made = await establish({ protocol });
    const began = performance.now();
    const asking = made.dialog.ask();
    if (protocol === 'tcp') made.phone.close();
    expect(await asking).toBe('silent');
    expect(performance.now() - began).toBeGreaterThan(290);
    if (protocol === 'udp') await hangUp(made);
    else await made.dialog.bye();
  });

  it('and hangs up is gone at once', async () => {
    const { phone, dialog, inDialog } = await establish();
    const asking = dialog.ask();
    await phone.takes('OPTIONS');
    expect((await inDialog('BYE')).status).toBe(200);
    expect(await asking).toBe('gone');
    expect(await dialog.ask()).toBe('gone');
  });
});

describe('a call that comes in', () => {
  it('from an account is challenged, and then known', async () => {
    const phone = await phoneOf('ivanov');
    const outcome = phone.authenticated(
      {
        method: 'INVITE',
        uri: 'sip:452@acme.example',
        callId: 'from-account',
        headers: [
          ['Contact', `<${phone.contact}>`],
          ['Subject', 'about us'],
        ],
        body: offer,
      },
      password,
    );
    const { item: invite } = await stack.invites.find('the call', ({ id }) => id === 'from-account');
    expect(invite.identity).toEqual({
      kind: 'account',
      pbx: 'acme',
      employee: 'ivanov',
      account: 'ivanov@acme.example',
    });
    expect(invite).toMatchObject({
      from: { user: 'ivanov', host: 'acme.example' },
      to: { user: '452', host: 'acme.example' },
      requestUser: '452',
      requestHost: 'acme.example',
      source: { protocol: 'udp', address: '127.0.0.1', port: phone.port },
      sdp: offer,
      maxForwards: 70,
      anonymous: false,
      asserted: undefined,
    });
    expect(invite.header('s')).toBe('about us');
    invite.reject(486);
    expect((await outcome).status).toBe(486);
  });

  it('from a trunk and for a passive line needs no password; from a stranger it does', async () => {
    const trunk = await call({
      headers: [
        ['P-Asserted-Identity', '"Operator" <tel:+7-916-000-00-00>'],
        ['Privacy', 'id'],
      ],
    });
    expect(trunk.invite.identity).toEqual({ kind: 'trunk', pbx: 'acme', trunk: 'operator' });
    expect(trunk.invite.asserted).toEqual({ user: '+79160000000', host: '', display: 'Operator' });
    expect(trunk.invite.anonymous).toBe(true);
    trunk.invite.reject(404);
    trunk.phone.ack(trunk.sent, await trunk.final());

    const stranger = await phoneOf('stranger', { host: '127.0.0.22' });
    const ask = (uri: string) =>
      stranger.send({
        method: 'INVITE',
        uri,
        from: '<sip:79169999999@elsewhere.example>;tag=s',
        headers: [['Contact', `<${stranger.contact}>`]],
        body: offer,
      });
    const passive = ask('sip:line@acme.example');
    const { item: invite } = await stack.invites.find('the passive call', ({ id }) => id === passive.callId);
    expect(invite.identity).toEqual({ kind: 'passive', pbx: 'acme', number: '74957654321' });
    invite.reject(480);
    stranger.ack(passive, await stranger.response(passive.callId, passive.cseq, (status) => status >= 200));
    const other = ask('sip:74951234567@acme.example');
    const refusal = await stranger.response(other.callId, other.cseq, (status) => status >= 200);
    expect(refusal.status).toBe(401);
    stranger.ack(other, refusal);
    expect(stack.invites.items.some(({ id }) => id === other.callId)).toBe(false);
  });

  it('that a trunk has sent back to us is a loop', async () => {
    const peer = await phoneOf('79161234567', { host: '127.0.0.21' });
    const sent = peer.send({
      method: 'INVITE',
      uri: 'sip:74951234567@127.0.0.1',
      headers: [
        ['Via', `SIP/2.0/UDP 127.0.0.1:${stack.endpoint('udp').port};branch=z9hG4bKours`],
        ['Contact', `<${peer.contact}>`],
      ],
      body: offer,
    });
    const refusal = await peer.response(sent.callId, sent.cseq, (status) => status >= 200);
    expect(refusal.status).toBe(482);
    peer.ack(sent, refusal);
    expect(stack.invites.items.some(({ id }) => id === sent.callId)).toBe(false);
  });

  it('rings, with early media, and is refused once', async () => {
    const { phone, sent, invite, final } = await call();
    invite.ring(180);
    invite.ring(183, { sdp: answer, headers: { 'X-Early': 'yes' } });
    const early = await phone.response(sent.callId, sent.cseq, (status) => status === 183);
    expect(early.body.toString()).toBe(answer);
    expect(early.headers.get('X-Early')).toBe('yes');
    invite.reject(603, { reason: 'Not now', headers: { 'Retry-After': '60' } });
    invite.reject(486);
    const refusal = await final();
    expect([refusal.status, refusal.reason, refusal.headers.get('Retry-After')]).toEqual([603, 'Not now', '60']);
    phone.ack(sent, refusal);
    await expect(invite.answer({ sdp: answer })).rejects.toBeInstanceOf(InviteGone);
    expect(phone.received.items.filter((one) => one.kind === 'response' && one.status === 180)).toHaveLength(1);
  });

  it.each(['udp', 'tcp'] as const)(
    'is answered, goes on hold, sends digits, and is hung up by the caller, over %s',
    async (protocol) => {
      const { dialog, ok, inDialog } = await establish({ protocol });
      expect(ok.body.toString()).toBe(answer);
      expect(ok.headers.all('Allow').join()).toContain('INFO');
      const offers: (string | undefined)[] = [];
      dialog.onReinvite(async (given) => {
        offers.push(given);
        return sdpOf('engine', 'recvonly');
      });
      const held = await inDialog('INVITE', [], sdpOf('phone', 'sendonly'));
      expect([held.status, held.body.toString()]).toEqual([200, sdpOf('engine', 'recvonly')]);
      expect(offers).toEqual([sdpOf('phone', 'sendonly')]);
      expect(targetOf(held)).toBe(targetOf(ok));
      const digit = new Promise((resolve) => dialog.on('dtmf', resolve));
      const relay = [['Content-Type', 'application/dtmf-relay']] as const;
      expect((await inDialog('INFO', relay, 'Signal=7\r\nDuration=120\r\n')).status).toBe(200);
      expect(await digit).toEqual({ digit: '7', durationMs: 120 });
      expect((await inDialog('UPDATE')).status).toBe(200);
      const ended = endOf(dialog);
      const bye = await inDialog('BYE', [['Reason', 'Q.850;cause=16;text="Bye"']]);
      expect(bye.status).toBe(200);
      expect(await ended).toEqual({ by: 'remote', reason: 'Bye' });
    },
  );

  it('is hung up by us', async () => {
    const { phone, dialog } = await establish();
    const bye = dialog.bye(reasons.shutdown);
    const { request } = await phone.takes('BYE');
    expect(request.headers.get('Reason')).toBe('SIP;cause=503;text="Service Unavailable"');
    phone.answer(request, '200 OK');
    await bye;
    expect(dialog.ended).toEqual({ by: 'local', reason: 'Service Unavailable' });
  });

  it('that the caller cancels is over for us, with his reason', async () => {
    const { phone, sent, invite } = await call();
    invite.ring(180);
    await phone.response(sent.callId, sent.cseq, (status) => status === 180);
    const cancelled = new Promise((resolve) => invite.on('cancelled', resolve));
    phone.sendText(
      [
        'CANCEL sip:74951234567@127.0.0.1 SIP/2.0',
        `Via: SIP/2.0/UDP ${phone.host}:${phone.port};rport;branch=${sent.branch}`,
        `From: ${sent.from}`,
        'To: <sip:74951234567@127.0.0.1>',
        `Call-ID: ${sent.callId}`,
        `CSeq: ${sent.cseq} CANCEL`,
        'Reason: SIP;cause=200;text="Call completed elsewhere"',
        'Content-Length: 0\r\n\r\n',
      ].join('\r\n'),
    );
    expect(await cancelled).toEqual({ reason: 'Call completed elsewhere' });
    await phone.received.find('487', (one) => one.kind === 'response' && one.status === 487);
    phone.ack(sent, await phone.response(sent.callId, sent.cseq, (status) => status === 487));
    await expect(invite.answer({ sdp: answer })).rejects.toMatchObject({ why: 'cancelled' });
  });

  it('without an offer gets ours, and answers it with the ACK', async () => {
    const { phone, sent, invite, final } = await call({ body: '' });
    expect(invite.sdp).toBeUndefined();
    const dialog = await invite.answer({ sdp: answer });
    const remote = new Promise((resolve) => dialog.on('remoteSdp', resolve));
    phone.ack(sent, await final(), offer);
    expect(await remote).toEqual({ sdp: offer });
    const bye = dialog.bye();
    phone.answer((await phone.takes('BYE')).request, '200 OK');
    await bye;
  });

  it('that demands 100rel gets reliable ringing', async () => {
    const { phone, sent, invite, final } = await call({
      headers: [
        ['Require', '100rel'],
        ['Supported', '100rel'],
      ],
    });
    invite.ring(180);
    invite.ring(183, { sdp: answer });
    const ringing = await phone.response(sent.callId, sent.cseq, (status) => status === 180);
    expect(ringing.headers.get('Require')).toBe('100rel');
    const prack = (response: SipResponse) =>
      phone.request({
        method: 'PRACK',
        uri: targetOf(response),
        from: sent.from,
        to: response.headers.get('To') ?? '',
        callId: sent.callId,
        headers: [['RAck', `${response.headers.get('RSeq')} ${sent.cseq} INVITE`]],
      });
    expect((await prack(ringing)).status).toBe(200);
    const early = await phone.response(sent.callId, sent.cseq, (status) => status === 183);
    expect(early.body.toString()).toBe(answer);
    expect((await prack(early)).status).toBe(200);
    invite.reject(486);
    phone.ack(sent, await final());
  });

  it('without a Contact is a bad request', async () => {
    const phone = await phoneOf('79161234567', { host: '127.0.0.21' });
    const sent = phone.send({ method: 'INVITE', uri: 'sip:74951234567@127.0.0.1', body: offer });
    const refusal = await phone.response(sent.callId, sent.cseq, (status) => status >= 200);
    expect([refusal.status, refusal.reason]).toEqual([400, 'Missing Contact']);
    phone.ack(sent, refusal);
  });
});

describe('a call that we make', () => {
  const ring = (
    phone: RawPhone,
    more: Partial<Parameters<SipStack['sip']['server']['invite']>[0]> = {},
  ): OutgoingInvite => stack.sip.server.invite({ target: { uri: phone.contact }, from: us, sdp: answer, ...more });

  it.each(['udp', 'tcp'] as const)(
    'rings a registered phone over %s, which answers, holds, is held, and hangs up',
    async (protocol) => {
      const phone = await phoneOf('ivanov', { protocol });
      await phone.register(password, { contacts: [`<${phone.contact};ob>`] });
      const [contact] = await stack.sip.registrar.contacts('acme', 'ivanov@acme.example');
      if (!contact) throw new Error('not registered');
      const mark = phone.received.items.length;
      const invite = ring(phone, { target: contact.target });
      const { request } = await phone.takes('INVITE', mark);
      expect(request.uri).toBe(`${phone.contact};ob`);
      expect(request.headers.get('From')).toMatch(/^"Пётр" <sip:452@acme\.example>;tag=/);
      expect(request.headers.get('Call-ID')).toBe(invite.callId);
      const ringing = new Promise((resolve) => invite.on('provisional', resolve));
      phone.answer(request, '180 Ringing');
      expect(await ringing).toEqual({ status: 180, reason: 'Ringing', sdp: undefined, tag: 'raw' });
      phone.answer(request, '200 OK', { body: offer });
      const { dialog, sdp } = await invite.answered;
      expect(sdp).toBe(offer);
      await phone.takes('ACK', mark);
      expect(dialog).toMatchObject({ callId: invite.callId, remoteTag: 'raw', localSdp: answer, remoteSdp: offer });

      const modifying = dialog.modify(sdpOf('engine', 'sendonly'));
      const { request: reinvite, index } = await phone.takes('INVITE', phone.received.items.indexOf(request) + 1);
      expect(reinvite.body.toString()).toBe(sdpOf('engine', 'sendonly'));
      phone.answer(reinvite, '200 OK', { body: sdpOf('phone', 'recvonly') });
      expect(await modifying).toBe(sdpOf('phone', 'recvonly'));
      await phone.takes('ACK', index);

      const sending = dialog.info({ contentType: 'application/dtmf-relay', body: 'Signal=1\r\nDuration=100\r\n' });
      const { request: info } = await phone.takes('INFO', mark);
      expect(info.headers.get('Content-Type')).toBe('application/dtmf-relay');
      phone.answer(info, '200 OK');
      expect(await sending).toBe(200);

      const ended = endOf(dialog);
      const bye = await phone.request({
        method: 'BYE',
        uri: targetOf(request as unknown as SipResponse),
        from: request.headers.get('To')?.concat(';tag=raw') ?? '',
        to: request.headers.get('From') ?? '',
        callId: invite.callId,
        cseq: 1,
      });
      expect(bye.status).toBe(200);
      expect(await ended).toEqual({ by: 'remote', reason: undefined });
      await phone.register(password, { contacts: ['*'], expires: 0 });
    },
  );

  it('is refused', async () => {
    const phone = await phoneOf('busy');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '486 Busy Here', { headers: [['Retry-After', '9']] });
    await expect(invite.answered).rejects.toMatchObject({
      status: 486,
      cause: 'rejected',
      headers: { 'retry-after': '9' },
    });
    await phone.takes('ACK');
  });

  it('to nobody fails by transport', async () => {
    const invite = stack.sip.server.invite({
      target: peerTarget({ user: '1', host: '127.0.0.99', port: 9, transport: 'tcp' }),
      from: us,
      sdp: answer,
    });
    await expect(invite.answered).rejects.toMatchObject({ status: 503, cause: 'transport' });
  });

  it('is cancelled while it rings, and says why', async () => {
    const phone = await phoneOf('slow');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '180 Ringing');
    await new Promise((resolve) => invite.on('provisional', resolve));
    invite.cancel(reasons.completedElsewhere);
    await expect(invite.answered).rejects.toMatchObject({ cause: 'cancelled' });
    const { request: cancel } = await phone.takes('CANCEL');
    expect(cancel.headers.get('Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    phone.answer(cancel, '200 OK');
    phone.answer(request, '487 Request Terminated');
    await phone.takes('ACK');
  });

  it('is cancelled at once: the CANCEL waits for the first response (RFC 3261 §9.1)', async () => {
    const phone = await phoneOf('slow');
    const invite = ring(phone);
    invite.cancel();
    await expect(invite.answered).rejects.toMatchObject({ cause: 'cancelled', status: 487 });
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '180 Ringing');
    const { request: cancel } = await phone.takes('CANCEL');
    phone.answer(cancel, '200 OK');
    phone.answer(request, '487 Request Terminated');
    await phone.takes('ACK');
  });

  it('that is answered in spite of the CANCEL is hung up', async () => {
    const phone = await phoneOf('fast');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '180 Ringing');
    await new Promise((resolve) => invite.on('provisional', resolve));
    invite.cancel(reasons.completedElsewhere);
    const cancel = await phone.takes('CANCEL');
    phone.answer(request, '200 OK', { body: offer });
    await expect(invite.answered).rejects.toMatchObject({ cause: 'cancelled' });
    await phone.takes('ACK');
    phone.answer(cancel.request, '200 OK');
    phone.answer((await phone.takes('BYE')).request, '200 OK');
  });

  it('that is redirected is not followed, and says whither', async () => {
    const phone = await phoneOf('elsewhere');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '302 Moved Temporarily', {
      headers: [['Contact', '"Petrov" <sip:452@acme.example>;q=0.5, <sip:453@acme.example>;q=0.1']],
    });
    await phone.takes('ACK');
    await expect(invite.answered).rejects.toMatchObject({
      status: 302,
      cause: 'rejected',
      redirect: { user: '452', host: 'acme.example', display: 'Petrov' },
    });
  });

  it('whose answer came with the 183, and not again with the 200, is established (RFC 3261 §13.2.1)', async () => {
    const phone = await phoneOf('early');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '183 Session Progress', { tag: 'another', body: answer });
    phone.answer(request, '183 Session Progress', { tag: 'this', body: offer });
    phone.answer(request, '200 OK', { tag: 'this' });
    const { dialog, sdp } = await invite.answered;
    expect(sdp).toBe(offer);
    const bye = dialog.bye();
    phone.answer((await phone.takes('BYE')).request, '200 OK');
    await bye;
  });

  it('is answered by one of several that ring: his session, whoever was heard before', async () => {
    const phone = await phoneOf('forking');
    const invite = ring(phone);
    const heard: string[] = [];
    invite.on('provisional', ({ status, tag, sdp }) =>
      heard.push(`${status} ${tag} ${sdp === undefined ? '' : 'sdp'}`),
    );
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '180 Ringing', { tag: 'a' });
    phone.answer(request, '183 Session Progress', { tag: 'b', body: answer });
    phone.answer(request, '180 Ringing', { tag: 'c' });
    phone.answer(request, '200 OK', { tag: 'c', body: offer });
    const { dialog, sdp } = await invite.answered;
    expect(heard).toEqual(['180 a ', '183 b sdp', '180 c ']);
    expect([dialog.remoteTag, sdp]).toEqual(['c', offer]);
    const bye = dialog.bye();
    const { request: end } = await phone.takes('BYE');
    expect(end.headers.get('To')).toMatch(/;tag=c$/);
    phone.answer(end, '200 OK');
    await bye;
  });

  it('that is answered without a To tag is a call all the same (RFC 3261 §12.1.2)', async () => {
    const phone = await phoneOf('tagless');
    const invite = ring(phone);
    const { request } = await phone.takes('INVITE');
    phone.answer(request, '200 OK', { tag: '', body: offer });
    const { dialog } = await invite.answered;
    await phone.takes('ACK');
    const bye = dialog.bye();
    const { request: end } = await phone.takes('BYE');
    expect(end.headers.get('To')).not.toContain(';tag=');
    phone.answer(end, '200 OK', { tag: '' });
    await bye;
  });

  it.each(['SHA-256', 'MD5'])('answers the challenge of a trunk, with %s', async (algorithm) => {
    const phone = await phoneOf('operator', { host: '127.0.0.21' });
    const invite = ring(phone, {
      target: peerTarget({ user: '79160000000', host: phone.host, port: phone.port, transport: 'udp' }),
      auth: { user: 'acme', password: 'Trunk1234' },
    });
    const { request: first } = await phone.takes('INVITE');
    const challenge = `Digest realm="operator", nonce="n1", algorithm=${algorithm}, qop="auth"`;
    phone.answer(first, '407 Proxy Authentication Required', { headers: [['Proxy-Authenticate', challenge]] });
    const { request: second } = await phone.takes('INVITE', phone.received.items.indexOf(first) + 1);
    expect(second.headers.get('Proxy-Authorization')).toMatch(new RegExp(`username="acme".*algorithm=${algorithm}`));
    expect(second.headers.get('Call-ID')).toBe(first.headers.get('Call-ID'));
    expect(second.headers.get('From')).toBe(first.headers.get('From'));
    const cseqOf = (value: string | undefined) => Number.parseInt(value ?? '', 10);
    expect(cseqOf(second.headers.get('CSeq'))).toBe(cseqOf(first.headers.get('CSeq')) + 1);
    phone.answer(second, '200 OK', { body: offer });
    const { dialog } = await invite.answered;
    const bye = dialog.bye();
    phone.answer((await phone.takes('BYE')).request, '200 OK');
    await bye;
  });
});
