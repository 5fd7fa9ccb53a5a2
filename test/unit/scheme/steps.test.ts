import { describe, expect, it } from 'vitest';
import type { ForwardResult } from '../../../src/scheme/actors.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { SchemeCall, type Script } from '../../support/scheme-call.ts';

const company = {
  employees: [employee('ivanov', '451', { email: 'ivanov@acme.example' }), employee('petrov', '452')],
  groups: [{ id: 'sales', extension: '505' }],
  rooms: [{ id: 'board', extension: '1000' }],
  trunks: [{ id: 'office', name: 'Office', host: '127.0.0.1' }],
  regionRules: [
    {
      id: 'regions',
      rules: [
        { name: 'Moscow', prefixes: ['7495', '7499'], to: { employee: 'ivanov' } },
        { name: 'Moscow, Zelenograd', prefixes: ['749953'], to: { employee: 'petrov' } },
        { name: 'Petersburg', prefixes: ['7812'], to: { extension: '885' } },
      ],
    },
  ],
};

/** A call to a scheme of one branch, in which nobody asks for input, with what else the document says. */
function callTo(
  branch: object,
  options: { script?: Script; caller?: string; more?: object; others?: object[] } = {},
): SchemeCall {
  const { more = {}, others = [], ...rest } = options;
  const pbx = pbxOf({
    pbx: { id: 'acme', domains: ['acme.example'], extensionDialing: { enabled: false } },
    ...company,
    schemes: [{ id: 'main', ...branch }, ...others],
    ...more,
  });
  return new SchemeCall(pbx, 'main', rest);
}

const talk = { answers: 5, talks: 60 };

describe('play', () => {
  it('with wait: the next step waits for the end', async () => {
    const call = callTo({ steps: [{ play: 'builtin:greeting', wait: true }, { forward: { employee: 'ivanov' } }] });
    await call.toEnd();
    expect(call.world.story.slice(0, 3)).toEqual(['0 answer', '0 play builtin:greeting', '5 ring ivanov']);
  });

  it('without wait: the audio goes on while the next step rings', async () => {
    const call = callTo({ steps: [{ play: 'builtin:greeting' }, { forward: { employee: 'ivanov' } }] });
    await call.settle();
    expect(call.world.story).toEqual(['0 start builtin:greeting', '0 ring ivanov']);
    expect(call.world.background).toBe('builtin:greeting');
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('once: not again when the block is entered again, with or without wait', async () => {
    const call = callTo({
      steps: [
        { play: 'builtin:greeting', wait: true, repeat: 'once' },
        { play: 'builtin:transfer', repeat: 'once' },
        { play: 'builtin:closed', wait: true },
      ],
      menu: { '1': { steps: [] } },
      rules: { noInput: { end: 'mainMenu' } },
    });
    await call.wait(60);
    expect(call.path('play').slice(0, 6)).toEqual([
      'play main:0',
      'play main:1',
      'play main:2',
      'play main:2',
      'play main:2',
      'play main:2',
    ]);
    await call.toEnd();
  });

  it('that cannot be played is passed over, and told', async () => {
    const call = callTo(
      { steps: [{ play: 'builtin:greeting', wait: true }, { forward: { employee: 'ivanov' } }] },
      { script: { broken: ['play'], calls: { ivanov: talk } } },
    );
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp' });
    expect(call.path('fault')).toEqual(['fault main:0']);
  });
});

describe('forward', () => {
  it('ends the scheme as the conversation ends', async () => {
    const call = callTo(
      { steps: [{ forward: { employee: 'ivanov' } }, { hangup: true }] },
      { script: { calls: { ivanov: { answers: 5, talks: 60, reason: 'callerHungUp' } } } },
    );
    expect(await call.toEnd()).toEqual({ reason: 'callerHungUp', failure: undefined });
    expect(call.seconds).toBe(65);
    expect(call.path()).toEqual(['branch main', 'ring main:0', 'connect main:0']);
  });

  it('goes on with the next step when nobody is reached, and tells why', async () => {
    const call = callTo(
      { steps: [{ forward: { employee: 'ivanov' }, timeout: 20 }, { forward: { group: 'sales' } }, { hangup: true }] },
      { script: { calls: { sales: { fails: 1, reason: 'queueFull' } } } },
    );
    expect(await call.toEnd()).toEqual({ reason: 'schemeEnded', failure: 'queueFull' });
    expect(call.world.story).toEqual(['0 ring ivanov', '20 ring sales']);
    expect(call.world.traces.filter(({ event }) => event === 'noAnswer').map(({ detail }) => detail)).toEqual([
      { employee: 'ivanov', contact: 'asConfigured', reason: 'noAnswer' },
      { group: 'sales', reason: 'queueFull' },
    ]);
  });

  it.each<[object, object]>([
    [{ employee: 'ivanov', contact: 'main' }, { target: { employee: 'ivanov', contact: 'main' } }],
    [{ phone: '79161234567' }, { target: { phone: '79161234567' } }],
    [
      { sip: 'a@b.example', port: 5070, transport: 'tcp' },
      { target: { sip: 'a@b.example', port: 5070, transport: 'tcp' } },
    ],
    [{ trunk: 'office', number: '101' }, { target: { trunk: 'office', number: '101' } }],
    [{ room: 'board' }, { target: { room: 'board' } }],
    [{ extension: '505' }, { target: { group: 'sales' } }],
    [{ extension: '452' }, { target: { employee: 'petrov', contact: 'asConfigured' } }],
    [{ extension: '1000' }, { target: { room: 'board' } }],
  ])('to %j asks the world for %j', async (target, request) => {
    const call = callTo({ steps: [{ forward: target, timeout: 7, music: 'builtin:music' }, { hangup: true }] });
    await call.toEnd();
    expect(call.world.forwards).toEqual([{ ...request, timeout: 7, music: 'builtin:music' }]);
  });

  it('to another scheme goes on there, and counts as one call', async () => {
    const night = { id: 'night', extension: '885', steps: [{ forward: { employee: 'petrov' } }] };
    const call = callTo(
      { steps: [{ forward: { group: 'sales' } }, { forward: { scheme: 'night' } }, { hangup: true }] },
      { others: [night], script: { calls: { sales: { fails: 0, reason: 'queueFull' }, petrov: talk } } },
    );
    expect(await call.toEnd()).toEqual({ reason: 'calleeHungUp', failure: 'queueFull' });
    expect(call.path()).toEqual([
      'branch main',
      'queue main:0',
      'noAnswer main:0',
      'scheme night',
      'branch night',
      'ring night:0',
      'connect night:0',
    ]);
  });

  it('to another scheme at once: keys and the end of the caller reach that one', async () => {
    const night = { id: 'night', extension: '885', menu: { '1': { steps: [{ voicemail: {} }] } } };
    const call = callTo({ steps: [{ forward: { scheme: 'night' } }] }, { others: [night] });
    await call.press('1');
    expect(call.run.state).toBe('night/1:0:greeting');
    await call.hangUp();
    expect(call.end).toMatchObject({ reason: 'callerHungUp' });
    expect(call.leftovers).toEqual([]);
  });

  it('to another scheme in the very moment in which the caller leaves: that one is not entered', async () => {
    const night = { id: 'night', steps: [{ forward: { employee: 'ivanov' } }] };
    const call = callTo(
      { steps: [{ play: 'builtin:greeting', wait: true }, { forward: { scheme: 'night' } }] },
      { others: [night] },
    );
    const { world, run } = call;
    // Told in the middle of the machine's last step.
    world.stopAudio = () => {
      world.background = undefined;
      run.callerGone();
    };
    expect(await call.toEnd(10)).toEqual({ reason: 'callerHungUp', failure: undefined });
    expect(call.world.forwards).toEqual([]);
    expect(call.leftovers).toEqual([]);
  });

  it('from scheme to scheme in a circle is ended as a loop', async () => {
    const pong = { id: 'pong', extension: '886', steps: [{ forward: { extension: '885' } }] };
    const call = callTo({ extension: '885', steps: [{ forward: { scheme: 'pong' } }] }, { others: [pong] });
    expect(await call.toEnd()).toMatchObject({ reason: 'loop' });
    expect(call.path('scheme')).toHaveLength(20);
    expect(call.leftovers).toEqual([]);
  });

  it('that the world cannot do counts as not reached', async () => {
    const call = callTo(
      { steps: [{ forward: { group: 'sales' } }, { voicemail: {} }] },
      { script: { broken: ['forward'] } },
    );
    await call.toEnd();
    expect(call.path('fault', 'voicemail')).toEqual(['fault main:0', 'voicemail main:1']);
  });
});

describe('an employee who is not reached, and no next step', () => {
  const last = { steps: [{ forward: { employee: 'ivanov' } }] };
  const defaults = (then: object, unavailableMessage: string | null = 'builtin:not-answering') => ({
    defaults: { employee: { then, unavailableMessage } },
  });

  it('message, then voicemail to his address', async () => {
    const call = callTo(last);
    expect(await call.toEnd()).toEqual({ reason: 'schemeEnded', failure: 'noAnswer' });
    expect(call.world.story).toEqual([
      '0 ring ivanov',
      '25 answer',
      '25 play builtin:not-answering',
      '30 greeting',
      '33 message',
    ]);
    expect(call.world.mailboxes).toEqual([{ employee: 'ivanov', to: ['ivanov@acme.example'] }]);
  });

  it('without address: the default one', async () => {
    const call = callTo({ steps: [{ forward: { employee: 'petrov' } }] });
    await call.toEnd();
    expect(call.world.mailboxes).toEqual([{ employee: 'petrov', to: [] }]);
  });

  it('hangup, without a message', async () => {
    const call = callTo(last, { more: defaults({ hangup: true }, null) });
    await call.toEnd();
    expect(call.world.story).toEqual(['0 ring ivanov']);
  });

  it('another extension, once', async () => {
    const call = callTo(last, { more: defaults({ extension: '452' }) });
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded', failure: 'noAnswer' });
    expect(call.world.story.filter((line) => / ring /.test(line))).toEqual(['0 ring ivanov', '30 ring petrov']);
  });

  it("another extension, a scheme's", async () => {
    const night = { id: 'night', extension: '885', steps: [{ hangup: true }] };
    const call = callTo(last, { more: defaults({ extension: '885' }), others: [night] });
    await call.toEnd();
    // `more` replaces nothing but the defaults, so the scheme is still there.
    expect(call.path('scheme')).toEqual(['scheme night']);
  });

  it.each<[string, object]>([
    ['a step follows', { steps: [{ forward: { employee: 'ivanov' } }, { hangup: true }] }],
    ['it is a group', { steps: [{ forward: { group: 'sales' } }] }],
    ['there is a rule for silence', { ...last, rules: { noInput: { steps: [{ hangup: true }] } } }],
  ])('does not act when %s', async (_, branch) => {
    const call = callTo(branch);
    await call.toEnd();
    expect(call.path('voicemail')).toEqual([]);
  });
});

describe('an assistant who takes a call over (§4.4.6.1.5)', () => {
  const steps = { steps: [{ forward: { employee: 'ivanov' } }, { forward: { employee: 'petrov' } }] };
  const assistant = (result: ForwardResult, records?: number): Script => ({
    calls: { ivanov: { assists: 20, result, ...(records === undefined ? {} : { records }) }, petrov: talk },
  });

  it('and hangs up: nothing follows', async () => {
    const call = callTo(steps, { script: assistant({ outcome: 'ended', reason: 'noAnswer' }) });
    expect(await call.toEnd()).toMatchObject({ reason: 'noAnswer' });
    expect(call.seconds).toBe(20);
    expect(call.world.story).toEqual(['0 ring ivanov']);
  });

  it('and has reached nobody: the next step', async () => {
    const call = callTo(steps, { script: assistant({ outcome: 'failed', reason: 'busy' }) });
    await call.toEnd();
    expect(call.world.story).toContain('20 ring petrov');
  });

  it('and sends it to a scheme: that goes on', async () => {
    const night = { id: 'night', extension: '885', steps: [{ forward: { employee: 'petrov' } }] };
    const script = assistant({ outcome: 'scheme', scheme: 'night', reason: 'noAnswer' });
    const call = callTo(steps, { script, others: [night] });
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp', failure: 'noAnswer' });
    expect(call.path('scheme', 'ring')).toEqual(['ring main:0', 'scheme night', 'ring night:0']);
  });

  it('and sends it to the scheme that it came from: an end after 20 times', async () => {
    const call = callTo(
      { extension: '885', ...steps },
      { script: assistant({ outcome: 'scheme', scheme: 'main', reason: 'noAnswer' }) },
    );
    expect(await call.toEnd()).toMatchObject({ reason: 'loop' });
    expect(call.world.forwards.length).toBe(21);
    expect(call.leftovers).toEqual([]);
  });

  const menu = { ...steps, menu: { '1': { steps: [{ hangup: true }] } } };

  it('the keys are live until the caller leaves a message', async () => {
    const script = assistant({ outcome: 'ended', reason: 'noAnswer' }, 30);
    const early = callTo(menu, { script });
    await early.wait(19);
    await early.press('1');
    expect(early.end).toMatchObject({ reason: 'schemeEnded' });
    expect(early.world.story).toContain('19 cut ring ivanov');

    const late = callTo(menu, { script });
    await late.wait(21);
    await late.press('1');
    expect(late.end).toBeUndefined();
    expect(await late.toEnd()).toMatchObject({ reason: 'noAnswer' });
    expect(late.seconds).toBe(50);
    expect(late.leftovers).toEqual([]);
  });
});

describe('forwardByRegion', () => {
  const branch = { steps: [{ forwardByRegion: 'regions' }, { forward: { group: 'sales' } }, { hangup: true }] };
  const others = [{ id: 'petersburg', extension: '885', steps: [{ forward: { phone: '78121234567' } }] }];

  it.each<[string | undefined, string[]]>([
    ['74951234567', ['ivanov', 'sales']],
    ['74995312345', ['petrov', 'sales']], // the longest prefix wins
    ['79161234567', ['sales']],
    [undefined, ['sales']],
    ['78121112233', ['78121234567']], // another scheme goes on
  ])('caller %s reaches %j', async (caller, names) => {
    const call = callTo(branch, { others, ...(caller ? { caller } : {}) });
    await call.toEnd();
    expect(call.world.forwards.map(({ target }) => Object.values(target)[0])).toEqual(names);
  });
});

describe('voicemail, fax, hangup', () => {
  it('voicemail goes on with the next step', async () => {
    const call = callTo({
      steps: [{ voicemail: { to: ['a@acme.example'], greeting: 'builtin:closed' } }, { hangup: true }],
    });
    await call.toEnd();
    expect(call.world.mailboxes).toEqual([{ to: ['a@acme.example'], greeting: 'builtin:closed' }]);
    expect(call.seconds).toBe(13);
  });

  it('fax is the last thing that a call does', async () => {
    const call = callTo({ steps: [{ fax: { to: ['a@acme.example'] } }, { forward: { group: 'sales' } }] });
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(call.world.faxes).toEqual([['a@acme.example']]);
    expect(call.world.forwards).toEqual([]);
  });

  it('hangup ends the call at once', async () => {
    const call = callTo({ steps: [{ hangup: true }, { forward: { group: 'sales' } }] });
    expect(await call.toEnd(0)).toEqual({ reason: 'schemeEnded', failure: undefined });
  });

  it('a branch with nothing in it ends the call', async () => {
    const call = callTo({ steps: [] });
    expect(await call.toEnd(0)).toMatchObject({ reason: 'schemeEnded' });
  });
});

describe('answering', () => {
  it.each<[string, object, boolean]>([
    ['only forwards: the caller hears ringing', { steps: [{ forward: { group: 'sales' } }] }, false],
    ['a menu', { menu: { '1': { steps: [] } } }, true],
    ['a fax rule', { steps: [{ forward: { group: 'sales' } }], rules: { fax: {} } }, true],
    ['disa', { rules: { disa: { steps: [] } } }, true],
  ])('%s', async (_, branch, answered) => {
    const call = callTo(branch);
    await call.settle();
    expect(call.world.answered).toBe(answered);
    await call.hangUp();
  });

  it('that fails ends the call', async () => {
    const call = callTo({ menu: { '1': { steps: [] } } }, { script: { broken: ['answer'] } });
    expect(await call.toEnd(0)).toMatchObject({ reason: 'networkFailure' });
  });
});
