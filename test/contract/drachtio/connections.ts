import { expect } from 'vitest';
import type { Contract } from '../drachtio.ts';
import { answered, settled } from './answering.ts';
import { connect, newClient } from './srf.ts';

export function connections({ promises }: Contract): void {
  promises('the server says what it is and where it listens', async ({ server }) => {
    const client = newClient();
    const { hostports, version } = await connect(client, server);
    expect(hostports).toMatch(/udp\/[\d.]+:\d+/);
    // drachtio-srf sends pings only to servers from v0.8.2 on.
    expect(version).toMatch(/^v\d+\.\d+\.\d+/);
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
}
