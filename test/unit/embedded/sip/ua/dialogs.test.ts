import { describe, expect, it } from 'vitest';
import type { SipRequest } from '../../../../../src/embedded/sip/message/index.ts';
import { peer } from '../transaction/scripted-wire.ts';
import {
  answer,
  answeredCall,
  CONTACT,
  fromPeer,
  idOf,
  placedCall,
  RecordingApp,
  type Scenario,
  scenario,
} from './scenario.ts';

const last = ({ wire }: Scenario, method: string): SipRequest => {
  const request = wire.requests(method).at(-1);
  if (!request) throw new Error(`no ${method}`);
  return request;
};

const statuses = ({ wire }: Scenario): number[] => wire.responses().map(({ status }) => status);

describe('requests of the peer inside a dialog', () => {
  it('go to the application with the id of the dialog, and its answer goes back', () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'INFO', toTag: tag, cseq: 2 }));
    const info = world.app.request('INFO');
    expect(info.dialogId).toBe(dialogId);
    expect(world.app.respond(info.transactionId, 200)).toMatchObject({ sent: { dialogId: undefined } });
    expect(statuses(world).at(-1)).toBe(200);
  });

  // RFC 3261 §12.2.2
  it('with a lower number than those before get 500 and go no further', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'INFO', toTag: tag, cseq: 9 }));
    world.wire.deliver(fromPeer({ method: 'INFO', toTag: tag, cseq: 8 }));
    expect(statuses(world).at(-1)).toBe(500);
    expect(world.app.heard).toEqual(['INVITE', 'ACK', 'INFO']);
    expect(world.ua.counters.outOfOrder).toBe(1);
  });

  it('with the tags of another dialog get 481', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, fromTag: 'stranger', cseq: 2 }));
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, callId: 'other', cseq: 2 }));
    expect(statuses(world).slice(-2)).toEqual([481, 481]);
    expect(world.ua.stats().dialogs).toBe(1);
  });

  it('of a method that nobody knows get 501', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'FROBNICATE', toTag: tag, cseq: 2 }));
    expect(statuses(world).at(-1)).toBe(501);
  });

  it('find another application when their own is gone, and that one owns the dialog from then on', async () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    world.ua.detach(world.app);
    world.chosen = new RecordingApp(() => world.ua);
    world.wire.deliver(fromPeer({ method: 'INFO', toTag: tag, cseq: 2 }));
    world.chosen.respond(world.chosen.request('INFO').transactionId, 200);
    await world.clock.advanceAsync(60_000);
    expect(world.chosen.request('INFO').dialogId).toBe(dialogId);
    expect(world.ua.stats()).toMatchObject({ dialogs: 1, calls: 1, orphans: 0 });
  });

  it('get 500 with Retry-After while there is no application, but a BYE gets its 200', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.ua.detach(world.app);
    world.chosen = undefined;
    world.wire.deliver(fromPeer({ method: 'INFO', toTag: tag, cseq: 2 }));
    expect(world.wire.responses().at(-1)?.headers.has('Retry-After')).toBe(true);
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 3 }));
    expect(statuses(world).slice(-2)).toEqual([500, 200]);
    expect(world.ua.stats().dialogs).toBe(0);
  });
});

describe('a BYE of the peer', () => {
  it('ends the dialog at once; the application answers it', () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 2 }));
    expect(world.ua.stats().dialogs).toBe(0);
    expect(world.app.request('BYE').dialogId).toBe(dialogId);
    world.app.respond(world.app.request('BYE').transactionId, 200);
    expect(world.wire.log().at(-1)).toBe('0 200 BYE');
  });

  it.each([404, 481, 501])('is answered 200 when an application that has forgotten it says %i', (status) => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 2 }));
    world.app.respond(world.app.request('BYE').transactionId, status);
    expect(statuses(world).at(-1)).toBe(200);
  });

  it('is answered 200 when the application says nothing', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 2 }));
    world.clock.advance(64_000);
    expect(statuses(world).at(-1)).toBe(200);
    expect(world.ua.stats().incoming).toBe(0);
  });

  it('ends a re-INVITE that is not answered yet with 487', () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 2 }));
    world.wire.deliver(fromPeer({ method: 'BYE', toTag: tag, cseq: 3 }));
    expect(world.wire.log().slice(-1)).toEqual(['0 487 INVITE']);
    expect(world.app.respond(world.app.request('INVITE').transactionId, 200)).toMatchObject({
      refused: { code: 'unknown-transaction' },
    });
  });
});

describe('a re-INVITE of the peer', () => {
  it('is answered with the Contact of the dialog, moves its target, and its ACK is told', async () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 2, headers: { Contact: '<sip:200@127.0.0.2:5062;moved>' } }));
    world.app.respond(world.app.request('INVITE').transactionId, 180);
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    expect(world.wire.responses().at(-1)?.headers.get('Contact')).toBe('<sip:127.0.0.1:5060>');
    world.wire.deliver(fromPeer({ method: 'ACK', toTag: tag, cseq: 2 }));
    expect(world.app.heard).toEqual(['INVITE', 'ACK', 'INVITE', 'ACK']);
    await world.app.inDialog(dialogId, 'INFO');
    expect(last(world, 'INFO').uri).toBe('sip:200@127.0.0.2:5062;moved');
  });

  // RFC 6141 §4.3
  it('that is refused moves nothing', async () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 2, headers: { Contact: '<sip:elsewhere@127.0.0.3>' } }));
    world.app.respond(world.app.request('INVITE').transactionId, 488);
    await world.app.inDialog(dialogId, 'INFO');
    expect(last(world, 'INFO').uri).toBe('sip:200@127.0.0.2:5062');
  });

  // RFC 3261 §14.2
  it('gets 491 while ours is under way, 500 while its own is', async () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0\r\n');
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 2 }));
    expect(statuses(world).at(-1)).toBe(491);
    answer(world, 'INVITE', 488);
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 3 }));
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 4 }));
    expect(world.wire.responses().at(-1)?.status).toBe(500);
    expect(world.wire.responses().at(-1)?.headers.has('Retry-After')).toBe(true);
  });

  it('whose 200 nobody acknowledges ends the call', async () => {
    const world = scenario();
    const { tag } = answeredCall(world);
    world.wire.deliver(fromPeer({ toTag: tag, cseq: 2 }));
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    await world.clock.advanceAsync(32_000);
    expect(world.wire.log().at(-1)).toBe('32000 BYE');
    expect(world.app.heard.at(-1)).toBe('-BYE');
  });
});

describe('an UPDATE of the peer', () => {
  it('moves the target, and the answer says where we are', async () => {
    const world = scenario();
    const { dialogId, tag } = answeredCall(world);
    const moved = { Contact: '<sip:moved@127.0.0.2:5062>' };
    world.wire.deliver(fromPeer({ method: 'UPDATE', toTag: tag, cseq: 2, headers: moved }));
    world.app.respond(world.app.request('UPDATE').transactionId, 200);
    expect(world.wire.responses().at(-1)?.headers.get('Contact')).toBe('<sip:127.0.0.1:5060>');
    await world.app.inDialog(dialogId, 'BYE');
    expect(last(world, 'BYE').uri).toBe('sip:moved@127.0.0.2:5062');
  });

  it('may come before the answer; a second one waits (RFC 3311 §5.2)', () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    world.app.respond(world.app.request('INVITE').transactionId, 183);
    const toTag = world.wire.responses().at(-1)?.to.params.get('tag') ?? '';
    world.wire.deliver(fromPeer({ method: 'UPDATE', toTag, cseq: 2 }));
    world.wire.deliver(fromPeer({ method: 'UPDATE', toTag, cseq: 3 }));
    expect(world.app.heard).toEqual(['INVITE', 'UPDATE']);
    expect(statuses(world).at(-1)).toBe(500);
  });
});

describe('requests of the application inside a dialog', () => {
  it('count on, whichever side began', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    const first = last(world, 'INVITE').cseq.number;
    await world.app.inDialog(dialogId, 'INFO', { CSeq: '99 INFO', From: '<sip:evil@x>;tag=y', 'Call-ID': 'evil' });
    await world.app.inDialog(dialogId, 'OPTIONS');
    const [info, options] = world.wire.requests().slice(-2);
    expect([info?.cseq.number, options?.cseq.number]).toEqual([first + 1, first + 2]);
    expect(info?.headers.get('From')).toBe(last(world, 'INVITE').headers.get('From'));
    expect(info?.callId).toBe(last(world, 'INVITE').callId);
  });

  it('for a dialog that is over are refused', async () => {
    const { app } = scenario();
    const id = 'gone;from-tag=x';
    for (const method of ['BYE', 'INFO', 'INVITE']) {
      expect(await app.inDialog(id, method)).toMatchObject({ refused: { code: 'unknown-dialog' } });
    }
  });

  it('REFER and INVITE say where we are, INFO does not', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    await world.app.inDialog(dialogId, 'REFER', { 'Refer-To': '<sip:x@y>' });
    await world.app.inDialog(dialogId, 'INFO');
    expect(last(world, 'REFER').headers.get('Contact')).toBe('<sip:127.0.0.1:5060>');
    expect(last(world, 'INFO').headers.has('Contact')).toBe(false);
  });

  it('replace localhost by our address', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    await world.app.inDialog(dialogId, 'INVITE', { Contact: '<sip:me@localhost>' }, 'v=0\r\n');
    expect(last(world, 'INVITE').headers.get('Contact')).toBe('<sip:me@127.0.0.1:5060>');
  });

  it('a BYE ends the dialog with its response, but not with a challenge', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    const id = idOf(await world.app.inDialog(dialogId, 'BYE'));
    answer(world, 'BYE', 401);
    expect(world.ua.stats().dialogs).toBe(1);
    await world.app.inDialog(dialogId, 'BYE', { Authorization: 'Digest a="b"' });
    answer(world, 'BYE', 200);
    expect(world.ua.stats().dialogs).toBe(0);
    expect(world.app.responses.filter(({ transactionId }) => transactionId === id)).toHaveLength(1);
  });

  it('a BYE that nobody answers ends the dialog too', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    await world.app.inDialog(dialogId, 'BYE');
    await world.clock.advanceAsync(32_000);
    expect(world.app.responses.at(-1)?.response.status).toBe(408);
    expect(world.ua.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  // RFC 3261 §15
  it('a BYE waits for the ACK of our answer', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer());
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    const tag = world.wire.responses().at(-1)?.to.params.get('tag') ?? '';
    const bye = world.app.inDialog('call-1;from-tag=caller', 'BYE');
    expect(await bye).toBeUndefined();
    expect(world.wire.requests('BYE')).toHaveLength(0);
    world.wire.deliver(fromPeer({ method: 'ACK', toTag: tag }));
    await world.clock.advanceAsync(0);
    expect(world.wire.requests('BYE')).toHaveLength(1);
  });

  it('a re-INVITE waits for another one, its ACK included; provisional responses harm nobody', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0 first');
    const number = last(world, 'INVITE').cseq.number;
    expect(await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0 second')).toBeUndefined();
    await world.app.inDialog(dialogId, 'INFO');
    answer(world, 'INVITE', 180);
    answer(world, 'INVITE', 200, { headers: CONTACT });
    await world.clock.advanceAsync(0);
    expect(world.wire.requests('INVITE')).toHaveLength(2);
    await world.app.inDialog(dialogId, 'ACK');
    await world.clock.advanceAsync(0);
    expect(last(world, 'ACK').cseq.number).toBe(number);
    expect(last(world, 'INVITE').body.toString()).toBe('v=0 second');
    expect(world.app.heard).toEqual(['200', '180', '200']);
  });

  it('a BYE cancels a re-INVITE that is under way; its late answer is acknowledged by us', async () => {
    const world = scenario();
    const { dialogId } = await placedCall(world);
    await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0\r\n');
    answer(world, 'INVITE', 180);
    await world.app.inDialog(dialogId, 'BYE');
    expect(world.wire.requests('CANCEL')).toHaveLength(1);
    answer(world, 'BYE', 200);
    answer(world, 'INVITE', 200, { headers: CONTACT });
    await world.clock.advanceAsync(0);
    expect(last(world, 'ACK').cseq.number).toBe(last(world, 'INVITE').cseq.number);
    expect(world.ua.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  it('end with 503 when there is no way to the peer', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer({ headers: { Contact: '<sip:200@nosuch.invalid;transport=tcp>' } }));
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    const tag = world.wire.responses().at(-1)?.to.params.get('tag') ?? '';
    world.wire.deliver(fromPeer({ method: 'ACK', toTag: tag }));
    const id = idOf(await world.app.inDialog('call-1;from-tag=caller', 'BYE'));
    expect(world.app.responses).toMatchObject([{ transactionId: id, response: { status: 503 } }]);
    expect(world.ua.stats().dialogs).toBe(0);
  });
});

describe('where requests inside a dialog go', () => {
  const hop = ({ wire }: Scenario) => wire.sent.at(-1)?.hop;

  it('back to where the caller was seen when its Contact names another address', async () => {
    const world = scenario();
    world.wire.deliver(fromPeer({ headers: { Contact: '<sip:200@10.0.0.7:5062>' } }));
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    const toTag = world.wire.responses().at(-1)?.to.params.get('tag') ?? '';
    world.wire.deliver(fromPeer({ method: 'ACK', toTag }));
    await world.app.inDialog('call-1;from-tag=caller', 'INFO');
    expect(hop(world)).toMatchObject({ address: '127.0.0.2', port: 5062 });
    expect(last(world, 'INFO').uri).toBe('sip:200@10.0.0.7:5062');
  });

  it('by the route set when there is one', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 200, { headers: { ...CONTACT, 'Record-Route': '<sip:127.0.0.4:5070;lr>' } });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
    expect(hop(world)).toMatchObject({ address: '127.0.0.4', port: 5070 });
  });

  // RFC 3261 §12.2.1.1
  it('to a strict router as it wants it', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 200, { headers: { ...CONTACT, 'Record-Route': '<sip:127.0.0.4:5070>' } });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
    expect(last(world, 'ACK').uri).toBe('sip:127.0.0.4:5070');
    expect(last(world, 'ACK').headers.all('Route')).toEqual(['<sip:phone@127.0.0.9:5060>']);
  });

  it('by the connection that the call came by while it is open', async () => {
    const world = scenario();
    const source = peer({ protocol: 'tcp', connection: 3 });
    world.wire.deliver(fromPeer(), source);
    world.app.respond(world.app.request('INVITE').transactionId, 200);
    const toTag = world.wire.responses().at(-1)?.to.params.get('tag') ?? '';
    world.wire.deliver(fromPeer({ method: 'ACK', toTag }), source);
    await world.app.inDialog('call-1;from-tag=caller', 'INFO');
    expect(hop(world)).toMatchObject({ connection: 3 });
    world.wire.emit('closed', { connection: 3, protocol: 'tcp' });
    await world.app.inDialog('call-1;from-tag=caller', 'INFO');
    expect(hop(world)).toMatchObject({ address: '127.0.0.2', port: 5062, protocol: 'udp' });
  });
});

describe('a call that comes back to us', () => {
  it('has another id on its second leg', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9', { 'Call-ID': 'call-1', From: '<sip:200@x>;tag=caller' });
    answer(world, 'INVITE', 200, { headers: CONTACT });
    world.wire.deliver(fromPeer());
    const answered = world.app.respond(world.app.request('INVITE').transactionId, 200);
    expect(world.app.responses.at(-1)?.dialogId).toBe('call-1;from-tag=caller');
    expect(answered).toMatchObject({ sent: { dialogId: 'call-1;from-tag=caller-2' } });
  });
});
