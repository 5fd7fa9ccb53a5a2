import { expect } from 'vitest';
import type { Contract } from '../drachtio.ts';
import { answered, hangUp, nextInvite, routed, settled } from './answering.ts';
import { PeerDialog, SDP } from './peer.ts';
import { finalResponse } from './srf.ts';

export function requests({ promises }: Contract): void {
  for (const method of ['OPTIONS', 'MESSAGE', 'INFO', 'PUBLISH', 'REGISTER', 'REFER']) {
    promises(`${method} of a peer is answered by the application`, async (stage) => {
      const peer = await stage.peer();
      stage.client.use(method.toLowerCase(), (request, response) => {
        response.send(200, { headers: { 'X-Body': request.body ?? '' } });
      });
      await settled(stage);
      const headers = {
        ...{ 'Content-Type': 'text/plain', Expires: '60' },
        ...(method === 'REFER' && { 'Refer-To': '<sip:x@y>' }),
      };
      peer.request(method, { headers, body: 'привет' });
      expect((await peer.take(200)).headers.get('X-Body')).toBe('привет');
    });
  }

  promises('OPTIONS of the application is answered by a peer', async (stage) => {
    const peer = await stage.peer();
    const request = await stage.client.request(peer.uri(), { method: 'OPTIONS', headers: { 'X-Sent': 'yes' } });
    const answer = finalResponse(request);
    const options = await peer.take('OPTIONS');
    expect([options.headers.get('X-Sent'), options.headers.get('Max-Forwards')]).toEqual(['yes', '70']);
    peer.answer(options, 200);
    expect((await answer).status).toBe(200);
  });

  promises('a body in other letters keeps its bytes, in both directions', async (stage) => {
    const peer = await stage.peer();
    const request = await stage.client.request(peer.uri(), {
      method: 'MESSAGE',
      headers: { 'Content-Type': 'text/plain' },
      body: 'Ёлка 🎄',
    });
    const answer = finalResponse(request);
    const message = await peer.take('MESSAGE');
    expect(message.body.toString()).toBe('Ёлка 🎄');
    peer.answer(message, 200, { headers: { 'Content-Type': 'text/plain' }, body: 'спасибо' });
    expect((await answer).body).toBe('спасибо');
  });

  promises('a subscription is a dialog until its last NOTIFY', async (stage) => {
    const peer = await stage.peer();
    stage.client.use('subscribe', (request, response) => {
      void stage.client.createUAS(request, response, { headers: { Expires: '60' } }).then(async (dialog) => {
        await dialog.request({ method: 'NOTIFY', headers: { 'Subscription-State': 'active', Event: 'dialog' } });
        await dialog.request({ method: 'NOTIFY', headers: { 'Subscription-State': 'terminated', Event: 'dialog' } });
      });
    });
    await settled(stage);
    peer.request('SUBSCRIBE', { headers: { Event: 'dialog', Expires: '60' } });
    const accepted = await peer.take('202 SUBSCRIBE');
    for (const state of ['active', 'terminated']) {
      const notify = await peer.take('NOTIFY');
      expect(notify.headers.get('Subscription-State')).toBe(state);
      expect(notify.from.params.get('tag')).toBe(accepted.to.params.get('tag'));
      peer.answer(notify, 200);
    }
  });

  promises('requests for unknown dialogs get 481', async (stage) => {
    const peer = await stage.peer();
    for (const method of ['BYE', 'UPDATE']) {
      peer.request(method, { headers: { To: '<sip:x@y>;tag=unknown' } });
      await peer.take(`481 ${method}`);
    }
  });

  promises('garbage is dropped, a broken request gets 400, and life goes on', async (stage) => {
    const { peer, dialog } = await answered(stage);
    peer.sendText('\x00\x01 nonsense');
    peer.sendText('INVITE sip:x SIP/2.0\r\n\r\n');
    peer.request('OPTIONS', { headers: { 'Max-Forwards': 'many' } });
    await peer.take(400);
    await hangUp(dialog.destroy(), peer);
  });

  promises('a Call-ID that would break the protocol is refused', async (stage) => {
    const peer = await stage.peer();
    stage.client.use('options', (_, response) => response.send(200));
    await settled(stage);
    peer.request('OPTIONS', { headers: { 'Call-ID': 'a|b|c' } });
    await peer.take('400 OPTIONS');
  });

  promises('a call is proxied with a Record-Route; what follows passes without the application', async (stage) => {
    const [caller, callee] = [await stage.peer(), await stage.peer()];
    const arrived = nextInvite(stage);
    const invite = await routed(stage, caller);
    const proxying = stage.client.proxyRequest((await arrived).request, callee.uri('x'), { recordRoute: true });
    const forwarded = await callee.take('INVITE');
    expect(forwarded.uri).toBe(callee.uri('x'));
    expect(forwarded.headers.all('Via')).toHaveLength(2);
    callee.answer(forwarded, 180);
    await caller.take('180 INVITE');
    callee.answer(forwarded, 200, { body: SDP });
    const theirs = PeerDialog.asCaller(caller, invite, await caller.take('200 INVITE'));
    expect(await proxying).toMatchObject({ connected: true, finalStatus: 200 });
    theirs.send('ACK');
    await callee.take('ACK');
    theirs.send('BYE');
    callee.answer(await callee.take('BYE'), 200);
    await caller.take('200 BYE');
  });

  promises('a call is proxied to one target after the other', async (stage) => {
    const [caller, first, second] = [await stage.peer(), await stage.peer(), await stage.peer()];
    const arrived = nextInvite(stage);
    const invite = await routed(stage, caller);
    const proxying = stage.client.proxyRequest((await arrived).request, [first.uri(), second.uri()], {});
    first.answer(await first.take('INVITE'), 404);
    second.answer(await second.take('INVITE'), 486);
    const refused = await Promise.race([caller.take('404 INVITE'), caller.take('486 INVITE')]);
    caller.hopByHop(invite, 'ACK', refused);
    expect(await proxying).toMatchObject({ connected: false });
  });

  promises('a back-to-back call passes ringing, answer and BYE on', async (stage) => {
    const [caller, callee] = [await stage.peer(), await stage.peer()];
    const arrived = nextInvite(stage);
    const invite = await routed(stage, caller);
    const { request, response } = await arrived;
    const bridging = stage.client.createB2BUA(request, response, callee.uri(), { localSdpB: SDP });
    const called = await callee.take('INVITE');
    callee.answer(called, 180);
    await caller.take('180 INVITE');
    callee.answer(called, 200, { body: SDP });
    await callee.take('ACK');
    const theirs = PeerDialog.asCaller(caller, invite, await caller.take('200 INVITE'));
    theirs.send('ACK');
    const { uas, uac } = await bridging;
    uas.on('destroy', () => void uac.destroy());
    theirs.send('BYE');
    await caller.take('200 BYE');
    callee.answer(await callee.take('BYE'), 200);
  });

  promises('a back-to-back call passes a CANCEL on, and its reason', async (stage) => {
    const [caller, callee] = [await stage.peer(), await stage.peer()];
    const arrived = nextInvite(stage);
    const invite = await routed(stage, caller);
    const { request, response } = await arrived;
    const bridging = stage.client.createB2BUA(request, response, callee.uri(), { localSdpB: SDP });
    const failed = expect(bridging).rejects.toMatchObject({ status: 487 });
    const called = await callee.take('INVITE');
    callee.answer(called, 180);
    await caller.take('180 INVITE');
    caller.hopByHop(invite, 'CANCEL', undefined, { Reason: 'SIP;cause=200' });
    caller.hopByHop(invite, 'ACK', await caller.take('487 INVITE'));
    const cancel = await callee.take('CANCEL');
    expect(cancel.headers.get('Reason')).toBe('SIP;cause=200');
    callee.answer(cancel, 200);
    callee.answer(called, 487);
    await failed;
  });

  promises('a back-to-back call passes a refusal on', async (stage) => {
    const [caller, callee] = [await stage.peer(), await stage.peer()];
    const arrived = nextInvite(stage);
    const invite = await routed(stage, caller);
    const { request, response } = await arrived;
    const bridging = stage.client.createB2BUA(request, response, callee.uri(), { localSdpB: SDP });
    const failed = expect(bridging).rejects.toMatchObject({ status: 486 });
    callee.answer(await callee.take('INVITE'), 486);
    caller.hopByHop(invite, 'ACK', await caller.take('486 INVITE'));
    await failed;
  });
}
