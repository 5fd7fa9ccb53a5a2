import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PbxVersion } from '../../src/config/version.ts';
import { doingOf } from '../../src/replay/deed.ts';
import { replay } from '../../src/replay/replay.ts';
import { replayable } from '../../src/replay/version.ts';
import { changed, changes } from '../support/changed-scheme.ts';
import { decisionsOf, partingOf } from '../support/decisions.ts';
import {
  type Form,
  generatedForm,
  generatedPbx,
  type Move,
  moves,
  pbxOfForm,
  play,
  scripts,
} from '../support/generated-scheme.ts';
import { recordOf } from '../support/recorded-call.ts';
import { SchemeCall, type Script } from '../support/scheme-call.ts';

const times = fc.constantFrom('2026-11-02T09:00:00Z', '2026-11-04T09:00:00Z', '2026-11-02T15:58:00Z');
const callers = fc.constantFrom('74951234567', '79161234567', undefined);
/** How late timers are, milliseconds: a key that comes meanwhile is first. */
const lateness = fc.constantFrom(0, 1, 400);

/** A call, recorded at the real boundary, stored and read. */
const recorded = fc.record({ pbx: generatedPbx, script: scripts, moves, at: times, caller: callers, lateMs: lateness });
type Recorded = typeof recorded extends fc.Arbitrary<infer T> ? T : never;

async function record({ pbx, script, moves: all, at, caller, lateMs }: Recorded) {
  const who = caller === undefined ? {} : { caller };
  const call = new SchemeCall(pbx, 'main', { script, at, lateMs, ...who });
  await play(call, all);
  await call.toEnd(100_000);
  return recordOf(pbx, call, { at, ...who });
}

/** As it comes out of the database: read anew, without its secrets. */
const keptOf = ({ version, document }: PbxVersion): PbxVersion => replayable(version, document);

describe('any call through any scheme', () => {
  it('takes the recorded way again, and the same on an equal version', async () => {
    const property = fc.asyncProperty(recorded, async (all) => {
      const call = await record(all);
      const same = { call, verdict: 'same', heard: [] };
      expect(await replay(call, { used: all.pbx })).toEqual(same);
      expect(await replay(call, { used: keptOf(all.pbx), other: keptOf(all.pbx) })).toEqual(same);
    });
    await fc.assert(property, { numRuns: 40 });
  }, 180_000);

  it('goes elsewhere from its first moment on a version that does not know its number', async () => {
    const property = fc.asyncProperty(recorded, async (all) => {
      const call = await record(all);
      const { document } = all.pbx;
      const other = new PbxVersion('refuses', { ...document, numbers: [] }, new Map());
      expect(await replay(call, { used: all.pbx, other })).toMatchObject({ verdict: 'elsewhere', diverged: { t: 0 } });
    });
    await fc.assert(property, { numRuns: 40 });
  }, 180_000);

  it('ends in a verdict on any other version', async () => {
    const property = fc.asyncProperty(recorded, generatedPbx, async (all, other) => {
      const call = await record(all);
      const found = await replay(call, { used: all.pbx, other });
      expect(['same', 'elsewhere']).toContain(found.verdict);
    });
    await fc.assert(property, { numRuns: 40 });
  }, 180_000);
});

/** Lengths of which no sum is that of others: nothing ends in the moment in which something else does. */
const oddLengths = { 'builtin:greeting': 5.013, 'builtin:closed': 5.013, 'builtin:connecting': 5.013 };

/** When the caller does the first thing, seconds. */
const begins = 0.5;

/** A call that is really made on a version, with the whole world of the other one. */
async function made(pbx: PbxVersion, { script, moves: all, at, caller }: Omit<Recorded, 'pbx' | 'lateMs'>) {
  const broken = (script.broken ?? []).filter((effect) => effect !== 'answer' && effect !== 'play');
  const odd = {
    ...script,
    broken,
    audio: oddLengths,
    greeting: 3.017,
    message: 10.019,
    fax: 30.023,
    calls: oddCalls(script),
  };
  const call = new SchemeCall(pbx, 'main', { script: odd, at, ...(caller === undefined ? {} : { caller }) });
  // Not in the same moment as the first step.
  await call.wait(begins);
  await play(call, all);
  await call.toEnd(100_000);
  return call;
}

function oddCalls({ calls = {} }: Script): NonNullable<Script['calls']> {
  return Object.fromEntries(
    Object.entries(calls).map(([name, call]) => {
      if ('fails' in call) return [name, { ...call, fails: call.fails + 0.029 }];
      if ('assists' in call) return [name, { ...call, assists: call.assists + 0.041 }];
      return [name, { ...call, answers: call.answers + 0.031, talks: call.talks + 0.037 }];
    }),
  );
}

const changedCall = fc.record({
  form: generatedForm,
  changes,
  script: scripts,
  moves,
  at: times,
  caller: callers,
});

describe('any call through a changed scheme', () => {
  it('goes elsewhere where a call that is really made there goes elsewhere, and nowhere before', async () => {
    const seen = { same: 0, elsewhere: 0, later: 0 };
    const property = fc.asyncProperty(changedCall, async ({ form, changes: all, ...world }) => {
      const [used, other] = [pbxOfForm(form), pbxOfForm(changed(form, all))];
      const [then, now] = [await made(used, world), await made(other, world)];
      const who = world.caller === undefined ? {} : { caller: world.caller };
      const found = await replay(recordOf(used, then, { at: world.at, ...who }), { used, other });
      const parting = partingOf(decisionsOf(used, then), decisionsOf(other, now));
      if (!parting) {
        seen.same++;
        expect(found).toMatchObject({ verdict: 'same' });
        return;
      }
      const { was, now: is, last, onlyLater } = parting;
      const first = Math.min(was?.t ?? Number.POSITIVE_INFINITY, is?.t ?? Number.POSITIVE_INFINITY);
      if (onlyLater) {
        // What the other call meets from here on is not what the first one met: only that nothing was found before.
        seen.later++;
        if (found.verdict === 'elsewhere') expect(found.diverged.t).toBeGreaterThanOrEqual(last);
        return;
      }
      seen.elsewhere++;
      if (found.verdict !== 'elsewhere') throw new Error(`not found: ${JSON.stringify(parting)}`);
      const { t, was: wasFound, now: isFound } = found.diverged;
      expect(wasFound).toEqual(was ? doingOf(was.entry) : null);
      if (isFound?.event === 'play') {
        // Nobody knows how long it is.
        expect(t).toBeGreaterThanOrEqual(last);
        expect(t).toBeLessThanOrEqual(first);
      } else if (isFound === null) {
        // What it would do instead depends on what the caller would do.
        expect(t).toBe(was?.t);
      } else {
        expect(isFound).toEqual(is ? doingOf(is.entry) : null);
        // Another announcement in the place of one that was heard: how long it is nobody knows, so the time is that of the one that was.
        if (found.heard.length > 0) expect(t).toBeGreaterThanOrEqual(last);
        else expect(t).toBe(first);
      }
    });
    await fc.assert(property, { numRuns: 30 });
    expect(seen.elsewhere).toBeGreaterThan(2);
  }, 180_000);

  it('whatever the caller does after that', async () => {
    let compared = 0;
    const property = fc.asyncProperty(changedCall, moves, async ({ form, changes: all, ...world }, later) => {
      const [used, other] = [pbxOfForm(form), pbxOfForm(changed(form, all))];
      const who = world.caller === undefined ? {} : { caller: world.caller };
      const call = await made(used, world);
      const found = await replay(recordOf(used, call, { at: world.at, ...who }), { used, other });
      if (found.verdict !== 'elsewhere' || found.diverged.now === null) return;
      const { t, was } = found.diverged;
      const known = decisionsOf(used, call).some((one) => one.t === t && isDeepStrictEqual(doingOf(one.entry), was));
      if (!known) return;
      compared++;
      const others = await made(used, { ...world, moves: [...until(t, world.moves), ...later] });
      expect(await replay(recordOf(used, others, { at: world.at, ...who }), { used, other })).toMatchObject({
        verdict: 'elsewhere',
        diverged: found.diverged,
      });
    });
    await fc.assert(property, { numRuns: 50 });
    expect(compared).toBeGreaterThan(0);
  }, 180_000);
});

/** The beginning of what a caller does, up to a moment behind that second. */
function until(seconds: number, all: readonly Move[]): Move[] {
  let now = begins;
  const before: Move[] = [];
  for (const move of all) {
    const wait = 'wait' in move ? move.wait : 0;
    if (now + wait > seconds) break;
    before.push(move);
    now += wait;
  }
  return [...before, { wait: seconds - now + 0.001 }];
}

describe('the password of any call', () => {
  const next = (digit: string) => String((Number(digit) + 1) % 10);
  /** The same PBX with other passwords. */
  const withOthers = (form: Form): Form =>
    JSON.parse(JSON.stringify(form).replace(/(?<="password":")\d+/g, (password) => password.replace(/\d/g, next)));
  const passwords = fc.record({ form: generatedForm, script: scripts, moves, at: times });

  /** Presses the same keys, but those of passwords each as the next one. */
  async function recordedWith(pbx: PbxVersion, { script, moves: all, at }: Pick<Recorded, 'script' | 'moves' | 'at'>) {
    const call = new SchemeCall(pbx, 'main', { script, at });
    let typed = 0;
    for (const move of all) {
      if (!('press' in move)) {
        await play(call, [move]);
        continue;
      }
      for (const digit of move.press) {
        await call.settle();
        const secret = call.run.listening === 'secret';
        if (secret) typed++;
        await call.press(secret && pbx.version === 'others' && /\d/.test(digit) ? next(digit) : digit);
      }
    }
    await call.toEnd(100_000);
    return { record: recordOf(pbx, call, { at }), typed };
  }

  it('stands nowhere in its record: with another one, typed in its place, the record is the same', async () => {
    let typedAny = 0;
    const property = fc.asyncProperty(passwords, async ({ form, ...world }) => {
      const other = pbxOfForm(withOthers(form));
      const [one, two] = [
        await recordedWith(pbxOfForm(form), world),
        await recordedWith(new PbxVersion('others', other.document, new Map()), world),
      ];
      if (one.typed > 0) typedAny++;
      expect({ ...two.record, id: '', configVersion: '' }).toEqual({ ...one.record, id: '', configVersion: '' });
    });
    await fc.assert(property, { numRuns: 30 });
    expect(typedAny).toBeGreaterThan(0);
  }, 180_000);
});
