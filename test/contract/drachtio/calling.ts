import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { SipRequest } from '../../../src/embedded/sip/message/index.ts';
import { eventually } from '../../support/wait.ts';
import type { Contract, Stage } from '../drachtio.ts';
import { hangUp } from './answering.ts';
import { PeerDialog, SDP } from './peer.ts';
import { finalResponse, type Message, type Request, type UacOptions } from './srf.ts';

/** A call of the client that a peer has answered. */
export async function called(stage: Stage, options: UacOptions = {}) {
  const peer = await stage.peer();
  const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP, ...options });
  const invite = await peer.take('INVITE');
  const ok = peer.answer(invite, 200, { body: SDP });
  await peer.take('ACK');
  return { peer, invite, dialog: await calling, theirs: PeerDialog.asCallee(peer, invite, ok) };
}

export function calling({ promises }: Contract): void {
  promises('a call rings, is answered, acknowledged and hung up', async (stage) => {
    const peer = await stage.peer();
    const heard: number[] = [];
    const calling = stage.client.createUAC(
      peer.uri(),
      { localSdp: SDP, callingNumber: '4951234567' },
      { cbProvisional: ({ status }) => heard.push(status) },
    );
    const invite = await peer.take('INVITE');
    expect(invite.headers.get('From')).toContain(`sip:4951234567@${stage.sip.host}:${stage.sip.port}`);
    expect(invite.headers.get('Contact')).toContain(`sip:4951234567@${stage.sip.host}:${stage.sip.port}`);
    expect(invite.headers.get('Content-Type')).toBe('application/sdp');
    peer.answer(invite, 100);
    peer.answer(invite, 180);
    const ok = peer.answer(invite, 200, { body: SDP });
    const ack = await peer.take('ACK');
    const dialog = await calling;
    expect([ack.uri, ack.cseq.number]).toEqual([peer.uri(), invite.cseq.number]);
    expect(heard).toEqual([180]);
    expect(dialog.sip).toEqual({
      callId: invite.callId,
      localTag: invite.from.params.get('tag'),
      remoteTag: ok.to.params.get('tag'),
    });
    await hangUp(dialog.destroy(), peer);
  });

  promises('a call is refused', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP });
    peer.answer(await peer.take('INVITE'), 486, { headers: { 'X-Why': 'lunch' } });
    await expect(calling).rejects.toMatchObject({ status: 486 });
    await peer.take('ACK');
  });

  promises('a ringing call is cancelled, with the reason of the application', async (stage) => {
    const peer = await stage.peer();
    const sent = Promise.withResolvers<Request>();
    const ringing = Promise.withResolvers<void>();
    const calling = stage.client.createUAC(
      peer.uri(),
      { localSdp: SDP },
      { cbRequest: (_, request) => sent.resolve(request), cbProvisional: () => ringing.resolve() },
    );
    const failed = expect(calling).rejects.toMatchObject({ status: 487 });
    const invite = await peer.take('INVITE');
    peer.answer(invite, 180);
    await ringing.promise;
    (await sent.promise).cancel({ headers: { Reason: 'SIP;cause=200;text="elsewhere"' } }, () => undefined);
    const cancel = await peer.take('CANCEL');
    expect(cancel.headers.get('Reason')).toContain('elsewhere');
    expect(cancel.via.params.get('branch')).toBe(invite.via.params.get('branch'));
    peer.answer(cancel, 200);
    peer.answer(invite, 487);
    await failed;
  });

  promises('a CANCEL waits until the phone has been heard', async (stage) => {
    const peer = await stage.peer();
    const sent = Promise.withResolvers<Request>();
    const calling = stage.client.createUAC(
      peer.uri(),
      { localSdp: SDP },
      { cbRequest: (_, request) => sent.resolve(request) },
    );
    const failed = expect(calling).rejects.toMatchObject({ status: 487 });
    const invite = await peer.take('INVITE');
    (await sent.promise).cancel({}, () => undefined);
    const busy = await stage.client.request(peer.uri(), { method: 'OPTIONS' });
    expect(busy.method).toBe('OPTIONS');
    peer.answer(await peer.take('OPTIONS'), 200);
    expect(peer.count('CANCEL')).toBe(0);
    peer.answer(invite, 180);
    peer.answer(await peer.take('CANCEL'), 200);
    peer.answer(invite, 487);
    await failed;
  });

  promises('an answer that crosses the CANCEL is acknowledged and hung up', async (stage) => {
    const peer = await stage.peer();
    const sent = Promise.withResolvers<Request>();
    const calling = stage.client.createUAC(
      peer.uri(),
      { localSdp: SDP },
      { cbRequest: (_, request) => sent.resolve(request) },
    );
    const invite = await peer.take('INVITE');
    peer.answer(invite, 180);
    (await sent.promise).cancel({}, () => undefined);
    peer.answer(await peer.take('CANCEL'), 200);
    peer.answer(invite, 200, { body: SDP });
    await peer.take('ACK');
    peer.answer(await peer.take('BYE'), 200);
    await calling;
  });

  promises('a challenge is answered under the same Call-ID and tag, with the next number', async (stage) => {
    const peer = await stage.peer();
    const auth = { username: 'user', password: 'secret' };
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP, auth });
    const first = await peer.take('INVITE');
    const challenge = 'Digest realm="test", nonce="abc", qop="auth"';
    peer.answer(first, 407, { contact: false, headers: { 'Proxy-Authenticate': challenge } });
    await peer.take('ACK');
    const second = await peer.take('INVITE');
    expect([second.callId, second.from.params.get('tag')]).toEqual([first.callId, first.from.params.get('tag')]);
    expect(second.cseq.number).toBe(first.cseq.number + 1);
    expectDigest(second, 'Proxy-Authorization', 'user', 'secret');
    peer.answer(second, 200, { body: SDP });
    const ack = await peer.take('ACK');
    expect(ack.cseq.number).toBe(second.cseq.number);
    await hangUp((await calling).destroy(), peer);
  });

  promises('a registration answers its challenge', async (stage) => {
    const peer = await stage.peer();
    const request = await stage.client.request(peer.uri('registrar'), {
      method: 'REGISTER',
      headers: {
        From: 'sip:user@example.test',
        To: 'sip:user@example.test',
        Contact: '<sip:user@localhost>;expires=60',
      },
      auth: { username: 'user', password: 'secret' },
    });
    const answered = finalResponse(request);
    const first = await peer.take('REGISTER');
    expect(first.headers.get('Contact')).toContain(`sip:user@${stage.sip.host}:${stage.sip.port}`);
    peer.answer(first, 401, { headers: { 'WWW-Authenticate': 'Digest realm="test", nonce="abc", qop="auth"' } });
    const second = await peer.take('REGISTER');
    expect([second.callId, second.cseq.number]).toEqual([first.callId, first.cseq.number + 1]);
    expectDigest(second, 'Authorization', 'user', 'secret');
    peer.answer(second, 200);
    expect((await answered).status).toBe(200);
  });

  promises('a reliable provisional response gets its PRACK', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP, headers: { Supported: '100rel' } });
    const invite = await peer.take('INVITE');
    peer.answer(invite, 183, { headers: { Require: '100rel', RSeq: '17' }, body: SDP });
    const prack = await peer.take('PRACK');
    expect(prack.headers.get('RAck')).toBe(`17 ${invite.cseq.number} INVITE`);
    peer.answer(prack, 200);
    peer.answer(invite, 200, { body: SDP });
    const ack = await peer.take('ACK');
    expect(ack.cseq.number).toBe(invite.cseq.number);
    await hangUp((await calling).destroy(), peer);
  });

  promises('an offer may come with the answer, and the reply to it with the ACK', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { noAck: true });
    const invite = await peer.take('INVITE');
    expect(invite.body).toHaveLength(0);
    peer.answer(invite, 200, { body: SDP });
    const { sdp, ack } = await calling;
    expect(sdp).toBe(SDP);
    const dialog = await ack(SDP);
    expect((await peer.take('ACK')).body.toString()).toBe(SDP);
    await hangUp(dialog.destroy(), peer);
  });

  promises('several phones ring; the one that answers second is acknowledged and hung up', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP });
    const invite = await peer.take('INVITE');
    peer.answer(invite, 180, { tag: 'first' });
    peer.answer(invite, 180, { tag: 'second' });
    peer.answer(invite, 200, { tag: 'second', body: SDP });
    const ack = await peer.take('ACK');
    expect(ack.to.params.get('tag')).toBe('second');
    const dialog = await calling;
    expect(dialog.sip.remoteTag).toBe('second');
    peer.answer(invite, 200, { tag: 'first', body: SDP });
    expect((await peer.take('ACK')).to.params.get('tag')).toBe('first');
    const bye = await peer.take('BYE');
    expect(bye.to.params.get('tag')).toBe('first');
    peer.answer(bye, 200);
    await hangUp(dialog.destroy(), peer);
  });

  promises('a repeated answer gets its ACK again', async (stage) => {
    const { peer, invite, dialog } = await called(stage);
    peer.answer(invite, 200, { body: SDP });
    // Under its old branch or a new one (RFC 3261 §13.2.2.4).
    await eventually(
      'another ACK',
      async () => peer.count('ACK'),
      (count) => count === 2,
    );
    await hangUp(dialog.destroy(), peer);
  });

  promises('an answer without a Contact fails the call, and is acknowledged and hung up', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP });
    peer.answer(await peer.take('INVITE'), 200, { contact: false, body: SDP });
    await expect(calling).rejects.toMatchObject({ status: 500 });
    await peer.take('ACK');
    peer.answer(await peer.take('BYE'), 200);
  });

  promises('a redirect is followed when asked', async (stage) => {
    const [first, second] = [await stage.peer(), await stage.peer()];
    const calling = stage.client.createUAC(first.uri(), { localSdp: SDP, followRedirects: true });
    first.answer(await first.take('INVITE'), 302, { headers: { Contact: `<${second.uri('moved')}>` } });
    await first.take('ACK');
    const invite = await second.take('INVITE');
    expect(invite.uri).toBe(second.uri('moved'));
    second.answer(invite, 200, { body: SDP });
    await second.take('ACK');
    await hangUp((await calling).destroy(), second);
  });

  promises('the proxy option says where to send, whatever the Request-URI', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC('sip:bob@nosuch.invalid', { localSdp: SDP, proxy: peer.uri() });
    const invite = await peer.take('INVITE');
    expect([invite.uri, invite.headers.has('Route')]).toEqual(['sip:bob@nosuch.invalid', false]);
    peer.answer(invite, 486);
    await expect(calling).rejects.toMatchObject({ status: 486 });
  });

  promises('a name without an address fails with 503', async ({ client }) => {
    await expect(client.createUAC('sip:x@nosuch.invalid', { localSdp: SDP })).rejects.toMatchObject({ status: 503 });
  });

  promises('a port that refuses connections fails with 503', async ({ client }) => {
    const call = client.createUAC('sip:x@127.0.0.1:1;transport=tcp', { localSdp: SDP });
    await expect(call).rejects.toMatchObject({ status: 503 });
  });

  promises('a phone that says nothing fails with 408', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP });
    await expect(calling).rejects.toMatchObject({ status: 408 });
    expect(peer.count('INVITE')).toBe(7);
  });

  promises('a request to the server itself is refused', async ({ client, sip }) => {
    await expect(client.createUAC(`sip:x@${sip.host}:${sip.port}`, { localSdp: SDP })).rejects.toMatchObject({
      message: 'can not send request to myself',
      code: 'EDRACHTIO',
    });
  });

  promises('an UPDATE before the answer is answered with our offer', async (stage) => {
    const peer = await stage.peer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP });
    const invite = await peer.take('INVITE');
    const ringing = peer.answer(invite, 183, { headers: { Require: '100rel', RSeq: '1' }, body: SDP });
    peer.answer(await peer.take('PRACK'), 200);
    PeerDialog.asCallee(peer, invite, ringing).send('UPDATE', { body: SDP });
    expect((await peer.take('200 UPDATE')).body.toString()).toBe(SDP);
    peer.answer(invite, 486);
    await expect(calling).rejects.toMatchObject({ status: 486 });
  });
}

/** RFC 7616 §3.4.1 with MD5. */
function expectDigest(request: SipRequest, header: string, user: string, password: string): void {
  const value = request.headers.get(header) ?? '';
  const field = (name: string) => new RegExp(`\\b${name}="?([^",]+)"?`).exec(value)?.[1] ?? '';
  const md5 = (...parts: string[]) => createHash('md5').update(parts.join(':')).digest('hex');
  const ha1 = md5(user, field('realm'), password);
  const ha2 = md5(request.method, field('uri'));
  expect(field('response')).toBe(md5(ha1, field('nonce'), field('nc'), field('cnonce'), 'auth', ha2));
}

export type { Message };
