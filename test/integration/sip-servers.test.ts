import { readFile } from 'node:fs/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalFailures } from '../../src/sip/attempts.ts';
import { type DrachtioAddress, placeOf, startSip } from '../../src/sip/index.ts';
import type { Edge, IncomingInvite } from '../../src/sip/port.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { pbxOf } from '../support/pbx.ts';
import { fromNetwork, responseSent, ScriptedDrachtio, sip } from '../support/scripted-drachtio.ts';
import { configOf } from '../support/sip-stack.ts';
import { eventually, Inbox } from '../support/wait.ts';

/** Several SIP servers for one node, every frame of which is written by the test. */

const offer = 'v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\n';
const answer = 'v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\n';
const us = { user: '451', host: '', display: '' };
const pbx = pbxOf({ trunks: [{ id: 'operator', host: '198.51.100.7', ports: '5060' }] });

let resources: AsyncDisposableStack;
beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

async function server(options?: Parameters<typeof ScriptedDrachtio.start>[0]): Promise<ScriptedDrachtio> {
  const started = await ScriptedDrachtio.start(options);
  resources.defer(() => started.stop());
  return started;
}

const settled = (condition: () => boolean) => eventually('it', async () => condition(), Boolean);

async function start(addresses: readonly DrachtioAddress[]) {
  const invites = new Inbox<IncomingInvite>('invites');
  const states = new Inbox<string>('states');
  const side = await startSip({
    servers: addresses.map((address) => ({ name: placeOf(address), address: async () => address })),
    config: configOf([pbx]),
    registrations: { on: () => () => undefined, sweep: async () => 0 } as never,
    failures: new LocalFailures(systemClock),
    patienceMs: 2000,
    clock: systemClock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
    node: 'n1',
  });
  resources.defer(() => side.close());
  side.server.onInvite((invite) => invites.push(invite));
  side.server.on('up', ({ server: name }) => states.push(`up ${name}`));
  side.server.on('down', ({ server: name }) => states.push(`down ${name}`));
  return { server: side.server, follow: side.follow, invites, states };
}

/** A call from the operator that comes by this server and is answered there. */
async function talk(by: ScriptedDrachtio, invites: Inbox<IncomingInvite>, id: string) {
  const headers = {
    Via: 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1',
    From: '<sip:7916@198.51.100.7>;tag=peer',
    To: '<sip:7495@127.0.0.1>',
    'Call-ID': id,
    CSeq: '1 INVITE',
    Contact: '<sip:7916@198.51.100.7:5060>',
  };
  by.send(fromNetwork(sip('INVITE sip:7495@127.0.0.1 SIP/2.0', headers, offer), `t-${id}`));
  const { item: invite } = await invites.find(`the call ${id}`, (one) => one.id === id);
  const dialog = invite.answer({ sdp: answer });
  const { item: ok } = await by.frames.find('200', ({ what }) => what === '200');
  const contact = { Contact: '<sip:127.0.0.1:5060>', To: '<sip:7495@127.0.0.1>;tag=us' };
  by.send(
    responseSent(ok, sip('SIP/2.0 200 OK', { ...headers, ...contact }, answer), `t-${id}`, `${id};from-tag=peer`),
  );
  return dialog;
}

describe('several SIP servers', () => {
  it('each take calls; one that is lost ends its own alone, and is used again when it is back', async () => {
    const [first, second] = [
      await server({ listens: 'udp/10.0.0.1:5060' }),
      await server({ listens: 'udp/10.0.0.2:5060' }),
    ];
    const node = await start([first.address, second.address]);
    expect(node.server.listening).toEqual(['udp/10.0.0.1:5060', 'udp/10.0.0.2:5060']);
    const one = await talk(first, node.invites, 'one');
    const two = await talk(second, node.invites, 'two');
    expect(node.server.servers).toMatchObject([{ dialogs: 1 }, { dialogs: 1 }]);
    expect(node.server.stats().dialogs).toBe(2);

    const ended = new Promise((resolve) => one.on('ended', resolve));
    first.drop();
    expect(await ended).toMatchObject({ by: 'lost' });
    expect(two.ended).toBeUndefined();
    expect(node.server.state).toBe('up');
    expect(node.server.listening).toEqual(['udp/10.0.0.2:5060']);
    const bye = two.bye();
    const { item } = await second.frames.find('BYE', ({ what }) => what === 'BYE');
    expect(item.fields).toContain('two;from-tag=peer');
    void bye;

    const name = placeOf(first.address);
    await node.states.find('the first again', (state) => state === `up ${name}`);
    expect(node.states.items).toEqual([`down ${name}`, `up ${name}`]);
    expect(node.server.servers).toMatchObject([{ state: 'up' }, { state: 'up' }]);
  });

  it('calls of ours go by the first that works', async () => {
    const [first, second] = [await server(), await server()];
    const node = await start([first.address, second.address]);
    node.server.invite({ target: { uri: 'sip:1@192.0.2.1' }, from: us, sdp: offer });
    await first.frames.find('the first call', ({ message }) => message.startsWith('INVITE sip:1@'));
    await first.stop();
    await node.states.find('down', (state) => state.startsWith('down'));
    node.server.invite({ target: { uri: 'sip:2@192.0.2.1' }, from: us, sdp: offer });
    await second.frames.find('the second call', ({ message }) => message.startsWith('INVITE sip:2@'));
  });

  it('a phone is rung by the server that it has registered at', async () => {
    const [first, second] = [
      await server({ listens: 'udp/10.0.0.1:5060' }),
      await server({ listens: 'udp/10.0.0.2:5060' }),
    ];
    const node = await start([first.address, second.address]);
    const nextHop = { protocol: 'tcp', address: '203.0.113.5', port: 40_000 } as const;
    const ring = (user: string, edge: Edge) =>
      node.server.invite({ target: { uri: `sip:${user}@192.168.1.5`, nextHop, edge }, from: us, sdp: offer });
    const rung = (by: ScriptedDrachtio, user: string) =>
      by.frames.find(`INVITE for ${user}`, ({ message }) => message.startsWith(`INVITE sip:${user}@`));
    ring('anna', { server: 'udp/10.0.0.2:5060', reach: 'held' });
    const { item } = await rung(second, 'anna');
    expect(item.fields).toContain('sip:203.0.113.5:40000;transport=tcp');
    ring('boris', { server: 'udp/10.0.0.2:5060', reach: 'open' });
    await rung(second, 'boris');

    // Of nobody's server that we know: what only it reaches fails at once.
    const failed = ring('clara', { server: 'udp/10.0.0.3:5060', reach: 'held' });
    await expect(failed.answered).rejects.toMatchObject({ status: 503, cause: 'transport' });
    ring('dora', { server: 'udp/10.0.0.3:5060', reach: 'near' });
    await rung(first, 'dora');

    const third = await server({ listens: 'udp/10.0.0.3:5060' });
    node.follow([{ server: 'third', ...third.address }]);
    await settled(() => node.server.servers.some(({ name, state }) => name === 'third' && state === 'up'));
    ring('emil', { server: 'third', reach: 'near' });
    await rung(third, 'emil');
    ring('flora', { server: 'third', reach: 'open' });
    await rung(first, 'flora');
    expect(third.routes).toEqual([]);
    expect(first.routes).toContain('invite');
    const health = () => node.server.servers.find(({ name }) => name === 'third')?.state;
    expect(health()).toBe('up');
    await third.stop();
    await settled(() => health() === 'down');
    node.follow([]);
    expect(node.server.servers.map(({ name }) => name)).not.toContain('third');
  });

  it('requests of one series stay with their server as long as it is there', async () => {
    const gone = await server();
    const { address } = gone;
    await gone.stop();
    const second = await server();
    const node = await start([address, second.address]);
    let cseq = 0;
    const series = { callId: 'account', next: () => ++cseq };
    const register = () =>
      node.server
        .request({ method: 'REGISTER', target: { uri: 'sip:operator.example' }, from: us, to: us, series })
        .catch(() => undefined);
    void register();
    await second.frames.find('the first REGISTER', ({ header }) => header('CSeq') === '1 REGISTER');
    await server({ port: address.port });
    await node.states.find('the one that was away', (state) => state === `up ${placeOf(address)}`);
    void register();
    await second.frames.find('the second REGISTER', ({ header }) => header('CSeq') === '2 REGISTER');
  });

  it('one is enough to begin with; with none the start says what is wrong', async () => {
    const there = await server();
    const gone = await server();
    const { address } = gone;
    await gone.stop();
    const node = await start([address, there.address]);
    expect(node.server.state).toBe('up');
    expect(node.server.servers.map(({ state }) => state)).toEqual(['connecting', 'up']);
    await expect(start([address, address])).rejects.toMatchObject({ code: 'sip-server-unreachable' });
  });
});

describe('the connection to a drachtio server', () => {
  it('is encrypted where that is asked for, and only to a server whose certificate is good; tags are told', async () => {
    const authority = resources.use(await CertificateAuthority.create());
    const ca = await readFile(authority.file, 'utf8');
    const good = await server({ tls: await authority.issue('good', ['IP:127.0.0.1']) });
    const node = await start([{ ...good.address, tls: { ca }, tags: ['blue', 'node-1'] }]);
    expect(node.server.state).toBe('up');
    expect(await good.tags()).toBe('blue,node-1');
    await talk(good, node.invites, 'sealed');

    const other = await server({ tls: await authority.issue('other', ['DNS:elsewhere.test']) });
    for (const address of [
      { ...other.address, tls: { ca } },
      { ...good.address, tls: {} },
    ])
      await expect(start([address])).rejects.toMatchObject({
        code: 'sip-server-unreachable',
        message: expect.stringMatching(/certificate|altnames/),
      });
  });
});
