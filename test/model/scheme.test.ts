import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../src/config/version.ts';
import type { TraceEntry } from '../../src/scheme/actors.ts';
import { generatedPbx, type Move, moves, play, scripts } from '../support/generated-scheme.ts';
import { many, patience } from '../support/many.ts';
import { employee, pbxOf } from '../support/pbx.ts';
import { SchemeCall, type Script } from '../support/scheme-call.ts';

const times = fc.constantFrom(
  '2026-11-02T09:00:00Z',
  '2026-11-04T09:00:00Z',
  '2026-11-07T22:30:00Z',
  '2026-11-02T15:58:00Z',
);
const callers = fc.constantFrom('74951234567', '79161234567', undefined);

async function callThrough(
  pbx: PbxVersion,
  script: Script,
  all: readonly Move[],
  at: string,
  caller: string | undefined,
): Promise<SchemeCall> {
  const call = new SchemeCall(pbx, 'main', { script, at, ...(caller ? { caller } : {}) });
  await play(call, all);
  // A silent caller: every wait has an end, returns and circles are counted.
  await call.toEnd(100_000);
  return call;
}

const generated = [generatedPbx, scripts, moves, times, callers] as const;

describe('any scheme, any world, any caller', () => {
  it(
    'ends, once, with a reason, and leaves nothing behind',
    async () => {
      const property = fc.asyncProperty(...generated, async (...parts) => {
        const call = await callThrough(...parts);
        expect(call.leftovers).toEqual([]);
        expect(call.end?.reason).not.toBe('lost');
      });
      await fc.assert(property, many(200));
    },
    patience(120_000),
  );

  it(
    'takes the same way again on the same inputs',
    async () => {
      const property = fc.asyncProperty(...generated, async (...parts) => {
        const first = await callThrough(...parts);
        const second = await callThrough(...parts);
        expect(second.world.traces).toEqual(first.world.traces);
        expect(second.world.story).toEqual(first.world.story);
      });
      await fc.assert(property, many(60));
    },
    patience(120_000),
  );

  it(
    'never goes deeper than four menus, and never back to the main menu more than twenty times',
    async () => {
      const property = fc.asyncProperty(...generated, async (...parts) => {
        const { traces } = (await callThrough(...parts)).world;
        for (const { state } of traces) expect(keysIn(state)).toBeLessThanOrEqual(4);
        expect(traces.filter(({ event }) => event === 'mainMenu').length).toBeLessThanOrEqual(20);
        expect(traces.filter(({ event }) => event === 'scheme').length).toBeLessThanOrEqual(20);
      });
      await fc.assert(property, many(150));
    },
    patience(120_000),
  );
});

/** Menu keys in a path. */
const keysIn = (state: string): number => (state.match(/\/[0-9*#]{1,3}(?=[/:]|$)/g) ?? []).length;

describe('no key is lost', () => {
  it(
    'every key that is pressed in a live block becomes part of an entry, in order',
    async () => {
      const menu = fc.uniqueArray(fc.constantFrom('1', '2', '22', '45', '4', '*', '#', '0#'), { minLength: 1 });
      // Fewer than the twenty returns that a call may make.
      const keys = fc.array(fc.constantFrom(...'0123456789*#'), { maxLength: 19 });
      const property = fc.asyncProperty(menu, keys, async (items, pressed) => {
        // Everything leads back to the menu at once, so that it is live all the time.
        const again = { steps: [{ forward: { extension: '884' } }] };
        const pbx = pbxOf({
          employees: [employee('ivanov', '999')],
          schemes: [
            {
              id: 'main',
              extension: '884',
              menu: Object.fromEntries(items.map((key) => [key, again])),
              rules: { anyOtherInput: { end: 'mainMenu' } },
            },
          ],
        });
        const call = new SchemeCall(pbx, 'main', { script: { calls: { ivanov: { fails: 0, reason: 'busy' } } } });
        for (const digit of pressed) await call.press(digit);
        await call.wait(3);
        const heard = call.world.traces.filter(({ event }) => event === 'digit').map(entered);
        expect(withoutEnds(heard.join(''))).toBe(withoutEnds(pressed.join('')));
        await call.hangUp();
      });
      await fc.assert(property, many(200));
    },
    patience(60_000),
  );

  it(
    'so does one that comes while the branch is left by itself: with a time, an announcement, somebody who does not answer',
    async () => {
      const typing = fc.array(fc.tuple(fc.constantFrom(...'4579*'), fc.integer({ min: 0, max: 29 })), { maxLength: 8 });
      const property = fc.asyncProperty(typing, fc.boolean(), async (typed, rings) => {
        const sorry = { play: 'builtin:closed', wait: true };
        const pbx = pbxOf({
          // biome-ignore lint/suspicious/noThenProperty: the key of the document
          defaults: { employee: { then: { extension: '884' } } },
          employees: [employee('ivanov', '451')],
          schemes: [
            {
              id: 'main',
              extension: '884',
              steps: rings ? [{ forward: { employee: 'ivanov' } }] : [sorry, { forward: { scheme: 'main' } }],
              menu: { '45': { steps: [sorry, { forward: { scheme: 'main' } }] } },
              rules: {
                invalidInput: { attempts: 9, steps: [{ hangup: true }] },
                ...(rings ? {} : { noInput: { after: 1, steps: [sorry], end: 'mainMenu' } }),
              },
            },
          ],
        });
        const call = new SchemeCall(pbx, 'main', { script: { calls: { ivanov: { fails: 1, reason: 'busy' } } } });
        for (const [digit, tenths] of typed) {
          await call.press(digit);
          await call.wait(tenths / 10);
        }
        await call.wait(3);
        const heard = call.world.traces.filter(({ event }) => event === 'digit').map(entered);
        expect(heard.join('')).toBe(typed.map(([digit]) => digit).join(''));
        await call.hangUp();
        expect(call.leftovers).toEqual([]);
      });
      await fc.assert(property, many(200));
    },
    patience(60_000),
  );
});

const entered = ({ detail }: TraceEntry): string => String(detail?.digits ?? '');
/** `#` may be an end of an entry rather than a part of it. */
const withoutEnds = (digits: string): string => digits.replaceAll('#', '');
