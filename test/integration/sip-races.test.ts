import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalFailures } from '../../src/sip/attempts.ts';
import { startSip } from '../../src/sip/index.ts';
import {
  type Dialog,
  type IncomingInvite,
  InviteFailure,
  InviteGone,
  ModifyFailure,
  type OutgoingInvite,
  type ReferRequest,
  reasons,
} from '../../src/sip/port.ts';
import type { Clock } from '../../src/time/clock.ts';
import { systemClock } from '../../src/time/clock.ts';
import { systemRandom } from '../../src/time/random.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { pbxOf } from '../support/pbx.ts';
import {
  type AppFrame,
  fromNetwork,
  fromServer,
  refused,
  requestSent,
  responseSent,
  ScriptedDrachtio,
  sip,
  unsolicited,
} from '../support/scripted-drachtio.ts';
import { Inbox } from '../support/wait.ts';

/** What happens between the messages: every frame of the drachtio server is written by the test. */

const offer = 'v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\n';
const answer = 'v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\n';
const trunkPbx = pbxOf({ trunks: [{ id: 'operator', host: '198.51.100.7', ports: '5060' }] });

let drachtio: ScriptedDrachtio;
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  drachtio = await ScriptedDrachtio.start();
  closers = [];
});

afterEach(async () => {
  drachtio.drop();
  for (const close of closers) await close();
  await drachtio.stop();
});

async function start({ clock = systemClock }: { clock?: Clock } = {}) {
  const invites = new Inbox<IncomingInvite>('invites');
  const states = new Inbox<string>('states');
  const sipSide = await startSip({
    servers: [{ name: 'scripted', address: async () => drachtio.address }],
    config: configOf(),
    registrations: noRegistrations,
    failures: new LocalFailures(clock),
    clock,
    random: systemRandom,
    log: pino({ level: 'silent' }),
    node: 'n1',
    patienceMs: 2000,
  });
  closers.push(async () => {
    const closed = sipSide.close();
    if (clock instanceof FakeClock) await clock.advanceAsync(10_000);
    await closed;
  });
  const { server } = sipSide;
  server.onInvite((invite) => invites.push(invite));
  server.on('up', () => states.push('up'));
  server.on('down', () => states.push('down'));
  return { server, invites, states };
}

// The guard needs no more of it than this.
const configOf = () =>
  ({
    all: () => [trunkPbx],
    on: () => () => undefined,
    findByDomain: (domain: string) => (domain === 'acme.example' ? trunkPbx : undefined),
    findPassiveLine: () => undefined,
  }) as unknown as Parameters<typeof startSip>[0]['config'];

const noRegistrations = { on: () => () => undefined, sweep: async () => 0 } as unknown as Parameters<
  typeof startSip
>[0]['registrations'];

const callHeaders = (id: string, method: string, cseq = 1) => ({
  Via: 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1',
  From: '<sip:7916@198.51.100.7>;tag=peer',
  To: '<sip:7495@127.0.0.1>',
  'Call-ID': id,
  CSeq: `${cseq} ${method}`,
  Contact: '<sip:7916@198.51.100.7:5060>',
});

const inviteFromTrunk = (id: string, headers: Record<string, string> = {}, body = offer) =>
  sip('INVITE sip:7495@127.0.0.1 SIP/2.0', { ...callHeaders(id, 'INVITE'), ...headers }, body);

const dialogId = (id: string) => `${id};from-tag=peer`;

const inDialog = (method: string, id: string, cseq: number, headers: Record<string, string> = {}, body = '') =>
  sip(
    `${method} sip:127.0.0.1:5060 SIP/2.0`,
    { ...callHeaders(id, method, cseq), To: '<sip:7495@127.0.0.1>;tag=us', ...headers },
    body,
  );

const cancel = (id: string) =>
  sip('CANCEL sip:7495@127.0.0.1 SIP/2.0', {
    ...callHeaders(id, 'CANCEL'),
    Reason: 'SIP;cause=200;text="Call completed elsewhere"',
  });

/** Our 200 as the server says it was sent. */
const sent200 = (frame: AppFrame, id: string) =>
  responseSent(
    frame,
    sip(
      'SIP/2.0 200 OK',
      { ...callHeaders(id, 'INVITE'), To: '<sip:7495@127.0.0.1>;tag=us', Contact: '<sip:127.0.0.1:5060>' },
      answer,
    ),
    't1',
    dialogId(id),
  );

const next = (what: string, from = 0) => drachtio.frames.find(what, (frame) => frame.what === what, from);

/** A call from the trunk that we have answered. */
async function answered(id: string, options: { clock?: Clock; headers?: Record<string, string>; body?: string } = {}) {
  const { server, invites, states } = await start(options);
  drachtio.send(fromNetwork(inviteFromTrunk(id, options.headers, options.body), 't1'));
  const { item: invite } = await invites.find('the call', () => true);
  const dialog = invite.answer({ sdp: answer });
  const { item: ok } = await next('200');
  drachtio.send(sent200(ok, id));
  return { server, states, invite, dialog: await dialog };
}

const endOf = (dialog: Dialog) => new Promise((resolve) => dialog.on('ended', resolve));

describe('connecting', () => {
  it('with a wrong secret, or to nobody, says what to do', async () => {
    const connect = (address: { host: string; port: number; secret: string }) =>
      startSip({
        servers: [{ name: 'scripted', address: async () => address }],
        config: configOf(),
        registrations: noRegistrations,
        failures: new LocalFailures(systemClock),
        clock: systemClock,
        random: systemRandom,
        log: pino({ level: 'silent' }),
        node: 'n1',
        patienceMs: 2000,
      });
    await expect(connect({ ...drachtio.address, secret: 'x' })).rejects.toMatchObject({ code: 'sip-server-refused' });
    const { port } = drachtio.address;
    const other = await ScriptedDrachtio.start();
    const gone = other.address;
    await other.stop();
    expect(gone.port).not.toBe(port);
    await expect(connect(gone)).rejects.toMatchObject({ code: 'sip-server-unreachable' });
  });

  it('lost ends everything that was on it, once, and comes back by itself', async () => {
    const { server, states, dialog } = await answered('lost');
    drachtio.send(fromNetwork(inviteFromTrunk('ringing'), 't2'));
    const incoming = new Promise((resolve) => server.onInvite((invite) => invite.on('cancelled', resolve)));
    const outgoing = server.invite({ target: { uri: 'sip:1@192.0.2.1' }, from: us, sdp: offer });
    await next('INVITE');
    expect(server.stats()).toMatchObject({ state: 'up', dialogs: 1, outgoing: 1 });
    const ended = endOf(dialog);
    drachtio.drop();
    await expect(outgoing.answered).rejects.toMatchObject({ cause: 'transport', status: 503 });
    expect(await ended).toMatchObject({ by: 'lost' });
    await incoming;
    expect(server.stats()).toMatchObject({ incoming: 0, outgoing: 0, dialogs: 0 });
    await dialog.bye();
    await states.find('up', (state) => state === 'up');
    expect(states.items).toEqual(['down', 'up']);
    expect(server.listening).toEqual(['udp/127.0.0.1:5060']);
    const again = server.invite({ target: { uri: 'sip:2@192.0.2.1' }, from: us, sdp: offer });
    await drachtio.frames.find('the new INVITE', (frame) => frame.message.startsWith('INVITE sip:2@'));
    again.cancel();
  });

  it('is not there: a call fails at once', async () => {
    const { server, states } = await start();
    await drachtio.stop();
    await states.find('down', (state) => state === 'down');
    const failed = server.invite({ target: { uri: 'sip:1@192.0.2.1' }, from: us, sdp: offer });
    await expect(failed.answered).rejects.toMatchObject({ cause: 'transport' });
    expect(server.stats().outgoing).toBe(0);
  });
});

const us = { user: '451', host: '', display: 'Иван "Ваня"\r\nX-Evil: 1' };

describe('an INVITE that comes in', () => {
  it('and is cancelled before the handler is called never gets there', async () => {
    const { server, invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('quick'), 't1'), fromNetwork(cancel('quick'), 't1', dialogId('quick')));
    drachtio.send(fromNetwork(inviteFromTrunk('second'), 't2'));
    const { item } = await invites.find('a call', () => true);
    expect(item.id).toBe('second');
    expect(server.stats().incoming).toBe(1);
  });

  it('and is cancelled while it rings can no longer be answered', async () => {
    const { server, invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('c'), 't1'));
    const { item: invite } = await invites.find('the call', () => true);
    invite.ring(180);
    await next('180');
    const cancelled = new Promise((resolve) => invite.on('cancelled', resolve));
    drachtio.send(fromNetwork(cancel('c'), 't1', dialogId('c')));
    expect(await cancelled).toEqual({ reason: 'Call completed elsewhere' });
    expect(invite.cancelled).toBe(true);
    expect(await new Promise((resolve) => invite.on('cancelled', resolve))).toEqual({
      reason: 'Call completed elsewhere',
    });
    await expect(invite.answer({ sdp: answer })).rejects.toMatchObject({ why: 'cancelled' });
    invite.ring(180);
    invite.reject(486);
    expect(server.stats().incoming).toBe(0);
    expect(drachtio.frames.items.map(({ what }) => what)).toEqual(['180']);
  });

  it('and is answered when the CANCEL is on its way counts as cancelled', async () => {
    const { invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('x'), 't1'));
    const { item: invite } = await invites.find('the call', () => true);
    let cancellations = 0;
    invite.on('cancelled', () => cancellations++);
    const answering = invite.answer({ sdp: answer });
    const { item: ok } = await next('200');
    drachtio.send(
      fromNetwork(cancel('x'), 't1', dialogId('x')),
      refused(ok, 'Response not sent due to unknown transaction'),
    );
    await expect(answering).rejects.toBeInstanceOf(InviteGone);
    await expect(answering).rejects.toMatchObject({ why: 'cancelled' });
    expect(cancellations).toBe(1);
  });

  it('gets one final response, whatever is called', async () => {
    const { server, invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('once'), 't1'));
    const { item: invite } = await invites.find('the call', () => true);
    invite.reject(486, { reason: 'Busy\r\nX: 1', headers: { 'X-Note': 'a\r\nb' } });
    invite.reject(404);
    invite.ring(180);
    await expect(invite.answer({ sdp: answer })).rejects.toMatchObject({ why: 'rejected' });
    const { item: busy } = await next('486');
    expect(busy.message).toMatch(/^SIP\/2\.0 486 Busy X: 1\r\n/);
    expect(busy.header('X-Note')).toBe('a b');
    expect(drachtio.frames.items).toHaveLength(1);
    expect(server.stats().incoming).toBe(0);
  });

  it('cannot be answered twice', async () => {
    const { invite } = await answered('twice');
    await expect(invite.answer({ sdp: answer })).rejects.toMatchObject({ why: 'answered' });
    invite.reject(486);
    expect(drachtio.frames.items.map(({ what }) => what)).toEqual(['200']);
  });

  it('whose handler throws is answered 500', async () => {
    const { server } = await start();
    server.onInvite(() => {
      throw new Error('bug');
    });
    drachtio.send(fromNetwork(inviteFromTrunk('bug'), 't1'));
    await next('500');
    expect(server.stats().incoming).toBe(0);
  });

  it('that demands reliable responses gets them one after the other (RFC 3262 §3)', async () => {
    const { invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('rel', { Require: '100rel' }), 't1'));
    const { item: invite } = await invites.find('the call', () => true);
    invite.ring(180);
    invite.ring(183, { sdp: 'skipped' });
    invite.ring(183, { sdp: answer });
    const { item: ringing } = await next('180');
    expect(ringing.header('Require')).toBe('100rel');
    const reliable = sip('SIP/2.0 180 Ringing', {
      ...callHeaders('rel', 'INVITE'),
      To: '<sip:7495@127.0.0.1>;tag=us',
      RSeq: '7',
    });
    drachtio.send(
      responseSent(ringing, reliable, 't1', dialogId('rel')),
      fromNetwork(inDialog('PRACK', 'rel', 2, { RAck: '7 1 INVITE' }), 't2', dialogId('rel')),
    );
    const { item: progress } = await next('183');
    expect(progress.message).toContain(answer);
    expect(drachtio.frames.items.map(({ what }) => what).sort()).toEqual(['180', '183', '200']);
  });
});

describe('a dialog', () => {
  it('that the peer ends in the very moment of the answer ends for us', async () => {
    const { server, invites } = await start();
    drachtio.send(fromNetwork(inviteFromTrunk('bye'), 't1'));
    const { item: invite } = await invites.find('the call', () => true);
    const answering = invite.answer({ sdp: answer });
    const { item: ok } = await next('200');
    drachtio.send(
      sent200(ok, 'bye'),
      fromNetwork(inDialog('ACK', 'bye', 1), 't1', dialogId('bye')),
      fromNetwork(inDialog('BYE', 'bye', 2, { Reason: 'Q.850;cause=16;text="Normal"' }), 't2', dialogId('bye')),
    );
    const dialog = await answering;
    expect(await endOf(dialog)).toEqual({ by: 'remote', reason: 'Normal' });
    expect(dialog.ended).toEqual({ by: 'remote', reason: 'Normal' });
    await dialog.bye();
    await next('200', 1);
    expect(drachtio.frames.items.map(({ what }) => what)).toEqual(['200', '200']);
    expect(server.stats().dialogs).toBe(0);
  });

  it('without an ACK ends as timed out', async () => {
    const { dialog } = await answered('noack');
    const ended = endOf(dialog);
    drachtio.send(
      unsolicited(inDialog('BYE', 'noack', 2, { Reason: 'SIP;cause=200;text="ACK timeout"' }), dialogId('noack')),
    );
    expect(await ended).toEqual({ by: 'timeout', reason: 'ACK timeout' });
  });

  it('is ended by us at once, and once', async () => {
    const { server, dialog } = await answered('us');
    let ends = 0;
    dialog.on('ended', () => ends++);
    const byes = Promise.all([dialog.bye(reasons.shutdown), dialog.bye()]);
    expect(dialog.ended).toEqual({ by: 'local', reason: 'Service Unavailable' });
    const { item: bye } = await next('BYE');
    expect(bye.header('Reason')).toBe('SIP;cause=503;text="Service Unavailable"');
    const message = inDialog('BYE', 'us', 2);
    drachtio.send(
      requestSent(bye, message, 't9'),
      fromNetwork(sip('SIP/2.0 200 OK', callHeaders('us', 'BYE', 2)), 't9', dialogId('us')),
    );
    await byes;
    expect(ends).toBe(1);
    expect(server.stats().dialogs).toBe(0);
    expect(drachtio.frames.items.filter(({ what }) => what === 'BYE')).toHaveLength(1);
  });

  it('answers re-INVITEs by its handler', async () => {
    const { dialog } = await answered('re');
    const reinvite = (cseq: number) =>
      drachtio.send(fromNetwork(inDialog('INVITE', 're', cseq, {}, 'v=0\r\nhold'), `t${cseq}`, dialogId('re')));
    dialog.onReinvite(async () => {
      throw new Error('no codec');
    });
    reinvite(3);
    await next('488');
    const working = Promise.withResolvers<string>();
    const offers: (string | undefined)[] = [];
    dialog.onReinvite((given) => {
      offers.push(given);
      return working.promise;
    });
    reinvite(4);
    reinvite(5);
    const { item: later } = await next('500');
    expect(later.fields[0]).toBe('t5');
    expect(Number(later.header('Retry-After'))).toBeLessThanOrEqual(10);
    working.resolve('v=0\r\nheld');
    const { item: ok, index } = await drachtio.frames.find(
      '200',
      ({ fields, what }) => what === '200' && fields[0] === 't4',
    );
    expect(ok.message).toContain('v=0\r\nheld');
    expect(ok.header('Contact')).toBe('<sip:127.0.0.1:5060>');
    expect(offers).toEqual(['v=0\r\nhold']);
    expect([dialog.localSdp, dialog.remoteSdp]).toEqual(['v=0\r\nheld', 'v=0\r\nhold']);
    // Without an offer ours is asked for, and the ACK brings the answer.
    drachtio.send(fromNetwork(inDialog('INVITE', 're', 6), 't6', dialogId('re')));
    await next('200', index + 1);
    expect(offers).toEqual(['v=0\r\nhold', undefined]);
    const remote = new Promise((resolve) => dialog.on('remoteSdp', resolve));
    drachtio.send(fromNetwork(inDialog('ACK', 're', 6, {}, 'v=0\r\ntheirs'), 't6', dialogId('re')));
    expect(await remote).toEqual({ sdp: 'v=0\r\ntheirs' });
    expect(dialog.remoteSdp).toBe('v=0\r\ntheirs');
  });

  it('keeps a re-INVITE that comes with the ACK until there is a handler, but not for ever', async () => {
    const clock = new FakeClock();
    const { dialog } = await answered('early', { clock });
    const reinvite = (cseq: number) =>
      drachtio.send(fromNetwork(inDialog('INVITE', 'early', cseq, {}, 'v=0\r\nmoved'), `t${cseq}`, dialogId('early')));
    const pending = clock.pending;
    reinvite(2);
    while (clock.pending === pending) await settle();
    await clock.advanceAsync(4000);
    await next('491');
    reinvite(3);
    while (clock.pending === pending) await settle();
    dialog.onReinvite(async (offer) => `to ${offer}`);
    const { item } = await drachtio.frames.find('200', ({ fields, what }) => what === '200' && fields[0] === 't3');
    expect(item.message).toContain('to v=0\r\nmoved');
    expect(dialog.remoteSdp).toBe('v=0\r\nmoved');
    expect(clock.pending).toBe(pending);
  });

  it('learns the answer to its offer from the ACK', async () => {
    const { dialog } = await answered('late', { body: '' });
    expect(dialog.remoteSdp).toBeUndefined();
    const remote = new Promise((resolve) => dialog.on('remoteSdp', resolve));
    drachtio.send(fromNetwork(inDialog('ACK', 'late', 1, {}, 'v=0\r\ntheirs'), 't1', dialogId('late')));
    expect(await remote).toEqual({ sdp: 'v=0\r\ntheirs' });
  });

  it('modifies the session, again after a refusal, and after a pause where both ask at once', async () => {
    const clock = new FakeClock();
    const { dialog } = await answered('mod', { clock });
    const reply = async (status: string, from: number, body = '') => {
      const { item: frame, index } = await next('INVITE', from);
      const headers = { ...callHeaders('mod', 'INVITE', index), Contact: '<sip:7916@198.51.100.7>' };
      drachtio.send(
        requestSent(frame, frame.message, `m${index}`),
        fromNetwork(sip(`SIP/2.0 ${status}`, headers, body), `m${index}`, dialogId('mod')),
      );
      return index + 1;
    };
    const first = dialog.modify('v=0\r\n1');
    let tries = 0;
    const second = dialog.modify(() => {
      tries++;
      return 'v=0\r\n2';
    });
    let at = await reply('488 Not Acceptable Here', 0);
    await expect(first).rejects.toBeInstanceOf(ModifyFailure);
    await expect(first).rejects.toMatchObject({ status: 488 });
    expect(dialog.localSdp).toBe(answer);
    at = await reply('491 Request Pending', at);
    // The peer owns the Call-ID, so we are the one who waits up to 2 s.
    while (drachtio.frames.items.slice(at).every(({ what }) => what !== 'INVITE')) {
      await settle();
      if (clock.pending > 1) await clock.advanceAsync(2000);
    }
    await reply('200 OK', at, 'v=0\r\ntheir 2');
    expect(await second).toBe('v=0\r\ntheir 2');
    expect([dialog.localSdp, dialog.remoteSdp]).toEqual(['v=0\r\n2', 'v=0\r\ntheir 2']);
    expect(tries).toBe(2);
    const third = dialog.modify(() => {
      throw new ModifyFailure(491, 'not any more');
    });
    await expect(third).rejects.toMatchObject({ status: 491 });
    expect(dialog.localSdp).toBe('v=0\r\n2');
  });

  it('that the peer does not know any more ends when we modify it', async () => {
    const { dialog } = await answered('gone');
    const modifying = dialog.modify('v=0\r\n1');
    const { item: frame } = await next('INVITE');
    drachtio.send(
      requestSent(frame, frame.message, 'm1'),
      fromNetwork(sip('SIP/2.0 481 Gone', callHeaders('gone', 'INVITE', 2)), 'm1', dialogId('gone')),
    );
    await expect(modifying).rejects.toMatchObject({ status: 481 });
    expect(dialog.ended).toMatchObject({ by: 'timeout' });
    await next('BYE');
  });

  it('reports digits of INFO, and answers other requests as it can', async () => {
    const { dialog } = await answered('info');
    const digits = new Inbox<{ digit: string; durationMs: number }>('digits');
    dialog.on('dtmf', (digit) => digits.push(digit));
    const ask = async (method: string, cseq: number, status: string, headers = {}, body = '') => {
      drachtio.send(fromNetwork(inDialog(method, 'info', cseq, headers, body), `t${cseq}`, dialogId('info')));
      const { item } = await drachtio.frames.find(
        method,
        ({ fields, what }) => what !== '' && fields[0] === `t${cseq}`,
      );
      expect([method, item.what]).toEqual([method, status]);
      return item;
    };
    await ask('INFO', 2, '200', { 'Content-Type': 'application/dtmf-relay' }, 'Signal=5\r\nDuration=250\r\n');
    await ask('INFO', 3, '200', { 'Content-Type': 'application/dtmf' }, '#');
    await ask('INFO', 4, '415', { 'Content-Type': 'application/media_control+xml' }, '<x/>');
    await ask('INFO', 5, '200');
    expect(digits.items).toEqual([
      { digit: '5', durationMs: 250 },
      { digit: '#', durationMs: 160 },
    ]);
    dialog.on('info', () => {
      throw new Error('a listener that fails');
    });
    await ask('INFO', 6, '200', { 'Content-Type': 'text/plain' }, 'x');
    await ask('OPTIONS', 7, '200');
    await ask('MESSAGE', 8, '405', { 'Content-Type': 'text/plain' }, 'x');
    await ask('SUBSCRIBE', 9, '489', { Event: 'dialog' });
    await ask('NOTIFY', 10, '481', { Event: 'refer', 'Subscription-State': 'active' });
    await ask('REFER', 11, '405', { 'Refer-To': '<sip:452@acme.example>' });
    await ask('UPDATE', 12, '200');
    const refers = new Inbox<ReferRequest>('REFERs');
    dialog.onRefer((refer) => {
      refers.push(refer);
      refer.accept();
    });
    await ask('REFER', 13, '202', {
      'Refer-To': '"P" <sip:452@acme.example?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>',
      'Referred-By': '<sip:451@acme.example>',
    });
    await ask('REFER', 14, '202', { 'Refer-To': '<tel:+7-495-123-45-67>' });
    const party = { host: '', display: '' };
    expect(refers.items).toMatchObject([
      {
        referTo: { user: '452', host: 'acme.example', display: 'P' },
        replaces: { callId: 'a@b', toTag: '1', fromTag: '2' },
        referredBy: { user: '451' },
      },
      { referTo: { ...party, user: '+74951234567' }, replaces: undefined, referredBy: undefined },
    ]);
    await ask('REFER', 15, '400', { 'Refer-To': '<sip:452' });
    await ask('REFER', 16, '400', { 'Refer-To': '<sip:452@acme.example?Replaces=a%3Bto-tag%3D1>' });

    // One NOTIFY after the other, whenever they are told, and none after the last.
    const [, refer] = refers.items;
    const told = [100, 486, 200].map((status) => refer?.tell(status));
    for (const [i, [state, body]] of [
      ['active;expires=180', 'SIP/2.0 100 Trying\r\n'],
      ['terminated;reason=noresource', 'SIP/2.0 486 Busy Here\r\n'],
    ].entries()) {
      const { item: frame } = await drachtio.frames.find(
        `NOTIFY ${state}`,
        ({ what, message }) => what === 'NOTIFY' && message.endsWith(`\r\n\r\n${body}`),
      );
      expect([frame.header('Event'), frame.header('Subscription-State')]).toEqual(['refer;id=14', state]);
      expect(drachtio.frames.items.filter(({ what }) => what === 'NOTIFY')).toHaveLength(i + 1);
      drachtio.send(
        requestSent(frame, frame.message, `n${i}`),
        fromNetwork(sip('SIP/2.0 200 OK', callHeaders('info', 'NOTIFY', 20 + i)), `n${i}`, dialogId('info')),
      );
    }
    await Promise.all(told);
    expect(drachtio.frames.items.filter(({ what }) => what === 'NOTIFY')).toHaveLength(2);
  });
});

describe('an INVITE of ours', () => {
  const auth = { user: 'u', password: 'Verysecret1' };
  const call = async (
    more: Partial<Parameters<Awaited<ReturnType<typeof start>>['server']['invite']>[0]> = {},
    clock?: Clock,
  ) => {
    const { server } = await start(clock ? { clock } : {});
    const invite = server.invite({
      target: { uri: 'sip:7495@192.0.2.1' },
      from: us,
      asserted: { user: '74950000000', host: 'acme.example', display: '' },
      sdp: offer,
      headers: { 'X-Test': 'a\r\nb' },
      ...more,
    });
    const { item: frame } = await next('INVITE');
    return { server, invite, frame };
  };

  /** As the server fills it in. */
  const filled = (frame: AppFrame, cseq = 100) =>
    frame.message
      .replace(/^From: .*$/im, (line) => (/;tag=/.test(line) ? line : `${line.trimEnd()};tag=ours`))
      .replace(
        /\r\n\r\n/,
        `\r\n${/^cseq:/im.test(frame.message) ? '' : `CSeq: ${cseq} INVITE\r\n`}Contact: <sip:127.0.0.1:5060>\r\n\r\n`,
      );

  const response = (invite: OutgoingInvite, status: string, headers: Record<string, string> = {}, body = '') =>
    sip(
      `SIP/2.0 ${status}`,
      {
        From: '<sip:451@127.0.0.1>;tag=ours',
        To: '<sip:7495@192.0.2.1>;tag=theirs',
        'Call-ID': invite.callId,
        CSeq: '100 INVITE',
        ...headers,
      },
      body,
    );
  const ok = (invite: OutgoingInvite) => response(invite, '200 OK', { Contact: '<sip:7495@192.0.2.1>' }, answer);

  it('is written safely, rings, is answered', async () => {
    const { server, invite, frame } = await call({
      target: { uri: 'sip:7495@192.0.2.1', nextHop: { protocol: 'tcp', address: '192.0.2.9', port: 5070 } },
    });
    expect(frame.fields).toEqual(['', '', 'sip:192.0.2.9:5070;transport=tcp']);
    expect(frame.header('From')).toBe('"Иван \\"Ваня\\" X-Evil: 1" <sip:451@localhost>');
    expect(frame.header('To')).toBe('<sip:7495@192.0.2.1>');
    expect(frame.header('P-Asserted-Identity')).toBe('<sip:74950000000@acme.example>');
    expect(frame.header('X-Test')).toBe('a b');
    expect(frame.header('X-Evil')).toBeUndefined();
    expect(frame.message.endsWith(offer)).toBe(true);
    const progress: unknown[] = [];
    invite.on('provisional', (given) => progress.push(given));
    const id = `${invite.callId};from-tag=ours`;
    drachtio.send(
      requestSent(frame, filled(frame), 'u1'),
      fromNetwork(response(invite, '180 Ringing'), 'u1', id),
      fromNetwork(response(invite, '183 Session Progress', { To: '<sip:7495@192.0.2.1>;tag=other' }, answer), 'u1', id),
      fromNetwork(ok(invite), 'u1', id),
      fromNetwork(sip('BYE sip:127.0.0.1 SIP/2.0', { ...callHeaders(invite.callId, 'BYE') }), 'u2', id),
    );
    const { dialog, sdp } = await invite.answered;
    expect(sdp).toBe(answer);
    expect(progress).toEqual([
      { status: 180, reason: 'Ringing', sdp: undefined, tag: 'theirs' },
      { status: 183, reason: 'Session Progress', sdp: answer, tag: 'other' },
    ]);
    expect([dialog.callId, dialog.localTag, dialog.remoteTag, dialog.id]).toEqual([
      invite.callId,
      'ours',
      'theirs',
      id,
    ]);
    expect(dialog.ended).toMatchObject({ by: 'remote' });
    await next('ACK');
    expect(server.stats()).toMatchObject({ outgoing: 0, dialogs: 0 });
  });

  it.each([
    ['486 Busy Here', fromNetwork, { cause: 'rejected', status: 486, reason: 'Busy Here' }],
    ['302 Moved Temporarily', fromNetwork, { cause: 'rejected', status: 302 }],
    ['408 Request Timeout', fromNetwork, { cause: 'rejected', status: 408 }],
    ['408 Request Timeout', fromServer, { cause: 'timeout', status: 408 }],
    ['503 DNS Error', fromServer, { cause: 'transport', status: 503, reason: 'DNS Error' }],
  ] as const)('fails by %s', async (status, from, expected) => {
    const { server, invite, frame } = await call();
    drachtio.send(
      requestSent(frame, filled(frame), 'u1'),
      from(response(invite, status, { Contact: '<sip:8@192.0.2.2>', 'Retry-After': '7' }), 'u1'),
    );
    const failure = await invite.answered.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InviteFailure);
    expect(failure).toMatchObject({ ...expected, headers: { 'retry-after': '7' } });
    expect(server.stats().outgoing).toBe(0);
  });

  it('that the server will not send has failed by transport', async () => {
    const { invite, frame } = await call();
    drachtio.send(refused(frame, 'requested protocol/transport not available'));
    await expect(invite.answered).rejects.toMatchObject({
      cause: 'transport',
      reason: 'requested protocol/transport not available',
    });
  });

  it('to something that is no URI has failed too', async () => {
    const { server } = await start();
    const invite = server.invite({ target: { uri: 'sip:a@b\r\nX: y' }, from: us, sdp: offer });
    await expect(invite.answered).rejects.toMatchObject({ cause: 'transport' });
    expect(drachtio.frames.items).toEqual([]);
  });

  it('cancelled before the server has it is cancelled as soon as it has', async () => {
    const { server, invite, frame } = await call();
    invite.cancel(reasons.completedElsewhere);
    invite.cancel(reasons.noAnswer);
    await expect(invite.answered).rejects.toMatchObject({ cause: 'cancelled', status: 487 });
    expect(server.stats().outgoing).toBe(1);
    drachtio.send(requestSent(frame, filled(frame), 'u1'));
    const { item } = await next('CANCEL');
    expect(item.fields[0]).toBe('u1');
    expect(item.header('Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    drachtio.send(fromNetwork(response(invite, '487 Request Terminated'), 'u1'));
    while (server.stats().outgoing > 0) await settle();
  });

  it('whose CANCEL crosses the 200 is acknowledged and hung up', async () => {
    const { server, invite, frame } = await call();
    const id = `${invite.callId};from-tag=ours`;
    drachtio.send(requestSent(frame, filled(frame), 'u1'), fromNetwork(response(invite, '180 Ringing'), 'u1', id));
    await new Promise((resolve) => invite.on('provisional', resolve));
    invite.cancel(reasons.completedElsewhere);
    await next('CANCEL');
    drachtio.send(fromNetwork(ok(invite), 'u1', id));
    await next('ACK');
    const { item: bye } = await next('BYE');
    expect(bye.header('Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    expect(server.stats()).toMatchObject({ outgoing: 0, dialogs: 1 });
    const confirmed = sip('SIP/2.0 200 OK', callHeaders(invite.callId, 'BYE', 101));
    drachtio.send(requestSent(bye, bye.message, 'u2'), fromNetwork(confirmed, 'u2', id));
    while (server.stats().dialogs > 0) await settle();
  });

  it('whose CANCEL is never answered is forgotten after a while', async () => {
    const clock = new FakeClock();
    const { server, invite } = await call({}, clock);
    invite.cancel();
    expect(server.stats().outgoing).toBe(1);
    clock.advance(40_000);
    expect(server.stats().outgoing).toBe(0);
  });

  it.each(['SHA-256', 'MD5'])('answers a challenge once, with %s', async (algorithm) => {
    const { invite, frame } = await call({ auth });
    const id = `${invite.callId};from-tag=ours`;
    const challenge = (nonce: string) =>
      response(invite, '407 Proxy Authentication Required', {
        'Proxy-Authenticate': `Digest realm="r", nonce="${nonce}", algorithm=${algorithm}, qop="auth"`,
      });
    drachtio.send(requestSent(frame, filled(frame), 'u1'), fromNetwork(challenge('one'), 'u1', id));
    const { item: again, index } = await next('INVITE', 1);
    expect(again.header('Call-ID')).toBe(invite.callId);
    expect(again.header('From')).toContain(';tag=ours');
    expect(again.header('CSeq')).toBe('101 INVITE');
    expect(again.header('Proxy-Authorization')).toContain(`nonce="one"`);
    expect(again.header('Proxy-Authorization')).toContain(`algorithm=${algorithm}`);
    expect(again.fields[2]).toBe('sip:198.51.100.7:5060;transport=udp');
    drachtio.send(requestSent(again, filled(again), 'u2'), fromNetwork(challenge('two'), 'u2', id));
    await expect(invite.answered).rejects.toMatchObject({ status: 407, cause: 'rejected' });
    expect(drachtio.frames.items.slice(index + 1).filter(({ what }) => what === 'INVITE')).toEqual([]);
    expect(JSON.stringify(drachtio.frames.items)).not.toContain(auth.password);
  });

  it('that is answered without an SDP is hung up', async () => {
    const { invite, frame } = await call();
    const id = `${invite.callId};from-tag=ours`;
    drachtio.send(
      requestSent(frame, filled(frame), 'u1'),
      fromNetwork(response(invite, '200 OK', { Contact: '<sip:7495@192.0.2.1>' }), 'u1', id),
    );
    await expect(invite.answered).rejects.toMatchObject({ status: 488 });
    await next('BYE');
  });
});
