import { describe, expect, it } from 'vitest';
import {
  type Dialog,
  type IncomingInvite,
  InviteFailure,
  InviteGone,
  type ModifyFailure,
  type OutgoingInvite,
  type OutgoingInviteRequest,
} from '../../../src/sip/port.ts';
import { internalCall } from '../../../src/trunks/internal-call.ts';

const request: OutgoingInviteRequest = {
  target: { uri: 'sip:501@branch.internal' },
  from: { user: '401', host: '', display: 'Анна' },
  asserted: { user: '401', host: '', display: 'Анна' },
  headers: { 'Max-Forwards': '68', Diversion: '<sip:74950000001@acme.example>' },
  sdp: 'offer',
};

interface Both {
  readonly outgoing: OutgoingInvite;
  readonly incoming: IncomingInvite;
  readonly heard: string[];
}

async function call(more: Partial<OutgoingInviteRequest> = {}): Promise<Both> {
  const { promise, resolve } = Promise.withResolvers<IncomingInvite>();
  const outgoing = internalCall(
    { ...request, ...more },
    {
      to: { pbx: 'branch', trunk: 'head' },
      number: '501',
      domains: { caller: 'acme.example', called: 'branch.example' },
      callId: 'call-1',
      accept: resolve,
    },
  );
  const heard: string[] = [];
  outgoing.on('provisional', ({ status, sdp }) => heard.push(`${status}${sdp === undefined ? '' : ` ${sdp}`}`));
  return { outgoing, incoming: await promise, heard };
}

const failureOf = (outgoing: OutgoingInvite): Promise<InviteFailure> =>
  outgoing.answered.then(
    () => Promise.reject(new Error('answered')),
    (error: InviteFailure) => error,
  );

async function talking(): Promise<{ readonly caller: Dialog; readonly callee: Dialog; readonly ends: string[] }> {
  const { outgoing, incoming } = await call();
  const callee = await incoming.answer({ sdp: 'answer' });
  const { dialog: caller, sdp } = await outgoing.answered;
  expect(sdp).toBe('answer');
  const ends: string[] = [];
  caller.on('ended', ({ by, reason }) => ends.push(`caller ${by} ${reason}`));
  callee.on('ended', ({ by, reason }) => ends.push(`callee ${by} ${reason}`));
  return { caller, callee, ends };
}

describe('a call over an internal trunk', () => {
  it('comes as one of a trunk, with who calls and how far it has come', async () => {
    const { incoming } = await call();
    expect(incoming).toMatchObject({
      id: 'call-1',
      identity: { kind: 'trunk', pbx: 'branch', trunk: 'head' },
      from: { user: '401', host: 'acme.example', display: 'Анна' },
      asserted: { user: '401', host: 'acme.example' },
      to: { user: '501', host: 'branch.example' },
      requestUser: '501',
      anonymous: false,
      internal: true,
      sdp: 'offer',
      maxForwards: 68,
      cancelled: false,
    });
    expect(incoming.header('diversion')).toBe('<sip:74950000001@acme.example>');
  });

  it('hides who hides himself', async () => {
    expect((await call({ headers: { Privacy: 'id' } })).incoming.anonymous).toBe(true);
  });

  it('rings, with what is heard before the answer', async () => {
    const { incoming, heard } = await call();
    incoming.ring(180);
    incoming.ring(183, { sdp: 'music' });
    await incoming.answer({ sdp: 'answer' });
    incoming.ring(180);
    expect(heard).toEqual(['180', '183 music']);
  });

  it('is refused with the status and the headers of the refusal, once', async () => {
    const { incoming, outgoing } = await call();
    incoming.reject(503, { headers: { 'Retry-After': '5' } });
    incoming.reject(486);
    expect(await failureOf(outgoing)).toMatchObject({
      status: 503,
      cause: 'rejected',
      headers: { 'retry-after': '5' },
    });
    await expect(incoming.answer({ sdp: '' })).rejects.toBeInstanceOf(InviteGone);
  });

  it('is cancelled by the caller before the answer, and not after', async () => {
    const { incoming, outgoing } = await call();
    const reasons: unknown[] = [];
    incoming.on('cancelled', ({ reason }) => reasons.push(reason));
    outgoing.cancel({ protocol: 'SIP', cause: 480, text: 'No answer' });
    incoming.on('cancelled', ({ reason }) => reasons.push(`late: ${reason}`));
    expect(reasons).toEqual(['No answer', 'late: No answer']);
    expect(incoming.cancelled).toBe(true);
    expect(await failureOf(outgoing)).toMatchObject({ status: 487, cause: 'cancelled' });
    await expect(incoming.answer({ sdp: '' })).rejects.toMatchObject({ why: 'cancelled' });

    const answered = await call();
    await answered.incoming.answer({ sdp: 'answer' });
    answered.outgoing.cancel();
    expect((await answered.outgoing.answered).sdp).toBe('answer');
  });

  it('that is cancelled in the moment in which it is made never arrives', async () => {
    const arrived: IncomingInvite[] = [];
    const outgoing = internalCall(request, {
      to: { pbx: 'branch', trunk: 'head' },
      number: '501',
      domains: { caller: 'a', called: 'b' },
      callId: 'c',
      accept: (invite) => arrived.push(invite),
    });
    outgoing.cancel();
    expect(await failureOf(outgoing)).toBeInstanceOf(InviteFailure);
    expect(arrived).toEqual([]);
  });
});

describe('the conversation', () => {
  it.each(['caller', 'callee'] as const)('ends for both when the %s hangs up, once', async (who) => {
    const both = await talking();
    await both[who].bye({ protocol: 'SIP', cause: 200, text: 'bye' });
    await both[who].bye();
    const other = who === 'caller' ? 'callee' : 'caller';
    await Promise.resolve();
    expect(both.ends).toEqual([`${who} local bye`, `${other} remote bye`]);
    const late: string[] = [];
    both[other].on('ended', ({ by }) => late.push(by));
    await Promise.resolve();
    expect(late).toEqual(['remote']);
  });

  it('goes on after another offer, which the other side answers', async () => {
    const { caller, callee } = await talking();
    await expect(caller.modify('hold')).rejects.toMatchObject({ status: 491 } satisfies Partial<ModifyFailure>);
    callee.onReinvite(async (offer) => `held by ${offer}`);
    expect(await caller.modify('hold')).toBe('held by hold');
    expect([caller.localSdp, caller.remoteSdp]).toEqual(['hold', 'held by hold']);
    expect([callee.localSdp, callee.remoteSdp]).toEqual(['held by hold', 'hold']);
    callee.onReinvite(() => Promise.reject(new Error('no codec')));
    await expect(caller.modify('other')).rejects.toMatchObject({ status: 488 });
    expect(caller.localSdp).toBe('hold');
    await callee.bye();
    await expect(caller.modify('hold')).rejects.toMatchObject({ status: 481 });
  });

  it('carries data for whoever listens', async () => {
    const { caller, callee } = await talking();
    expect(await caller.info({ contentType: 'text/plain', body: '1' })).toBe(415);
    const got: string[] = [];
    callee.on('info', ({ body }) => got.push(body));
    expect(await caller.info({ contentType: 'text/plain', body: '2' })).toBe(200);
    expect(got).toEqual(['2']);
  });
});
