import { describe, expect, it } from 'vitest';
import { type Figures, figures, type Mark, outcomeOf } from '../../../src/history/figures.ts';
import type { CallStage } from '../../../src/history/record.ts';

/** `menu@17:26:35`, `employee/sales@17:26:40.5`: where the call is from then on. */
function marks(text: string): Mark[] {
  return text.split(' ').map((word) => {
    const [place = '', time = ''] = word.split('@');
    const [stage, group] = place.split('/');
    return { stage: stage as CallStage, at: at(time), ...(group ? { group } : {}) };
  });
}
const at = (time: string) => Date.parse(`2016-12-15T${time}Z`);

const of = (row: string, end: string): Figures => figures(marks(row), at(end));

describe('figures: the sample rows of the manual (R12–R14)', () => {
  // §4.5.9.1.1: entered 17:26:36, Eugene (2) and Sergey in vain, Eugene again 17:26:40, talk 17:26:41 for 0:37, end 17:27:18.
  it('15 Dec 2016 17:26:35: 43 = 6 (1+4+1) + 37', () => {
    const row =
      'number@17:26:35 group@17:26:36 employee/retail@17:26:36 group@17:26:38 employee/retail@17:26:38 group@17:26:40 ' +
      'employee/retail@17:26:40 conversation@17:26:41';
    expect(of(row, '17:27:18')).toEqual({
      duration: 43,
      wait: 6,
      waitMenu: 1,
      waitGroup: 4,
      waitEmployee: 1,
      talk: 37,
      queued: false,
      stage: 'conversation',
    });
  });

  it.each([
    ['17:23:50', [0, 5, 2], 33, 40],
    ['02:45:33', [0, 9, 4], 52, 65],
    ['05:23:04', [0, 20, 4], 213, 237],
    ['03:58:19', [1, 4, 1], 8, 14],
  ])(
    '%s: wait in menu, group, employee %j, talk %i: duration %i',
    (start, [menu = 0, group = 0, employee = 0], talk, duration) => {
      const t = at(start);
      const s = (n: number) => t + n * 1000;
      const row: Mark[] = [
        { stage: 'menu', at: t },
        { stage: 'group', at: s(menu) },
        { stage: 'employee', group: 'retail', at: s(menu + group) },
        { stage: 'conversation', at: s(menu + group + employee) },
      ];
      expect(figures(row, s(menu + group + employee + talk))).toMatchObject({
        duration,
        wait: menu + group + employee,
        waitMenu: menu,
        waitGroup: group,
        waitEmployee: employee,
        talk,
      });
    },
  );

  it('13 Dec 2016 03:54:01: the parts are rounded each on its own, 0+8+4 beside 11', () => {
    const row = 'menu@03:54:01 group@03:54:01.2 employee/retail@03:54:08.7 conversation@03:54:12.4';
    expect(of(row, '03:54:22.4')).toMatchObject({
      wait: 11,
      waitMenu: 0,
      waitGroup: 8,
      waitEmployee: 4,
      talk: 10,
      duration: 21,
    });
  });
});

describe('figures', () => {
  it('gives a caller who went away while a member rang to the stage "employee", earlier attempts to the group', () => {
    const row = 'menu@10:00:00 group@10:00:03 employee/sales@10:00:03 employee/sales@10:00:28';
    expect(of(row, '10:00:40')).toMatchObject({
      stage: 'employee',
      waitMenu: 3,
      waitGroup: 25,
      waitEmployee: 12,
      talk: 0,
      wait: 40,
    });
  });

  it('says that a call was queued when nobody could be rung for it, not when members were rung in turn (R9)', () => {
    const at = Date.parse('2016-12-15T10:00:00Z');
    const row: Mark[] = [
      { stage: 'group', group: 'a', at },
      { stage: 'employee', group: 'a', at },
      { stage: 'group', group: 'a', queued: true, at: at + 20_000 },
      { stage: 'employee', group: 'a', at: at + 50_000 },
      { stage: 'conversation', at: at + 54_000 },
    ];
    expect(figures(row, at + 60_000)).toMatchObject({ queued: true, waitGroup: 50, waitEmployee: 4, talk: 6 });
    expect(figures(row.slice(0, 2), at + 60_000)).toMatchObject({ queued: false });
  });

  it('keeps a direct attempt that was not answered with the employee', () => {
    const row = 'menu@10:00:00 employee@10:00:05 menu@10:00:30 employee@10:00:40 conversation@10:00:45';
    expect(of(row, '10:01:45')).toMatchObject({
      waitMenu: 15,
      waitEmployee: 30,
      waitGroup: 0,
      talk: 60,
      queued: false,
    });
  });

  it('counts only the last group attempt as the employee when the call goes on to another group', () => {
    const row = 'group@10:00:00 employee/a@10:00:00 group@10:00:20 employee/b@10:00:30 conversation@10:00:35';
    expect(of(row, '10:00:40')).toMatchObject({ waitGroup: 30, waitEmployee: 5 });
  });

  it('adds up conversations before and after a transfer, and the waiting between them', () => {
    const row = 'employee@10:00:00 conversation@10:00:05 employee@10:00:35 conversation@10:00:45';
    expect(of(row, '10:01:00')).toMatchObject({ wait: 15, talk: 45, duration: 60 });
  });

  it('says "number" of a call that came no further', () => {
    expect(of('number@10:00:00', '10:00:00')).toMatchObject({ stage: 'number', duration: 0 });
    expect(figures([], 0)).toMatchObject({ stage: 'number', duration: 0 });
  });

  it('never counts backwards when the clock is set back', () => {
    expect(of('menu@10:00:10 employee@10:00:05 conversation@10:00:08', '10:00:07')).toMatchObject({
      waitMenu: 0,
      waitEmployee: 3,
      talk: 0,
    });
  });
});

describe('outcomeOf', () => {
  const base = { direction: 'in', talked: false, technical: null, stage: 'employee' } as const;
  it.each([
    ['a conversation', { talked: true }, 'answered'],
    ['a conversation, then voicemail', { talked: true, technical: 'voicemail' }, 'answered'],
    ['voicemail', { technical: 'voicemail' }, 'technical'],
    ['wrong input', { technical: 'wrongInput' }, 'technical'],
    ['a refusal by the black list (R4)', { technical: 'blacklist', stage: 'number' }, 'missed'],
    ['hung up in the menu', { stage: 'menu' }, 'missed'],
    ['an outgoing call that was not answered', { direction: 'out' }, 'failed'],
    ['an internal call that rang in vain', { direction: 'internal' }, 'missed'],
    ['an internal call to no such extension', { direction: 'internal', stage: 'number' }, 'failed'],
  ] as const)('%s', (_, changes, outcome) => {
    expect(outcomeOf({ ...base, ...changes })).toBe(outcome);
  });
});
