import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveEvent } from '../../src/http/schemas.ts';
import { Engine } from '../support/engine-process.ts';
import { domain, lines, office, password, writeOffice } from '../support/office.ts';
import { RawPhone } from '../support/raw-phone.ts';
import { sippAnswers, sippCalls } from '../support/sipp.ts';
import { EventClient, type SeenEvent } from '../support/sse.ts';
import { temporaryFolder } from '../support/temp.ts';

/** What a wallboard sees of the real engine, over a restart of it. */

let resources: AsyncDisposableStack;
let config: string;
let varDir: string;
let engine: Engine;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const peer = resources.use(await sippAnswers());
  config = resources.use(await temporaryFolder('config')).path;
  varDir = resources.use(await temporaryFolder('var')).path;
  await writeOffice(config, office(peer.port));
  engine = await Engine.start({ config, varDir });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await resources.disposeAsync();
});

/** The ACD tells of the employee as well, whenever it comes to it. */
const isOfCalls = ({ event }: SeenEvent) => event !== 'agent';
const summary = ({ event, data }: SeenEvent) => `${event} ${data.what ?? data.why}`;

async function registered(): Promise<RawPhone> {
  const [host = '', port] = engine.sip.split(':');
  const phone = await RawPhone.open({ user: 'anna', domain, server: { host, port: Number(port) } });
  expect((await phone.register(password)).status).toBe(200);
  return phone;
}

describe('the stream of events', () => {
  it('tells of phones, calls and the node, and after a restart of what was missed', async () => {
    const before = await EventClient.open(`${engine.url}/api/events`);
    await before.count('reset', 1);
    const phone = await registered();
    await before.count('registration', 1);
    const result = await sippCalls(engine.sip, { to: lines.load, talkMs: 200 });
    expect(result.code, result.text).toBe(0);
    await before.events.find('the end of the call', ({ data }) => data.what === 'ended');
    expect(before.events.items.filter(isOfCalls).map(summary)).toEqual([
      'reset new',
      'registration registered',
      'call appeared',
      'call stage',
      'call ringing',
      'call talking',
      'call stopped',
      'call ended',
    ]);
    const end = before.events.items.findLast(isOfCalls)?.data;
    expect(end).toMatchObject({ end: { outcome: 'answered', by: 'caller' }, call: { parties: [] } });
    const talking = before.events.items.find(({ data }) => data.what === 'talking')?.data;
    expect(talking.call).toMatchObject({ stage: 'conversation', parties: [{ kind: 'number', state: 'talking' }] });
    await before.close();

    // Nobody listens now: another phone goes, and the node stops.
    expect((await phone.register(password, { expires: 0 })).status).toBe(200);
    phone.close();
    await engine[Symbol.asyncDispose]();
    engine = await Engine.start({ config, varDir });
    const after = await EventClient.open(`${engine.url}/api/events`, { lastEventId: before.lastEventId });
    await after.events.find('the new node', ({ data }) => data.what === 'started');
    expect(after.events.items.filter(isOfCalls).map(summary)).toEqual([
      'registration unregistered',
      'node stopped',
      'node started',
    ]);

    const events = [...before.events.items, ...after.events.items].filter(({ event }) => event !== 'reset');
    const seqs = events.map(({ data }) => data.seq);
    expect(seqs).toEqual(seqs.map((_, at) => seqs[0] + at));
    for (const { event, data } of events) {
      expect(data.type).toBe(event);
      expect(LiveEvent.parse(data), 'keys that the document does not tell of').toEqual(data);
    }
    expect(JSON.stringify(events)).not.toContain(password);
    await after.close();
  });
});
