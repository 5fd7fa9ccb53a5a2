import { describe, expect, it } from 'vitest';
import { settle } from '../../../../support/fake-clock.ts';
import { peer } from '../transaction/scripted-wire.ts';
import { answer, answeredCall, fromPeer, RecordingApp, scenario } from './scenario.ts';

describe('a call to us', () => {
  it('gets 100 at once and goes to the application', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    expect(wire.log()).toEqual(['0 100 INVITE']);
    expect(app.request('INVITE')).toMatchObject({ dialogId: undefined, source: peer() });
  });

  it('is answered with our Contact, the copied Record-Route, and the tag that the application wants', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer({ headers: { 'Record-Route': '<sip:proxy1;lr>, <sip:proxy2;lr>' } }));
    const answered = app.respond(app.request('INVITE').transactionId, 200, { To: '<sip:x@y>;tag=mine' }, 'v=0\r\n');
    const response = wire.responses().at(-1);
    expect(response?.to.params.get('tag')).toBe('mine');
    expect(response?.headers.get('Contact')).toBe('<sip:127.0.0.1:5060>');
    expect(response?.headers.get('Content-Type')).toBe('application/sdp');
    expect(response?.headers.all('Record-Route')).toEqual(['<sip:proxy1;lr>', '<sip:proxy2;lr>']);
    expect(answered).toMatchObject({ sent: { dialogId: 'call-1;from-tag=caller', peer: { port: 5062 } } });
  });

  it('keeps one tag from the first ringing to the answer', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    const { transactionId } = app.request('INVITE');
    app.respond(transactionId, 180);
    app.respond(transactionId, 200, { To: '<sip:x@y>;tag=another' });
    const tags = wire.responses().map(({ to }) => to.params.get('tag'));
    expect(tags.slice(1)).toEqual([tags[1], tags[1]]);
    expect(tags[1]).toBeTruthy();
  });

  it.each([
    ['Contact', 'sip:me@localhost', '<sip:me@127.0.0.1:5060>'],
    ['Contact', '"Me" <sip:me@localhost:9;x=y>;q=1', '"Me" <sip:me@127.0.0.1:5060;x=y>;q=1'],
    ['P-Asserted-Identity', '<sip:me@localhost>', '<sip:me@127.0.0.1:5060>'],
    ['Contact', '<sip:me@localhost.example>', '<sip:me@localhost.example>'],
    ['X-Note', 'me@localhost', 'me@localhost'],
  ])('replaces localhost in %s: %s', (name, given, expected) => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    app.respond(app.request('INVITE').transactionId, 200, { [name]: given });
    expect(wire.responses().at(-1)?.headers.get(name)).toBe(expected);
  });

  it('takes from the application neither Via nor Route nor RSeq nor Content-Length', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    const forbidden = { Via: 'SIP/2.0/UDP evil', 'Record-Route': '<sip:evil>', RSeq: '7', 'Content-Length': '99' };
    app.respond(app.request('INVITE').transactionId, 180, forbidden);
    const { headers } = wire.responses().at(-1) ?? { headers: undefined };
    expect(headers?.all('Via')).toHaveLength(1);
    expect(headers?.get('Via')).toContain('127.0.0.2');
    expect([headers?.get('Record-Route'), headers?.get('RSeq'), headers?.get('Content-Length')]).toEqual([
      undefined,
      undefined,
      '0',
    ]);
  });

  it('is refused with the application status, and the ACK of that is nobody else’s business', () => {
    const { wire, app, ua } = scenario();
    wire.deliver(fromPeer({ branch: 'z9hG4bK-r' }));
    app.respond(app.request('INVITE').transactionId, 486);
    const tag = wire.responses().at(-1)?.to.params.get('tag') ?? '';
    wire.deliver(fromPeer({ method: 'ACK', branch: 'z9hG4bK-r', toTag: tag }));
    expect(app.heard).toEqual(['INVITE']);
    expect(ua.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
  });

  it('cannot be answered twice', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    const { transactionId } = app.request('INVITE');
    app.respond(transactionId, 486);
    expect(app.respond(transactionId, 200)).toMatchObject({
      refused: { code: 'unknown-transaction', detail: transactionId },
    });
  });

  it('cannot be answered by an application that did not get it', () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    const stranger = new RecordingApp(() => world.ua);
    const { transactionId } = world.app.request('INVITE');
    expect(stranger.respond(transactionId, 200)).toMatchObject({ refused: { code: 'unknown-transaction' } });
  });
});

describe('our 200 to an INVITE', () => {
  // RFC 3261 §13.3.1.4: gaps from T1 to T2, for 64·T1; then BYE.
  it('is repeated until nobody acknowledges for 32 s, and then hung up', async () => {
    const { wire, app, clock, ua } = scenario();
    wire.deliver(fromPeer());
    app.respond(app.request('INVITE').transactionId, 200);
    await clock.advanceAsync(32_000);
    expect(wire.log().filter((line) => line.endsWith('200 INVITE'))).toEqual(
      [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map((at) => `${at} 200 INVITE`),
    );
    const bye = wire.requests('BYE').at(-1);
    expect(wire.log().at(-1)).toBe('32000 BYE');
    expect(bye?.uri).toBe('sip:200@127.0.0.2:5062');
    expect(bye?.headers.get('Reason')).toBe('SIP;cause=200;text="ACK timeout"');
    expect(app.hungUp).toMatchObject([{ dialogId: 'call-1;from-tag=caller' }]);
    expect(ua.stats().dialogs).toBe(0);
  });

  it('is repeated no more after the ACK, which the application gets once', async () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'ACK', toTag: tag }));
    await world.clock.advanceAsync(10_000);
    expect(world.wire.log()).toEqual(['0 100 INVITE', '0 200 INVITE']);
    expect(world.app.heard).toEqual(['INVITE', 'ACK']);
    const { transactionId, dialogId } = world.app.request('ACK');
    expect({ transactionId, dialogId }).toEqual({
      transactionId: world.app.request('INVITE').transactionId,
      dialogId: 'call-1;from-tag=caller',
    });
  });

  it('is not stopped by the ACK of another request', () => {
    const { wire, app, clock } = scenario();
    wire.deliver(fromPeer());
    app.respond(app.request('INVITE').transactionId, 200);
    const toTag = wire.responses().at(-1)?.to.params.get('tag') ?? '';
    wire.deliver(fromPeer({ method: 'ACK', toTag, cseq: 2 }));
    clock.advance(500);
    expect(wire.log().at(-1)).toBe('500 200 INVITE');
    expect(app.heard).toEqual(['INVITE']);
  });

  it('ends the call at once when it cannot be sent', async () => {
    const { wire, app, ua } = scenario();
    wire.deliver(fromPeer());
    wire.broken = 'the connection is gone';
    app.respond(app.request('INVITE').transactionId, 200);
    await settle();
    expect(app.heard).toEqual(['INVITE', '-BYE']);
    expect(ua.stats().dialogs).toBe(0);
  });
});

describe('a caller who gives up', () => {
  it('hears 200 and 487 with the tag of the ringing; a late answer of the application is refused', () => {
    const { wire, app, ua } = scenario();
    const invite = fromPeer({ branch: 'z9hG4bK-c' });
    wire.deliver(invite);
    const { transactionId } = app.request('INVITE');
    app.respond(transactionId, 180);
    wire.deliver(fromPeer({ method: 'CANCEL', branch: 'z9hG4bK-c', headers: { Reason: 'SIP;cause=200' } }));
    expect(wire.log()).toEqual(['0 100 INVITE', '0 180 INVITE', '0 200 CANCEL', '0 487 INVITE']);
    const [, ringing, ok, terminated] = wire.responses().map(({ to }) => to.params.get('tag'));
    expect([ok, terminated]).toEqual([ringing, ringing]);
    expect(app.request('CANCEL')).toMatchObject({ transactionId, dialogId: 'call-1;from-tag=caller' });
    expect(app.request('CANCEL').request.headers.get('Reason')).toBe('SIP;cause=200');
    expect(app.respond(transactionId, 200)).toMatchObject({ refused: { code: 'unknown-transaction' } });
    expect(ua.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
  });

  it('has the same tag in both answers when nothing was said before', () => {
    const { wire } = scenario();
    wire.deliver(fromPeer({ branch: 'z9hG4bK-c' }));
    wire.deliver(fromPeer({ method: 'CANCEL', branch: 'z9hG4bK-c' }));
    const [, ok, terminated] = wire.responses().map(({ to }) => to.params.get('tag'));
    expect(ok).toBe(terminated);
  });

  // RFC 3261 §15: the caller may hang up an early dialog. Applications know no dialog yet, so they hear a CANCEL.
  it('may hang up what rings', () => {
    const { wire, app, ua } = scenario();
    wire.deliver(fromPeer());
    app.respond(app.request('INVITE').transactionId, 180);
    const tag = wire.responses().at(-1)?.to.params.get('tag') ?? '';
    wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 2 }));
    expect(wire.log().slice(2).sort()).toEqual(['0 200 BYE', '0 487 INVITE']);
    expect(app.heard).toEqual(['INVITE', 'CANCEL']);
    expect(ua.stats()).toMatchObject({ dialogs: 0, incoming: 0 });
  });
});

describe('an application that says nothing', () => {
  it('has its request answered 408 after 64 s, and is told', () => {
    const { wire, app, clock, ua } = scenario();
    wire.deliver(fromPeer());
    wire.deliver(fromPeer({ method: 'OPTIONS', callId: 'call-2' }));
    clock.advance(63_999);
    expect(wire.responses().map(({ status }) => status)).toEqual([100]);
    clock.advance(1);
    expect(wire.log().slice(1, 3)).toEqual(['64000 408 INVITE', '64000 408 OPTIONS']);
    expect(app.heard).toEqual(['INVITE', 'OPTIONS', 'CANCEL']);
    expect(ua.counters.unansweredByApplication).toBe(2);
  });

  it('may let a phone ring for as long as it likes', () => {
    const { wire, app, clock } = scenario();
    wire.deliver(fromPeer());
    app.respond(app.request('INVITE').transactionId, 180);
    clock.advance(600_000);
    expect(wire.responses().at(-1)?.status).toBe(180);
  });

  it('and goes away has its requests answered 500, its calls cancelled, its dialogs hung up after 10 s', async () => {
    const world = scenario();
    const { wire, app, clock, ua } = world;
    answeredCall(world);
    wire.deliver(fromPeer({ callId: 'call-2' }));
    await app.send('INVITE', 'sip:phone@127.0.0.9');
    wire.answer('INVITE', 180);
    world.chosen = undefined;
    ua.detach(app);
    expect(wire.log().slice(-2)).toEqual(['0 500 INVITE', '0 CANCEL']);
    expect(ua.stats()).toMatchObject({ orphans: 2 });
    await clock.advanceAsync(9_999);
    expect(wire.requests('BYE')).toHaveLength(0);
    await clock.advanceAsync(1);
    expect(wire.requests('BYE').at(-1)?.headers.get('Reason')).toContain('application gone');
    wire.answer('INVITE', 487);
    expect(ua.stats()).toMatchObject({ dialogs: 0, incoming: 0, outgoing: 0 });
  });
});

describe('requests that no application gets', () => {
  const status = (parts: Parameters<typeof fromPeer>[0]) => {
    const world = scenario();
    world.wire.deliver(fromPeer(parts));
    expect(world.app.heard).toEqual([]);
    return world.wire.responses().at(-1)?.status;
  };

  it.each([
    [481, { method: 'BYE', toTag: 'unknown' }],
    [481, { method: 'BYE' }],
    [481, { method: 'UPDATE' }],
    [481, { method: 'PRACK' }],
    [481, { method: 'CANCEL' }],
    [481, { method: 'INVITE', toTag: 'unknown' }],
    [481, { method: 'OPTIONS', toTag: 'unknown' }],
    [481, { method: 'NOTIFY', toTag: 'unknown' }],
    [501, { method: 'FROBNICATE' }],
    [416, { uri: 'urn:service:sos' }],
    [400, { method: 'REGISTER', headers: { Contact: '*' } }],
    [400, { method: 'REGISTER', headers: { Contact: '*, <sip:a@b>', Expires: '0' } }],
  ])('%i for %o', (expected, parts) => expect(status(parts)).toBe(expected));

  it('503 when nobody wants it', () => {
    const world = scenario();
    world.chosen = undefined;
    world.wire.deliver(fromPeer({ method: 'REFER' }));
    expect(world.wire.responses().at(-1)?.status).toBe(503);
  });

  it('503 when there are too many calls', () => {
    const { wire, app, ua } = scenario({ dialogs: 1 });
    wire.deliver(fromPeer());
    wire.deliver(fromPeer({ callId: 'call-2' }));
    expect(wire.responses().map((response) => response.status)).toEqual([100, 100, 503]);
    app.respond(app.request('INVITE').transactionId, 486);
    expect(ua.stats().incoming).toBe(0);
  });
});

describe('other requests', () => {
  it('REGISTER: the answer of the application goes out without a dialog', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer({ method: 'REGISTER' }));
    const sent = app.respond(app.request('REGISTER').transactionId, 200, { Contact: '<sip:200@127.0.0.2>;expires=60' });
    expect(sent).toMatchObject({ sent: { dialogId: undefined } });
    expect(wire.responses().at(-1)?.headers.get('Contact')).toBe('<sip:200@127.0.0.2>;expires=60');
  });

  it('a registered contact is reached by the connection on which it registered, until that closes', async () => {
    const { wire, app } = scenario();
    const source = peer({ protocol: 'tcp', connection: 7 });
    const contact = '<sip:200@browser.invalid;transport=tcp>';
    wire.deliver(fromPeer({ method: 'REGISTER', headers: { Contact: contact, Expires: '60' } }), source);
    app.respond(app.request('REGISTER').transactionId, 200, { Contact: `${contact};expires=60` });
    await app.send('MESSAGE', 'sip:200@browser.invalid;transport=tcp');
    expect(wire.sent.at(-1)?.hop).toMatchObject({ connection: 7, protocol: 'tcp' });
    wire.emit('closed', { connection: 7, protocol: 'tcp' });
    await app.send('MESSAGE', 'sip:200@browser.invalid;transport=tcp');
    expect(app.responses.at(-1)).toMatchObject({ response: { status: 503, reason: 'DNS Error' }, source: undefined });
  });

  it('SUBSCRIBE: 202 makes a dialog, the terminated NOTIFY ends it', async () => {
    const { wire, app, ua } = scenario();
    wire.deliver(fromPeer({ method: 'SUBSCRIBE', headers: { Event: 'dialog', Expires: '60' } }));
    const answered = app.respond(app.request('SUBSCRIBE').transactionId, 202);
    expect(answered).toMatchObject({ sent: { dialogId: 'call-1;from-tag=caller' } });
    await app.inDialog('call-1;from-tag=caller', 'NOTIFY', { 'Subscription-State': 'active' });
    expect(wire.requests('NOTIFY').at(-1)?.headers.get('CSeq')).toBe('2 NOTIFY');
    wire.answer('NOTIFY', 200);
    expect(ua.stats().dialogs).toBe(1);
    await app.inDialog('call-1;from-tag=caller', 'NOTIFY', { 'Subscription-State': 'terminated;reason=timeout' });
    wire.answer('NOTIFY', 200);
    expect(ua.stats().dialogs).toBe(0);
  });

  it.each([
    [481, {}, 0],
    [503, {}, 0],
    [503, { 'Retry-After': '5' }, 1],
    [401, { 'WWW-Authenticate': 'Digest realm="a", nonce="b"' }, 1],
  ] as const)('SUBSCRIBE: a NOTIFY that is answered %i with %j leaves %i dialogs', async (status, headers, left) => {
    const world = scenario();
    const { wire, app, ua } = world;
    wire.deliver(fromPeer({ method: 'SUBSCRIBE', headers: { Event: 'dialog', Expires: '60' } }));
    app.respond(app.request('SUBSCRIBE').transactionId, 200);
    await app.inDialog('call-1;from-tag=caller', 'NOTIFY', { 'Subscription-State': 'active' });
    answer(world, 'NOTIFY', status, { headers });
    expect(ua.stats().dialogs).toBe(left);
  });

  it('SUBSCRIBE: without an application its dialog is dropped, and no BYE is sent', async () => {
    const { wire, app, ua, clock } = scenario();
    wire.deliver(fromPeer({ method: 'SUBSCRIBE', headers: { Event: 'dialog', Expires: '60' } }));
    app.respond(app.request('SUBSCRIBE').transactionId, 200);
    ua.detach(app);
    await clock.advanceAsync(60_000);
    expect(ua.stats()).toMatchObject({ dialogs: 0, orphans: 0 });
    expect(wire.requests('BYE')).toEqual([]);
  });
});
