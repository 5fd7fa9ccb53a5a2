import { expect } from 'vitest';
import type { Contract } from '../drachtio.ts';
import { answered, nextInvite, settled } from './answering.ts';
import { PeerDialog, SDP } from './peer.ts';
import { connect, newClient, type Request } from './srf.ts';

export function connections({ promises }: Contract): void {
  promises('the server says what it is and where it listens', async ({ server }) => {
    const client = newClient();
    const { hostports, version } = await connect(client, server);
    expect(hostports).toMatch(/udp\/[\d.]+:\d+/);
    // drachtio-srf sends pings only to servers from v0.8.2 on.
    expect(version).toMatch(/^v?\d+\.\d+\.\d+/);
    client.disconnect();
  });

  promises('a wrong secret is refused', async ({ server }) => {
    const client = newClient();
    const refused = expect(connect(client, { ...server, secret: 'wrong' })).rejects.toThrow(/failed to authenticate/);
    await refused;
    client.disconnect();
  });

  promises('applications take turns', async (stage) => {
    const peer = await stage.peer();
    const [first, second] = [stage.client, await stage.anotherClient()];
    const turns: string[] = [];
    first.use('options', (_, response) => {
      turns.push('first');
      response.send(200);
    });
    second.use('options', (_, response) => {
      turns.push('second');
      response.send(200);
    });
    await settled({ ...stage, client: first });
    await settled({ ...stage, client: second });
    for (let round = 0; round < 4; round++) {
      peer.request('OPTIONS');
      await peer.take('200 OPTIONS');
    }
    expect(turns.toSorted()).toEqual(['first', 'first', 'second', 'second']);
    expect(turns[0]).not.toBe(turns[1]);
  });

  promises('what belongs to a dialog stays with the application that answered', async (stage) => {
    const other = await stage.anotherClient();
    const { peer, dialog, theirs } = await answered(stage);
    other.use('info', (_, response) => response.send(603));
    await settled({ ...stage, client: other });
    const infos: string[] = [];
    dialog.on('info', (request, response) => {
      infos.push(request.method);
      response.send(200);
    });
    for (let round = 0; round < 3; round++) {
      theirs.send('INFO');
      await peer.take('200 INFO');
    }
    expect(infos).toHaveLength(3);
    const destroyed = new Promise((resolve) => dialog.on('destroy', resolve));
    theirs.send('BYE');
    await peer.take('200 BYE');
    await destroyed;
  });

  promises('a phone on a WebSocket registers, is called by its connection, and hangs up', async (stage) => {
    const page = await stage.webPage();
    const seen = Promise.withResolvers<Request>();
    stage.client.use('register', (request, response) => {
      seen.resolve(request);
      const contact = request.get('Contact') ?? '';
      response.send(200, { headers: { Contact: `${contact};expires=60`, Expires: '60' } });
    });
    await settled(stage);
    page.request('REGISTER', { headers: { Expires: '60' } });
    await page.take('200 REGISTER');
    const { source_address: address, source_port: port, protocol } = await seen.promise;
    // As our engine calls it: at its Contact, by where the REGISTER came from.
    const calling = stage.client.createUAC(page.uri(), {
      localSdp: SDP,
      proxy: `sip:${address}:${port};transport=${protocol}`,
    });
    const invite = await page.take('INVITE');
    expect([invite.uri, invite.via.transport]).toEqual([page.uri(), 'WS']);
    const ok = page.answer(invite, 200, { body: SDP });
    expect((await page.take('ACK')).cseq.number).toBe(invite.cseq.number);
    const dialog = await calling;
    const destroyed = new Promise((resolve) => dialog.on('destroy', resolve));
    PeerDialog.asCallee(page, invite, ok).send('BYE');
    await page.take('200 BYE');
    await destroyed;
  });

  promises('a phone on a WebSocket calls, and is hung up by its connection', async (stage) => {
    const page = await stage.webPage();
    const arrived = nextInvite(stage);
    await settled(stage);
    const invite = page.request('INVITE', { body: SDP });
    const { request, response } = await arrived;
    const answering = stage.client.createUAS(request, response, { localSdp: SDP });
    const theirs = PeerDialog.asCaller(page, invite, await page.take('200 INVITE'));
    theirs.send('ACK');
    const dialog = await answering;
    const gone = dialog.destroy();
    page.answer(await page.take('BYE'), 200);
    await gone;
  });
}
