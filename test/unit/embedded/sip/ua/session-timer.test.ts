import { describe, expect, it } from 'vitest';
import { answer, CONTACT, fromPeer, type Scenario, scenario } from './scenario.ts';

const MINUTE = 60_000;

/** A call to us whose caller proposed an interval; answered and acknowledged. */
function offered(headers: Record<string, string>, answerHeaders: Record<string, string> = {}) {
  const world = scenario();
  world.wire.deliver(fromPeer({ headers: { Supported: 'timer', ...headers } }));
  world.app.respond(world.app.request('INVITE').transactionId, 200, answerHeaders, 'v=0 ours');
  const ok = world.wire.responses().at(-1);
  const tag = ok?.to.params.get('tag') ?? '';
  world.wire.deliver(fromPeer({ method: 'ACK', toTag: tag }));
  return { world, ok, tag };
}

/** A call of ours in which the callee wants to be refreshed. */
async function placed(answerHeaders: Record<string, string>): Promise<Scenario> {
  const world = scenario();
  await world.app.send('INVITE', 'sip:phone@127.0.0.9', { Supported: 'timer' }, { body: 'v=0 ours' });
  answer(world, 'INVITE', 200, { headers: { ...CONTACT, ...answerHeaders } });
  await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'ACK');
  return world;
}

describe('an interval that the peer proposes, RFC 4028 §9', () => {
  it('is accepted, the caller refreshes unless it wants otherwise', () => {
    const { ok } = offered({ 'Session-Expires': '600' });
    expect(ok?.headers.get('Session-Expires')).toBe('600;refresher=uac');
    expect(ok?.headers.get('Require')).toBe('timer');
    expect(offered({ 'Session-Expires': '600;refresher=uas' }).ok?.headers.get('Session-Expires')).toBe(
      '600;refresher=uas',
    );
  });

  it('is left to an application that says something itself', () => {
    const { ok } = offered({ 'Session-Expires': '600' }, { 'Session-Expires': '300;refresher=uas' });
    expect(ok?.headers.all('Session-Expires')).toEqual(['300;refresher=uas']);
  });

  it('is not accepted from a peer without `timer`, nor where none was proposed', () => {
    expect(offered({ Supported: 'replaces', 'Session-Expires': '600' }).ok?.headers.has('Session-Expires')).toBe(false);
    expect(offered({}).ok?.headers.has('Session-Expires')).toBe(false);
  });

  it('that is too short gets 422, outside and inside a dialog', () => {
    const short = { Supported: 'timer', 'Session-Expires': '60' };
    const world = scenario();
    world.wire.deliver(fromPeer({ headers: short }));
    expect(world.wire.responses().at(-1)).toMatchObject({ status: 422 });
    expect(world.wire.responses().at(-1)?.headers.get('Min-SE')).toBe('90');
    const { world: inside, tag } = offered({});
    inside.wire.deliver(fromPeer({ method: 'UPDATE', toTag: tag, cseq: 2, headers: short }));
    expect(inside.wire.responses().at(-1)).toMatchObject({ status: 422 });
  });
});

describe('a peer that should refresh', () => {
  it('and does so keeps the call', async () => {
    const { world, tag } = offered({ 'Session-Expires': '600' });
    for (let cseq = 2; cseq < 6; cseq++) {
      await world.clock.advanceAsync(5 * MINUTE);
      const headers = { Supported: 'timer', 'Session-Expires': '600;refresher=uac' };
      world.wire.deliver(fromPeer({ method: 'UPDATE', toTag: tag, cseq, headers }));
      world.app.respond(world.app.request('UPDATE').transactionId, 200);
      expect(world.wire.responses().at(-1)?.headers.get('Session-Expires')).toBe('600;refresher=uac');
    }
    expect(world.ua.stats().dialogs).toBe(1);
  });

  it('and does not is hung up 32 s before the end', async () => {
    const { world } = offered({ 'Session-Expires': '600' });
    await world.clock.advanceAsync(568_000 - 1);
    expect(world.wire.requests('BYE')).toHaveLength(0);
    await world.clock.advanceAsync(1);
    expect(world.wire.requests('BYE').at(-1)?.headers.get('Reason')).toContain('Session timer expired');
    expect(world.app.heard.at(-1)).toBe('-BYE');
  });
});

describe('a session that we refresh', () => {
  it('gets an UPDATE at half time from a peer that takes it; the application sees nothing of it', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac', Allow: 'INVITE, UPDATE' });
    await world.clock.advanceAsync(5 * MINUTE);
    const update = world.wire.requests('UPDATE').at(-1);
    expect(update?.headers.get('Session-Expires')).toBe('600;refresher=uac');
    expect(update?.body).toHaveLength(0);
    answer(world, 'UPDATE', 200, { headers: { 'Session-Expires': '600;refresher=uac' } });
    await world.clock.advanceAsync(5 * MINUTE);
    expect(world.wire.requests('UPDATE').length).toBeGreaterThan(1);
    expect(world.app.heard).toEqual(['200']);
  });

  it('gets an INVITE with what we last offered from a peer that does not, and our ACK', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac', Allow: 'INVITE, ACK' });
    await world.clock.advanceAsync(5 * MINUTE);
    expect(world.wire.requests('INVITE').at(-1)?.body.toString()).toBe('v=0 ours');
    answer(world, 'INVITE', 200, { headers: { ...CONTACT, 'Session-Expires': '600;refresher=uac' } });
    await world.clock.advanceAsync(0);
    const number = world.wire.requests('INVITE').at(-1)?.cseq.number;
    expect(world.wire.requests('ACK').at(-1)?.cseq.number).toBe(number);
    expect(world.app.heard).toEqual(['200']);
    expect(world.ua.stats()).toMatchObject({ dialogs: 1, outgoing: 0 });
  });

  it('gets what was agreed on, not what it has refused', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac', Allow: 'INVITE, ACK' });
    const { dialogId = '' } = world.app.responses.at(-1) ?? {};
    await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0 other');
    answer(world, 'INVITE', 488);
    await world.clock.advanceAsync(5 * MINUTE);
    expect(world.wire.requests('INVITE').at(-1)?.body.toString()).toBe('v=0 ours');
  });

  it('is tried again when it fails, and hung up in the end', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac', Allow: 'UPDATE' });
    await world.clock.advanceAsync(5 * MINUTE);
    answer(world, 'UPDATE', 491);
    await world.clock.advanceAsync(3 * MINUTE);
    answer(world, 'UPDATE', 500);
    expect(world.wire.requests('UPDATE').length).toBeGreaterThan(1);
    await world.clock.advanceAsync(2 * MINUTE);
    expect(world.wire.requests('BYE').length).toBeGreaterThan(0);
    expect(world.app.heard.at(-1)).toBe('-BYE');
    expect(world.ua.stats()).toMatchObject({ dialogs: 0, outgoing: 0 });
  });

  it('is refreshed by a re-INVITE of the application as well', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac', Allow: 'UPDATE' });
    const { dialogId = '' } = world.app.responses.at(-1) ?? {};
    await world.clock.advanceAsync(4 * MINUTE);
    await world.app.inDialog(dialogId, 'INVITE', {}, 'v=0 other');
    expect(world.wire.requests('INVITE').at(-1)?.headers.get('Session-Expires')).toBe('600;refresher=uac');
    answer(world, 'INVITE', 200, { headers: { ...CONTACT, 'Session-Expires': '600;refresher=uac' } });
    await world.app.inDialog(dialogId, 'ACK');
    await world.clock.advanceAsync(4 * MINUTE);
    expect(world.wire.requests('UPDATE')).toHaveLength(0);
  });

  it('leaves no timer behind', async () => {
    const world = await placed({ 'Session-Expires': '600;refresher=uac' });
    await world.app.inDialog(world.app.responses.at(-1)?.dialogId ?? '', 'BYE');
    answer(world, 'BYE', 200);
    await world.clock.advanceAsync(MINUTE);
    world.ua.close();
    expect(world.clock.pending).toBe(0);
  });
});
