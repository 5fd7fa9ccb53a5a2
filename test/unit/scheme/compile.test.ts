import { describe, expect, it } from 'vitest';
import { initialTransition, transition } from 'xstate';
import type { Chart } from '../../../src/scheme/chart.ts';
import { compileScheme } from '../../../src/scheme/compile.ts';
import { noJourney } from '../../../src/scheme/context.ts';
import { schemesOf } from '../../../src/scheme/schemes.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { verify } from '../../support/verify-chart.ts';

const pbx = pbxOf({
  employees: [employee('ivanov', '451')],
  groups: [{ id: 'sales', extension: '505' }],
  schemes: [
    {
      id: 'line.1',
      branches: [
        {
          when: { days: ['workdays'] },
          steps: [{ play: 'builtin:greeting', wait: true }],
          menu: {
            '1': { steps: [{ forward: { group: 'sales' } }] },
            '2': { password: '8361', steps: [{ hangup: true }] },
          },
        },
        { when: 'otherwise', steps: [{ play: 'builtin:closed' }] },
      ],
    },
  ],
});

const compiled = schemesOf(pbx).get('line.1');
if (!compiled) throw new Error('no scheme');
const { chart, machine, tables } = compiled;

describe('a compiled scheme', () => {
  it('has a chart of pure data', () => {
    expect(JSON.parse(JSON.stringify(chart))).toEqual(chart);
  });

  it('is the same whenever it is compiled', () => {
    const [scheme] = pbx.document.schemes;
    expect(scheme && compileScheme(pbx, scheme).chart).toEqual(chart);
  });

  it('holds no password where it could be printed', () => {
    expect(JSON.stringify(chart)).not.toContain('8361');
  });

  it('names its blocks by paths, and says where each comes from', () => {
    expect(Object.keys(chart.states)).toEqual([
      'line.1:start',
      'line.1',
      'line.1/workdays',
      'line.1/workdays/1',
      'line.1/workdays/2',
      'line.1/workdays/2:password',
      'line.1/otherwise',
      'line.1:unanswered',
      'line.1:ended',
      'line.1:fax',
    ]);
    expect(chart.states['line.1/workdays/1']?.description).toBe('branches[0].menu["1"].branches[0]');
  });

  it('is compiled once for each version', () => {
    expect(schemesOf(pbx).get('line.1')).toBe(compiled);
    expect(compiled.machine).toBe(machine);
    expect(schemesOf(pbx).get('another')).toBeUndefined();
  });
});

describe('as a function', () => {
  const environment = {} as never; // no action is executed
  const at = (time: string) => {
    const input = { tables, environment, now: () => Date.parse(time), caller: undefined, journey: noJourney };
    const [start] = initialTransition(machine, input);
    return transition(machine, start, { type: 'begin' });
  };

  it('chooses the branch by the time', () => {
    expect(at('2026-11-02T09:00:00Z')[0].value).toEqual({ 'line.1/workdays': '0' });
    expect(at('2026-11-04T09:00:00Z')[0].value).toEqual({ 'line.1/otherwise': 'waiting' });
  });

  it('waits for input, and for the next key, as long as the document says', () => {
    const [waiting, actions] = at('2026-11-04T09:00:00Z');
    expect(actions).toContainEqual(
      expect.objectContaining({ type: 'xstate.raise', params: expect.objectContaining({ delay: 10_000 }) }),
    );
    const [pressed, more] = transition(machine, waiting, { type: 'digit', digit: '4' });
    expect(pressed.context.entered).toBe('4');
    expect(more).toContainEqual(
      expect.objectContaining({ type: 'xstate.raise', params: expect.objectContaining({ delay: 3_000, id: 'pause' }) }),
    );
  });

  it('goes to the menu item as soon as its key is pressed', () => {
    const [greeting] = at('2026-11-02T09:00:00Z');
    const [next] = transition(machine, greeting, { type: 'digit', digit: '1' });
    expect(next.value).toEqual({ 'line.1/workdays/1': { '0': 'ringing' } });
  });
});

describe('verify', () => {
  const end = { id: 'end', type: 'final' } as const;
  const withState = (state: object): Chart => ({
    id: 'test',
    initial: 'a',
    on: {},
    states: { a: { id: 'a', ...state }, end },
  });

  it.each<[string, Chart, string]>([
    ['an action', withState({ entry: [{ type: 'sing' }] }), 'a of test names the unknown action "sing"'],
    ['a guard', withState({ always: [{ guard: { type: 'maybe' }, target: '#end' }] }), 'unknown guard "maybe"'],
    ['an effect', withState({ invoke: { src: 'dance', onDone: [], onError: [] } }), 'unknown effect "dance"'],
    ['a state', withState({ on: { digit: [{ target: '#nowhere' }] } }), 'unknown state "#nowhere"'],
    [
      'a nested one',
      withState({ states: { b: { id: 'b', exit: [{ type: 'sing' }] } } }),
      'b of test names the unknown action',
    ],
    ['a path that two states have', withState({ states: { b: { id: 'end' } } }), 'two states are called end'],
  ])('finds %s that does not exist', (_, wrong, message) => {
    expect(() => verify(wrong)).toThrow(message);
  });
});
