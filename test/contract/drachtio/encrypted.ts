import { expect } from 'vitest';
import type { Contract, Stage } from '../drachtio.ts';
import { hangUp, nextInvite, routed, settled } from './answering.ts';
import { PeerDialog, SDP } from './peer.ts';
import type { Request, Response } from './srf.ts';

/** Over TLS: how peers reach us that know no `sips:`. */
const headers = { Contact: '<sip:app@localhost;transport=tls>' };

const ours = ({ tls }: Stage) => `<sip:app@${tls().host}:${tls().port};transport=tls>`;

export function encrypted({ promises }: Contract): void {
  promises('a call by TLS is answered with the Contact of the application, and hung up by it', async (stage) => {
    const peer = await stage.tlsPeer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    const { request, response } = await arrived;
    expect(request.protocol).toBe('tls');
    response.send(180, { headers });
    expect((await peer.take('180 INVITE')).headers.get('Contact')).toBe(ours(stage));
    const answering = stage.client.createUAS(request, response, { localSdp: SDP, headers });
    const ok = await peer.take('200 INVITE');
    expect(ok.headers.get('Contact')).toBe(ours(stage));
    const theirs = PeerDialog.asCaller(peer, invite, ok);
    theirs.send('ACK');
    const dialog = await answering;
    expect(dialog.local.contact).toBe(ours(stage));
    await hangUp(dialog.destroy(), peer);
  });

  promises('a call to a peer of TLS has the Contact of the application, in a re-INVITE too', async (stage) => {
    const peer = await stage.tlsPeer();
    const calling = stage.client.createUAC(peer.uri(), { localSdp: SDP, headers });
    const invite = await peer.take('INVITE');
    expect([invite.via.transport, invite.headers.get('Contact')]).toEqual(['TLS', ours(stage)]);
    const ok = peer.answer(invite, 200, { body: SDP });
    await peer.take('ACK');
    const dialog = await calling;
    const modifying = dialog.modify(SDP);
    const reinvite = await peer.take('INVITE');
    expect(reinvite.headers.get('Contact')).toBe(ours(stage));
    peer.answer(reinvite, 200, { body: SDP });
    await modifying;
    const destroyed = new Promise((resolve) => dialog.on('destroy', resolve));
    PeerDialog.asCallee(peer, invite, ok).send('BYE');
    await peer.take('200 BYE');
    await destroyed;
  });

  promises(
    'a subscription by TLS is answered with the Contact of the application, and when it is refreshed',
    async (stage) => {
      const peer = await stage.tlsPeer();
      const taken: Request[] = [];
      const accept = (request: Request, response: Response) => {
        taken.push(request);
        response.send(200, { headers: { ...headers, Expires: '60', 'Subscription-State': 'active;expires=60' } });
      };
      stage.client.use('subscribe', accept);
      await settled(stage);
      const subscribe = peer.request('SUBSCRIBE', { headers: { Event: 'message-summary', Expires: '60' } });
      const first = await peer.take('200 SUBSCRIBE');
      expect(first.headers.get('Contact')).toBe(ours(stage));
      PeerDialog.asCaller(peer, subscribe, first).send('SUBSCRIBE', {
        headers: { Event: 'message-summary', Expires: '0' },
      });
      expect((await peer.take('200 SUBSCRIBE')).headers.get('Contact')).toBe(ours(stage));
      expect(taken).toHaveLength(2);
    },
  );
}
