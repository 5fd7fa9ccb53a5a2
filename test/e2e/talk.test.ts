import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { idle, lastRecord } from '../support/observe.ts';
import { domain, lines, password, tunes, writeOffice } from '../support/office.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Phones with audio: who talks to whom is what they hear. */

let resources: AsyncDisposableStack;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const folder = resources.use(await temporaryFolder('config'));
  await writeOffice(folder.path);
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(() => resources.disposeAsync());

/** A registered phone that is gone after the test. */
async function phone(user: string, options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const { registers = true } = options;
  const all = { user, password, domain, proxy: engine.sip, env: jack.env, ...options };
  const one = registers ? await Phone.register(all) : await Phone.start(all);
  phones.push(one);
  return one;
}

const stranger = (options: Partial<PhoneOptions> = {}) =>
  phone('stranger', { domain: 'elsewhere.test', registers: false, ...options });

/** Hangs up, and asserts that nothing is left of the calls: no dialog, no endpoint, no live call. */
async function tidy(): Promise<void> {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  await idle(engine);
}

const all = [440, 1000, ...Object.values(tunes)];
const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear ${hz} Hz`,
    async () => melody(await one.heard(), all),
    (heard) => heard.includes(hz),
  );

describe('two phones', () => {
  it('hear each other, and the call stands in the history', async () => {
    const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto' });
    const boris = await phone('boris', { says: { hz: 1000 } });
    boris.dial('401');
    await boris.next('CALL_RINGING');
    await boris.next('CALL_ESTABLISHED');
    await Promise.all([hears(boris, 440), hears(anna, 1000)]);
    boris.hangUp();
    await anna.next('CALL_CLOSED');
    await tidy();

    const record = await lastRecord(engine);
    expect(record).toMatchObject({
      direction: 'internal',
      from: '402',
      to: '401',
      outcome: 'answered',
      endedBy: 'caller',
    });
    expect(record.participants).toMatchObject([{ kind: 'employee', id: 'anna', outcome: 'answered' }]);
    expect(record.talk).toBeGreaterThanOrEqual(0);
  });

  it('over TCP too', async () => {
    const tcp = { transport: 'tcp', proxy: engine.sipTcp } as const;
    const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto', ...tcp });
    const boris = await phone('boris', { says: { hz: 1000 }, ...tcp });
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');
    await Promise.all([hears(boris, 440), hears(anna, 1000)]);
    await tidy();
  });

  it('on hold: the other one hears music, and then the party again', async () => {
    const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto' });
    const boris = await phone('boris', { says: { hz: 1000 } });
    boris.dial('401');
    await boris.next('CALL_ESTABLISHED');
    await hears(anna, 1000);
    boris.hold();
    await hears(anna, tunes.music);
    boris.resume();
    await eventually(
      'anna to hear boris after the music',
      async () => melody(await anna.heard(), all),
      (heard) => heard.lastIndexOf(1000) > heard.indexOf(tunes.music),
    );
    await tidy();
  });
});

describe('the menu', () => {
  it.each([
    { way: 'RFC 4733', dtmf: 'rtpevent' },
    { way: 'SIP INFO', dtmf: 'info' },
  ] as const)('greets; a digit by $way reaches anna, and they talk', async ({ dtmf }) => {
    const anna = await phone('anna', { says: { hz: 440 } });
    const caller = await stranger({ says: { hz: 1000 }, dtmf });
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    await hears(caller, tunes.welcome);
    caller.press('1');
    await anna.next('CALL_INCOMING');
    anna.answer();
    await Promise.all([hears(caller, 440), hears(anna, 1000)]);
    anna.hangUp();
    await caller.next('CALL_CLOSED');
    await tidy();

    const record = await lastRecord(engine);
    expect(record).toMatchObject({
      direction: 'in',
      line: '74950000001',
      scheme: 'menu',
      outcome: 'answered',
      endedBy: 'callee',
      reason: 'calleeHungUp',
      code: 1120,
    });
    expect(record.path.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['branch', 'play', 'digit', 'ring', 'connect']),
    );
  });

  it('a digit cuts the greeting short', async () => {
    const caller = await stranger();
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    caller.press('3');
    await hears(caller, tunes.third);
    await caller.next('CALL_CLOSED');
    await tidy();
  });

  it('goes on with the next step when nobody answers', async () => {
    await phone('anna');
    const caller = await stranger();
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    await hears(caller, tunes.welcome);
    caller.press('1');
    await hears(caller, tunes.sorry);
    await caller.next('CALL_CLOSED');
    await tidy();
    const record = await lastRecord(engine);
    expect(record).toMatchObject({ outcome: 'missed', talk: 0 });
    expect(record.participants).toMatchObject([{ id: 'anna', outcome: 'noAnswer' }]);
  });
});

describe('several phones at once', () => {
  it('one answers, the other is told that the call was taken elsewhere', async () => {
    const desk = await phone('clara', { says: { hz: 440 } });
    const home = await phone('clara-home');
    const caller = await stranger();
    caller.dial(lines.clara);
    await Promise.all([desk.next('CALL_INCOMING'), home.next('CALL_INCOMING')]);
    desk.answer();
    await caller.next('CALL_ESTABLISHED');
    await home.next('CALL_CLOSED');
    await hears(caller, 440);
    caller.hangUp();
    await desk.next('CALL_CLOSED');
    await tidy();
    const record = await lastRecord(engine);
    expect(record.participants.map(({ address, outcome }) => [address, outcome]).sort()).toEqual([
      [`clara-home@${domain}`, 'elsewhere'],
      [`clara@${domain}`, 'answered'],
    ]);
  });

  it('everybody in a group rings; the first to answer gets the call', async () => {
    const anna = await phone('anna');
    const boris = await phone('boris', { says: { hz: 440 } });
    const caller = await stranger();
    caller.dial(lines.menu);
    await caller.next('CALL_ESTABLISHED');
    await hears(caller, tunes.welcome);
    caller.press('2');
    await Promise.all([anna.next('CALL_INCOMING'), boris.next('CALL_INCOMING')]);
    boris.answer();
    await hears(caller, 440);
    await anna.next('CALL_CLOSED');
    caller.hangUp();
    await tidy();
  });
});

describe('a scheme that only forwards', () => {
  it('rings without answering, and is answered when the second employee takes the call', async () => {
    const anna = await phone('anna');
    const boris = await phone('boris', { says: { hz: 440 } });
    const caller = await stranger();
    caller.dial(lines.forwarding);
    await anna.next('CALL_INCOMING');
    await caller.next('CALL_RINGING');
    await anna.next('CALL_CLOSED');
    await boris.next('CALL_INCOMING');
    expect(caller.events.items.some(({ type }) => type === 'CALL_ESTABLISHED')).toBe(false);
    boris.answer();
    await caller.next('CALL_ESTABLISHED');
    await hears(caller, 440);
    await tidy();
  });

  it('a caller who gives up stops the ringing', async () => {
    const anna = await phone('anna');
    const caller = await stranger();
    caller.dial(lines.forwarding);
    await anna.next('CALL_INCOMING');
    caller.hangUp();
    await anna.next('CALL_CLOSED');
    await tidy();
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'missed', reason: 'callerHungUp', stage: 'employee' });
  });
});
