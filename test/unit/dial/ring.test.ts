import { describe, expect, it } from 'vitest';
import { type RingContext, ringFirst, ringFor, ringOne, stopped } from '../../../src/dial/ring.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeMediaServer } from '../../support/fake-media.ts';
import { FakeSip } from '../../support/fake-sip.ts';

const setUp = () => {
  const sip = new FakeSip();
  const media = new FakeMediaServer();
  const clock = new FakeClock();
  let rang = 0;
  const context: RingContext = {
    sip,
    media,
    clock,
    callId: 'c1',
    from: { user: '101', host: 'acme.example', display: '' },
    callerId: { callerId: null, autoCallerId: false },
    onRinging: () => rang++,
  };
  const phone = (name: string) => (signal: AbortSignal) =>
    ringOne(context, { target: { uri: `sip:${name}@127.0.0.1` } }, signal);
  return { sip, media, clock, context, phone, rang: () => rang };
};
const never = new AbortController().signal;

describe('ringing one address', () => {
  it('offers our SDP, passes on ringing, and takes the answer', async () => {
    const { sip, media, phone, rang } = setUp();
    const result = phone('a')(never);
    await settle();
    expect(sip.to('a').request.sdp).toBe('sdp of e0');
    sip.to('a').rings();
    expect(rang()).toBe(1);
    sip.to('a').answers();
    expect((await result).outcome).toBe('answered');
    expect(media.endpoints[0]?.remoteSdp).toBe('their answer');
  });

  it.each([
    [486, 'busy'],
    [600, 'busy'],
    [603, 'declined'],
    [480, 'doNotDisturb'],
    [404, 'doesNotExist'],
    [408, 'noAnswer'],
    [488, 'mediaIncompatible'],
    [503, 'networkFailure'],
  ])('understands %i as %s, and frees its endpoint', async (status, reason) => {
    const { sip, media, phone } = setUp();
    const result = phone('a')(never);
    await settle();
    sip.to('a').refuses(status);
    expect(await result).toMatchObject({ outcome: 'failed', reason });
    expect(media.alive).toEqual([]);
  });

  it('lets one of several forks be heard early, and talks to whoever answers', async () => {
    const { sip, media, context } = setUp();
    let heard = 0;
    const result = ringOne({ ...context, onEarlyMedia: () => heard++ }, { target: { uri: 'sip:a@127.0.0.1' } }, never);
    await settle();
    sip.to('a').progresses('announcement of one');
    sip.to('a').progresses('announcement of another');
    await settle();
    expect(heard).toBe(1);
    expect(media.endpoints[0]?.remoteSdp).toBe('announcement of one');
    sip.to('a').answers();
    expect((await result).outcome).toBe('answered');
    expect(media.endpoints[0]?.remoteSdp).toBe('their answer');
  });

  it('cancels with the reason of the abort, and frees its endpoint', async () => {
    const { sip, media, phone } = setUp();
    const stop = new AbortController();
    const result = phone('a')(stop.signal);
    await settle();
    stop.abort(stopped.elsewhere());
    expect(await result).toEqual({ outcome: 'failed', reason: 'pickedUp' });
    expect(sip.to('a').cancelled).toEqual({ protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' });
    expect(media.alive).toEqual([]);
  });

  it('hangs up who answers in the moment of the abort', async () => {
    const { sip, media, phone } = setUp();
    const stop = new AbortController();
    const result = phone('a')(stop.signal);
    await settle();
    const dialog = sip.to('a').answers();
    stop.abort(stopped.elsewhere());
    expect((await result).outcome).toBe('failed');
    expect(dialog.ended?.by).toBe('local');
    expect(media.alive).toEqual([]);
  });

  it('sends nothing when it is aborted before the endpoint is there', async () => {
    const { sip, media, phone } = setUp();
    const stop = new AbortController();
    const result = phone('a')(stop.signal);
    stop.abort();
    expect((await result).outcome).toBe('failed');
    expect(sip.sent).toEqual([]);
    expect(media.alive).toEqual([]);
  });
});

describe('ringing several', () => {
  it('gives the call to the first who answers, and tells the others that it was taken elsewhere', async () => {
    const { sip, media, phone } = setUp();
    const result = ringFirst([phone('a'), phone('b'), phone('c')], never);
    await settle();
    sip.to('c').refuses(486);
    sip.to('b').answers();
    expect((await result).outcome).toBe('answered');
    expect(sip.to('a').cancelled).toMatchObject({ cause: 200 });
    expect(media.alive.length).toBe(1);
  });

  it('keeps one of two who answer at once', async () => {
    const { sip, media, phone } = setUp();
    const result = ringFirst([phone('a'), phone('b')], never);
    await settle();
    const dialogs = [sip.to('a').answers(), sip.to('b').answers()];
    expect((await result).outcome).toBe('answered');
    expect(dialogs.filter(({ ended }) => ended).length).toBe(1);
    expect(media.alive.length).toBe(1);
  });

  it('says the gravest of the reasons when all fail', async () => {
    const { sip, phone } = setUp();
    const result = ringFirst([phone('a'), phone('b')], never);
    await settle();
    sip.to('a').refuses(404);
    sip.to('b').refuses(486);
    expect(await result).toEqual({ outcome: 'failed', reason: 'busy' });
  });

  it.each([
    [600, 'busy'],
    [603, 'declined'],
  ])('stops the other devices of one who says %i for all of them', async (status, reason) => {
    const { sip, phone } = setUp();
    const result = ringFirst([phone('a'), phone('b')], never, { onePerson: true });
    await settle();
    sip.to('a').refuses(status);
    expect(await result).toEqual({ outcome: 'failed', reason, everywhere: true });
    expect(sip.to('b').cancelled).toBeTruthy();
  });

  it.each([486, 480])('goes on with the other devices of one who says %i', async (status) => {
    const { sip, phone } = setUp();
    const result = ringFirst([phone('a'), phone('b')], never, { onePerson: true });
    await settle();
    sip.to('a').refuses(status);
    await settle();
    expect(sip.to('b').cancelled).toBeUndefined();
    sip.to('b').answers();
    expect((await result).outcome).toBe('answered');
  });
});

describe('a time limit', () => {
  it('ends the ringing as not answered, and leaves no timer', async () => {
    const { sip, clock, phone } = setUp();
    const result = ringFor(clock, 25_000, never, phone('a'));
    await clock.advanceAsync(24_999);
    expect(sip.to('a').cancelled).toBeUndefined();
    await clock.advanceAsync(1);
    expect(await result).toEqual({ outcome: 'failed', reason: 'noAnswer' });
    expect(sip.to('a').cancelled).toMatchObject({ text: 'No answer' });
    expect(clock.pending).toBe(0);
  });

  it('of zero is none', async () => {
    const { sip, clock, phone } = setUp();
    const result = ringFor(clock, 0, never, phone('a'));
    await clock.advanceAsync(3_600_000);
    sip.to('a').answers();
    expect((await result).outcome).toBe('answered');
  });
});
