import {
  type Invitation,
  Inviter,
  Registerer,
  type Session,
  type SessionDescriptionHandler,
  SessionState,
  UserAgent,
} from 'sip.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Dialog } from '../../src/sip/port.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { type SipStack, startSipStack } from '../support/sip-stack.ts';
import { eventually, Inbox } from '../support/wait.ts';

/** A phone that is a web page, by SIP.js over Node's WebSocket: everything but its audio. */

const pbx = pbxOf({ employees: [employee('page', '451')] });
const sdp = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';
const us = { user: '452', host: 'acme.example', display: 'Пётр' };

let stack: SipStack;
let resources = new AsyncDisposableStack();

beforeAll(async () => {
  stack = await startSipStack({ pbxs: [pbx], listen: ['ws://127.0.0.1:0'] });
});
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});
afterAll(() => stack.stop());

/** Audio that is not there: the description is always the same. */
const silent = (): SessionDescriptionHandler => ({
  close: () => undefined,
  getDescription: async () => ({ body: sdp, contentType: 'application/sdp' }),
  hasDescription: (contentType) => contentType === 'application/sdp',
  rollbackDescription: async () => undefined,
  setDescription: async () => undefined,
  sendDtmf: () => false,
});

async function page() {
  const { host, port } = stack.endpoint('ws');
  const calls = new Inbox<Invitation>('calls');
  const uri = UserAgent.makeURI('sip:page@acme.example');
  if (!uri) throw new Error('no URI');
  const agent = new UserAgent({
    uri,
    authorizationUsername: 'page',
    authorizationPassword: 'Secret123',
    transportOptions: { server: `ws://${host}:${port}` },
    sessionDescriptionHandlerFactory: silent,
    delegate: { onInvite: (call) => calls.push(call) },
    logBuiltinEnabled: false,
  });
  resources.defer(() => (agent.isConnected() ? agent.stop() : undefined));
  await agent.start();
  return { agent, calls, registerer: new Registerer(agent) };
}

const register = ({ registerer }: Awaited<ReturnType<typeof page>>): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const onReject = () => reject(new Error('the registration was refused'));
    void registerer.register({ requestDelegate: { onAccept: resolve, onReject } });
  });

async function contact() {
  const [found] = await stack.sip.registrar.contacts('acme', 'page@acme.example');
  if (!found) throw new Error('not registered');
  return found;
}

async function ring(phone: Awaited<ReturnType<typeof page>>): Promise<{ call: Invitation; dialog: Dialog }> {
  const { target } = await contact();
  const mark = phone.calls.items.length;
  const invite = stack.sip.server.invite({ target, from: us, sdp });
  const { item: call } = await phone.calls.find('the call', () => true, mark);
  await call.accept();
  const { dialog } = await invite.answered;
  return { call, dialog };
}

const state = (session: Session, wanted: SessionState) =>
  eventually(
    'the state of the session',
    () => session.state,
    (now) => now === wanted,
  );

describe('a phone in a browser', () => {
  it('registers with a name that nobody can resolve, and is called by its connection', async () => {
    const phone = await page();
    await register(phone);
    const { target } = await contact();
    expect(target.uri).toMatch(/^sip:\w+@\w+\.invalid;transport=ws$/);
    const { call, dialog } = await ring(phone);
    expect(call.remoteIdentity.displayName).toBe('Пётр');
    await state(call, SessionState.Established);
    await dialog.bye();
    await state(call, SessionState.Terminated);
  });

  it('calls, and hangs up', async () => {
    const phone = await page();
    const uri = UserAgent.makeURI('sip:74951234567@acme.example');
    if (!uri) throw new Error('no URI');
    const mark = stack.invites.items.length;
    const call = new Inviter(phone.agent, uri);
    await call.invite();
    const { item: invite } = await stack.invites.find('the call', () => true, mark);
    expect(invite.identity).toMatchObject({ kind: 'account' });
    const dialog = await invite.answer({ sdp });
    const ended = new Promise((resolve) => dialog.on('ended', resolve));
    await state(call, SessionState.Established);
    await call.bye();
    expect(await ended).toMatchObject({ by: 'remote' });
  });

  it('whose connection broke registers anew, is called again, and keeps its call', async () => {
    const phone = await page();
    await register(phone);
    const { call, dialog } = await ring(phone);
    await phone.agent.transport.disconnect();
    await phone.agent.reconnect();
    await register(phone);
    expect(call.state).toBe(SessionState.Established);
    const hungUp = new Promise((resolve) => {
      call.delegate = { onBye: (bye) => resolve(bye.accept()) };
    });
    // The first call is ended by the connection that is new.
    await dialog.bye();
    await hungUp;
    const again = await ring(phone);
    await again.dialog.bye();
    await state(again.call, SessionState.Terminated);
  });

  it('that is gone cannot be reached, which its callers learn at once', async () => {
    const phone = await page();
    await register(phone);
    const { target } = await contact();
    await phone.agent.transport.disconnect();
    const invite = stack.sip.server.invite({ target, from: us, sdp });
    await expect(invite.answered).rejects.toMatchObject({ status: 503, cause: 'transport' });
  });
});
