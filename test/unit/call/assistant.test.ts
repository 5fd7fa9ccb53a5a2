import { describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive, Switchboard } from '../../support/switchboard.ts';

/** An employee's assistant (§4.4.6.1.5). */

const line = '74950000001';
const from = '79031112233';

const audio = ['away', 'welcome'].map((id) => ({ id, file: `${id}.wav` }));
const toAnna = { steps: [{ forward: { employee: 'anna' } }] };

/** @param assistant of anna (401); boris (402) and vera (403) have what `more` says */
const pbx = (
  assistant: object[],
  more: { scheme?: object; anna?: Record<string, unknown>; boris?: Record<string, unknown>; document?: object } = {},
) =>
  pbxOf({
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { ringTime: 25, unavailableMessage: null, then: { hangup: true } } },
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [
      { id: 'main', ...toAnna, ...more.scheme },
      { id: 'night', extension: '885', steps: [{ forward: { employee: 'vera' } }] },
    ],
    employees: [
      employee('anna', '401', { name: 'Анна', email: 'anna@acme.example', assistant, ...more.anna }),
      employee('boris', '402', more.boris),
      employee('vera', '403'),
    ],
    groups: [{ id: 'sales', extension: '450', members: [{ employee: 'anna' }, { employee: 'boris' }] }],
    audio,
    ...more.document,
  });

const rule = (then: object, more: object = {}) => ({ ...more, then });
const toBoris = { employee: 'boris' };

const arrive = async (board: Switchboard, what: { to?: string; by?: string } = {}) => {
  const identity = what.by === undefined ? passive(line) : accountOf(what.by);
  return board.call(identity, what.by ?? from, what.to ?? line);
};

/** What was decided, as `event state`. */
const path = (board: Switchboard) => board.records[0]?.path.map(({ event, state }) => `${event} ${state}`);

describe('when it acts', () => {
  it('after its time of ringing, and the employee’s phone stops', async () => {
    const board = new Switchboard(pbx([rule(toBoris, { after: 7 })]));
    await arrive(board);
    await board.clock.advanceAsync(6999);
    expect(board.sip.to('anna').cancelled).toBeUndefined();
    await board.clock.advanceAsync(1);
    expect(board.sip.to('anna').cancelled).toMatchObject({ text: 'No answer' });
    expect(board.sip.to('boris').cancelled).toBeUndefined();
  });

  it.each([
    { what: '0 is the default time of ringing', after: 0, anna: {}, step: {}, seconds: 25 },
    { what: 'a longer one than the default is obeyed', after: 60, anna: {}, step: {}, seconds: 60 },
    { what: 'a shorter wait of the contact wins', after: 20, anna: { wait: 8 }, step: {}, seconds: 8 },
    { what: 'it is shorter than the wait', after: 5, anna: { wait: 8 }, step: {}, seconds: 5 },
    { what: 'it bounds a contact that waits without end', after: 0, anna: { wait: 0 }, step: {}, seconds: 25 },
    { what: 'a shorter timeout of the step wins', after: 20, anna: {}, step: { timeout: 6 }, seconds: 6 },
  ])('$what: $seconds s', async ({ after, anna, step, seconds }) => {
    const board = new Switchboard(
      pbx([rule(toBoris, { after })], {
        anna: { contacts: [{ sip: 'anna@acme.example', ...anna }] },
        scheme: { steps: [{ forward: { employee: 'anna' }, ...step }] },
      }),
    );
    await arrive(board);
    await board.clock.advanceAsync(seconds * 1000 - 1);
    expect(board.sip.sent.length).toBe(1);
    await board.clock.advanceAsync(1);
    expect(board.sip.sent.length).toBe(2);
  });

  it('is over all the contacts of an employee who is rung at one after the other', async () => {
    const contacts = [
      { sip: 'anna@acme.example', wait: 10 },
      { sip: 'vera@acme.example', wait: 10 },
    ];
    const board = new Switchboard(pbx([rule(toBoris, { after: 15 })], { anna: { ring: 'sequential', contacts } }));
    await arrive(board);
    await board.clock.advanceAsync(14_999);
    expect(board.sip.sent.map(({ cancelled }) => cancelled !== undefined)).toEqual([true, false]);
    await board.clock.advanceAsync(1);
    expect(board.sip.to('boris').cancelled).toBeUndefined();
  });

  it.each([
    { what: 'not registered', unregistered: ['anna'], refuses: undefined, reason: 'unavailable' },
    { what: 'busy', unregistered: [], refuses: 486, reason: 'busy' },
    { what: 'declines', unregistered: [], refuses: 603, reason: 'declined' },
    { what: 'does not want to be disturbed', unregistered: [], refuses: 480, reason: 'doNotDisturb' },
  ])('at once when the employee is $what', async ({ unregistered, refuses, reason }) => {
    const board = new Switchboard(pbx([rule(toBoris)]), { unregistered });
    const caller = await arrive(board);
    if (refuses) board.sip.to('anna').refuses(refuses);
    await settle();
    expect(board.sip.to('boris').cancelled).toBeUndefined();
    caller.cancel();
    await settle();
    expect(board.records[0]?.path).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ state: 'assistant/anna', detail: { employee: 'anna', rule: 1, reason } }),
      ]),
    );
    expect(board.quiet).toBe(true);
  });

  it('at once when the employee has a call already', async () => {
    const board = new Switchboard(pbx([rule(toBoris)]));
    await arrive(board, { by: 'anna', to: '403' });
    await arrive(board);
    expect(board.sip.to('boris').cancelled).toBeUndefined();
  });

  it('not when the employee answers', async () => {
    const board = new Switchboard(pbx([rule(toBoris, { after: 5 })]));
    await arrive(board);
    await board.clock.advanceAsync(4000);
    board.sip.to('anna').answers();
    await board.clock.advanceAsync(60_000);
    expect(board.sip.sent.length).toBe(1);
    expect(board.inbound.live.all()[0]?.timeline.talked).toBe(true);
  });

  it('before the next step of the scheme', async () => {
    const steps = [{ forward: { employee: 'anna' }, timeout: 5 }, { forward: { employee: 'vera' } }];
    const board = new Switchboard(pbx([rule(toBoris)], { scheme: { steps } }));
    await arrive(board);
    await board.clock.advanceAsync(5000);
    expect(board.sip.sent.map(({ request }) => request.target.uri)).toEqual([
      'sip:anna@127.0.0.1',
      'sip:boris@127.0.0.1',
    ]);
    // Whom the assistant sends to has not answered either: now the scheme goes on.
    board.sip.to('boris').refuses(486);
    await settle();
    expect(board.sip.to('vera').cancelled).toBeUndefined();
  });
});

describe('which calls it takes', () => {
  it.each([
    { way: 'a scheme forwards to him', call: {}, scheme: {} },
    { way: 'a scheme forwards to his extension', call: {}, scheme: { steps: [{ forward: { extension: '401' } }] } },
    { way: 'a colleague dials his extension', call: { by: 'vera', to: '401' }, scheme: {} },
    { way: 'a colleague dials his account', call: { by: 'vera', to: 'anna' }, scheme: {} },
  ])('$way', async ({ call, scheme }) => {
    const board = new Switchboard(pbx([rule(toBoris)], { scheme }), { unregistered: ['anna'] });
    await arrive(board, call);
    expect(board.sip.sent.map(({ request }) => request.target.uri)).toEqual(['sip:boris@127.0.0.1']);
  });

  it('those that a caller in a menu dials', async () => {
    const scheme = { steps: [{ play: 'welcome', wait: true }], rules: { disa: { steps: [] } } };
    const board = new Switchboard(pbx([rule(toBoris)], { scheme }), { unregistered: ['anna'] });
    await arrive(board);
    for (const digit of '401') board.callerEndpoint.press(digit);
    await settle();
    expect(board.sip.to('boris').cancelled).toBeUndefined();
  });

  it('those that are forwarded to him by the caller’s number', async () => {
    const document = { forwarding: [{ from: '7903*', to: { employee: 'anna' } }] };
    const board = new Switchboard(pbx([rule(toBoris)], { document }), { unregistered: ['anna'] });
    await arrive(board);
    expect(board.sip.to('boris').cancelled).toBeUndefined();
  });

  it('never those of a group', async () => {
    const scheme = { steps: [{ forward: { group: 'sales' } }] };
    const document = { defaults: { group: { queue: false } } };
    const all = pbx([rule({ employee: 'vera' })], { scheme, document });
    const board = new Switchboard(all, { unregistered: ['anna', 'boris'] });
    const caller = await arrive(board);
    expect(board.sip.sent).toEqual([]);
    expect(caller.responses).toEqual(['480']);
  });

  it.each([
    { direction: ['external'], external: true, internal: false },
    { direction: ['internal'], external: false, internal: true },
    { direction: ['external', 'internal'], external: true, internal: true },
  ])('of direction $direction', async ({ direction, external, internal }) => {
    const taken = async (call: object) => {
      const board = new Switchboard(pbx([rule(toBoris, { direction })]), { unregistered: ['anna'] });
      await arrive(board, call);
      return board.sip.sent.length === 1;
    };
    expect({ external: await taken({}), internal: await taken({ by: 'vera', to: '401' }) }).toEqual({
      external,
      internal,
    });
  });

  it('by the first rule whose time it is, in his own time zone', async () => {
    const assistant = [
      rule({ hangup: true }, { when: { time: ['00:00-08:59'] } }),
      rule({ employee: 'vera' }, { when: { time: ['14:00-17:59'] } }),
      rule(toBoris),
    ];
    const called = async (anna: Record<string, unknown>) => {
      const board = new Switchboard(pbx(assistant, { anna }), {
        unregistered: ['anna'],
        at: '2026-11-02T09:00:00+03:00',
      });
      await arrive(board);
      return board.sip.sent[0]?.request.target.uri;
    };
    expect(await called({})).toBe('sip:boris@127.0.0.1');
    expect(await called({ timezone: 'Asia/Vladivostok' })).toBe('sip:vera@127.0.0.1');
  });
});

describe('what it does', () => {
  it('hangs up: a caller who has heard nothing gets why the employee was not reached', async () => {
    const board = new Switchboard(
      pbx([rule({ hangup: true })], { scheme: { steps: [...toAnna.steps, ...toAnna.steps] } }),
    );
    const caller = await arrive(board);
    board.sip.to('anna').refuses(486);
    await settle();
    expect(caller.responses).toEqual(['486']);
    expect(board.sip.sent.length).toBe(1);
    expect(board.records).toMatchObject([{ outcome: 'missed', reason: 'busy', endedBy: 'engine' }]);
    expect(board.quiet).toBe(true);
  });

  it('plays its message first, then rings its target while the caller hears ringing', async () => {
    const board = new Switchboard(pbx([rule(toBoris, { message: 'away' })]), { unregistered: ['anna'] });
    const caller = await arrive(board);
    expect(caller.responses).toEqual(['200']);
    expect(board.heardBy(caller)).toEqual(['away']);
    expect(board.sip.sent).toEqual([]);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(board.heardBy(caller)).toEqual(['ring-back']);
    const boris = board.sip.to('boris').answers();
    await settle();
    expect(board.heardBy(caller)).toEqual([]);
    boris.hangUp();
    await settle();
    expect(board.records).toMatchObject([{ outcome: 'answered', reason: 'calleeHungUp' }]);
    expect(
      board.records[0]?.path.filter(({ state }) => state !== 'number').map(({ event, detail }) => [event, detail]),
    ).toEqual([
      ['scheme', { scheme: 'main' }],
      ['branch', { block: 'main', index: 0 }],
      ['noAnswer', { employee: 'anna', reason: 'unavailable' }],
      ['rule', { employee: 'anna', rule: 1, reason: 'unavailable' }],
      ['play', { audio: 'away' }],
      ['ring', { employee: 'boris', sip: 'boris@acme.example' }],
      ['answer', { employee: 'boris', sip: 'boris@acme.example' }],
      ['connect', { employee: 'boris', sip: 'boris@acme.example' }],
      ['hangup', { reason: 'calleeHungUp' }],
    ]);
    expect(board.quiet).toBe(true);
  });

  it('takes a message for the employee, and the call ends', async () => {
    const board = new Switchboard(
      pbx([rule({ voicemail: true })], { scheme: { steps: [...toAnna.steps, ...toAnna.steps] } }),
      {
        unregistered: ['anna'],
      },
    );
    const caller = await arrive(board);
    expect(board.heardBy(caller)).toEqual(['builtin:leave-message']);
    const heardOut = async () => {
      board.callerEndpoint.playing?.end('finished');
      await settle();
    };
    await heardOut();
    expect(board.heardBy(caller)).toEqual(['builtin:beep']);
    await heardOut();
    board.callerEndpoint.recordings[0]?.end({ reason: 'silence', ms: 9000, speechMs: 3000 });
    await settle();
    expect(board.heardBy(caller)).toEqual(['builtin:message-saved']);
    await heardOut();
    expect(caller.dialog.ended?.by).toBe('local');
    const [draft] = board.messages.drafts;
    expect(draft?.facts).toMatchObject({ employee: 'anna', from: '79031112233' });
    expect(board.records).toMatchObject([{ outcome: 'technical', technical: 'voicemail', voicemails: [draft?.id] }]);
    expect(path(board)).toContain('voicemail assistant/anna:then');
    expect(board.quiet).toBe(true);
  });

  it.each([
    { what: 'a group', to: { group: 'sales' }, rung: 'boris' },
    { what: 'an extension', to: { extension: '402' }, rung: 'boris' },
    { what: 'a SIP address', to: { sip: 'desk@192.0.2.30' }, rung: 'desk' },
    { what: 'a scheme', to: { scheme: 'night' }, rung: 'vera' },
    { what: 'the extension of a scheme', to: { extension: '885' }, rung: 'vera' },
  ])('sends the call to $what', async ({ to, rung }) => {
    const board = new Switchboard(pbx([rule(to)]), { unregistered: ['anna'] });
    const caller = await arrive(board);
    board.sip.to(rung).answers();
    await settle();
    expect(caller.responses).toEqual(['200']);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('is followed by the default action when its target is not reached and the scheme says no more', async () => {
    const document = {
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      defaults: { employee: { unavailableMessage: 'away', then: { extension: '403' } } },
    };
    const board = new Switchboard(pbx([rule(toBoris)], { document }), { unregistered: ['anna', 'boris'] });
    const caller = await arrive(board);
    expect(board.heardBy(caller)).toEqual(['away']);
    board.callerEndpoint.playing?.end('finished');
    await settle();
    expect(board.sip.to('vera').cancelled).toBeUndefined();
  });

  it('tells the employee of the missed call by SMS and e-mail', async () => {
    const notify = { sms: '79250000000', email: 'boss@acme.example' };
    const board = new Switchboard(pbx([rule({ hangup: true }, { notify, after: 5 })]));
    await arrive(board);
    expect(board.notices).toEqual([]);
    const began = board.clock.now();
    await board.clock.advanceAsync(5000);
    const facts = {
      kind: 'missedCall',
      call: board.records[0]?.id,
      employee: { id: 'anna', name: 'Анна' },
      caller: from,
      at: began + 5000,
      timezone: 'Europe/Moscow',
    };
    expect(board.notices).toMatchObject([
      { ...facts, way: 'sms', to: '79250000000' },
      { ...facts, way: 'email', to: 'boss@acme.example' },
    ]);
    expect(path(board)?.filter((step) => step.startsWith('notice'))).toEqual([
      'notice assistant/anna',
      'notice assistant/anna',
    ]);
  });
});

describe('once per employee and call', () => {
  it('two who send to each other come to an end', async () => {
    const board = new Switchboard(pbx([rule(toBoris)], { boris: { assistant: [rule({ employee: 'anna' })] } }));
    const caller = await arrive(board);
    for (let attempt = 0; attempt < 3; attempt++) {
      board.sip.sent.at(-1)?.refuses(486);
      await settle();
    }
    expect(board.sip.sent.map(({ request }) => request.target.uri)).toEqual(
      ['anna', 'boris', 'anna'].map((who) => `sip:${who}@127.0.0.1`),
    );
    expect(caller.responses).toEqual(['486']);
    expect(board.quiet).toBe(true);
  });

  it('one who sends to himself too', async () => {
    const board = new Switchboard(pbx([rule({ employee: 'anna' })]), { unregistered: ['anna'] });
    expect((await arrive(board)).responses).toEqual(['480']);
    expect(board.quiet).toBe(true);
  });

  it('one whose scheme sends back to him too', async () => {
    const document = { schemes: [{ id: 'main', extension: '886', ...toAnna }] };
    const board = new Switchboard(pbx([rule({ scheme: 'main' })], { document }), { unregistered: ['anna'] });
    expect((await arrive(board)).responses).toEqual(['480']);
    expect(board.records[0]?.path.filter(({ event }) => event === 'scheme').length).toBe(2);
    expect(board.quiet).toBe(true);
  });

  it('but again in the next call', async () => {
    const board = new Switchboard(pbx([rule({ hangup: true })]), { unregistered: ['anna'] });
    await arrive(board);
    await arrive(board);
    expect(board.records.map(({ path: taken }) => taken.some(({ event }) => event === 'rule'))).toEqual([true, true]);
  });
});

describe('the keys of the block', () => {
  const menu = {
    steps: toAnna.steps,
    menu: { '1': { steps: [{ play: 'welcome', wait: true }] } },
  };

  it('are live while the message plays', async () => {
    const board = new Switchboard(pbx([rule(toBoris, { message: 'away' })], { scheme: menu }), {
      unregistered: ['anna'],
    });
    const caller = await arrive(board);
    expect(board.heardBy(caller)).toEqual(['away']);
    board.callerEndpoint.press('1');
    await settle();
    expect(board.heardBy(caller)).toEqual(['welcome']);
    expect(board.sip.sent).toEqual([]);
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });

  it('are live while the target rings', async () => {
    const board = new Switchboard(pbx([rule(toBoris)], { scheme: menu }), { unregistered: ['anna'] });
    const caller = await arrive(board);
    board.callerEndpoint.press('1');
    await settle();
    expect(board.heardBy(caller)).toEqual(['welcome']);
    expect(board.sip.to('boris').cancelled).toBeTruthy();
    caller.dialog.hangUp();
    await settle();
    expect(board.quiet).toBe(true);
  });
});
