import { describe, expect, it } from 'vitest';
import { employee, pbxOf } from '../../support/pbx.ts';
import { SchemeCall, type Script } from '../../support/scheme-call.ts';

const company = {
  employees: [employee('ivanov', '451'), employee('petrov', '4512')],
  groups: [{ id: 'sales', extension: '505' }],
  trunks: [{ id: 'office', name: 'Office', host: '127.0.0.1', prefix: '88' }],
  defaults: { menu: { inputTimeout: 10, interDigitTimeout: 3, maxInvalid: 3, maxWrongPassword: 3 } },
};

function callTo(branch: object, options: { script?: Script; at?: string; more?: object } = {}): SchemeCall {
  const { more = {}, ...rest } = options;
  return new SchemeCall(pbxOf({ ...company, schemes: [{ id: 'main', ...branch }], ...more }), 'main', rest);
}

const hangup = { steps: [{ hangup: true }] };
const menu = { '1': hangup };

describe('branches', () => {
  const branches = [
    { when: { days: ['holidays'] }, steps: [{ play: 'builtin:closed', wait: true }, { hangup: true }] },
    { when: { time: ['09:00-18:59'] }, steps: [{ play: 'builtin:greeting', wait: true }, { hangup: true }] },
  ];

  it.each([
    ['2026-11-04T09:00:00Z', 'main/holidays', '2026-11-04 is a public holiday in RU (День народного единства)'],
    ['2026-11-02T09:00:00Z', 'main/0900-1859', '12:00 (Europe/Moscow) is within 09:00-18:59'],
  ])('at %s the first that matches runs: %s', async (at, state, why) => {
    const call = callTo({ branches }, { at });
    await call.toEnd();
    expect(call.world.traces[0]).toMatchObject({ event: 'branch', state, why });
  });

  it('none matches: the call ends as by hangup', async () => {
    const call = callTo({ branches }, { at: '2026-11-02T22:00:00Z' });
    expect(await call.toEnd(0)).toEqual({ reason: 'schemeEnded', failure: undefined });
    expect(call.world.traces).toMatchObject([{ event: 'hangup', state: 'main', why: 'no branch is for this time' }]);
  });

  it('are chosen anew whenever the block is entered again', async () => {
    const call = callTo(
      {
        branches: [
          { when: { time: ['09:00-18:59'] }, menu, rules: { noInput: { end: 'mainMenu' } } },
          { when: 'otherwise', ...hangup },
        ],
      },
      { at: '2026-11-02T15:59:45Z' }, // 18:59:45 in Moscow
    );
    await call.toEnd();
    expect(call.path('branch', 'mainMenu')).toEqual([
      'branch main/0900-1859',
      'branch main/0900-1859/noInput',
      'mainMenu main/0900-1859/noInput',
      'branch main/0900-1859',
      'branch main/0900-1859/noInput',
      'mainMenu main/0900-1859/noInput',
      'branch main/otherwise',
    ]);
  });

  it('have times of their own in items and rules', async () => {
    const call = callTo(
      {
        menu: {
          '1': {
            branches: [
              { when: { days: ['sun'] }, ...hangup },
              { when: 'otherwise', steps: [{ voicemail: {} }] },
            ],
          },
        },
      },
      { at: '2026-11-02T09:00:00Z' },
    );
    await call.press('1');
    expect(call.path('branch')).toEqual(['branch main', 'branch main/1/otherwise']);
    await call.hangUp();
  });
});

describe('menus', () => {
  it('nest to four levels', async () => {
    const keys = '1236';
    const nested = (level: number): object =>
      level === 4 ? { steps: [{ forward: { group: 'sales' } }] } : { menu: { [keys[level] ?? '']: nested(level + 1) } };
    const call = callTo(nested(0));
    await call.press(keys);
    expect(call.run.state).toBe('main/1/2/3/6:0:ringing');
    await call.press('1'); // the keys of the outer menus are dead
    expect(call.run.state).toBe('main/1/2/3/6:0:ringing');
    await call.hangUp();
  });
});

describe('noInput', () => {
  it('acts after the time that a menu waits', async () => {
    const call = callTo({ menu, rules: { noInput: { steps: [{ forward: { group: 'sales' } }] } } });
    await call.wait(9.9);
    expect(call.path('rule')).toEqual([]);
    await call.wait(0.1);
    expect(call.path('rule', 'queue')).toEqual(['rule main/noInput', 'queue main/noInput:0']);
    await call.hangUp();
  });

  it('acts after its own time, counted from the end of the last step', async () => {
    const steps = [{ play: 'builtin:greeting', wait: true }];
    const call = callTo({ steps, menu, rules: { noInput: { after: 2, ...hangup } } });
    await call.toEnd();
    expect(call.seconds).toBe(7);
  });

  it('without it the branch ends', async () => {
    const call = callTo({ menu });
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(call.seconds).toBe(10);
  });
});

describe('wrong input', () => {
  it('is told, and the block begins again', async () => {
    const call = callTo({ steps: [{ play: 'builtin:greeting', wait: true }], menu });
    await call.wait(1);
    await call.press('9');
    await call.wait(5);
    expect(call.world.story).toEqual([
      '0 answer',
      '0 play builtin:greeting',
      '1 cut play builtin:greeting',
      '1 play builtin:invalid-choice',
      '6 play builtin:greeting',
    ]);
    await call.hangUp();
  });

  it('a key is heard while it is told', async () => {
    const call = callTo({ menu });
    await call.press('91');
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
    expect(call.path('digit')).toEqual(['digit main', 'digit main/1']);
  });

  it('the last attempt ends the branch', async () => {
    const call = callTo({ menu });
    await call.press('999');
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
  });

  it('the last attempt is followed by invalidInput', async () => {
    const call = callTo({ menu, rules: { invalidInput: { attempts: 2, steps: [{ voicemail: {} }] } } });
    await call.press('9');
    await call.wait(7);
    await call.press('9');
    expect(call.path('rule', 'voicemail')).toEqual(['rule main/invalidInput', 'voicemail main/invalidInput:0']);
    await call.hangUp();
  });

  it('is counted for the whole call, per block', async () => {
    const call = callTo({
      menu: { '1': { menu: { '1': hangup }, rules: { noInput: { after: 1, end: 'mainMenu' } } } },
    });
    await call.press('991'); // twice wrong in the main menu, then item 1
    await call.press('99'); // and twice there: not yet the third time
    expect(call.end).toBeUndefined();
    await call.wait(7); // the prompt, then silence: the main menu
    expect(call.path('mainMenu')).toEqual(['mainMenu main/1/noInput']);
    await call.press('9');
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
  });

  it('goes to anyOtherInput, if there is one, every time', async () => {
    const call = callTo({ menu, rules: { anyOtherInput: { steps: [{ voicemail: {} }] }, invalidInput: hangup } });
    await call.press('9');
    expect(call.path('rule', 'play', 'voicemail')).toEqual([
      'rule main/anyOtherInput',
      'voicemail main/anyOtherInput:0',
    ]);
    await call.hangUp();
  });
});

describe('disa', () => {
  const branch = {
    rules: { disa: { length: 3, prompt: 'builtin:enter-extension', steps: [{ forward: { group: 'sales' } }] } },
  };

  it('asks for the number after the last step', async () => {
    const call = callTo({ steps: [{ play: 'builtin:greeting', wait: true }], ...branch });
    await call.wait(6);
    expect(call.world.story.at(-1)).toBe('5 play builtin:enter-extension');
    await call.hangUp();
  });

  it('hears a wrong number out: it is one wrong input, not three', async () => {
    const call = callTo(branch);
    await call.press('789');
    expect(call.path('digit')).toEqual(['digit main']);
    expect(call.run.state).toBe('main:invalid');
    await call.hangUp();
  });

  it('rings the number, and when it is not reached its own steps follow', async () => {
    const call = callTo({ rules: { disa: { steps: [{ forward: { group: 'sales' } }] } } });
    await call.press('4512');
    await call.wait(26);
    expect(call.path('ring', 'rule', 'queue')).toEqual(['ring main:dialled', 'rule main/disa', 'queue main/disa:0']);
    await call.hangUp();
  });

  it('reaches a trunk by its prefix', async () => {
    const call = callTo({ rules: { disa: { steps: [] } } });
    await call.press('8874951234567#');
    expect(call.world.forwards).toEqual([{ target: { trunk: 'office', number: '74951234567' } }]);
    await call.hangUp();
  });

  const office = {
    id: 'office',
    host: '127.0.0.1',
    masks: [
      { match: '([1-4][0-9][0-9]500)', to: '$1' },
      { match: '8(\\d+)', to: '+7$1' },
    ],
  };

  it.each<[string, string, number, string]>([
    ['at once when nothing longer matches', '456500', 0, '456500'],
    ['after the pause when it could go on', '8495', 3, '+7495'],
    ['at once when # ends it', '8495#', 0, '+7495'],
  ])('reaches a trunk by its masks, transformed, %s', async (_, keys, seconds, number) => {
    const call = callTo({ rules: { disa: { steps: [] } } }, { more: { trunks: [office] } });
    await call.press(keys);
    if (seconds > 0) {
      await call.wait(seconds - 0.1);
      expect(call.world.forwards).toEqual([]);
      await call.wait(0.1);
    }
    expect(call.world.forwards).toEqual([{ target: { trunk: 'office', number } }]);
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('an extension goes before a mask', async () => {
    const any = { ...office, masks: [{ match: '(\\d{3})', to: '$1' }] };
    const call = callTo({ rules: { disa: { length: 3, steps: [] } } }, { more: { trunks: [any] } });
    await call.press('505');
    expect(call.world.forwards).toEqual([{ target: { group: 'sales' } }]);
    await call.hangUp();
  });

  it('takes a flood of keys as entries of at most 32, and keeps none of them', async () => {
    const call = callTo(
      { rules: { disa: { steps: [] }, anyOtherInput: { steps: [], end: 'mainMenu' } } },
      { more: { trunks: [{ ...office, masks: [{ match: '(\\d*)(\\d*)9', to: '$1' }] }] } },
    );
    for (let round = 0; round < 10; round++) await call.press('1'.repeat(40));
    const entries = call.world.traces.flatMap(({ event, detail }) =>
      event === 'digit' ? [String(detail?.digits)] : [],
    );
    expect(entries.length).toBeGreaterThan(10);
    expect(Math.max(...entries.map((entry) => entry.length))).toBe(32);
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('which a block without it does not', async () => {
    const call = callTo({ menu });
    await call.press('88');
    expect(call.run.state).toBe('main:invalid');
    await call.hangUp();
  });
});

describe('fax detection', () => {
  const greeting = { play: 'builtin:greeting', wait: true };

  it('receives at once for the addresses of the rule', async () => {
    const call = callTo({ steps: [greeting], rules: { fax: { to: ['a@acme.example'] } } });
    await call.wait(1);
    call.run.faxTone();
    await call.settle();
    expect(call.run.state).toBe('main/fax');
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(call.world.faxes).toEqual([['a@acme.example']]);
  });

  it('anywhere for the default address, if the scheme has no rule', async () => {
    const call = callTo({ menu: { '1': { steps: [greeting] } } });
    await call.press('1');
    call.run.faxTone();
    await call.toEnd();
    expect(call.world.faxes).toEqual([[]]);
  });

  it.each<[string, object, object]>([
    ['in a block without the rule, if another block has it', { menu: { '1': { rules: { fax: {} }, steps: [] } } }, {}],
    ['when it is switched off', { menu, rules: { fax: {} } }, { fax: { autoDetect: false } }],
  ])('not %s', async (_, branch, more) => {
    const call = callTo(branch, { more });
    await call.settle();
    call.run.faxTone();
    await call.toEnd();
    expect(call.world.faxes).toEqual([]);
  });

  it('not while two people talk', async () => {
    const call = callTo(
      { steps: [{ forward: { group: 'sales' } }] },
      { script: { calls: { sales: { answers: 1, talks: 9 } } } },
    );
    await call.wait(2);
    call.run.faxTone();
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp' });
    expect(call.world.faxes).toEqual([]);
  });
});

describe('mainMenu', () => {
  it('at most twenty times, then the call ends', async () => {
    const call = callTo({ menu, rules: { noInput: { after: 1, end: 'mainMenu' } } });
    expect(await call.toEnd()).toMatchObject({ reason: 'schemeEnded' });
    expect(call.path('mainMenu')).toHaveLength(20);
    expect(call.world.traces.at(-1)).toMatchObject({ why: 'the call has been back to the main menu 20 times' });
    expect(call.leftovers).toEqual([]);
  });

  const sorry = { play: 'builtin:closed', wait: true };

  it('follows at once where nothing is asked on the way: nobody is kept waiting in silence for what he can press there anyway', async () => {
    const call = callTo({ menu, rules: { noInput: { after: 1, steps: [sorry], end: 'mainMenu' } } });
    await call.wait(1 + 5);
    expect(call.path('wait', 'mainMenu')).toEqual(['wait main:waiting', 'mainMenu main/noInput', 'wait main:waiting']);
    expect(call.run.state).toBe('main:waiting');
    await call.hangUp();
  });

  it('but an extension that is dialled meanwhile is called', async () => {
    const call = callTo({ menu, rules: { noInput: { after: 1, steps: [sorry], end: 'mainMenu' } } });
    await call.wait(3);
    await call.press('505');
    expect(call.world.forwards).toEqual([{ target: { group: 'sales' } }]);
    await call.hangUp();
    expect(call.path('mainMenu')).toEqual([]);
  });

  it('follows after the time for input where the way has a menu of its own', async () => {
    const call = callTo({ menu, rules: { noInput: { after: 1, steps: [sorry], menu, end: 'mainMenu' } } });
    await call.wait(1 + 5 + 9.9);
    expect(call.run.state).toBe('main/noInput:waiting');
    await call.wait(0.1);
    expect(call.path('mainMenu')).toEqual(['mainMenu main/noInput']);
    await call.hangUp();
  });
});

describe('passwords', () => {
  const secret = (rules: object = {}) => ({
    menu: { '1': { password: '8361', steps: [{ forward: { group: 'sales' } }] } },
    rules,
  });

  it.each<[string, string, number]>([
    ['ended by #', '8361#', 0],
    ['ended by a pause', '8361', 3],
  ])('the right one, %s, opens the item', async (_, keys, seconds) => {
    const call = callTo(secret());
    await call.press('1');
    expect(call.run.listening).toBe('secret');
    await call.wait(1);
    await call.press(keys);
    await call.wait(seconds);
    expect(call.run.state).toBe('main/1:0:ringing');
    expect(call.run.listening).toBe('open');
    expect(call.world.story.slice(0, 3)).toEqual([
      '0 answer',
      '0 play builtin:enter-password',
      '1 cut play builtin:enter-password',
    ]);
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('a wrong one is told, and asked for again', async () => {
    const call = callTo(secret());
    await call.press('1');
    await call.press('1111#');
    expect(call.world.story.at(-1)).toBe('0 play builtin:wrong-password');
    await call.press('8361#');
    expect(call.run.state).toBe('main/1:0:ringing');
    await call.hangUp();
  });

  it.each<[string, object, string]>([
    ['the rule', { wrongPassword: { steps: [{ voicemail: {} }] } }, 'main/wrongPassword:0:greeting'],
    ['the menu again', {}, 'main:waiting'],
  ])('wrong too often: %s', async (_, rules, state) => {
    const call = callTo(secret(rules));
    await call.press('1');
    await call.press('1#2#3#');
    expect(call.run.state).toBe(state);
    await call.hangUp();
  });

  it('leave nothing behind for the menu', async () => {
    const call = callTo(secret());
    await call.press('1');
    await call.press('1#2#3#');
    await call.press('1');
    expect(call.run.listening).toBe('secret');
    await call.hangUp();
  });

  it('as often as the rule says', async () => {
    const call = callTo(secret({ wrongPassword: { attempts: 1, ...hangup } }));
    await call.press('10#');
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
  });

  it('silence is a wrong password: a caller who falls asleep is not kept', async () => {
    const call = callTo(secret());
    await call.press('1');
    expect(await call.toEnd(300)).toMatchObject({ reason: 'schemeEnded' });
  });

  it('stand in no trace', async () => {
    const call = callTo(secret());
    await call.press('1');
    await call.press('7777#');
    await call.press('8361#');
    expect(JSON.stringify(call.world.traces)).not.toMatch(/7777|8361/);
    expect(call.path('password')).toHaveLength(2);
    await call.hangUp();
  });

  it('the keys of the menu are dead meanwhile', async () => {
    const call = callTo({ menu: { ...secret().menu, '2': hangup } });
    await call.press('12');
    expect(call.end).toBeUndefined();
    expect(call.run.listening).toBe('secret');
    await call.hangUp();
  });
});

describe('a # after an entry that was complete already', () => {
  const dialling = { menu, rules: { disa: { steps: [{ voicemail: {} }] } } };

  it('does not take the caller from whom he has dialled', async () => {
    const call = callTo(dialling);
    await call.press('505#');
    expect(call.run.state).toBe('main:dialled:ringing');
    expect(call.path('digit')).toEqual(['digit main']);
    await call.press('#'); // the second is one too many
    expect(call.run.state).toBe('main:invalid');
    await call.hangUp();
  });

  it('is no choice in the menu that the entry led to, nor in the scheme', async () => {
    const inner = { menu: { '1': { menu } } };
    const item = callTo(inner);
    await item.press('1#');
    expect(item.run.state).toBe('main/1:waiting');
    await item.hangUp();

    const other = { schemes: [{ id: 'main', extension: '884', ...dialling }] };
    const scheme = callTo({}, { more: other });
    await scheme.press('884#');
    expect(scheme.path('scheme', 'digit')).toEqual(['digit main', 'scheme main']);
    expect(scheme.run.state).toBe('main:waiting');
    await scheme.hangUp();
  });

  it('is no password', async () => {
    const call = callTo({ menu: { '1': { password: '8361', menu } } });
    await call.press('1#8361#');
    expect(call.run.state).toBe('main/1:waiting');
    await call.hangUp();
  });

  it.each<[string, object, string, number, string]>([
    ['after the pause it is an entry of its own', { menu: { '1': { menu } } }, '1', 3.1, 'main/1:invalid'],
    ['where # is a key it is the key', { menu: { '1': { menu: { '#': { menu } } } } }, '1', 0, 'main/1/#:waiting'],
  ])('%s', async (_, branch, key, seconds, state) => {
    const call = callTo(branch);
    await call.press(key);
    await call.wait(seconds);
    await call.press('#');
    expect(call.run.state).toBe(state);
    await call.hangUp();
  });
});

describe('floods of keys', () => {
  const everything = {
    steps: [{ play: 'builtin:greeting', wait: true }, { play: 'builtin:connecting' }],
    menu: {
      '1': { password: '8361', menu, rules: { noInput: { after: 1, end: 'mainMenu' } } },
      '2': { steps: [{ forward: { group: 'sales' }, timeout: 5 }], menu: { '22': hangup } },
      '#7': { steps: [{ voicemail: {} }] },
    },
    rules: { disa: { prompt: 'builtin:enter-extension', steps: [{ play: 'builtin:closed', wait: true }] } },
  };
  const thousands = (keys: string) => keys.repeat(Math.ceil(3000 / keys.length));

  it.each<[string, string]>([
    ['wrong keys', '9'],
    ['nothing but #', '#'],
    ['every key', '0123456789*#'],
    ['beginnings of numbers', '45'],
    ['wrong passwords', '10#'],
    ['no key at all', 'ABCDx 🎹'],
  ])('%s, thousands at once: the call ends in its time, with nothing left behind', async (_, keys) => {
    const call = callTo(everything);
    await call.settle();
    for (const key of thousands(keys)) call.run.press(key);
    await call.settle();
    expect(await call.toEnd(600)).toMatchObject({ reason: 'schemeEnded' });
    expect(call.path('hangup')).toHaveLength(1);
    expect(call.leftovers).toEqual([]);
  });

  it.each([
    ['while something is played', 0.5],
    ['while the block waits', 12],
  ])('%s: each is heard, and the last wrong one ends the branch', async (_, seconds) => {
    const call = callTo({ steps: everything.steps, menu });
    await call.wait(seconds);
    for (const key of thousands('9')) call.run.press(key);
    await call.settle();
    expect(call.end).toMatchObject({ reason: 'schemeEnded' });
    expect(call.path('digit')).toHaveLength(3);
    expect(call.leftovers).toEqual([]);
  });

  it('keys that nobody knows are not even told of', async () => {
    const call = callTo(everything);
    await call.settle();
    const before = call.run.state;
    for (const key of ['A', 'D', '', '12', ' ', '٣', '１', '#1']) call.run.press(key);
    await call.settle();
    expect(call.inputs.map(([, kind]) => kind)).toEqual(['begin']);
    expect(call.run.state).toBe(before);
    await call.hangUp();
  });

  it('who circles through the main menu is ended once, and told why once', async () => {
    const call = callTo({ menu, rules: { anyOtherInput: { end: 'mainMenu' } } });
    await call.settle();
    for (const key of thousands('9')) call.run.press(key);
    await call.settle();
    expect(call.path('mainMenu')).toHaveLength(20);
    expect(call.world.traces.filter(({ event }) => event === 'hangup')).toMatchObject([
      { why: 'the call has been back to the main menu 20 times' },
    ]);
    expect(call.leftovers).toEqual([]);
  });

  it('who tries passwords is ended after the twentieth', async () => {
    const call = callTo({ menu: { '1': { password: '8361', menu } } });
    await call.settle();
    for (const key of thousands('10#')) call.run.press(key);
    await call.settle();
    expect(call.world.traces.filter(({ event }) => event === 'password')).toHaveLength(20);
    expect(call.world.traces.at(-1)).toMatchObject({ event: 'hangup', why: 'a wrong password for the 20th time' });
    expect(call.leftovers).toEqual([]);
  });

  it('a password of thousands of digits is wrong, and not kept', async () => {
    const call = callTo({ menu: { '1': { password: '8361', menu } } });
    await call.press('1');
    for (const key of thousands('8361')) call.run.press(key);
    await call.press('#');
    expect(call.world.story.at(-1)).toBe('0 play builtin:wrong-password');
    expect(JSON.stringify([call.world.traces, call.inputs])).not.toContain('8361');
    await call.hangUp();
    expect(call.leftovers).toEqual([]);
  });

  it('whoever talks may press what he likes', async () => {
    const script = { calls: { sales: { answers: 1, talks: 30 } } };
    const call = callTo({ steps: [{ forward: { group: 'sales' } }], menu }, { script });
    await call.wait(2);
    for (const key of thousands('19#')) call.run.press(key);
    await call.settle();
    expect(call.run.state).toBe('main:0:connected');
    expect(call.inputs.filter(([, kind]) => kind === 'digit')).toEqual([]);
    expect(await call.toEnd()).toMatchObject({ reason: 'calleeHungUp' });
  });

  it('a caller who hangs up at any instant leaves nothing behind', async () => {
    const keys = ['9', '4', '5', '#', '1', '8', '#', '8361#', '9', '505', '2', '2', '#7', '88123', '#'];
    const instants = keys.flatMap((key) => [...key, 0, 0.7, 4]);
    for (const end of instants.keys()) {
      const call = callTo(everything);
      for (const move of instants.slice(0, end)) {
        if (typeof move === 'number') await call.wait(move);
        else call.run.press(move);
      }
      call.run.callerGone();
      call.run.callerGone();
      await call.settle();
      expect(call.end?.reason, `after ${instants.slice(0, end).join(' ')}`).toMatch(/^(callerHungUp|schemeEnded)$/);
      expect(call.leftovers, `after ${instants.slice(0, end).join(' ')}`).toEqual([]);
      expect(call.path('hangup')).toHaveLength(1);
    }
  });
});
