import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Phone, type PhoneOptions } from '../support/baresip.ts';
import { Engine } from '../support/engine-process.ts';
import { startJack } from '../support/jack.ts';
import { lastRecord } from '../support/observe.ts';
import { domain, lines, office, password, writeOffice } from '../support/office.ts';
import { sippCalls } from '../support/sipp.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody } from '../support/tones.ts';
import { eventually } from '../support/wait.ts';

/** Parties who are gone without a word, and others who are only silent. FreeSWITCH tells less of audio: a pause is seen two seconds later. */

const limitMs = process.env.FREESWITCH_BINARY ? 7000 : 5000;
const gauges = ['kommutator_calls', 'kommutator_media_endpoints', 'kommutator_busy_employees'] as const;
let resources: AsyncDisposableStack;
let engine: Engine;
let jack: Awaited<ReturnType<typeof startJack>>;
const phones: Phone[] = [];

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  jack = resources.use(await startJack());
  const config = resources.use(await temporaryFolder('config')).path;
  const alone = { id: 'sales', extension: '450', algorithm: 'sequential', members: [{ employee: 'anna' }] };
  await writeOffice(config, { ...office(), groups: [alone] });
  engine = resources.use(await Engine.start({ config }));
});
afterEach(async () => {
  for (const one of phones.splice(0)) await one[Symbol.asyncDispose]();
  // What was sent to a phone that is dead is repeated for another half a minute (RFC 3261 §17.1).
  await eventually(
    'nothing to be left of any call',
    () => Promise.all(gauges.map((name) => engine.metric(name))),
    (values) => values.every((value) => value === 0),
  );
});
afterAll(() => resources.disposeAsync());

async function phone(user: string, options: Partial<PhoneOptions>): Promise<Phone> {
  const one = await Phone.register({ user, password, domain, proxy: engine.sip, env: jack.env, ...options });
  phones.push(one);
  return one;
}

const hears = (one: Phone, hz: number) =>
  eventually(
    `${one.options.user} to hear ${hz} Hz`,
    async () => melody(await one.heard(), [440, 1000]),
    (heard) => heard.includes(hz),
  );

/** Boris (1000 Hz) has rung the group, whose only member is anna (440 Hz), and both have heard the other. */
async function talk() {
  const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto' });
  const boris = await phone('boris', { says: { hz: 1000 } });
  boris.dial('450');
  await boris.next('CALL_ESTABLISHED');
  await Promise.all([hears(boris, 440), hears(anna, 1000)]);
  return { anna, boris };
}

/** What keeps anna from calls, as the API says it, from the moment on in which it is something else than a call. */
const annaIsFree = () =>
  eventually(
    'anna to be free',
    async () => {
      const people = await engine.api<{ id: string; unavailable: string | null }[]>('/api/pbxs/acme/employees');
      return people.find(({ id }) => id === 'anna')?.unavailable;
    },
    (unavailable) => unavailable !== 'inCall',
  );

describe('a phone whose process is killed in a conversation', () => {
  it('is hung up within five seconds: its agent is free, the caller is not left in silence', async () => {
    const { anna, boris } = await talk();
    const killed = performance.now();
    await anna.kill();
    const [unavailable] = await Promise.all([annaIsFree(), boris.next('CALL_CLOSED')]);
    const tookMs = performance.now() - killed;
    console.log(`the agent of a phone that was killed is free after ${Math.round(tookMs)} ms`);
    expect([null, 'unregistered']).toContain(unavailable);
    expect(tookMs).toBeLessThan(limitMs);
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'answered', reason: 'mediaTimeout', endedBy: 'engine' });
  });

  it('does not hold the agent when it is the caller’s', async () => {
    const { anna, boris } = await talk();
    const killed = performance.now();
    await boris.kill();
    await Promise.all([annaIsFree(), anna.next('CALL_CLOSED')]);
    expect(performance.now() - killed).toBeLessThan(limitMs);
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'answered', reason: 'mediaTimeout' });
  });
});

describe('phones that live', () => {
  it('may send nothing, and hold, for as long as they like', async () => {
    const anna = await phone('anna', { says: { hz: 440 }, answers: 'auto' });
    // What is sent to it is not echoed, so it sends nothing at all.
    const media = 'm=audio 9 RTP/AVP 8\na=rtpmap:8 PCMA/8000';
    const call = sippCalls(engine.sip, { to: lines.forwarding, media, talkMs: 5500 });
    await anna.next('CALL_ESTABLISHED');
    anna.hold();
    expect(await call).toMatchObject({ successful: 1, failed: 0 });
    expect(await lastRecord(engine)).toMatchObject({ outcome: 'answered', reason: 'callerHungUp', endedBy: 'caller' });
  });
});
