import { expect } from 'vitest';
import type { Contract } from '../drachtio.ts';
import { answered, hangUp } from './answering.ts';
import { called } from './calling.ts';
import { SDP } from './peer.ts';
import type { DialogEvent, Request } from './srf.ts';

const held = SDP.replace('sendrecv', 'sendonly');
const changed = SDP.replace('8', '0');

export function dialogs({ promises }: Contract): void {
  for (const [method, event] of [
    ['INFO', 'info'],
    ['MESSAGE', 'message'],
    ['OPTIONS', 'options'],
    ['UPDATE', 'update'],
    ['REFER', 'refer'],
    ['NOTIFY', 'notify'],
  ] as [string, DialogEvent][]) {
    promises(`${method} of the peer is an event of the dialog, and the answer goes back`, async (stage) => {
      const { peer, dialog, theirs } = await answered(stage);
      dialog.on(event, (request: Request, response) => {
        response.send(method === 'REFER' ? 202 : 200, { headers: { 'X-Got': request.get('X-Sent') ?? '' } });
      });
      theirs.send(method, { headers: { 'X-Sent': 'привет' } });
      const response = await peer.take(`${method === 'REFER' ? 202 : 200} ${method}` as const);
      expect(response.headers.get('X-Got')).toBe('привет');
      await hangUp(dialog.destroy(), peer);
    });
  }

  for (const method of ['INFO', 'NOTIFY', 'REFER']) {
    promises(`${method} of the application goes to the peer, and its answer comes back`, async (stage) => {
      const { peer, dialog, invite } = await called(stage);
      const headers = method === 'INFO' ? { 'Content-Type': 'text/plain' } : { 'Refer-To': '<sip:x@y>' };
      const answer = dialog.request({ method, headers, ...(method === 'INFO' && { body: 'привет' }) });
      const request = await peer.take(method);
      expect(request.cseq.number).toBe(invite.cseq.number + 1);
      expect(request.headers.has('Contact')).toBe(method !== 'INFO');
      if (method === 'INFO') expect(request.body.toString()).toBe('привет');
      peer.answer(request, 488, { headers: { 'X-Why': 'no' } });
      const response = await answer;
      expect([response.status, response.get('X-Why')]).toEqual([488, 'no']);
      await hangUp(dialog.destroy(), peer);
    });
  }

  promises('hold and unhold of the peer are events, answered with our own description', async (stage) => {
    const { peer, dialog, theirs } = await answered(stage);
    const events: string[] = [];
    dialog.on('hold', () => events.push('hold'));
    dialog.on('unhold', () => events.push('unhold'));
    theirs.send('INVITE', { body: held });
    expect((await peer.take('200 INVITE')).body.toString()).toContain('a=recvonly');
    theirs.send('ACK');
    theirs.send('INVITE', { body: SDP });
    const response = await peer.take('200 INVITE');
    expect(response.headers.get('Contact')).toContain(`${stage.sip.host}:${stage.sip.port}`);
    theirs.send('ACK');
    expect(events).toEqual(['hold', 'unhold']);
    await hangUp(dialog.destroy(), peer);
  });

  promises('a re-INVITE of the peer is answered by the application, provisionally first', async (stage) => {
    const { peer, dialog, theirs } = await answered(stage);
    const acknowledged = new Promise((resolve) => dialog.on('ack', resolve));
    dialog.on('modify', (_, response) => {
      response.send(183);
      response.send(200, { body: changed });
    });
    theirs.send('INVITE', { body: changed });
    await peer.take('183 INVITE');
    expect((await peer.take('200 INVITE')).body.toString()).toBe(changed);
    theirs.send('ACK');
    await acknowledged;
    await hangUp(dialog.destroy(), peer);
  });

  promises('a re-INVITE of the application is acknowledged under its number', async (stage) => {
    const { peer, dialog } = await called(stage);
    const modified = dialog.modify(changed);
    const invite = await peer.take('INVITE');
    expect([invite.uri, invite.body.toString()]).toEqual([peer.uri(), changed]);
    peer.answer(invite, 200, { body: held });
    expect((await peer.take('ACK')).cseq.number).toBe(invite.cseq.number);
    expect(await modified).toBe(held);
    await hangUp(dialog.destroy(), peer);
  });

  promises('provisional responses to a re-INVITE of the application harm nobody', async (stage) => {
    const { peer, dialog } = await called(stage);
    const modified = dialog.modify(changed);
    const invite = await peer.take('INVITE');
    peer.answer(invite, 180);
    peer.answer(invite, 200, { body: held });
    await peer.take('ACK');
    expect(await modified).toBe(held);
    await hangUp(dialog.destroy(), peer);
  });

  promises('re-INVITEs of the application follow one another', async (stage) => {
    const { peer, dialog } = await called(stage);
    const all = Promise.all([dialog.modify(SDP), dialog.modify(changed), dialog.modify(held)]);
    const bodies: string[] = [];
    for (let round = 0; round < 3; round++) {
      const invite = await peer.take('INVITE');
      bodies.push(invite.body.toString());
      peer.answer(invite, 200, { body: SDP });
      await peer.take('ACK');
    }
    await all;
    expect(bodies).toEqual([SDP, changed, held]);
    await hangUp(dialog.destroy(), peer);
  });

  promises('re-INVITEs that cross: the peer gets 491, the application too', async (stage) => {
    const { peer, dialog, theirs } = await called(stage);
    const modified = expect(dialog.modify(changed)).rejects.toMatchObject({ status: 491 });
    const invite = await peer.take('INVITE');
    const crossing = theirs.send('INVITE', { body: SDP });
    peer.hopByHop(crossing, 'ACK', await peer.take('491 INVITE'));
    peer.answer(invite, 491);
    await modified;
    await hangUp(dialog.destroy(), peer);
  });

  promises('a request of the peer with an old number gets 500', async (stage) => {
    const { peer, dialog, theirs } = await answered(stage);
    theirs.send('INFO', { cseq: 9 });
    await peer.take('200 INFO');
    theirs.send('INFO', { cseq: 8 });
    await peer.take('500 INFO');
    await hangUp(dialog.destroy(), peer);
  });

  promises('a new Contact of the peer moves the dialog', async (stage) => {
    const { peer, dialog, theirs } = await answered(stage);
    theirs.send('UPDATE', { headers: { Contact: `<${peer.uri('moved')}>` } });
    await peer.take('200 UPDATE');
    await hangUp(dialog.destroy(), peer, (bye) => expect(bye.uri).toBe(peer.uri('moved')));
  });

  promises('a BYE that is challenged is answered by the client', async (stage) => {
    const { peer, dialog } = await called(stage, { auth: { username: 'user', password: 'secret' } });
    const destroyed = dialog.destroy();
    const first = await peer.take('BYE');
    peer.answer(first, 401, { headers: { 'WWW-Authenticate': 'Digest realm="test", nonce="abc", qop="auth"' } });
    const second = await peer.take('BYE');
    expect(second.headers.get('Authorization')).toContain('username="user"');
    expect(second.cseq.number).toBeGreaterThan(first.cseq.number);
    peer.answer(second, 200);
    await destroyed;
  });

  promises('BYEs that cross end the call on both sides', async (stage) => {
    const { peer, dialog, theirs } = await called(stage);
    const destroyed = dialog.destroy();
    const bye = await peer.take('BYE');
    theirs.send('BYE');
    await peer.take('200 BYE');
    peer.answer(bye, 481);
    await destroyed;
  });

  promises('a dialog that is over says so with a code', async (stage) => {
    const { peer, dialog, theirs } = await answered(stage);
    const destroyed = new Promise((resolve) => dialog.on('destroy', resolve));
    theirs.send('BYE');
    await peer.take('200 BYE');
    await destroyed;
    await expect(dialog.request({ method: 'INFO' })).rejects.toMatchObject({ code: 'ENODIALOG' });
  });

  promises('a call that the peer does not know any more is over for the application too', async (stage) => {
    const { peer, dialog } = await called(stage);
    const destroyed = dialog.destroy();
    peer.answer(await peer.take('BYE'), 481);
    await destroyed;
    await expect(dialog.request({ method: 'INFO' })).rejects.toMatchObject({ code: 'ENODIALOG' });
  });
}
