import { describe, expect, it } from 'vitest';
import { employee, pbxOf } from '../../support/pbx.ts';
import { SchemeCall, type Script } from '../../support/scheme-call.ts';

const company = {
  employees: [employee('ivanov', '451', { email: 'ivanov@acme.example' })],
  groups: [{ id: 'sales', extension: '505' }],
};

function callTo(branch: object, script: Script = {}): SchemeCall {
  const pbx = pbxOf({ ...company, schemes: [{ id: 'main', ...branch }] });
  return new SchemeCall(pbx, 'main', { script });
}

const greeting = { play: 'builtin:greeting', wait: true };
const toSales = { steps: [{ forward: { group: 'sales' } }] };
const talks = { calls: { sales: { answers: 4, talks: 30 } } } satisfies Script;

describe('what comes in from outside is told, with its time', () => {
  it('keys, and the ends of what was done', async () => {
    const call = callTo({ steps: [greeting], menu: { '1': toSales, '12': toSales } }, talks);
    await call.wait(6);
    await call.press('1');
    await call.toEnd();
    expect(call.inputs).toEqual([
      [0, 'begin'],
      [5000, 'done', 'main:0'],
      [6000, 'digit', '1'],
      [9000, 'timer', 3000],
      [13_000, 'connected', 'main/1:0'],
      [43_000, 'forwarded', 'main/1:0', 'connected', 'calleeHungUp'],
    ]);
  });

  it('a failure with its reason, and one that should not be with its text', async () => {
    const steps = [greeting, { forward: { group: 'sales' } }];
    const call = callTo({ steps }, { broken: ['play'], calls: { sales: { fails: 7, reason: 'busy' } } });
    await call.toEnd();
    expect(call.inputs).toEqual([
      [0, 'begin'],
      [0, 'failed', 'main:0', 'play does not work'],
      [7000, 'forwarded', 'main:1', 'failed', 'busy'],
      [17_000, 'timer', 10_000],
    ]);
  });

  it('the end of the greeting of a mailbox', async () => {
    const call = callTo({ steps: [{ voicemail: {} }, { hangup: true }] });
    await call.toEnd();
    expect(call.inputs).toEqual([
      [0, 'begin'],
      [3000, 'recording', 'main:0'],
      [13_000, 'done', 'main:0'],
    ]);
  });

  it('nothing that was cut short, and nothing after the end', async () => {
    const call = callTo({ steps: [greeting, { forward: { group: 'sales' } }] });
    await call.wait(2);
    await call.hangUp();
    await call.press('1');
    await call.wait(100);
    expect(call.inputs).toEqual([
      [0, 'begin'],
      [2000, 'hangup'],
    ]);
  });

  it('begins once, however many schemes the call is sent through', async () => {
    const pbx = pbxOf({
      schemes: [
        { id: 'main', steps: [{ forward: { scheme: 'other' } }] },
        { id: 'other', steps: [greeting, { hangup: true }] },
      ],
    });
    const call = new SchemeCall(pbx, 'main');
    await call.toEnd();
    expect(call.inputs.map(([, kind]) => kind)).toEqual(['begin', 'done']);
  });
});

describe('what is nobody’s business is not told', () => {
  const secret = { menu: { '1': { password: '83', ...toSales } } };

  it('the keys of a password, and how long they took', async () => {
    const call = callTo(secret, talks);
    await call.press('1');
    await call.wait(1);
    await call.press('9');
    await call.wait(9);
    await call.press('83#');
    await call.hangUp();
    expect(call.inputs.filter(([, kind]) => kind !== 'done')).toEqual([
      [0, 'begin'],
      [0, 'digit', '1'],
      [4000, 'password', false],
      [10_000, 'password', true],
      [10_000, 'hangup'],
    ]);
  });

  it('what is pressed in a conversation', async () => {
    const call = callTo({ ...toSales, menu: { '1': toSales } }, talks);
    await call.wait(10);
    await call.press('4276');
    call.run.faxTone();
    await call.hangUp();
    expect(call.inputs.map(([, kind]) => kind)).toEqual(['begin', 'done', 'connected', 'hangup']);
  });

  it('but keys that mean nothing in a block are, because they may mean something in the next version', async () => {
    const call = callTo({ steps: [greeting, { hangup: true }] });
    await call.press('1');
    await call.toEnd();
    expect(call.inputs.map(([, kind]) => kind)).toEqual(['begin', 'digit', 'done']);
  });
});

describe('the time that a machine sees', () => {
  it('is that of its last input, also when the clock goes on while it decides', async () => {
    const pbx = pbxOf({
      schemes: [
        { id: 'main', branches: [{ when: 'always', steps: [greeting, { forward: { scheme: 'other' } }] }] },
        {
          id: 'other',
          branches: [
            { when: { time: ['09:00-18:59'] }, steps: [{ hangup: true }] },
            { when: 'otherwise', steps: [{ voicemail: {} }] },
          ],
        },
      ],
    });
    // Moscow is three hours ahead: the working day ends one millisecond after the prompt.
    const call = new SchemeCall(pbx, 'main', { at: '2026-11-02T15:59:54.999Z' });
    const { trace } = call.world;
    call.world.trace = (entry) => {
      trace.call(call.world, entry);
      if (entry.event === 'scheme') call.clock.advance(1);
    };
    await call.wait(5);
    expect(call.inputs.at(-1)).toEqual([5000, 'done', 'main:0']);
    expect(call.path('branch', 'voicemail')).toEqual(['branch main', 'branch other/0900-1859']);
  });
});
