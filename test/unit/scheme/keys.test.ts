import { describe, expect, it } from 'vitest';
import { schemesOf } from '../../../src/scheme/schemes.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { SchemeCall, type Script } from '../../support/scheme-call.ts';

const company = {
  employees: [
    employee('ivanov', '451', { email: 'ivanov@acme.example' }),
    employee('petrov', '4512'),
    employee('sidorov', '600'),
  ],
  groups: [{ id: 'sales', extension: '505' }],
};
const moscow = {
  regionRules: [{ id: 'moscow', rules: [{ name: 'Moscow', prefixes: ['7495'], to: { scheme: 'other' } }] }],
};

function callTo(branch: object, { script, others = [] }: { script?: Script; others?: object[] } = {}): SchemeCall {
  const pbx = pbxOf({
    ...company,
    ...(others.length > 0 ? moscow : {}),
    schemes: [{ id: 'main', ...branch }, ...others],
  });
  return new SchemeCall(pbx, 'main', { caller: '74951234567', ...(script ? { script } : {}) });
}

const greeting = { play: 'builtin:greeting', wait: true };
const hangup = { steps: [{ hangup: true }] };
const sales = { steps: [{ forward: { group: 'sales' } }, { hangup: true }] };
const hold = { calls: { sales: { answers: 1000, talks: 1 } } } satisfies Script;

describe('keys are live from the first moment of a block', () => {
  it.each<[string, object, string[]]>([
    ['what is playing', greeting, ['0 answer', '0 play builtin:greeting', '2 cut play builtin:greeting']],
    ['what goes on playing', { play: 'builtin:greeting' }, ['0 start builtin:greeting', '2 stop builtin:greeting']],
    ['who is ringing', { forward: { group: 'sales' } }, ['0 answer', '0 ring sales', '2 cut ring sales']],
    ['the greeting of a mailbox', { voicemail: {} }, ['0 greeting', '2 cut greeting']],
  ])('a key that selects something cancels %s', async (_, step, story) => {
    const call = callTo({ steps: [step], menu: { '1': hangup } }, { script: hold });
    await call.wait(2);
    await call.press('1');
    expect(call.end?.reason).toBe('schemeEnded');
    expect(call.world.story).toEqual(story);
    expect(call.leftovers).toEqual([]);
  });

  it('and while the block waits', async () => {
    const call = callTo({ menu: { '1': sales } });
    await call.wait(9.9);
    await call.press('1');
    expect(call.run.state).toBe('main/1:0:ringing');
    await call.hangUp();
  });

  it('until the call is connected: then they belong to the two who talk', async () => {
    const call = callTo(
      { steps: [{ forward: { group: 'sales' } }], menu: { '1': hangup } },
      { script: { calls: { sales: { answers: 5, talks: 60 } } } },
    );
    await call.wait(6);
    expect(call.run.state).toBe('main:0:connected');
    await call.press('1##5');
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp' });
    expect(call.path('digit')).toEqual([]);
  });

  it('until the recording of a message begins: then # ends the message', async () => {
    const call = callTo({ steps: [{ voicemail: {} }, { hangup: true }], menu: { '1': sales } });
    await call.wait(4);
    expect(call.run.state).toBe('main:0:recording');
    await call.press('1#');
    await call.toEnd();
    expect(call.path('digit')).toEqual([]);
  });

  it('not while a fax comes in', async () => {
    const call = callTo({ steps: [{ fax: {} }], menu: { '1': sales } });
    await call.press('1');
    await call.toEnd();
    expect(call.path()).toEqual(['branch main', 'fax main:0', 'hangup main:0']);
  });

  it('an entry that has begun when somebody answers is forgotten', async () => {
    const call = callTo(
      { steps: [{ forward: { group: 'sales' } }], menu: { '1': hangup, '11': hangup } },
      { script: { calls: { sales: { answers: 2, talks: 60 } } } },
    );
    await call.wait(1);
    await call.press('1');
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp' });
    expect(call.seconds).toBe(62);
  });
});

describe('an entry that has begun', () => {
  const ones = { '1': hangup, '11': sales };

  it('is forgotten when a message is recorded: the next key begins a new one', async () => {
    const call = callTo({ steps: [{ voicemail: {} }], menu: ones });
    await call.wait(2);
    await call.press('1');
    await call.wait(12);
    expect(call.run.state).toBe('main:waiting');
    await call.press('1');
    await call.wait(2);
    expect(call.path('digit')).toEqual([]);
    await call.wait(1);
    expect(call.path('digit')).toEqual(['digit main/1']);
  });

  describe('is heard out before the branch is left by itself:', () => {
    const late = {
      calls: {
        sales: { fails: 2, reason: 'busy' },
        ivanov: { fails: 2, reason: 'busy' },
        sidorov: { assists: 2, result: { outcome: 'scheme', scheme: 'other', reason: 'busy' } },
      },
    } satisfies Script;
    const menu = { '5': sales };
    const closed = { steps: [greeting, { hangup: true }] };
    const other = { id: 'other', extension: '884', steps: [{ voicemail: {} }] };
    const toOther = { forward: { scheme: 'other' } };

    // In each of these 2 s of something are left when the `4` is pressed, after so many seconds.
    const ways: [string, object, number, string][] = [
      [
        'back to the main menu',
        { menu, rules: { noInput: { after: 1, steps: [greeting], end: 'mainMenu' } } },
        4,
        'main/noInput',
      ],
      ['by a hang-up', closed, 3, 'main'],
      ['to another scheme', { steps: [greeting, toOther] }, 3, 'main'],
      ['to a fax', { steps: [greeting, { fax: {} }] }, 3, 'main'],
      ['to the default action of an employee', { menu, steps: [{ forward: { employee: 'ivanov' } }] }, 0, 'main'],
      ['to the scheme of a region', { steps: [greeting, { forwardByRegion: 'moscow' }] }, 3, 'main'],
      ['to the scheme of an assistant', { menu, steps: [{ forward: { employee: 'sidorov' } }] }, 0, 'main'],
    ];

    it.each(ways)('%s', async (_, branch, seconds, at) => {
      const call = callTo(branch, { script: late, others: [other] });
      await call.wait(seconds);
      await call.press('4'); // of 451 and 4512
      await call.wait(2.5);
      expect(call.run.state).toMatch(/:(?:steps|employee|region|sent)Entry$/);
      await call.press('512');
      expect(call.run.state).toBe(`${at}:dialled:ringing`);
      expect(call.world.forwards.at(-1)?.target).toMatchObject({ employee: 'petrov' });
      await call.hangUp();
      expect(call.leftovers).toEqual([]);
    });

    it.each(ways.filter(([, branch]) => !('menu' in branch && 'steps' in branch)))(
      '%s, and where nothing is asked an entry that means nothing changes nothing',
      async (_, branch, seconds) => {
        const call = callTo(branch, { script: late, others: [other] });
        const silent = callTo(branch, { script: late, others: [other] });
        for (const one of [call, silent]) await one.wait(seconds);
        await call.press('45');
        const before = call.path().length;
        for (const one of [call, silent]) await one.wait(3.5);
        expect(call.world.traces.filter(({ event }) => event === 'digit')).toMatchObject([
          { detail: { digits: '45' } },
        ]);
        const way = call.path().filter((step) => !step.startsWith('digit'));
        expect(way).toEqual(silent.path().slice(0, way.length));
        expect(way.length).toBeGreaterThan(before);
        await call.hangUp();
        expect(call.leftovers).toEqual([]);
      },
    );

    it('to the menu again after a wrong key', async () => {
      const call = callTo({ menu });
      await call.press('9');
      await call.wait(4);
      await call.press('4');
      await call.wait(2);
      expect(call.run.state).toBe('main:invalidEntry');
      await call.press('512');
      expect(call.world.forwards.at(-1)?.target).toMatchObject({ employee: 'petrov' });
      await call.hangUp();
    });

    it('to what follows when whoever was dialled is not reached', async () => {
      const call = callTo({ menu }, { script: late });
      await call.press('451#4');
      await call.wait(2.5);
      expect(call.run.state).toBe('main:dialledEntry');
      await call.press('512');
      expect(call.world.forwards.at(-1)?.target).toMatchObject({ employee: 'petrov' });
      await call.hangUp();
    });

    it('and a menu takes one that means nothing for a wrong key', async () => {
      const call = callTo({ menu, steps: [{ forward: { employee: 'ivanov' } }] }, { script: late });
      await call.press('45');
      await call.wait(2.5);
      await call.wait(1);
      expect(call.run.state).toBe('main:invalid');
      await call.hangUp();
    });

    it('but only where an entry can be begun: a menu of single keys is left at once', async () => {
      const pbx = pbxOf({
        pbx: { id: 'acme', domains: ['acme.example'], extensionDialing: { enabled: false } },
        schemes: [{ id: 'main', ...closed, menu: { '1': hangup } }],
      });
      const call = new SchemeCall(pbx, 'main');
      await call.toEnd();
      expect(call.path()).toEqual(['branch main', 'play main:0', 'hangup main:1']);
      expect(JSON.stringify(schemesOf(pbx).get('main')?.chart)).not.toContain('stepsEnd');
    });
  });
});

describe('entries', () => {
  const menu = { menu: { '1': hangup, '12': sales, '4': sales } };

  it.each<[string, string, number, string | undefined]>([
    ['12', 'at once', 0, 'main/12'],
    ['1', 'after the pause, because 12 could follow', 3, 'main/1'],
    ['1#', 'at once, because # ends it', 0, 'main/1'],
    ['4', 'after the pause, because 451 could follow', 3, 'main/4'],
  ])('%s is taken %s', async (keys, _, seconds, item) => {
    const call = callTo({ steps: [{ forward: { group: 'sales' } }], ...menu }, { script: hold });
    await call.press(keys);
    if (seconds > 0) {
      await call.wait(seconds - 0.1);
      expect(call.path('digit')).toEqual([]);
      await call.wait(0.1);
    }
    expect(call.path('digit')).toEqual([`digit ${item}`]);
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('the pause begins anew with each key', async () => {
    const call = callTo(menu);
    await call.press('4');
    await call.wait(2.9);
    await call.press('5');
    await call.wait(2.9);
    await call.press('1');
    await call.wait(3);
    expect(call.world.traces.filter(({ event }) => event === 'digit').map(({ detail }) => detail)).toEqual([
      { digits: '451' },
    ]);
    await call.hangUp();
  });

  it('silence does not cut off an entry that has begun', async () => {
    const call = callTo({ menu: { '4': sales } });
    await call.wait(9);
    await call.press('4');
    await call.wait(2);
    expect(call.end).toBeUndefined();
    await call.wait(1);
    expect(call.path('digit')).toEqual(['digit main/4']);
    await call.hangUp();
  });

  it('other characters are no keys', async () => {
    const call = callTo({ menu: { '1': hangup } });
    await call.settle();
    for (const digit of ['A', '', '12', 'x']) call.run.press(digit);
    expect(call.path('digit')).toEqual([]);
    await call.hangUp();
    call.run.press('1');
    expect(call.end?.reason).toBe('callerHungUp');
  });
});

describe('extension dialling (§4.4.2.2)', () => {
  const branch = { steps: [greeting] };

  it('rings who was dialled, and his default action follows', async () => {
    const call = callTo(branch);
    await call.press('4512');
    expect(call.world.forwards).toEqual([{ target: { employee: 'petrov', contact: 'asConfigured' } }]);
    await call.wait(30);
    expect(call.world.mailboxes).toEqual([{ employee: 'petrov', to: [] }]);
    await call.toEnd();
  });

  it('rings a group; nobody there: the end of the branch', async () => {
    const call = callTo(branch, { script: { calls: { sales: { fails: 3, reason: 'queueFull' } } } });
    await call.press('505');
    expect(await call.toEnd()).toEqual({ reason: 'schemeEnded', failure: 'queueFull' });
    expect(call.path('queue')).toEqual(['queue main:dialled']);
  });

  it('the caller may choose something else while it rings', async () => {
    const call = callTo({ menu: { '1': sales } }, { script: { calls: { petrov: { answers: 100, talks: 1 } } } });
    await call.press('4512');
    await call.wait(5);
    await call.press('1');
    expect(call.run.state).toBe('main/1:0:ringing');
    expect(call.world.story).toContain('5 cut ring petrov');
    await call.hangUp();
  });

  it('goes on in a scheme whose extension was dialled', async () => {
    const call = callTo(branch, { others: [{ id: 'night', extension: '885', steps: [{ hangup: true }] }] });
    await call.press('885');
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
    expect(call.path('scheme', 'branch')).toEqual(['branch main', 'scheme night', 'branch night']);
  });

  it('switched off: the digits mean nothing', async () => {
    const pbx = pbxOf({
      ...company,
      pbx: { id: 'acme', domains: ['acme.example'], extensionDialing: { enabled: false } },
      schemes: [{ id: 'main', ...branch }],
    });
    const call = new SchemeCall(pbx, 'main');
    await call.press('505');
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(call.seconds).toBe(5);
  });

  it('a wrong digit does not cost a caller his place where nothing is asked', async () => {
    const call = callTo({ steps: [greeting, { forward: { group: 'sales' } }, { hangup: true }] }, { script: hold });
    await call.wait(10);
    await call.press('9');
    expect(call.run.state).toBe('main:1:ringing');
    expect(call.path('digit')).toEqual(['digit main']);
    await call.hangUp();
  });

  it('but is an answer to a block that waits', async () => {
    const call = callTo(branch);
    await call.wait(6);
    await call.press('9');
    expect(call.run.state).toBe('main:invalid');
    await call.hangUp();
  });

  it('a caller who has heard nothing is not made to wait for his keys', async () => {
    const call = callTo({ steps: [{ forward: { group: 'sales' } }] });
    expect(await call.toEnd()).toEqual({ reason: 'schemeEnded', failure: 'noAnswer' });
    expect(call.seconds).toBe(25);
  });
});

describe('the caller hangs up', () => {
  it.each<[string, object, number]>([
    ['during a prompt', { steps: [greeting] }, 1],
    ['while audio goes on', { steps: [{ play: 'builtin:greeting' }, { forward: { group: 'sales' } }] }, 1],
    ['during the conversation', { steps: [{ forward: { group: 'sales' } }] }, 30],
    ['during a message', { steps: [{ voicemail: {} }] }, 5],
    ['during a fax', { steps: [{ fax: {} }] }, 5],
    ['while the block waits', { menu: { '1': hangup } }, 5],
  ])('%s', async (_, branch, seconds) => {
    const call = callTo(branch, { script: { calls: { sales: { answers: 2, talks: 600 } } } });
    await call.wait(seconds);
    await call.hangUp();
    expect(call.end).toMatchObject({ reason: 'callerHungUp' });
    expect(call.leftovers).toEqual([]);
  });

  it('before anything has begun, and twice', async () => {
    const call = callTo({ menu: { '1': hangup } });
    call.run.callerGone();
    call.run.callerGone();
    await call.settle();
    expect(call.end).toMatchObject({ reason: 'callerHungUp' });
    expect(call.leftovers).toEqual([]);
  });

  it('in the middle of an entry', async () => {
    const call = callTo({ menu: { '1': hangup, '11': hangup } });
    await call.press('1');
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });
});

describe('a machine that fails', () => {
  it('ends its own call, stops what it does, and leaves the others alone', async () => {
    // An action that throws stops a machine without leaving its states; the ring would go on for ever.
    const call = callTo({ steps: [{ forward: { group: 'sales' } }], menu: { '1': hangup } }, { script: hold });
    await call.wait(1);
    call.world.trace = () => {
      throw new Error('the disk is full');
    };
    await call.press('1');
    expect(call.end).toMatchObject({ reason: 'lost' });
    expect(call.world.busy).toBe(0);
    expect(call.clock.pending).toBe(0);
    expect(call.errors).toEqual([expect.stringContaining('a scheme machine has failed')]);
  });
});
