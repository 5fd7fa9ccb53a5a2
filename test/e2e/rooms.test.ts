import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { Installation } from '../support/installation.ts';
import { startJack } from '../support/jack.ts';
import { idle } from '../support/observe.ts';
import { domain, office, password, tunes, writeOffice } from '../support/office.ts';
import { temporaryFolder } from '../support/temp.ts';
import { describeSound, sounds } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Conference rooms with phones that have audio: who is in a room with whom is what they hear. */

let resources: AsyncDisposableStack;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

function withRooms(): Record<string, unknown> {
  const document = office() as { numbers: unknown[]; schemes: unknown[] };
  document.numbers.push({ number: '74950000006', scheme: 'room', source: { passive: `line6@${domain}` } });
  document.schemes.push({
    id: 'room',
    steps: [{ play: 'third', wait: true }],
    menu: { '1': { steps: [{ forward: { room: 'board' } }] } },
  });
  const pbx = { ...(document as { pbx?: object }).pbx, transferMusic: 'music' };
  return { ...document, pbx, rooms: [{ id: 'board', extension: '1000', pin: '2468', pinFor: 'external', seats: 3 }] };
}

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const folder = resources.use(await temporaryFolder('config'));
  await writeOffice(folder.path, withRooms());
  engine = resources.use(await Engine.start({ config: folder.path }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(() => resources.disposeAsync());

async function phone(user: string, hz: number, options: Partial<PhoneOptions> = {}): Promise<Phone> {
  const { registers = true } = options;
  const all = { user, password, domain, proxy: engine.sip, env: jack.env, says: { hz }, ...options };
  const one = registers ? await Phone.register(all) : await Phone.start(all);
  phones.push(one);
  return one;
}

/** What was heard last, for 200 ms, were these tones and nothing else. */
const hears = (one: Phone, ...hz: number[]) =>
  eventually(
    `${one.options.user} to hear ${hz.join(' + ')} Hz`,
    async () => (await one.heard()).slice(-1600),
    (last) => last.length === 1600 && sounds(hz, last),
  ).catch(async (error: Error) => {
    throw new Error(`${error.message}; heard: ${describeSound((await one.heard()).slice(-1600))}`);
  });

describe('#*', () => {
  it('brings a third one into a conversation; it goes on when the one who made it hangs up', async () => {
    const anna = await phone('anna', 700, { answers: 'auto' });
    const boris = await phone('boris', 900);
    const clara = await phone('clara', 1500, { answers: 'auto' });
    boris.dial('401');
    await Promise.all([hears(boris, 700), hears(anna, 900)]);
    boris.press('#*403');
    await hears(anna, tunes.music);
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);
    boris.press('#*');
    await Promise.all([hears(anna, 900, 1500), hears(boris, 700, 1500), hears(clara, 700, 900)]);
    boris.hangUp();
    await Promise.all([hears(anna, 1500), hears(clara, 700)]);
    clara.hangUp();
    await anna.next('CALL_CLOSED');
    for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
    await idle(engine);
  });

  it('as ## with a number transfers the other one to whom it has been talked to', async () => {
    const anna = await phone('anna', 700, { answers: 'auto' });
    const boris = await phone('boris', 900);
    const clara = await phone('clara', 1500, { answers: 'auto' });
    boris.dial('401');
    await Promise.all([hears(boris, 700), hears(anna, 900)]);
    anna.press('##403');
    await hears(boris, tunes.music);
    await Promise.all([hears(anna, 1500), hears(clara, 700)]);
    anna.hangUp();
    await Promise.all([hears(boris, 1500), hears(clara, 900)]);
    boris.hangUp();
    await clara.next('CALL_CLOSED');
    for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
    await idle(engine);
    const records = await eventually('the record', history, (items) =>
      items.some(({ transfers }) => transfers.length > 0),
    );
    expect(records.find(({ transfers }) => transfers.length > 0)).toMatchObject({
      from: '402',
      transfers: [{ kind: 'consultative', by: 'anna', to: '403' }],
      participants: expect.arrayContaining([
        expect.objectContaining({ id: 'anna', reason: 'transferred' }),
        expect.objectContaining({ id: 'clara', outcome: 'answered', reason: 'callerHungUp' }),
      ]),
    });
  });
});

describe('two nodes', () => {
  it('have one room: who comes to the other one is in it too, and hears so when its node dies', async () => {
    await using installation = await Installation.start(withRooms);
    const first = await installation.node('first');
    const second = await installation.node('second');
    const at = (node: Engine) => ({ proxy: node.sip, env: installation.audio });
    const anna = await phone('anna', 700, at(first));
    const boris = await phone('boris', 900, at(second));
    const clara = await phone('clara', 1500, at(second));
    anna.dial('1000');
    await hears(anna, tunes.music);
    boris.dial('1000');
    await Promise.all([hears(anna, 900), hears(boris, 700)]);
    clara.dial('1000');
    await Promise.all([hears(anna, 900, 1500), hears(boris, 700, 1500), hears(clara, 700, 900)]);
    expect(await first.metric('kommutator_media_conferences')).toBe(1);
    expect(await second.metric('kommutator_media_conferences')).toBe(0);
    clara.hangUp();
    await hears(anna, 900);
    await first.program.stop('SIGKILL');
    // Nothing is heard of the node any more: 15 s, and until it is looked after.
    await boris.next('CALL_CLOSED', 25_000);
    await idle(second);
  });
});

const history = async (): Promise<CallRecord[]> =>
  (await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=500')).items;

describe('a room', () => {
  it('brings employees and a stranger with a PIN together: each hears the others, and not himself', async () => {
    const anna = await phone('anna', 700);
    const boris = await phone('boris', 900);
    const stranger = await phone('stranger', 1300, { domain: 'elsewhere.test', registers: false });
    anna.dial('1000');
    await anna.next('CALL_ESTABLISHED');
    await hears(anna, tunes.music);
    boris.dial('1000');
    await Promise.all([hears(anna, 900), hears(boris, 700)]);
    stranger.dial(`line6@${domain}`);
    await stranger.next('CALL_ESTABLISHED');
    await hears(stranger, tunes.third);
    stranger.press('1');
    await eventually(
      'the stranger to be asked',
      () => engine.api<{ parties: { kind: string; state: string }[] }[]>('/api/pbxs/acme/calls'),
      (calls) => calls.some(({ parties }) => parties.some(({ kind, state }) => kind === 'room' && state === 'ringing')),
    );
    stranger.press('2468');
    await Promise.all([hears(anna, 900, 1300), hears(boris, 700, 1300), hears(stranger, 700, 900)]);
    expect(await engine.metric('kommutator_media_conferences')).toBe(1);

    // All seats are taken.
    const clara = await phone('clara', 1500);
    clara.dial('1000');
    await clara.next('CALL_CLOSED', 15_000);

    boris.hangUp();
    await Promise.all([hears(anna, 1300), hears(stranger, 700)]);
    stranger.hangUp();
    await hears(anna, tunes.music);
    anna.hangUp();
    for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
    await idle(engine);
    expect(await engine.metric('kommutator_media_conferences')).toBe(0);

    const records = await eventually('the records', history, (items) => items.length >= 4);
    const of = (from: string) => records.find((record) => record.from.startsWith(from));
    const room = { kind: 'room', id: 'board' };
    expect(of('401')).toMatchObject({
      to: '1000',
      outcome: 'answered',
      participants: [{ ...room, outcome: 'answered' }],
    });
    expect(of('402')).toMatchObject({ participants: [{ ...room, outcome: 'answered' }] });
    expect(of('stranger')).toMatchObject({
      direction: 'in',
      scheme: 'room',
      participants: [{ ...room, outcome: 'answered' }],
    });
    expect(of('403')).toMatchObject({ reason: 'roomFull', participants: [{ ...room, outcome: 'failed' }] });
    expect(of('401')?.participants[0]?.talk).toBeGreaterThan(0);
  });
});
