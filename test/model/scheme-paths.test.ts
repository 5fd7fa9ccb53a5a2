import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import type { State } from '../../src/scheme/chart.ts';
import { compileScheme } from '../../src/scheme/compile.ts';
import { noJourney, type SchemeEvent } from '../../src/scheme/context.ts';
import { waysOut } from '../../src/scheme/graph.ts';
import { to } from '../../src/scheme/paths.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import { generatedPbx } from '../support/generated-scheme.ts';
import { many, patience } from '../support/many.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { allStates, isKept } from '../support/reachable.ts';

/**
 * States in which a caller could be left: nothing is under way, no time is running, and no transition is sure to be taken.
 * @param pausing where callers come only with an entry begun: the pause that ends it is running
 */
function deadStates(
  states: Readonly<Record<string, State>>,
  movingAbove = false,
  pausing = beginningEntries(states),
): string[] {
  return Object.values(states).flatMap((state) => {
    const surely = state.always?.at(-1);
    const moving =
      movingAbove ||
      pausing.has(to(state.id)) ||
      state.type === 'final' ||
      state.invoke !== undefined ||
      Object.keys(state.after ?? {}).length > 0 ||
      (surely !== undefined && surely.guard === undefined) ||
      state.on?.begin !== undefined;
    if (!state.states) return moving ? [] : [state.id];
    return deadStates(state.states, moving, pausing);
  });
}

function beginningEntries(states: Readonly<Record<string, State>>): ReadonlySet<string | undefined> {
  const ways = allStates(states).flatMap(({ id, initial, states: inside, ...state }) => [
    ...waysOut({ id, ...state }).flatMap(([, transitions]) => transitions),
    ...(initial === undefined ? [] : [{ target: to(inside?.[initial]?.id ?? '') }]),
  ]);
  const targets = Map.groupBy(ways, ({ target }) => target);
  return new Set(
    [...targets].flatMap(([target, all]) =>
      all.every(({ guard }) => guard?.type === 'entryBegun' || guard?.type === 'sentInEntry') ? [target] : [],
    ),
  );
}

describe('no dead state', () => {
  it(
    'in any generated scheme',
    () => {
      const property = fc.property(generatedPbx, (pbx) => {
        for (const scheme of pbx.document.schemes) {
          expect(deadStates(compileScheme(pbx, scheme).chart.states)).toEqual([]);
        }
      });
      fc.assert(property, many(200));
    },
    patience(60_000),
  );

  it('would be found', () => {
    const stuck = { id: 'b', on: { digit: [{}] } };
    expect(deadStates({ a: { id: 'a', initial: 'b', states: { b: stuck } } })).toEqual(['b']);
    expect(
      deadStates({ a: { id: 'a', always: [{ guard: { type: 'entryBegun' }, target: '#b' }, {}] }, b: { id: 'b' } }),
    ).toEqual([]);
    expect(
      deadStates({
        a: { id: 'a', always: [{ guard: { type: 'entryBegun' }, target: '#b' }, { target: '#b' }] },
        b: { id: 'b' },
      }),
    ).toEqual(['b']);
    expect(deadStates({ a: { id: 'a', always: [{ guard: { type: 'mayReturn' }, target: '#b' }] } })).toEqual(['a']);
  });
});

describe('shortest paths', () => {
  it('lead to every state of a scheme that uses everything', () => {
    const pbx = pbxOf({
      employees: [employee('ivanov', '451')],
      groups: [{ id: 'sales', extension: '505' }],
      schemes: [
        {
          id: 'main',
          branches: [
            {
              when: { days: ['workdays'] },
              steps: [
                { play: 'builtin:greeting', wait: true, repeat: 'once' },
                { forward: { group: 'sales' } },
                { voicemail: {} },
              ],
              menu: {
                '1': { steps: [{ forward: { employee: 'ivanov' } }] },
                '2': { password: '83', steps: [{ fax: {} }] },
              },
              rules: {
                disa: { prompt: 'builtin:enter-extension', steps: [{ voicemail: {} }] },
                fax: {},
                noInput: { steps: [{ play: 'builtin:closed', wait: true }], end: 'mainMenu' },
                anyOtherInput: { steps: [{ voicemail: {} }] },
                wrongPassword: { attempts: 1, steps: [{ voicemail: {} }] },
              },
            },
            { when: 'otherwise', steps: [{ play: 'builtin:closed' }] },
          ],
        },
      ],
    });
    const reached = new Set<string>();
    // Both branches: once on a working day, once on a holiday.
    for (const time of ['2026-11-02T09:00:00Z', '2026-11-04T09:00:00Z']) {
      for (const state of reachedAt(pbx, time)) reached.add(state);
    }
    const states = schemesOf(pbx).get('main')?.chart.states ?? {};
    const missed = Object.keys(states).filter((path) => !reached.has(path));
    // The block that only chooses its branch is passed through.
    expect(missed).toEqual(['main']);
    expect(reached).toContain('main:ended');
  });
});

function reachedAt(pbx: Parameters<typeof schemesOf>[0], time: string): string[] {
  const compiled = schemesOf(pbx).get('main');
  if (!compiled) throw new Error('no scheme');
  const { machine, tables } = compiled;
  const fromOutside: SchemeEvent[] = [
    { type: 'begin' },
    ...[...'1278345#'].map((digit) => ({ type: 'digit', digit }) as const),
    { type: 'pause' },
    { type: 'connected' },
    { type: 'recording' },
    { type: 'faxTone' },
  ];
  const own = machine.events
    .filter((type) => /^(?:xstate\.|done$|failed$)/.test(type))
    .map((type) => ({ type }) as unknown as SchemeEvent);
  const environment = {} as never; // nothing is executed
  const input = { tables, environment, now: () => Date.parse(time), caller: '74951234567', journey: noJourney };
  const paths = getShortestPaths(machine, {
    input,
    // Beside those, what the machine tells itself: times that are over, and both ends of whatever is under way.
    events: (state) => [
      ...fromOutside.filter((event) => !isKept(state, event)),
      ...own.filter((event) => state.can(event)),
    ],
    serializeState: ({ value, context }) => JSON.stringify([value, context.entered.slice(0, 3)]),
    limit: 50_000,
  });
  return paths.flatMap(({ state }) => {
    const [block] = Object.keys(typeof state.value === 'string' ? { [state.value]: '' } : state.value);
    return block === undefined ? [] : [block];
  });
}
