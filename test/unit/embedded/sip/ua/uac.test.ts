import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../../../../src/embedded/sip/message/index.ts';
import { answer, CONTACT, fromPeer, idOf, PHONE, placedCall, type Scenario, scenario } from './scenario.ts';

const lastRequest = ({ wire }: Scenario, method: string): SipRequest => {
  const request = wire.requests(method).at(-1);
  if (!request) throw new Error(`no ${method}`);
  return request;
};

describe('a new request', () => {
  it('gets what the draft lacks', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9', {}, { body: 'v=0\r\n' });
    const invite = lastRequest(world, 'INVITE');
    const value = (name: string) => invite.headers.get(name);
    expect(value('Via')).toMatch(/^SIP\/2\.0\/UDP 127\.0\.0\.1:5060;rport;branch=z9hG4bK/);
    expect(value('From')).toMatch(/^<sip:127\.0\.0\.1:5060>;tag=\w+$/);
    expect(value('To')).toBe('<sip:phone@127.0.0.9>');
    expect(value('Contact')).toBe('<sip:127.0.0.1:5060>');
    expect(value('Max-Forwards')).toBe('70');
    expect(value('Content-Type')).toBe('application/sdp');
    expect(value('Call-ID')).toBeTruthy();
    expect(invite.cseq.method).toBe('INVITE');
  });

  it('keeps Call-ID, From tag and CSeq of the draft: an answer to a challenge repeats them', async () => {
    const world = scenario();
    const headers = { From: '<sip:a@b>;tag=t', 'Call-ID': 'same', CSeq: '8 INVITE', 'Max-Forwards': '9' };
    await world.app.send('INVITE', 'sip:phone@127.0.0.9', headers);
    const invite = lastRequest(world, 'INVITE');
    expect([invite.callId, invite.from.params.get('tag'), invite.cseq.number]).toEqual(['same', 't', 8]);
    expect(invite.headers.get('Max-Forwards')).toBe('9');
  });

  it.each([
    ['sip:me@localhost', '<sip:me@127.0.0.1:5060>'],
    ['"A B" <sip:me@localhost;x=y>', '"A B" <sip:me@127.0.0.1:5060;x=y>'],
    ['sip:localhost', '<sip:127.0.0.1:5060>'],
    ['12345', '<sip:12345@127.0.0.1:5060>'],
    ['<tel:+7123>', '<tel:+7123>'],
  ])('From %s becomes %s', async (given, expected) => {
    const world = scenario();
    await world.app.send('OPTIONS', 'sip:phone@127.0.0.9', { From: given });
    expect(
      lastRequest(world, 'OPTIONS')
        .headers.get('From')
        ?.replace(/;tag=\w+$/, ''),
    ).toBe(expected);
  });

  it('names no Contact where none is due', async () => {
    const world = scenario();
    await world.app.send('REGISTER', 'sip:127.0.0.9');
    expect(lastRequest(world, 'REGISTER').headers.has('Contact')).toBe(false);
  });

  it('goes to the proxy that the application names, without a Route', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:z@nowhere.invalid', {}, { proxy: 'sip:127.0.0.8:5070;transport=tcp' });
    expect(world.wire.sent.at(-1)?.hop).toMatchObject({ address: '127.0.0.8', port: 5070, protocol: 'tcp' });
    expect(lastRequest(world, 'INVITE').uri).toBe('sip:z@nowhere.invalid');
    expect(lastRequest(world, 'INVITE').headers.has('Route')).toBe(false);
  });

  it.each([
    ['invalid-request-uri', ['OPTIONS', 'http://x'], {}],
    ['invalid-request-uri', ['OPTIONS', '12345'], {}],
    ['missing-content-type', ['MESSAGE', 'sip:x@127.0.0.9'], { body: 'hello' }],
    ['request-to-self', ['OPTIONS', 'sip:x@127.0.0.1:5060'], {}],
    ['no-transport', ['OPTIONS', 'sip:x@127.0.0.9;transport=ws'], {}],
  ] as const)('is refused: %s', async (code, [method, uri], options) => {
    const { app, ua, wire } = scenario();
    expect(await app.send(method, uri, {}, options)).toMatchObject({ refused: { code } });
    expect([wire.sent.length, ua.stats().outgoing]).toEqual([0, 0]);
  });

  it('is refused when From cannot be read', async () => {
    const { app } = scenario();
    expect(await app.send('OPTIONS', 'sip:x@127.0.0.9', { From: '<not a uri>' })).toMatchObject({
      refused: { code: 'invalid-from' },
    });
  });
});

describe('every request ends with a final response', () => {
  it('503 DNS Error for a name without an address, after the echo', async () => {
    const { app } = scenario();
    const id = idOf(await app.send('OPTIONS', 'sip:x@nosuch.invalid'));
    expect(app.responses).toMatchObject([{ transactionId: id, source: undefined, response: { status: 503 } }]);
    expect(app.responses[0]?.response.to.params.get('tag')).toBeTruthy();
  });

  it('408 for silence', async () => {
    const { app, clock, ua } = scenario();
    const id = idOf(await app.send('INVITE', 'sip:x@127.0.0.9'));
    clock.advance(32_000);
    expect(app.responses).toMatchObject([{ transactionId: id, response: { status: 408 } }]);
    expect(ua.stats().outgoing).toBe(0);
  });

  it('503 for a network that does not take it', async () => {
    const { app, wire } = scenario();
    wire.broken = 'unreachable';
    await app.send('INVITE', 'sip:x@127.0.0.9');
    expect(app.responses).toMatchObject([{ response: { status: 503 }, source: undefined }]);
  });

  // RFC 3261 §9.1: 64·T1 after the CANCEL the INVITE is given up.
  it('487 for a phone that answers neither the INVITE nor the CANCEL', async () => {
    const world = scenario();
    const id = idOf(await world.app.send('INVITE', 'sip:x@127.0.0.9'));
    answer(world, 'INVITE', 180);
    world.app.cancel(id);
    await world.clock.advanceAsync(32_000);
    expect(world.app.responses.at(-1)).toMatchObject({ transactionId: id, response: { status: 487 } });
    expect(world.ua.stats()).toMatchObject({ outgoing: 0, dialogs: 0 });
  });

  // RFC 3263 §4.3
  it('tries the next address when the first is silent, under the same transaction id', async () => {
    const { app, wire, clock } = scenario();
    wire.addresses.set('pair.example', ['127.0.0.8', '127.0.0.9']);
    const id = idOf(await app.send('OPTIONS', 'sip:x@pair.example'));
    clock.advance(32_000);
    expect(wire.sent.at(-1)?.hop.address).toBe('127.0.0.9');
    wire.answer('OPTIONS', 200);
    expect(app.responses).toMatchObject([{ transactionId: id, response: { status: 200 } }]);
  });
});

describe('a call of ours', () => {
  it('tells 1xx and 200 with the id of the dialog; the ACK of the application goes to the Contact', async () => {
    const world = scenario();
    const id = idOf(await world.app.send('INVITE', 'sip:phone@127.0.0.9'));
    const invite = lastRequest(world, 'INVITE');
    const dialogId = `${invite.callId};from-tag=${invite.from.params.get('tag')}`;
    answer(world, 'INVITE', 100);
    answer(world, 'INVITE', 180);
    answer(world, 'INVITE', 200, { headers: { ...CONTACT, 'Record-Route': '<sip:p1;lr>, <sip:p2;lr>' } });
    expect(world.app.heard).toEqual(['180', '200']);
    expect(world.app.responses).toMatchObject([
      { transactionId: id, dialogId },
      { transactionId: id, dialogId },
    ]);
    const acknowledged = await world.app.inDialog(dialogId, 'ACK', {}, 'v=0\r\n');
    const ack = lastRequest(world, 'ACK');
    expect(acknowledged).toMatchObject({ sent: { dialogId } });
    expect([ack.uri, ack.cseq.number]).toEqual(['sip:phone@127.0.0.9:5060', invite.cseq.number]);
    expect(ack.headers.all('Route')).toEqual(['<sip:p2;lr>', '<sip:p1;lr>']);
    expect(ack.body.toString()).toBe('v=0\r\n');
  });

  it('repeats the ACK when the 200 comes again, but not before the application has given it', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 200, { headers: CONTACT });
    answer(world, 'INVITE', 200, { headers: CONTACT });
    expect(world.wire.requests('ACK')).toHaveLength(0);
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
    answer(world, 'INVITE', 200, { headers: CONTACT });
    expect(world.wire.requests('ACK')).toHaveLength(2);
    expect(world.app.heard).toEqual(['200']);
  });

  it('needs no ACK of the application when it is refused', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 180);
    answer(world, 'INVITE', 486);
    const { dialogId } = world.app.responses.at(-1) ?? {};
    expect(await world.app.inDialog(dialogId ?? '', 'ACK')).toMatchObject({ refused: { code: 'ack-not-needed' } });
    expect(world.wire.requests('ACK')).toHaveLength(1);
    expect(world.ua.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  it('bears the credentials of the INVITE in its ACK (RFC 3261 §22.1)', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9', { 'Proxy-Authorization': 'Digest x="y"' });
    answer(world, 'INVITE', 200, { headers: CONTACT });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
    expect(lastRequest(world, 'ACK').headers.get('Proxy-Authorization')).toBe('Digest x="y"');
  });

  it('is acknowledged and hung up by us when the answer has no Contact', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 200);
    await world.clock.advanceAsync(0);
    expect(world.app.heard).toEqual(['200']);
    expect(world.wire.log().slice(-2)).toEqual(['0 ACK', '0 BYE']);
    expect(world.wire.sent.at(-1)?.hop).toMatchObject({ address: PHONE.address, port: PHONE.port });
    expect(world.ua.stats().dialogs).toBe(0);
  });
});

describe('forks', () => {
  it('several phones ring under one id; the first to answer is the call, the second is acknowledged and hung up', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 180, { toTag: 'one', headers: CONTACT });
    answer(world, 'INVITE', 183, { toTag: 'two', headers: CONTACT });
    expect(world.ua.stats().dialogs).toBe(2);
    answer(world, 'INVITE', 200, { toTag: 'two', headers: CONTACT });
    expect(world.ua.stats().dialogs).toBe(1);
    const { dialogId = '' } = world.app.responses.at(-1) ?? {};
    expect(new Set(world.app.responses.map((event) => event.dialogId)).size).toBe(1);
    await world.app.inDialog(dialogId, 'ACK');
    expect(lastRequest(world, 'ACK').to.params.get('tag')).toBe('two');
    answer(world, 'INVITE', 200, { toTag: 'one', headers: { Contact: '<sip:other@127.0.0.7>' } });
    await world.clock.advanceAsync(0);
    const [ack, bye] = world.wire.requests().slice(-2);
    expect([ack?.method, ack?.uri, ack?.to.params.get('tag')]).toEqual(['ACK', 'sip:other@127.0.0.7', 'one']);
    expect([bye?.method, bye?.to.params.get('tag')]).toEqual(['BYE', 'one']);
    expect(world.app.heard).toEqual(['180', '183', '200']);
    expect(world.ua.counters.surplusAnswers).toBe(1);
    expect(world.ua.stats().dialogs).toBe(1);
  });

  it('a surplus answer that is repeated gets its ACK again, and no second BYE', async () => {
    const world = scenario();
    await placedCall(world);
    answer(world, 'INVITE', 200, { toTag: 'late', headers: CONTACT });
    await world.clock.advanceAsync(0);
    answer(world, 'INVITE', 200, { toTag: 'late', headers: CONTACT });
    expect(world.wire.requests('ACK')).toHaveLength(3);
    expect(world.wire.requests('BYE')).toHaveLength(1);
  });

  it('are limited in number', async () => {
    const world = scenario({ forks: 2 });
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    for (const toTag of ['1', '2', '3', '4']) answer(world, 'INVITE', 180, { toTag });
    expect(world.ua.stats().dialogs).toBe(2);
    answer(world, 'INVITE', 486);
    expect(world.ua.stats().dialogs).toBe(0);
  });
});

describe('cancelling', () => {
  it('waits for a provisional response, bears the Reason of the application and nothing of its addresses', async () => {
    const world = scenario();
    const id = idOf(await world.app.send('INVITE', 'sip:phone@127.0.0.9'));
    const cancelled = world.app.cancel(id, { Reason: 'SIP;cause=200', From: '<sip:evil@x>', Contact: '<sip:evil>' });
    expect(cancelled).toMatchObject({ sent: { message: { method: 'CANCEL' } } });
    expect(world.wire.requests('CANCEL')).toHaveLength(0);
    answer(world, 'INVITE', 180);
    const cancel = lastRequest(world, 'CANCEL');
    expect(cancel.headers.get('Reason')).toBe('SIP;cause=200');
    expect([cancel.headers.get('From'), cancel.headers.get('Contact')]).toEqual([
      lastRequest(world, 'INVITE').headers.get('From'),
      undefined,
    ]);
    answer(world, 'CANCEL', 200);
    answer(world, 'INVITE', 487);
    expect(world.app.heard).toEqual(['180', '487']);
    expect(world.ua.stats()).toMatchObject({ outgoing: 0, dialogs: 0 });
  });

  it('comes too late: the answer is told, and hung up after its ACK', async () => {
    const world = scenario();
    const id = idOf(await world.app.send('INVITE', 'sip:phone@127.0.0.9'));
    answer(world, 'INVITE', 180);
    world.app.cancel(id);
    answer(world, 'INVITE', 200, { headers: CONTACT });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
    expect(world.app.heard).toEqual(['180', '200', '-BYE']);
    expect(lastRequest(world, 'BYE').headers.get('Reason')).toContain('cancel race');
    expect(world.ua.stats().dialogs).toBe(0);
  });

  it('needs something to cancel', async () => {
    const world = scenario();
    const id = idOf(await world.app.send('INVITE', 'sip:phone@127.0.0.9'));
    answer(world, 'INVITE', 486);
    expect(world.app.cancel(id)).toEqual({ refused: { code: 'nothing-to-cancel', detail: id } });
    expect(world.app.cancel('unknown')).toMatchObject({ refused: { code: 'nothing-to-cancel' } });
  });
});

describe('subscribing', () => {
  it('a NOTIFY that overtakes the 200 is given to the application; the next one is in the dialog', async () => {
    const world = scenario();
    const { app, wire } = world;
    await app.send('SUBSCRIBE', 'sip:phone@127.0.0.9', { Event: 'dialog', 'Call-ID': 'sub' });
    const tag = lastRequest(world, 'SUBSCRIBE').from.params.get('tag') ?? '';
    const notify = { method: 'NOTIFY', callId: 'sub', toTag: tag, fromTag: 'remote' };
    wire.deliver(fromPeer({ ...notify, cseq: 1 }));
    expect(app.request('NOTIFY').dialogId).toBeUndefined();
    app.respond(app.request('NOTIFY').transactionId, 200);
    answer(world, 'SUBSCRIBE', 200, { headers: CONTACT });
    wire.deliver(fromPeer({ ...notify, cseq: 2, headers: { 'Subscription-State': 'terminated' } }));
    expect(app.request('NOTIFY').dialogId).toBe(`sub;from-tag=${tag}`);
    app.respond(app.request('NOTIFY').transactionId, 200);
    expect(world.ua.stats().dialogs).toBe(0);
  });
});
