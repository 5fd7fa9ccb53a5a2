import { describe, expect, it } from 'vitest';
import { answer, CONTACT, fromPeer, type Scenario, scenario } from './scenario.ts';

const RELIABLE = { Require: '100rel' };
const invite = { headers: { Supported: '100rel, timer' } };

const ringing = (world: Scenario) => {
  world.wire.deliver(fromPeer(invite));
  const { transactionId } = world.app.request('INVITE');
  world.app.respond(transactionId, 180, { ...RELIABLE, RSeq: '77' });
  const response = world.wire.responses().at(-1);
  return { transactionId, toTag: response?.to.params.get('tag') ?? '', rseq: response?.headers.get('RSeq') };
};

const prack = ({ wire }: Scenario, toTag: string, rack: string, cseq = 2) =>
  wire.deliver(fromPeer({ method: 'PRACK', toTag, cseq, headers: { RAck: rack } }));

describe('reliable provisional responses of ours, RFC 3262 §3', () => {
  it('are numbered by us, bear a Contact, and are repeated with doubling gaps until the PRACK', () => {
    const world = scenario();
    const { toTag, rseq } = ringing(world);
    expect(rseq).not.toBe('77');
    expect(world.wire.responses().at(-1)?.headers.get('Contact')).toBe('<sip:127.0.0.1:5060>');
    world.clock.advance(4_000);
    expect(world.wire.log().filter((line) => line.includes('180'))).toEqual(
      [0, 500, 1500, 3500].map((at) => `${at} 180 INVITE`),
    );
    prack(world, toTag, `${rseq} 1 INVITE`);
    expect(world.app.request('PRACK').dialogId).toBe('call-1;from-tag=caller');
    world.app.respond(world.app.request('PRACK').transactionId, 200);
    world.clock.advance(10_000);
    expect(world.wire.log().at(-1)).toBe('4000 200 PRACK');
  });

  it('go out one after the other', () => {
    const world = scenario();
    const { transactionId, toTag, rseq } = ringing(world);
    expect(world.app.respond(transactionId, 183, RELIABLE)).toBeUndefined();
    prack(world, toTag, `${rseq} 1 INVITE`);
    const next = world.wire.responses().at(-1);
    expect([next?.status, Number(next?.headers.get('RSeq'))]).toEqual([183, Number(rseq) + 1]);
  });

  it('a PRACK for another one gets 481', () => {
    const world = scenario();
    const { toTag, rseq } = ringing(world);
    prack(world, toTag, `${Number(rseq) + 1} 1 INVITE`);
    prack(world, toTag, `${rseq} 2 INVITE`, 3);
    expect(
      world.wire
        .responses()
        .slice(-2)
        .map(({ status }) => status),
    ).toEqual([481, 481]);
    expect(world.app.heard).toEqual(['INVITE']);
  });

  it.each([501, 404])('a PRACK that the application refuses with %i is answered 200', (status) => {
    const world = scenario();
    const { toTag, rseq } = ringing(world);
    prack(world, toTag, `${rseq} 1 INVITE`);
    world.app.respond(world.app.request('PRACK').transactionId, status);
    expect(world.wire.log().at(-1)).toBe('0 200 PRACK');
  });

  it('without a PRACK end the call with 503 after 32 s, and the application hears of it', () => {
    const world = scenario();
    ringing(world);
    world.clock.advance(32_000);
    expect(world.wire.log().at(-1)).toBe('32000 503 INVITE');
    expect(world.app.heard).toEqual(['INVITE', 'CANCEL']);
    expect(world.ua.stats()).toMatchObject({ incoming: 0, dialogs: 0 });
  });

  it('are no longer repeated after the answer', () => {
    const world = scenario();
    const { transactionId } = ringing(world);
    world.app.respond(transactionId, 486);
    world.clock.advance(10_000);
    expect(world.wire.log().filter((line) => line.includes('180'))).toHaveLength(1);
  });

  it('are refused for a caller that does not support them', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer());
    const { transactionId } = app.request('INVITE');
    expect(app.respond(transactionId, 180, RELIABLE)).toMatchObject({ refused: { code: 'no-100rel' } });
    expect(app.respond(transactionId, 180)).toMatchObject({ sent: {} });
  });

  it('are made of plain ones for a caller that insists', () => {
    const { wire, app } = scenario();
    wire.deliver(fromPeer({ headers: { Require: '100rel' } }));
    app.respond(app.request('INVITE').transactionId, 180);
    const response = wire.responses().at(-1);
    expect([response?.headers.get('Require'), response?.headers.has('RSeq')]).toEqual(['100rel', true]);
  });
});

describe('reliable provisional responses of the peer, RFC 3262 §4', () => {
  const reliable = (rseq: number) => ({ headers: { ...RELIABLE, RSeq: String(rseq), ...CONTACT } });

  it('are told once and in order; the PRACK of the application names the right one', async () => {
    const world = scenario();
    const { app, wire } = world;
    await app.send('INVITE', 'sip:phone@127.0.0.9');
    const { cseq } = wire.requests('INVITE').at(-1) ?? { cseq: { number: 0 } };
    answer(world, 'INVITE', 180, reliable(5));
    answer(world, 'INVITE', 180, reliable(5));
    answer(world, 'INVITE', 183, reliable(7));
    expect(app.heard).toEqual(['180']);
    const { dialogId = '' } = app.responses.at(-1) ?? {};
    await app.inDialog(dialogId, 'PRACK', { RAck: `5 ${cseq.number} INVITE` });
    const prack = wire.requests('PRACK').at(-1);
    expect(prack?.headers.get('RAck')).toBe(`5 ${cseq.number} INVITE`);
    expect([prack?.uri, prack?.cseq.number]).toEqual(['sip:phone@127.0.0.9:5060', cseq.number + 1]);
    answer(world, 'INVITE', 183, reliable(6));
    expect(app.heard).toEqual(['180', '183']);
  });

  it('each fork has its own numbers, and gets its own PRACK', async () => {
    const world = scenario();
    const { app, wire } = world;
    await app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 180, { toTag: 'one', ...reliable(1) });
    answer(world, 'INVITE', 180, { toTag: 'two', ...reliable(1) });
    const { dialogId = '' } = app.responses.at(-1) ?? {};
    await app.inDialog(dialogId, 'PRACK', { RAck: '1 1 INVITE' });
    await app.inDialog(dialogId, 'PRACK', { RAck: '1 1 INVITE' });
    expect(wire.requests('PRACK').map(({ to }) => to.params.get('tag'))).toEqual(['one', 'two']);
    expect(await app.inDialog(dialogId, 'PRACK', { RAck: '1 1 INVITE' })).toMatchObject({
      refused: { code: 'prack-not-needed' },
    });
  });

  it('reach a phone that rings without having said its Contact', async () => {
    const world = scenario();
    await world.app.send('INVITE', 'sip:phone@127.0.0.9');
    answer(world, 'INVITE', 180, { headers: { ...RELIABLE, RSeq: '1' } });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'PRACK', { RAck: '1 1 INVITE' });
    expect(world.wire.requests('PRACK').at(-1)?.uri).toBe('sip:phone@127.0.0.9');
  });
});
