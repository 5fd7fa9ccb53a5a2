import { beforeEach, describe, expect, it } from 'vitest';
import type { Callbacks, Wanted } from '../../../src/acd/group-callbacks.ts';
import { settle } from '../../support/fake-clock.ts';
import { FakeQueue } from '../../support/fake-queue.ts';
import type { FakeIncomingInvite } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** A caller in the queue of a group: what he hears and may press, and what stands in the record (§4.4.3, §4.4.6.2). */

const line = '74950000001';
const from = '79031112233';

class FakeCallbacks implements Callbacks {
  readonly asked: Wanted[] = [];
  readonly reachedNumbers: string[] = [];
  canKeep = true;

  async ask(_pbx: unknown, missed: Wanted): Promise<boolean> {
    this.asked.push(missed);
    return this.canKeep;
  }

  reached(_pbx: unknown, number: string): void {
    this.reachedNumbers.push(number);
  }
}

interface Options {
  readonly group?: Record<string, unknown>;
  readonly scheme?: Record<string, unknown>;
  readonly number?: Record<string, unknown>;
  readonly pbx?: Record<string, unknown>;
}

const pbx = ({ group = {}, scheme = {}, number = {}, pbx: settings = {} }: Options) =>
  pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], ...settings },
    numbers: [
      { number: line, scheme: 'main', source: { passive: 'line@acme.example' }, ...number },
      { number: '74950000002' },
    ],
    schemes: [
      { id: 'main', steps: [{ forward: { group: 'sales' } }, { play: 'sorry', wait: true }], ...scheme },
      {
        id: 'other',
        extension: '885',
        steps: [{ play: 'sorry', wait: true }],
        missed: { callback: { group: 'archive' } },
      },
    ],
    employees: [employee('anna', '401', { mobile: '79260000001' }), employee('boris', '402')],
    groups: [
      {
        id: 'sales',
        extension: '450',
        members: [{ employee: 'anna' }, { employee: 'boris' }],
        hold: { enqueueMessage: 'busy', music: 'music', overflowMessage: 'overflow' },
        ...group,
      },
      { id: 'support', extension: '451', members: [{ employee: 'anna' }], callback: { onHangup: true } },
      { id: 'archive', extension: '452', members: [{ employee: 'anna' }] },
    ],
    audio: ['busy', 'music', 'overflow', 'welcome', 'sorry', 'warning', 'ringing'].map((id) => ({
      id,
      file: `${id}.wav`,
    })),
  });

let queue: FakeQueue;
let callbacks: FakeCallbacks;
let board: Switchboard;
let caller: FakeIncomingInvite;

const heard = () => board.heardBy(caller);

/** What is playing ends by itself. */
async function soundEnds(): Promise<void> {
  board.callerEndpoint.playing?.end('finished');
  await settle();
}

async function arrives(options: Options = {}, as = passive(line), number = from, to = line): Promise<void> {
  board = new Switchboard(pbx(options), { groups: queue, callbacks });
  queue.now = () => board.clock.now();
  caller = await board.call(as, number, to);
}

const path = () => board.records[0]?.path.map(({ event, detail = {} }) => [event, detail.audio ?? detail.employee]);

beforeEach(() => {
  queue = new FakeQueue();
  callbacks = new FakeCallbacks();
});

describe('waiting', () => {
  it('answers the caller only when he has to wait, plays the message once, then music in a loop', async () => {
    await arrives();
    expect(caller.responses).toEqual([]);
    await queue.waits();
    expect(caller.responses).toEqual(['200']);
    expect(heard()).toEqual(['busy']);
    await soundEnds();
    expect(heard()).toEqual(['music']);
    expect(board.callerEndpoint.playing?.loop).toBe(true);

    // Rung in vain, and waiting again: the message is not said once more.
    const stop = await queue.offers('anna');
    expect(heard()).toEqual(['music']);
    stop.abort();
    await settle();
    await queue.waits();
    expect(heard()).toEqual(['music']);

    await queue.offers('boris', 'he became available');
    board.sip.to('boris').answers();
    await settle();
    expect(heard()).toEqual([]);
    expect(board.callerEndpoint.bridgedTo).toBe(board.media.endpoints.at(-1));
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
    const [record] = board.records;
    expect(record).toMatchObject({ outcome: 'answered', queued: true, stage: 'conversation', reason: 'callerHungUp' });
    expect(path()).toEqual([
      ['rule', undefined],
      ['scheme', undefined],
      ['branch', undefined],
      ['queue', undefined],
      ['play', 'busy'],
      ['wait', 'music'],
      ['ring', 'anna'],
      ['ring', 'boris'],
      ['answer', 'boris'],
      ['connect', 'boris'],
      ['hangup', undefined],
    ]);
    expect(record?.path.findLast(({ event }) => event === 'ring')?.why).toBe('he became available');
  });

  it('rings without an answer while somebody is offered the call at once, with the music of the group if there is one', async () => {
    await arrives();
    await queue.offers('anna');
    board.sip.to('anna').rings();
    expect(caller.responses).toEqual(['180']);
    expect(heard()).toEqual([]);
    board.sip.to('anna').answers();
    await settle();
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ queued: false, outcome: 'answered' }]);

    await arrives({ group: { ringMusic: 'ringing' } });
    await queue.offers('anna');
    expect(caller.responses).toEqual(['183+sdp']);
    expect(heard()).toEqual(['ringing']);
    caller.cancel();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('lets what a step has started be heard to its end before the message', async () => {
    await arrives({ scheme: { steps: [{ play: 'welcome' }, { forward: { group: 'sales' } }] } });
    await queue.waits();
    expect(heard()).toEqual(['welcome']);
    await soundEnds();
    expect(heard()).toEqual(['busy']);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('plays ring-back where no music is set, and no message where none is', async () => {
    await arrives({ group: { hold: { enqueueMessage: null, music: null } } });
    await queue.waits();
    expect(heard()).toEqual(['ring-back']);
    caller.dialog.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ stage: 'group', queued: true, outcome: 'missed', reason: 'callerHungUp' }]);
  });

  it('knows where the caller gave up: in the queue, or while a member was being rung', async () => {
    await arrives();
    await queue.waits();
    await queue.offers('anna');
    caller.dialog.hangUp();
    await settle();
    expect(board.sip.to('anna').cancelled).toMatchObject({ cause: 487 });
    expect(board.records).toMatchObject([
      {
        stage: 'employee',
        queued: true,
      },
    ]);
    expect(board.records[0]?.participants.map(({ id, outcome }) => `${id} ${outcome}`).sort()).toEqual([
      'anna elsewhere',
      'sales elsewhere',
    ]);
  });

  it('keeps the keys of the block alive: one of them takes him out of the queue', async () => {
    await arrives({
      scheme: {
        steps: [{ forward: { group: 'sales' } }],
        menu: { '2': { steps: [{ play: 'welcome', wait: true }] } },
      },
    });
    await queue.waits();
    board.callerEndpoint.press('2');
    await settle();
    expect(heard()).toEqual(['welcome']);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it.each(['queueTimeout', 'queueFull', 'serviceUnavailable'] as const)(
    'plays the overflow message on %s, and goes on with the next step',
    async (reason) => {
      await arrives();
      if (reason === 'queueTimeout') await queue.waits();
      await queue.fails(reason);
      expect(heard()).toEqual(['overflow']);
      await soundEnds();
      expect(heard()).toEqual(['sorry']);
      await soundEnds();
      // He may dial an extension still.
      await board.clock.advanceAsync(10_000);
      expect(board.records[0]?.participants).toMatchObject([{ kind: 'group', id: 'sales', reason }]);
      expect(board.quiet).toBe(true);
    },
  );

  it('plays no overflow message where callers do not wait, or when somebody was just not reached', async () => {
    await arrives();
    await queue.fails('operatorsUnavailable');
    expect(heard()).toEqual(['sorry']);
    caller.dialog.hangUp();
    await arrives({ group: { hold: { queue: false, overflowMessage: 'overflow' } } });
    await queue.fails('serviceUnavailable');
    expect(heard()).toEqual(['sorry']);
    caller.dialog.hangUp();
    await settle();
  });

  it('ends after the timeout of the step', async () => {
    await arrives({
      scheme: {
        steps: [
          { forward: { group: 'sales' }, timeout: 30 },
          { play: 'sorry', wait: true },
        ],
      },
    });
    await queue.waits();
    await board.clock.advanceAsync(30_000);
    expect(heard()).toEqual(['sorry']);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('announcements', () => {
  const announcing = { group: { announce: { position: true, every: 60 } } };
  const at = (position: number) => ({ position, membersAtWork: 2, prediction: { silent: 'noHistory' } as const });

  it('come after the message, and every so many seconds, with music between', async () => {
    queue.situation = at(3);
    await arrives(announcing);
    await queue.waits();
    await soundEnds();
    expect(heard()).toEqual(['queue-position', 'ordinal 3']);
    await soundEnds();
    expect(heard()).toEqual(['music']);
    await board.clock.advanceAsync(59_000);
    expect(heard()).toEqual(['music']);
    queue.situation = at(1);
    await board.clock.advanceAsync(1000);
    expect(heard()).toEqual(['queue-first', 'queue-thanks']);
    await soundEnds();
    // Worse than he has heard: nothing is said, and the music is not begun anew.
    const music = board.callerEndpoint.playing;
    queue.situation = at(2);
    await board.clock.advanceAsync(60_000);
    expect(board.callerEndpoint.playing).toBe(music);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('interrupt the music, which goes on where it was', async () => {
    queue.situation = undefined;
    await arrives(announcing);
    await queue.waits();
    await soundEnds();
    const interrupted = board.callerEndpoint.playing;
    if (!interrupted) throw new Error('no music');
    expect(interrupted.startAtMs).toBe(0);
    interrupted.playedMs = 60_020;
    queue.situation = at(2);
    await board.clock.advanceAsync(60_000);
    expect(heard()).toEqual(['queue-position', 'ordinal 2']);
    await soundEnds();
    expect(heard()).toEqual(['music']);
    const again = board.callerEndpoint.playing;
    expect(again).toMatchObject({ loop: true, startAtMs: 60_020 });
    if (again) again.playedMs = 59_000;
    queue.situation = at(1);
    await board.clock.advanceAsync(60_000);
    await soundEnds();
    expect(board.callerEndpoint.playing).toMatchObject({ startAtMs: 119_020 });
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('are cut off in the moment of an answer', async () => {
    queue.situation = at(3);
    await arrives(announcing);
    await queue.waits();
    await soundEnds();
    await queue.offers('anna');
    expect(heard()).toEqual(['queue-position', 'ordinal 3']);
    board.sip.to('anna').answers();
    await settle();
    expect(heard()).toEqual([]);
    expect(board.callerEndpoint.bridgedTo).toBeDefined();
    await board.clock.advanceAsync(120_000);
    expect(heard()).toEqual([]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('are left out while nothing is known, and asked for again', async () => {
    await arrives(announcing);
    await queue.waits();
    await soundEnds();
    expect(heard()).toEqual(['music']);
    queue.situation = at(2);
    await board.clock.advanceAsync(60_000);
    expect(heard()).toEqual(['queue-position', 'ordinal 2']);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('a member who hears an announcement before he talks', () => {
  const warned: Options = {
    number: { warning: { audio: 'warning', to: 'employee' } },
    group: { announce: { position: true, every: 60 }, hold: { enqueueMessage: null, music: 'music' } },
  };

  it('has the caller from the moment in which he picks up; nothing is announced meanwhile', async () => {
    queue.situation = { position: 1, membersAtWork: 1, prediction: { silent: 'noHistory' } };
    await arrives(warned);
    await queue.waits();
    await soundEnds();
    await queue.offers('anna');
    board.sip.to('anna').answers();
    await settle();
    expect(queue.pickedUp).toBe(1);
    await board.clock.advanceAsync(60_000);
    expect(heard()).toEqual(['music']);
    board.media.endpoints.at(-1)?.playing?.end('finished');
    await settle();
    expect(board.callerEndpoint.bridgedTo).toBe(board.media.endpoints.at(-1));
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('is hung up as answered elsewhere when the caller is not his any more', async () => {
    queue.isTheirs = false;
    await arrives(warned);
    await queue.waits();
    await queue.offers('anna');
    const anna = board.sip.to('anna').answers();
    await settle();
    expect(anna.byeReason).toMatchObject({ cause: 200, text: 'Call completed elsewhere' });
    expect(heard()).toEqual(['music']);
    caller.dialog.hangUp();
    await settle();
    expect(board.records[0]?.participants[0]).toMatchObject({ id: 'anna', outcome: 'elsewhere' });
    expect(board.quiet).toBe(true);
  });

  it('hangs up meanwhile: the caller waits on, and hears music again', async () => {
    await arrives({ ...warned, number: { warning: { audio: 'warning', to: 'both' } } });
    await queue.waits();
    await queue.offers('anna');
    const anna = board.sip.to('anna').answers();
    await settle();
    expect(heard()).toEqual(['warning']);
    anna.hangUp();
    await settle();
    expect(heard()).toEqual(['music']);
    caller.dialog.hangUp();
    await settle();
    expect(board.records[0]?.participants[0]).toMatchObject({ id: 'anna', outcome: 'noAnswer' });
    expect(board.quiet).toBe(true);
  });
});

describe('press 1 to be called back', () => {
  const offering: Options = {
    group: { callback: { onPress1: true, callerId: line } },
    scheme: {
      steps: [{ forward: { group: 'sales' } }],
      menu: { '1': { steps: [{ play: 'welcome', wait: true }] } },
    },
  };

  it('keeps the task with the place in the queue, thanks, and ends the call', async () => {
    await arrives(offering);
    const since = board.clock.now();
    await queue.waits();
    await soundEnds();
    expect(heard()).toEqual(['builtin:callback-offer']);
    board.callerEndpoint.press('1');
    await settle();
    expect(callbacks.asked).toEqual([
      { origin: 'group', number: from, call: expect.any(String), group: 'sales', since, place: 'the place', line },
    ]);
    expect(heard()).toEqual(['builtin:callback-accepted']);
    expect(caller.dialog.ended).toBeUndefined();
    await soundEnds();
    expect(caller.dialog.ended?.by).toBe('local');
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'schemeEnded', endedBy: 'engine' }]);
    expect(path()?.map(([event]) => event)).toContain('callback');
    expect(board.quiet).toBe(true);
  });

  it('leaves key 1 to the menu until it has been offered', async () => {
    await arrives(offering);
    await queue.waits();
    board.callerEndpoint.press('1');
    await settle();
    expect(callbacks.asked).toEqual([]);
    expect(heard()).toEqual(['welcome']);
    caller.dialog.hangUp();
    await settle();
  });

  it('says so when it cannot be kept, and the caller waits on', async () => {
    callbacks.canKeep = false;
    await arrives(offering);
    await queue.waits();
    await soundEnds();
    board.callerEndpoint.press('1');
    await settle();
    expect(heard()).toEqual(['builtin:error-tone']);
    await soundEnds();
    expect(heard()).toEqual(['music']);
    await queue.offers('anna');
    board.sip.to('anna').answers();
    await settle();
    expect(board.callerEndpoint.bridgedTo).toBeDefined();
    expect(callbacks.reachedNumbers).toEqual([from]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it.each([
    { who: 'a colleague', as: accountOf('boris'), number: 'boris', to: '450' },
    { who: 'an employee from his mobile', as: passive(line), number: '79260000001', to: line },
    { who: 'a caller who hides his number', as: passive(line), number: 'anonymous', to: line },
  ])('is not offered to $who', async ({ as, number, to }) => {
    await arrives({ group: offering.group ?? {} }, as, number, to);
    await queue.waits();
    await soundEnds();
    expect(heard()).toEqual(['music']);
    board.callerEndpoint.press('1');
    await settle();
    expect(callbacks.asked).toEqual([]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});

describe('a caller who hangs up while he waits', () => {
  const missing: Options = { group: { callback: { onHangup: true } } };
  const hangsUp = async () => {
    if (caller.responses.at(-1) === '200') caller.dialog.hangUp();
    else caller.cancel();
    await settle();
  };

  it('is to be called back, in the place that he had', async () => {
    await arrives(missing);
    const since = board.clock.now();
    await queue.waits();
    board.clock.advance(5000);
    await hangsUp();
    expect(callbacks.asked).toEqual([
      { origin: 'group', number: from, call: board.records[0]?.id, group: 'sales', since, place: 'the place', line },
    ]);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'callerHungUp' }]);
    expect(path()?.filter(([event]) => event === 'hangup')).toHaveLength(1);
    expect(board.quiet).toBe(true);
  });

  it('also when he had been offered at once and had no place yet', async () => {
    await arrives(missing);
    await queue.offers('anna');
    await hangsUp();
    expect(callbacks.asked).toMatchObject([{ number: from, group: 'sales' }]);
    expect(callbacks.asked[0]).not.toHaveProperty('place');
    expect(board.quiet).toBe(true);
  });

  it('is called back by each group that has missed him and is set so', async () => {
    const steps = ['sales', 'archive', 'support'].map((group) => ({ forward: { group } }));
    await arrives({ ...missing, scheme: { steps } });
    await queue.waits();
    await queue.fails('queueTimeout');
    await soundEnds();
    await queue.fails('operatorsUnavailable');
    await queue.waits();
    await hangsUp();
    expect(callbacks.asked.map(({ group }) => group)).toEqual(['sales', 'support']);
  });

  it.each([
    { what: 'the group is not set so', options: {} },
    { what: 'he only pressed 1 there', options: { group: { callback: { onPress1: true } } } },
  ])('is not called back when $what', async ({ options }) => {
    await arrives(options);
    await queue.waits();
    await hangsUp();
    expect(callbacks.asked).toEqual([]);
  });

  it('is not called back once somebody has talked to him', async () => {
    await arrives(missing);
    await queue.offers('anna');
    board.sip.to('anna').answers();
    await settle();
    await hangsUp();
    expect(callbacks.asked).toEqual([]);
  });

  it.each([
    { who: 'an employee from his mobile', number: '79260000001' },
    { who: 'a caller who hides his number', number: 'anonymous' },
  ])('is not called back when he is $who', async ({ number }) => {
    await arrives(missing, passive(line), number);
    await queue.waits();
    await hangsUp();
    expect(callbacks.asked).toEqual([]);
    expect(board.records).toMatchObject([{ outcome: 'missed' }]);
  });
});

describe('a caller who is lost in the voice menu', () => {
  const menu = (callback: object = { group: 'support' }): Options => ({
    scheme: {
      steps: [{ play: 'welcome', wait: true }],
      missed: { callback },
      menu: { '1': { steps: [{ forward: { group: 'sales' } }] }, '2': { steps: [{ forward: { extension: '885' } }] } },
    },
  });
  const hangsUp = async () => {
    caller.dialog.hangUp();
    await settle();
  };

  it('is called back by the group that the scheme names, from its number', async () => {
    await arrives(menu({ group: 'support', callerId: '74950000002' }));
    const since = board.clock.now();
    await board.clock.advanceAsync(3000);
    await hangsUp();
    expect(callbacks.asked).toEqual([
      {
        origin: 'menu',
        number: from,
        call: board.records[0]?.id,
        group: 'support',
        since,
        line,
        callerId: '74950000002',
      },
    ]);
    expect(board.records).toMatchObject([{ outcome: 'missed', stage: 'menu' }]);
    expect(board.quiet).toBe(true);
  });

  it('sees the number that he had called where the scheme names none', async () => {
    await arrives(menu());
    await hangsUp();
    expect(callbacks.asked).toMatchObject([{ origin: 'menu', callerId: line }]);
  });

  it('is called back when he has had enough of choosing, too', async () => {
    await arrives(menu());
    await soundEnds();
    await board.clock.advanceAsync(60_000);
    expect(caller.dialog.ended?.by).toBe('local');
    expect(callbacks.asked).toMatchObject([{ origin: 'menu', group: 'support' }]);
  });

  it('is called back by the scheme that he was sent on to, not by the first', async () => {
    await arrives(menu());
    board.callerEndpoint.press('2');
    await board.clock.advanceAsync(3000);
    await hangsUp();
    expect(callbacks.asked).toMatchObject([{ origin: 'menu', group: 'archive' }]);
  });

  it('is called back once: by a group that has missed him before, if there is one', async () => {
    await arrives({ ...menu(), group: { callback: { onHangup: true } } });
    board.callerEndpoint.press('1');
    await board.clock.advanceAsync(3000);
    await queue.waits();
    await soundEnds();
    await queue.fails('groupFailed');
    await hangsUp();
    expect(callbacks.asked).toMatchObject([{ origin: 'group', group: 'sales' }]);
  });

  it('is not, when he was lost elsewhere: in the queue of a group that calls nobody back', async () => {
    await arrives(menu());
    board.callerEndpoint.press('1');
    await board.clock.advanceAsync(3000);
    await queue.waits();
    await hangsUp();
    expect(board.records).toMatchObject([{ stage: 'group' }]);
    expect(callbacks.asked).toEqual([]);
  });

  it('is not, when somebody has talked to him', async () => {
    await arrives(menu());
    board.callerEndpoint.press('1');
    await board.clock.advanceAsync(3000);
    await queue.offers('anna');
    board.sip.to('anna').answers();
    await settle();
    await hangsUp();
    expect(callbacks.asked).toEqual([]);
  });

  it.each([
    { who: 'an employee from his mobile', as: passive(line), number: '79260000001', to: line },
    { who: 'a colleague', as: accountOf('boris'), number: 'boris', to: '885' },
    { who: 'a caller who hides his number', as: passive(line), number: 'anonymous', to: line },
  ])('is not, when he is $who', async ({ as, number, to }) => {
    await arrives(menu(), as, number, to);
    await hangsUp();
    expect(callbacks.asked).toEqual([]);
  });
});
