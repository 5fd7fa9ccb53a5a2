import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Phone } from '../support/baresip.ts';
import { type DrachtioServer, startDrachtio } from '../support/drachtio-server.ts';
import type { Engine } from '../support/engine-process.ts';
import { Installation } from '../support/installation.ts';
import { idle } from '../support/observe.ts';
import { domain, lines, office, password } from '../support/office.ts';
import { sippCalls } from '../support/sipp.ts';
import { freePort } from '../support/temp.ts';
import { eventually } from '../support/wait.ts';

/**
 * Two nodes, and phones on TCP at one of two SIP servers: the nodes' own, which they have opened to each other, or with DRACHTIO_BINARY two drachtio servers that both nodes
 * are connected to.
 */

let resources: AsyncDisposableStack;
let installation: Installation;
let servers: DrachtioServer[];
let first: Engine;
let second: Engine;
/** Of the SIP servers. */
let ends: string[];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  installation = resources.use(await Installation.start(office));
  const binary = process.env.DRACHTIO_BINARY;
  servers = binary ? [resources.use(await startDrachtio(binary)), resources.use(await startDrachtio(binary))] : [];
  const start = async (id: string) =>
    installation.node(id, {
      ...(binary && { drachtio: servers }),
      env: { NODE_LISTEN: `127.0.0.1:${await freePort()}` },
    });
  first = await start('first');
  second = await start('second');
  if (!binary)
    await second.program.lines.find('the first', (line) => line.includes('connected to the SIP server first'));
  ends = binary ? servers.map(({ sip }) => sip) : [first.sip, second.sip];
});
afterAll(() => resources.disposeAsync());

const records = async (): Promise<CallRecord[]> =>
  (await first.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=50')).items;

const anna = (): Promise<Phone> =>
  Phone.register({
    user: 'anna',
    password,
    domain,
    proxy: at(0).replace(/\d+$/, tcpPort),
    transport: 'tcp',
    env: installation.audio,
    answers: 'auto',
  });
/** The embedded server has another port for TCP. */
let tcpPort: string;
const at = (index: number): string => ends[index] ?? '';

describe('a phone on TCP at one of two SIP servers', () => {
  it('is rung whichever node and server has the caller', async () => {
    tcpPort = (servers[0]?.sip ?? first.sipTcp).split(':')[1] ?? '';
    await using phone = await anna();
    // drachtio hands calls to the nodes in turn: of several each node has some.
    const calls = servers.length > 0 ? 4 : 1;
    for (const end of ends) {
      for (let count = 0; count < calls; count++) {
        const rung = sippCalls(end, { to: lines.forwarding, talkMs: 200 });
        await phone.next('CALL_ESTABLISHED');
        expect(await rung).toMatchObject({ code: 0, successful: 1, failed: 0 });
      }
    }
    const items = await eventually('the records', records, (all) => all.length === calls * ends.length);
    expect(items.every(({ outcome }) => outcome === 'answered')).toBe(true);
    expect(new Set(items.map(({ node }) => node))).toEqual(new Set(['first', 'second']));
    await Promise.all([idle(first), idle(second)]);
  });

  it.runIf(process.env.DRACHTIO_BINARY)(
    'that dies costs its calls alone: both nodes go on with the other, and with it when it is back',
    async () => {
      const [dying, other] = servers as [DrachtioServer, DrachtioServer];
      const killed = Promise.withResolvers<void>();
      const lost = sippCalls(dying.sip, { to: lines.load, talkMs: 60_000 }, { calls: 4, until: killed.promise });
      // In a menu, with no leg but the caller's.
      const kept = sippCalls(other.sip, { to: lines.menu, talkMs: 3000 }, { calls: 4 });
      const dialogs = async () =>
        (await first.metric('kommutator_sip_dialogs')) + (await second.metric('kommutator_sip_dialogs'));
      await eventually('the calls', dialogs, (count) => count === 12);
      await dying.kill();
      killed.resolve();
      await lost;
      for (const node of [first, second]) {
        const ready = await eventually(
          'what is left',
          async () => (await fetch(`${node.url}/readyz`)).json() as Promise<{ ready: boolean; sipServers: boolean[] }>,
          ({ sipServers }) => sipServers[0] === false,
        );
        expect(ready).toMatchObject({ ready: true, sipServers: [false, true] });
      }
      expect(await sippCalls(other.sip, { to: lines.load, talkMs: 100 }, { calls: 2 })).toMatchObject({
        successful: 2,
      });
      expect(await kept).toMatchObject({ code: 0, successful: 4, failed: 0 });
      await dying.start();
      const back = Date.now();
      for (const node of [first, second])
        await eventually(
          'the server',
          () => node.metric('kommutator_sip_server_up'),
          (count) => count === 2,
        );
      expect(Date.now() - back).toBeLessThan(6000);
      expect(await sippCalls(dying.sip, { to: lines.load, talkMs: 100 }, { calls: 2 })).toMatchObject({
        successful: 2,
      });
      await Promise.all([idle(first), idle(second)]);
    },
  );
});
