import { expect } from 'vitest';
import { Program } from '../../support/process.ts';
import { freePort } from '../../support/temp.ts';
import type { Contract } from '../drachtio.ts';
import { settled } from './answering.ts';
import { SDP } from './peer.ts';

const CALLS = 300;

export function load({ promises }: Contract): void {
  promises(`${CALLS} back-to-back calls at once are all set up and hung up`, async (stage) => {
    const port = await freePort();
    await using callee = await Program.start('sipp', [...sipp, '-sn', 'uas', '-p', String(port)]);
    const failures: unknown[] = [];
    stage.client.use('invite', (request, response) => {
      stage.client
        .createB2BUA(request, response, `sip:callee@127.0.0.1:${port}`, { localSdpB: SDP })
        .then(({ uas, uac }) => {
          uas.on('destroy', () => void uac.destroy().catch((error: unknown) => failures.push(error)));
        })
        .catch((error: unknown) => failures.push(error));
    });
    await settled(stage);
    // All are up together before the first hangs up.
    const many = ['-m', String(CALLS), '-l', String(CALLS), '-r', '150', '-d', '3000'];
    const target = `${stage.sip.host}:${stage.sip.port}`;
    const own = await freePort();
    await using caller = await Program.start('sipp', [...sipp, '-sn', 'uac', '-p', String(own), ...many, target]);
    expect(await caller.exited, caller.text).toMatchObject({ code: 0 });
    expect(failures).toEqual([]);
    expect(callee.child.exitCode).toBeNull();
  });
}

/** Bound to this machine, its control port too. */
const sipp = ['-i', '127.0.0.1', '-ci', '127.0.0.1', '-nostdin'];
