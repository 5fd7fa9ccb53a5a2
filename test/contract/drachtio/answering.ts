import { expect } from 'vitest';
import type { SipRequest } from '../../../src/embedded/sip/message/index.ts';
import type { Contract, Stage } from '../drachtio.ts';
import { PeerDialog, SDP, type SipPeer } from './peer.ts';
import type { Message, Request, Response } from './srf.ts';

/** The next INVITE that the client gets. */
export const nextInvite = ({ client }: Stage): Promise<{ request: Request; response: Response }> =>
  new Promise((resolve) => client.use('invite', (request, response) => resolve({ request, response })));

/** A call of a peer that the client has answered and the peer acknowledged. */
export async function answered(stage: Stage) {
  const peer = await stage.peer();
  const arrived = nextInvite(stage);
  const invite = await routed(stage, peer);
  const { request, response } = await arrived;
  const dialog = await stage.client.createUAS(request, response, { localSdp: SDP });
  const ok = await peer.take('200 INVITE');
  const acknowledged = new Promise<Message>((resolve) => dialog.on('ack', resolve));
  const theirs = PeerDialog.asCaller(peer, invite, ok);
  theirs.send('ACK');
  await acknowledged;
  return { peer, invite, request, dialog, theirs, ok };
}

/** The peer's INVITE, as soon as the client's wish for INVITEs has arrived at the server. */
export async function routed(stage: Stage, peer: SipPeer, content: Parameters<SipPeer['request']>[1] = {}) {
  await settled(stage);
  return peer.request('INVITE', { body: SDP, ...content });
}

/** Everything that the client has sent before has been understood: commands are obeyed in their order. */
export async function settled({ client }: Stage): Promise<void> {
  await client.request('http://not-a-sip-uri', { method: 'OPTIONS' }).then(
    () => expect.unreachable('no server sends to http'),
    () => undefined,
  );
}

export function answering({ promises }: Contract): void {
  promises('a call is answered, acknowledged and hung up by the caller', async (stage) => {
    const { peer, invite, request, dialog, theirs, ok } = await answered(stage);
    expect(request.source_port).toBe(peer.port);
    expect(request.receivedOn).toBe(`${stage.sip.host}:${stage.sip.port}`);
    expect(ok.body.toString()).toBe(SDP);
    expect(ok.headers.get('Contact')).toContain(`${stage.sip.host}:${stage.sip.port}`);
    expect(dialog.sip).toEqual({
      callId: invite.callId,
      remoteTag: invite.from.params.get('tag'),
      localTag: ok.to.params.get('tag'),
    });
    expect(stage.client.findDialogByCallIDAndFromTag(invite.callId, dialog.sip.remoteTag)).toBe(dialog);
    const destroyed = new Promise((resolve) => dialog.on('destroy', resolve));
    theirs.send('BYE');
    await destroyed;
    await peer.take('200 BYE');
  });

  promises('100 comes from the server; ringing and answer have one tag', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    await peer.take('100 INVITE');
    const { request, response } = await arrived;
    response.send(180);
    response.send(183, { body: SDP });
    const [ringing, progress] = [await peer.take('180 INVITE'), await peer.take('183 INVITE')];
    const dialog = await stage.client.createUAS(request, response, { localSdp: SDP });
    const ok = await peer.take('200 INVITE');
    expect(new Set([ringing, progress, ok].map(({ to }) => to.params.get('tag'))).size).toBe(1);
    expect(progress.body.toString()).toBe(SDP);
    PeerDialog.asCaller(peer, invite, ok).send('ACK');
    await hangUp(dialog.destroy(), peer);
  });

  promises('a call is refused with the headers of the application', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    (await arrived).response.send(486, { headers: { 'X-Why': 'lunch' } });
    const refused = await peer.take('486 INVITE');
    peer.hopByHop(invite, 'ACK', refused);
    expect(refused.headers.get('X-Why')).toBe('lunch');
  });

  promises('the application may choose the To tag', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    const { response } = await arrived;
    response.send(480, { headers: { To: '<sip:x@y>;tag=chosen' } });
    const refused = await peer.take('480 INVITE');
    peer.hopByHop(invite, 'ACK', refused);
    expect(refused.to.params.get('tag')).toBe('chosen');
  });

  promises('a caller who gives up hears 200 and 487; the application hears why, and answers in vain', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    const { request, response } = await arrived;
    const cancelled = new Promise<Message>((resolve) => request.on('cancel', resolve));
    response.send(180);
    await peer.take('180 INVITE');
    peer.hopByHop(invite, 'CANCEL', undefined, { Reason: 'SIP;cause=200;text="elsewhere"' });
    await peer.take('200 CANCEL');
    peer.hopByHop(invite, 'ACK', await peer.take('487 INVITE'));
    expect((await cancelled).get('Reason')).toContain('elsewhere');
    await expect(stage.client.createUAS(request, response, { localSdp: SDP })).rejects.toBeTruthy();
  });

  promises('CANCEL and answer that cross end in exactly one of the two', async (stage) => {
    let arrived = Promise.withResolvers<{ request: Request; response: Response }>();
    stage.client.use('invite', (request, response) => arrived.resolve({ request, response }));
    for (let round = 0; round < 10; round++) {
      arrived = Promise.withResolvers();
      const peer = await stage.peer();
      const invite = await routed(stage, peer);
      const { request, response } = await arrived.promise;
      const outcome = stage.client.createUAS(request, response, { localSdp: SDP }).then(
        (dialog) => dialog,
        () => undefined,
      );
      peer.hopByHop(invite, 'CANCEL');
      const [final, dialog] = await Promise.all([
        Promise.race([peer.take('200 INVITE'), peer.take('487 INVITE')]),
        outcome,
      ]);
      if (final.status === 200) {
        PeerDialog.asCaller(peer, invite, final).send('ACK');
        const bye = await Promise.race([peer.take('BYE'), dialog?.destroy().then(() => undefined)]);
        if (bye) peer.answer(bye, 200);
      } else peer.hopByHop(invite, 'ACK', final);
    }
  });

  promises('an answer that nobody acknowledges is repeated, and then hung up', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    await routed(stage, peer);
    const { request, response } = await arrived;
    const dialog = await stage.client.createUAS(request, response, { localSdp: SDP });
    const reason = new Promise<string | undefined>((resolve) => dialog.on('destroy', (_, why) => resolve(why)));
    expect(await reason).toBe('ACK timeout');
    peer.answer(await peer.take('BYE'), 200);
    expect(peer.count('200 INVITE')).toBeGreaterThan(5);
  });

  promises('the application hangs up', async (stage) => {
    const { peer, dialog } = await answered(stage);
    await hangUp(dialog.destroy({ headers: { Reason: 'Q.850;cause=16' } }), peer, (bye) => {
      expect(bye.headers.get('Reason')).toBe('Q.850;cause=16');
      expect(bye.uri).toBe(peer.uri());
    });
  });

  promises(
    'a reliable provisional response is repeated until its PRACK, of which the application hears',
    async (stage) => {
      const peer = await stage.peer();
      const arrived = nextInvite(stage);
      const invite = await routed(stage, peer, { headers: { Supported: '100rel' } });
      const { response } = await arrived;
      const pracked = new Promise<Request>((resolve) => {
        response.send(183, { headers: { Require: '100rel' }, body: SDP }, () => undefined, resolve);
      });
      const progress = await peer.take('183 INVITE');
      const rseq = progress.headers.get('RSeq') ?? '';
      const theirs = PeerDialog.asCaller(peer, invite, progress);
      theirs.send('PRACK', { headers: { RAck: `${rseq} ${invite.cseq.number} INVITE` } });
      expect((await pracked).get('RAck')).toBe(`${rseq} ${invite.cseq.number} INVITE`);
      await peer.take('200 PRACK');
      response.send(486);
      peer.hopByHop(invite, 'ACK', await peer.take('486 INVITE'));
    },
  );

  promises('a caller without 100rel gets none; the application is told', async (stage) => {
    const peer = await stage.peer();
    const arrived = nextInvite(stage);
    const invite = await routed(stage, peer);
    const { response } = await arrived;
    const error = await new Promise((resolve) => response.send(183, { headers: { Require: '100rel' } }, resolve));
    expect(error).toMatch(/does not support 100rel/);
    response.send(486);
    peer.hopByHop(invite, 'ACK', await peer.take('486 INVITE'));
  });

  promises('without an application that wants it a call gets 503', async (stage) => {
    const peer = await stage.peer();
    const invite = peer.request('INVITE', { body: SDP });
    peer.hopByHop(invite, 'ACK', await peer.take('503 INVITE'));
  });
}

/** Answers the BYE that the application sends. */
export async function hangUp(
  destroyed: Promise<unknown>,
  peer: SipPeer,
  look: (bye: SipRequest) => void = () => undefined,
): Promise<void> {
  const bye = await peer.take('BYE');
  look(bye);
  peer.answer(bye, 200);
  await destroyed;
}
