import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CallRecord } from '../../src/history/record.ts';
import { PbxSounds } from '../../src/media/pbx-sounds.ts';
import { PromptSet } from '../../src/media/prompts/prompt-set.ts';
import type { Spoken } from '../../src/media/spoken.ts';
import { Engine } from '../support/engine-process.ts';
import { indexOfAudio, samplesOf } from '../support/heard-audio.ts';
import { idle } from '../support/observe.ts';
import { pbxOf } from '../support/pbx.ts';
import { type MadeCall, PhoneBank, type RungPhone } from '../support/phone-bank.ts';
import { freePortRange } from '../support/ports.ts';
import { RtpPeer } from '../support/rtp-peer.ts';
import { temporaryFolder } from '../support/temp.ts';
import { melody, tone, wavFile } from '../support/tones.ts';
import { eventually, Inbox } from '../support/wait.ts';

/** Queues of a running engine, seen from the phones: who rings when, and what callers hear. */

const domain = 'queue.test';
const password = 'Secret123';
const tunes = { message: 600, music: 500, overflow: 800 } as const;

let resources: AsyncDisposableStack;
let engine: Engine;
let operator: PhoneBank;
let phones: PhoneBank;
/** Every INVITE at the phones of the members. */
const rung = new Inbox<RungPhone>('phones of the members');
let mark = 0;

beforeAll(async () => {
  resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder('config'));
  const ports = await freePortRange(1);
  await writeCompany(folder.path, ports.from);
  engine = resources.use(await Engine.start({ config: folder.path }));
  operator = resources.use(await PhoneBank.open(engine.sip, ports.from));
  phones = resources.use(await PhoneBank.open(engine.sip));
  phones.onInvite = (call) => {
    call.ring();
    rung.push(call);
  };
  for (const group of Object.keys(groups)) {
    if (group === 'empty') continue;
    for (const id of membersOf(group)) await phones.register(id, domain, password);
  }
});
afterEach(async () => {
  await idle(engine);
  mark = rung.items.length;
});
afterAll(() => resources.disposeAsync());

/** Group → what is not as in all others. Each has members of its own, so that no test meets another's statistics. */
const groups = {
  sequential: {},
  random: {},
  priorityParallel: { priorities: [1, 1, 2, 2] },
  all: {},
  longestIdle: {},
  leastTalkTime: {},
  fewestAnswered: {},
  longestIdleByPriority: { priorities: [2, 2, 1, 1] },
  /** 10 agents, 50 callers. */
  hotline: {
    members: 10,
    algorithm: 'longestIdle',
    ringTime: 20,
    announce: { position: true, every: 10 },
    hold: { enqueueMessage: 'message', music: 'music', maxWait: 600 },
  },
  /** Nobody is there; press 1. */
  empty: {
    members: 1,
    algorithm: 'sequential',
    ringTime: 20,
    callback: { onPress1: true, callerId: '74950000001' },
    hold: { enqueueMessage: 'message', music: 'music', overflowMessage: 'overflow', maxLength: 1, maxWait: 600 },
  },
} as const satisfies Record<string, Record<string, unknown>>;
type GroupName = keyof typeof groups;

const membersOf = (group: string): string[] => {
  const { members = 4 } = groups[group as GroupName] as { members?: number };
  return Array.from({ length: members }, (_, i) => `${group}${String.fromCharCode(97 + i)}`);
};
/** `sequential` → 74950000001, and its first member directly: 74950001001. */
const lineOf = (group: GroupName): string => `7495000000${Object.keys(groups).indexOf(group)}`;
const directLineOf = (group: GroupName): string => `7495000100${Object.keys(groups).indexOf(group)}`;

let callers = 0;
/** Somebody calls, each from a number of his own. */
const call = (line: string, sdp?: string, from = `7903${String(++callers).padStart(7, '0')}`): MadeCall =>
  operator.call(`${from}@127.0.0.1`, `${line}@127.0.0.1`, sdp);

/** The next phone to ring, the letter of its member. */
async function next(): Promise<RungPhone & { readonly letter: string }> {
  const { item, index } = await rung.find('an INVITE', () => true, mark);
  mark = index + 1;
  return Object.assign(item, { letter: item.user.slice(-1) });
}

async function nextLetters(count: number): Promise<string> {
  let letters = '';
  while (letters.length < count) letters += (await next()).letter;
  return letters;
}

/** A call that is answered at once by whoever is chosen, and lasts so long. @returns who */
async function talk(line: string, ms = 0): Promise<string> {
  const made = call(line);
  const phone = await next();
  phone.answer();
  await made.answered;
  await new Promise((resolve) => setTimeout(resolve, ms));
  await phone.bye();
  await made.ended;
  return phone.letter;
}

async function talks(line: string, lengths: readonly number[]): Promise<string> {
  let letters = '';
  for (const ms of lengths) letters += await talk(line, ms);
  return letters;
}

async function hangsUp(made: MadeCall): Promise<void> {
  if (made.statuses.some((status) => status === 200)) await made.bye();
  else made.cancel();
}

describe('whose phone rings', () => {
  it('sequential: in the order of the list, each until his time is over, and from the top again; each call from the top', async () => {
    const first = call(lineOf('sequential'));
    expect(await nextLetters(5)).toBe('abcda');
    await hangsUp(first);
    await idle(engine);
    const second = call(lineOf('sequential'));
    expect((await next()).letter).toBe('a');
    await hangsUp(second);
  });

  it('random: members of the group, not always the same', async () => {
    const letters = new Set<string>();
    for (let i = 0; i < 24; i++) {
      const made = call(lineOf('random'));
      letters.add((await next()).letter);
      await hangsUp(made);
      await idle(engine);
    }
    expect(letters.size).toBeGreaterThan(1);
    expect([...letters].every((letter) => 'abcd'.includes(letter))).toBe(true);
  });

  it('priorityParallel: all of the best priority at once, then all of the next', async () => {
    const made = call(lineOf('priorityParallel'));
    const [a, b] = [await next(), await next()];
    expect([a.letter, b.letter].sort()).toEqual(['a', 'b']);
    expect(Math.abs(a.at - b.at)).toBeLessThan(900);
    const [c, d] = [await next(), await next()];
    expect([c.letter, d.letter].sort()).toEqual(['c', 'd']);
    expect(c.at - a.at).toBeGreaterThan(600);
    expect(await a.ended).toBe('SIP;cause=480;text="No answer"');
    await hangsUp(made);
  });

  it('all: everybody at once; who did not take the call is told that another has', async () => {
    const made = call(lineOf('all'));
    const ringing = [await next(), await next(), await next(), await next()];
    expect(ringing.map(({ letter }) => letter).sort()).toEqual(['a', 'b', 'c', 'd']);
    const [winner, ...losers] = ringing;
    winner?.answer();
    await made.answered;
    for (const loser of losers) expect(await loser.ended).toBe('SIP;cause=200;text="Call completed elsewhere"');
    await winner?.bye();
    await made.ended;
  });

  it('longestIdle: whose last conversation ended earliest', async () => {
    expect(await talks(lineOf('longestIdle'), [0, 0, 0, 0, 0, 0])).toBe('abcdab');
    // A direct call is a conversation too: the third has been idle for longest, and now talks.
    expect(await talks(directLineOf('longestIdle'), [0])).toBe('a');
    expect(await talks(lineOf('longestIdle'), [0, 0, 0, 0])).toBe('cdba');
  });

  it('leastTalkTime: who has talked least today', async () => {
    expect(await talks(lineOf('leastTalkTime'), [1500, 100, 800, 2200])).toBe('abcd');
    expect(await talks(lineOf('leastTalkTime'), [1000, 1000])).toBe('bc');
    expect(await talks(lineOf('leastTalkTime'), [0])).toBe('b');
  });

  it('fewestAnswered: who has answered fewest calls from outside today, direct ones too', async () => {
    expect(await talks(directLineOf('fewestAnswered'), [0, 0])).toBe('aa');
    expect(await talks(lineOf('fewestAnswered'), [0, 0, 0, 0, 0, 0, 0])).toBe('bcdbcda');
  });

  it('longestIdleByPriority: idle for longest of the best priority that is free', async () => {
    const line = lineOf('longestIdleByPriority');
    expect(await talks(line, [0, 0, 0])).toBe('cdc');
    const made: MadeCall[] = [];
    const letters: string[] = [];
    const answered: RungPhone[] = [];
    // One after the other: calls that come in one moment may overtake each other on their way to the phones.
    while (made.length < 3) {
      const one = call(line);
      const phone = await next();
      letters.push(phone.letter);
      phone.answer();
      await one.answered;
      made.push(one);
      answered.push(phone);
    }
    expect(letters.join('')).toBe('dca');
    for (const phone of answered) await phone.bye();
    await Promise.all(made.map(({ ended }) => ended));
  });
});

describe('one truth for groups and direct calls', () => {
  it('a member who is being offered a call is busy for a direct one, and the other way round', async () => {
    const queued = call(lineOf('sequential'));
    expect((await next()).letter).toBe('a');
    const direct = call(directLineOf('sequential'));
    await expect(direct.answered).rejects.toBe(486);
    await hangsUp(queued);
    await idle(engine);

    const again = call(directLineOf('sequential'));
    expect((await next()).letter).toBe('a');
    const other = call(lineOf('sequential'));
    expect((await next()).letter).toBe('b');
    await hangsUp(other);
    await hangsUp(again);
  });
});

describe('a caller who leaves in the moment of the answer', () => {
  it('is connected to nobody, and nobody stays taken', async () => {
    for (let i = 0; i < 10; i++) {
      const made = call(lineOf('sequential'));
      const phone = await next();
      expect(phone.letter).toBe('a');
      // Before he has heard of it; in turn, which of the two comes first.
      if (i % 2 === 0) {
        phone.answer();
        made.cancel();
      } else {
        made.cancel();
        phone.answer();
      }
      const status = await made.answered.then(
        () => 200,
        (refused: number) => refused,
      );
      if (status === 200) await made.bye();
      else expect(status).toBe(487);
      await phone.ended;
      await idle(engine);
    }
  });
});

describe('50 callers and 10 agents', () => {
  it('serves them in the order of arrival, and tells one who listens his place, in words', async () => {
    const line = lineOf('hotline');
    const [listener, agent] = [await RtpPeer.open(), await RtpPeer.open()];
    const talking: RungPhone[] = [];
    const talkers: MadeCall[] = [];
    for (let i = 0; i < 10; i++) {
      const made = call(line);
      const phone = await next();
      phone.answer();
      await made.answered;
      talking.push(phone);
      talkers.push(made);
    }
    const waiting: { readonly made: MadeCall; readonly number: string }[] = [];
    for (let i = 0; i < 40; i++) {
      const number = `7904${String(i).padStart(7, '0')}`;
      const made = call(line, i === 4 ? listener.sdp() : undefined, number);
      waiting.push({ made, number });
      const sdp = await made.answered;
      if (i === 4) listener.connect(sdp);
    }

    // The message, his place, and music.
    const { message, music, overflow } = tunes;
    const place = await said([{ fragment: 'queue-position' }, { ordinal: 5 }]);
    const at = await eventually(
      'the announcement of his place',
      () => indexOfAudio(listener.heard(), place, gapMs()),
      (index) => index >= 0,
    );
    expect(melody(listener.heard().subarray(0, at), [message, music, overflow])).toContain(message);
    await listener.hears(music, 10_000);

    // An agent hangs up: the one who has waited longest, and so on. Nobody is offered to two.
    const served: string[] = [];
    for (let i = 0; i < 40; i++) {
      const free = talking.shift();
      const before = mark;
      await free?.bye();
      const phone = await next();
      expect(rung.items.length).toBe(before + 1);
      phone.answer(i === 4 ? agent.sdp() : undefined);
      if (i === 4) agent.connect(phone.sdp);
      served.push(callerOf(phone));
      talking.push(phone);
      if (i === 4) {
        // Cut over at once, whatever was being said.
        agent.talk(1000);
        listener.talk(440);
        await Promise.all([listener.hears(1000), agent.hears(440)]);
      }
    }
    expect(served).toEqual(waiting.map(({ number }) => number));
    for (const phone of talking) await phone.bye();
    await Promise.all([...talkers, ...waiting.map(({ made }) => made)].map(({ ended }) => ended));
    await Promise.all([listener.close(), agent.close()]);
    await idle(engine);

    const records = await eventually(
      'the records',
      async () => (await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=100')).items,
      (items) => items.filter(({ from }) => from.startsWith('7904')).length === 40,
    );
    const fifth = records.find(({ from }) => from === '79040000004');
    expect(fifth).toMatchObject({ outcome: 'answered', queued: true, stage: 'conversation' });
    expect(fifth?.participants.map(({ kind, outcome }) => `${kind} ${outcome}`).sort()).toEqual([
      'employee answered',
      'group answered',
    ]);
    expect(fifth?.path.find(({ event }) => event === 'ring')?.why).toBe(
      'became available, and this caller has waited longest',
    );
  });
});

describe('nobody is there', () => {
  it('a phone that registers rings for the one who waits, at once; a queue that is full says so to the next', async () => {
    const waiting = call(lineOf('empty'));
    await waiting.answered;
    const late = await RtpPeer.open();
    const second = call(lineOf('empty'), late.sdp());
    late.connect(await second.answered);
    await late.hears(tunes.overflow);
    await second.ended;
    await late.close();

    const begun = performance.now();
    await phones.register('emptya', domain, password);
    const phone = await next();
    expect(phone.at - begun).toBeLessThan(1000);
    phone.answer();
    await phone.bye();
    await waiting.ended;
    await phones.register('emptya', domain, password, 0);
  });

  it('press 1: he is thanked and hung up, and the callback is kept', async () => {
    const peer = await RtpPeer.open();
    const made = call(lineOf('empty'), peer.sdp());
    peer.connect(await made.answered);
    const offer = await builtin('callback-offer');
    await eventually(
      'the offer of a callback',
      () => indexOfAudio(peer.heard(), offer, gapMs()),
      (at) => at >= 0,
    );
    expect(await made.press('1')).toBe(200);
    await made.ended;
    const thanks = await builtin('callback-accepted');
    const heard = peer.heard();
    expect(indexOfAudio(heard, thanks, gapMs())).toBeGreaterThan(indexOfAudio(heard, offer, gapMs()));
    await peer.close();
    const number = `7903${String(callers).padStart(7, '0')}`;
    const record = await eventually(
      'the record of his call',
      async () => {
        const { items } = await engine.api<{ items: CallRecord[] }>('/api/pbxs/acme/history?limit=500');
        return items.find(({ from, callback }) => from === number && callback === null);
      },
      (found) => found !== undefined,
    );
    expect(record).toMatchObject({ outcome: 'missed', reason: 'schemeEnded', endedBy: 'engine', queued: true });
    expect(record?.path.map(({ event }) => event)).toContain('callback');
    // Nobody of the group is there: it stands in the queue for him, until it is called off.
    const path = '/api/pbxs/acme/callbacks';
    expect(await engine.api(path)).toMatchObject([{ number, groups: ['empty'], attempts: 0 }]);
    expect((await fetch(`${engine.url}${path}/${number}`, { method: 'DELETE' })).status).toBe(204);
    expect(await engine.api(path)).toEqual([]);
  });
});

/** Who is shown on a rung phone. */
const callerOf = (phone: RungPhone): string => phone.from;

const pbx = pbxOf({ pbx: { id: 'acme', domains: [domain], country: 'RU', language: 'ru' } });

/** Between two words of an announcement. */
const gapMs = (): number => (engine.freeswitch ? 100 : 0);

/** What an announcement sounds like, sample by sample. */
async function said(spoken: readonly Spoken[]): Promise<Int16Array[]> {
  return samplesOf(new PbxSounds(await PromptSet.open()).say(pbx, spoken));
}

async function builtin(name: string): Promise<Int16Array[]> {
  return samplesOf(new PbxSounds(await PromptSet.open()).audio(pbx, `builtin:${name}`));
}

async function writeCompany(folder: string, trunkPort: number): Promise<void> {
  const at = join(folder, 'acme');
  await mkdir(join(at, 'audio'), { recursive: true });
  for (const [name, hz] of Object.entries(tunes)) {
    await writeFile(join(at, 'audio', `${name}.wav`), wavFile(tone(hz, name === 'music' ? 5000 : 1000)));
  }
  const names = Object.keys(groups) as GroupName[];
  const source = { trunk: 'operator' };
  const document = {
    pbx: { id: 'acme', domains: [domain], timezone: 'Europe/Moscow', country: 'RU', language: 'ru' },
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { unavailableMessage: null, then: { hangup: true } } },
    trunks: [{ id: 'operator', host: '127.0.0.1', ports: String(trunkPort), lines: 0, options: false }],
    numbers: names.flatMap((name) => [
      { number: lineOf(name), scheme: name, source },
      { number: directLineOf(name), scheme: `${name}-direct`, source },
    ]),
    employees: names.flatMap(membersOf).map((id) => ({
      id,
      name: id,
      accounts: [{ user: id, domain, password }],
      contacts: [{ sip: `${id}@${domain}` }],
    })),
    groups: names.map((name) => {
      const { members: _, priorities = [], ...more } = groups[name] as { priorities?: number[]; members?: number };
      const members = membersOf(name).map((employee, i) => ({ employee, priority: priorities[i] ?? 1 }));
      return { id: name, algorithm: name, ringTime: 1, hold: { enqueueMessage: null }, ...more, members };
    }),
    schemes: names.flatMap((name) => [
      { id: name, steps: [{ forward: { group: name } }] },
      { id: `${name}-direct`, steps: [{ forward: { employee: membersOf(name)[0] } }] },
    ]),
    audio: Object.keys(tunes).map((id) => ({ id, file: `audio/${id}.wav` })),
  };
  await writeFile(join(at, 'company.json'), JSON.stringify(document, null, 2));
}
