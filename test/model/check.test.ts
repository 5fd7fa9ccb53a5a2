import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asked, rules } from '../../src/config/check/index.ts';
import type { Finding } from '../../src/config/check/rule.ts';
import type { Branch, PbxDocument, When } from '../../src/config/document.ts';
import { pathText } from '../../src/config/issue.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import type { State } from '../../src/scheme/chart.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import { msPerMinute } from '../../src/time/date.ts';
import { Timetable } from '../../src/time/when.ts';
import { generatedPbx, moves, play, scripts } from '../support/generated-scheme.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { SchemeCall } from '../support/scheme-call.ts';

/** What the checker claims, held against what calls do: by the compiled machines, and minute by minute. */

const now = Date.parse('2026-11-25T12:00:00Z');

function findings({ document }: Pick<PbxVersion, 'document'>, ...codes: string[]): Finding[] {
  const pbx = asked(document, { used: new Map() }, now);
  return rules.flatMap((rule) => [...rule.check(pbx)]).filter(({ code }) => codes.includes(code));
}

const callers = fc.constantFrom('74951234567', '79161234567', undefined);
const times = fc.constantFrom(
  '2026-11-02T09:00:00Z',
  '2026-11-04T09:00:00Z',
  '2026-11-07T22:30:00Z',
  '2026-11-02T15:58:00Z',
);

describe('what the checker says never runs', () => {
  it('is never run by a machine, whatever the world and the caller do', async () => {
    let claims = 0;
    const calls = fc.array(fc.tuple(scripts, moves, times, callers), { minLength: 6, maxLength: 6 });
    const property = fc.asyncProperty(generatedPbx, calls, async (pbx, all) => {
      const dead = findings(pbx, 'unreachable-step', 'unreachable-branch', 'dead-menu', 'dead-rule').flatMap(
        (finding) => deadPlaces(pbx.document, finding),
      );
      claims += dead.length;
      if (dead.length === 0) return;
      for (const [script, caller, at, number] of all) {
        const call = new SchemeCall(pbx, 'main', { script, at, ...(number ? { caller: number } : {}) });
        // He is answered before he can press anything.
        await call.settle();
        await play(call, caller);
        await call.toEnd(100_000);
        const run = placesRun(pbx, call);
        for (const place of dead)
          for (const one of run) if (isIn(one, place)) throw new Error(`${one} has run, in spite of ${place}`);
      }
    });
    await fc.assert(property, { numRuns: 60 });
    expect(claims).toBeGreaterThan(50);
  }, 120_000);
});

/** Places in the document, with their scheme: `main: branches[0].steps[1]`. */
function deadPlaces(document: PbxDocument, { code, path }: Finding): string[] {
  const [, scheme, ...rest] = path;
  const { id } = document.schemes[scheme as number] as { id: string };
  if (code !== 'unreachable-step') return [`${id}: ${pathText(rest)}`];
  // None after it either.
  const first = rest.at(-1) as number;
  return Array.from({ length: 10 }, (_, more) => `${id}: ${pathText([...rest.slice(0, -1), first + more])}`);
}

const isIn = (place: string, outer: string): boolean =>
  place.startsWith(outer) && !/^\w/.test(place.slice(outer.length));

/** By what the states of the machine say where they come from. */
function placesRun(pbx: PbxVersion, call: SchemeCall): ReadonlySet<string> {
  const sources = new Map<string, string>();
  for (const { id } of pbx.document.schemes) {
    const chart = schemesOf(pbx).get(id)?.chart;
    const visit = (states: Readonly<Record<string, State>>) => {
      for (const state of Object.values(states)) {
        if (state.description !== undefined && state.id !== undefined)
          sources.set(state.id, `${id}: ${state.description}`);
        if (state.states) visit(state.states);
      }
    };
    if (chart) visit(chart.states);
  }
  const run = new Set<string>();
  for (const { state, event, detail } of call.world.traces) {
    const source = sources.get(state);
    if (source !== undefined) run.add(source);
    // A fax rule has no block of its own.
    if (event === 'rule' && detail?.rule === 'fax') {
      const branch = sources.get(state.replace(/\/fax$/, ''));
      if (branch !== undefined) run.add(`${branch}.rules.fax`);
    }
  }
  return run;
}

describe('times', () => {
  const clock = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '29', '30', '59'))
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`);
  const ranges = fc.array(
    fc.tuple(clock, clock).map(([from, to]) => `${from}-${to}`),
    { minLength: 1, maxLength: 2 },
  );
  const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
  const condition = (days: readonly string[], dates: readonly string[]) =>
    fc
      .record({
        days: fc.option(fc.subarray([...days], { minLength: 1 }), { nil: undefined }),
        time: fc.option(ranges, { nil: undefined, freq: 3 }),
        dates:
          dates.length > 0
            ? fc.option(fc.subarray([...dates], { minLength: 1 }), { nil: undefined, freq: 1 })
            : fc.constant(undefined),
      })
      .filter(({ days: some, time, dates: named }) => some !== undefined || time !== undefined || named !== undefined)
      .map((one) => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)));
  const branches = (days: readonly string[], dates: readonly string[], inside: fc.Arbitrary<object>) => {
    const when = fc.oneof(
      { weight: 6, arbitrary: fc.array(condition(days, dates), { minLength: 1, maxLength: 2 }) },
      { weight: 1, arbitrary: fc.constant('always') },
    );
    const one = fc.tuple(when, inside).map(([time, rest]) => ({ when: time, steps: [{ voicemail: {} }], ...rest }));
    return fc.array(one, { minLength: 1, maxLength: 4 });
  };
  const schemes = (days: readonly string[], dates: readonly string[]) =>
    branches(
      days,
      dates,
      fc.oneof(
        fc.constant({}),
        branches(days, dates, fc.constant({})).map((all) => ({ menu: { '1': { branches: all } } })),
      ),
    );
  const documentOf = (list: object, zone: object) =>
    pbxOf({ pbx: { id: 'acme', domains: ['acme.example'], ...zone }, schemes: [{ id: 'main', branches: list }] });

  /** What each minute chooses, at the top and, at once, in the menu of what is chosen; -1: nothing. */
  function minutesOf(document: PbxDocument, from: string, to: string) {
    const timetable = new Timetable(document.pbx);
    const [main] = document.schemes;
    const choose = (list: readonly Branch[], at: number) =>
      list.findIndex(({ when }: { readonly when: When }) => timetable.when(when).holds(at));
    const chosen = new Set<string>();
    for (let at = Date.parse(from); at < Date.parse(to); at += msPerMinute) {
      const top = choose(main?.branches ?? [], at);
      chosen.add(`${top}`);
      for (const [index, branch] of (main?.branches ?? []).entries()) {
        const item = branch.menu['1'];
        if (!item) continue;
        const inside = choose(item.branches, at);
        // A caller may come to an item at any later time; a gap counts that he meets at once.
        if (inside >= 0 || index === top) chosen.add(`${index}/${inside}`);
      }
    }
    return chosen;
  }

  const named = (found: readonly Finding[]): string[] =>
    found.map(({ code, path }) => {
      const numbers = path.slice(3).filter((part): part is number => typeof part === 'number');
      if (code === 'uncovered-time') return numbers.length === 0 ? '-1' : `${numbers[0]}/-1`;
      return numbers.join('/');
    });

  it('that no minute of a week meets are exactly those that the checker names', () => {
    let [gaps, dead] = [0, 0];
    const property = fc.property(schemes(weekdays, []), (list) => {
      const pbx = documentOf(list, { timezone: 'UTC', country: 'RU' });
      const chosen = minutesOf(pbx.document, '2026-11-02T00:00Z', '2026-11-09T00:00Z');
      const uncovered = named(findings(pbx, 'uncovered-time'));
      expect(uncovered.sort()).toEqual([...chosen].filter((name) => name.endsWith('-1')).sort());
      const never = named(findings(pbx, 'unreachable-branch'));
      const expected = pbx.document.schemes[0]?.branches.flatMap((branch, top) =>
        // What stands in a branch that is never tried is not spoken of.
        !chosen.has(`${top}`)
          ? [`${top}`]
          : (branch.menu['1']?.branches ?? []).flatMap((_, inside) =>
              chosen.has(`${top}/${inside}`) ? [] : [`${top}/${inside}`],
            ),
      );
      // A condition of days and hours is met at some time, so that a branch is never tried only for those before it.
      expect(never.sort()).toEqual(expected?.sort());
      gaps += uncovered.length;
      dead += never.length;
    });
    fc.assert(property, { numRuns: 30 });
    expect(Math.min(gaps, dead)).toBeGreaterThan(20);
  }, 60_000);

  it('of holidays, eves, dates and changes of the clocks are judged with no minute against it', () => {
    const days = ['workdays', 'weekend', 'holidays', 'preholidays', 'fri', 'sun'];
    const dates = ['2027-03-28', '2026-12-31', '2027-01-07'];
    const weeks = [
      ['2026-12-23T00:00Z', '2027-01-12T00:00Z'],
      ['2027-03-24T00:00Z', '2027-03-31T00:00Z'],
      ['2026-10-22T00:00Z', '2026-10-27T00:00Z'],
    ] as const;
    let [gaps, dead] = [0, 0];
    const property = fc.property(
      schemes(days, dates),
      fc.constantFrom({ timezone: 'Europe/Berlin', country: 'DE' }, { timezone: 'Europe/Moscow', country: 'RU' }),
      (list, zone) => {
        const pbx = documentOf(list, zone);
        const chosen = new Set(weeks.flatMap(([from, to]) => [...minutesOf(pbx.document, from, to)]));
        const uncovered = named(findings(pbx, 'uncovered-time'));
        for (const name of chosen) if (name.endsWith('-1')) expect(uncovered).toContain(name);
        const never = named(findings(pbx, 'unreachable-branch'));
        for (const name of never) expect([...chosen]).not.toContain(name);
        gaps += uncovered.length;
        dead += never.length;
      },
    );
    fc.assert(property, { numRuns: 25 });
    expect(Math.min(gaps, dead)).toBeGreaterThan(5);
  }, 60_000);
});

describe('circles', () => {
  /** Steps that take no time: nobody can be rung but the members of a group, who do not answer. */
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('11', '12', '13').map((extension) => ({ forward: { extension } })) },
    { weight: 2, arbitrary: fc.constantFrom({ forward: { employee: 'nobody' } }, { play: 'builtin:greeting' }) },
    { weight: 2, arbitrary: fc.constantFrom('r1', 'r2').map((id) => ({ forwardByRegion: id })) },
    { weight: 1, arbitrary: fc.constant({ forward: { group: 'sales' } }) },
    { weight: 1, arbitrary: fc.constantFrom({ hangup: true }, { fax: {} }) },
  );
  const steps = fc.array(step, { minLength: 1, maxLength: 3 });
  const block = fc.oneof(
    steps.map((all) => ({ steps: all })),
    fc
      .tuple(fc.constantFrom({ days: ['mon'] }, { time: ['09:00-18:59'] }, { time: ['18:00-23:59'] }), steps, steps)
      .map(([when, first, second]) => ({
        branches: [
          { when, steps: first },
          { when: 'otherwise', steps: second },
        ],
      })),
  );
  const region = fc
    .constantFrom('11', '12', '13')
    .chain((extension) =>
      fc.subarray(['7', '7495', '749'], { minLength: 1 }).map((prefixes) => ({ prefixes, to: { extension } })),
    );
  const regionRules = fc.array(region, { minLength: 1, maxLength: 2 });
  const pbxs = fc.tuple(block, block, block, regionRules, regionRules).map(([a, b, c, one, other]) =>
    pbxOf({
      pbx: { id: 'acme', domains: ['acme.example'], timezone: 'UTC', extensionDialing: { enabled: false } },
      employees: [{ id: 'nobody' }, employee('ivanov', '451')],
      groups: [{ id: 'sales', members: [{ employee: 'ivanov' }] }],
      regionRules: [
        { id: 'r1', rules: one },
        { id: 'r2', rules: other },
      ],
      schemes: [
        { id: 'a', extension: '11', ...a },
        { id: 'b', extension: '12', ...b },
        { id: 'c', extension: '13', ...c },
      ],
    }),
  );
  /** Each time that the conditions above tell apart, and each kind of caller. */
  const ats = ['02', '03'].flatMap((day) =>
    ['08:00', '12:00', '18:30', '20:00'].map((time) => `2026-11-${day}T${time}:00Z`),
  );
  const numbers = ['74951234567', '74981234567', '79161234567', '80000000000', undefined];

  it('are found where a call goes round, and only there', async () => {
    let found = 0;
    const property = fc.asyncProperty(pbxs, async (pbx) => {
      const claimed = new Set(findings(pbx, 'endless-forward', 'overflow-circle').map(({ path }) => path[1] as number));
      const loops = new Set<number>();
      for (const [index, { id }] of pbx.document.schemes.entries())
        for (const at of ats) for (const caller of numbers) if (await goesRound(pbx, id, at, caller)) loops.add(index);
      // From wherever a call comes into a circle, the circle is named; and from the scheme that is named it goes round.
      expect(
        claimed.size > 0,
        JSON.stringify([
          pbx.document.schemes.map(({ id, branches }) => [id, branches.map(({ when, steps: all }) => [when, all])]),
          pbx.document.regionRules,
        ]),
      ).toBe(loops.size > 0);
      for (const index of claimed) expect([...loops]).toContain(index);
      found += claimed.size;
    });
    await fc.assert(property, { numRuns: 30 });
    expect(found).toBeGreaterThan(5);
  }, 120_000);

  async function goesRound(pbx: PbxVersion, scheme: string, at: string, caller: string | undefined): Promise<boolean> {
    const script = {
      audio: { 'builtin:greeting': 0 },
      calls: { nobody: { fails: 0, reason: 'employeeUnavailable' }, sales: { fails: 0, reason: 'noAnswer' } },
    } as const;
    const call = new SchemeCall(pbx, scheme, { script, at, ...(caller ? { caller } : {}) });
    const { reason } = await call.toEnd(1000);
    return reason === 'loop';
  }
});
