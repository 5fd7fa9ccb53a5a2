import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PbxVersion } from '../../src/config/version.ts';
import { CallRecord } from '../../src/history/record.ts';
import { serialised } from '../../src/history/stream.ts';
import { replay } from '../../src/replay/replay.ts';
import { patienceMs } from '../../src/simulator/caller.ts';
import { originOf } from '../../src/simulator/origin.ts';
import type { Command } from '../../src/simulator/script.ts';
import { type Simulation, Simulator } from '../../src/simulator/simulator.ts';
import { generatedForm, pbxOfForm } from '../support/generated-scheme.ts';
import { many, patience } from '../support/many.ts';
import { employee, pbxOf } from '../support/pbx.ts';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await Simulator.open();
});

/** The generated company with phones, and somebody in its group: people can answer. */
const company = generatedForm.map((document) => {
  const group = { id: 'sales', extension: '505', members: [{ employee: 'ivanov' }, { employee: 'petrov' }] };
  return pbxOfForm({
    ...document,
    employees: [
      employee('ivanov', '451', { email: 'ivanov@acme.example' }),
      employee('petrov', '4512', { contacts: [{ sip: 'petrov@acme.example', wait: 10 }] }),
    ],
    groups: [group],
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
  });
});
const line = '74950000001';

const commands: fc.Arbitrary<readonly Command[]> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom<Command>(...[...'0123456789*#'].map(pressing)) },
        { weight: 2, arbitrary: fc.constantFrom('451', '4512', '505', '885', '83#', '999').map(pressing) },
        {
          weight: 3,
          arbitrary: fc.constantFrom(1, 5, 10, 30, 90).map((seconds): Command => ({ do: 'wait', seconds })),
        },
        { weight: 1, arbitrary: fc.constant<Command>({ do: 'fax' }) },
      ),
      { maxLength: 12 },
    ),
    fc.boolean(),
  )
  .map(([all, hangsUp]) => (hangsUp ? [...all, { do: 'hangup' }] : all));

function pressing(keys: string): Command {
  return { do: 'press', keys };
}

const role = fc.constantFrom('answer', 'busy', 'decline', 'offline', 'none');
const call = fc.record({
  pbx: company,
  from: fc.constantFrom('74951234567', '79161234567', '', 'petrov'),
  at: fc.constantFrom('2026-11-02T09:00Z', '2026-11-04T09:00Z', '2026-11-07T22:30Z', '2026-11-02T15:58Z'),
  script: commands,
  ivanov: fc.tuple(role, fc.nat(20)),
  petrov: fc.tuple(role, fc.nat(20)),
  talk: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function simulate({ pbx, from, at, script, ivanov, petrov, talk }: Call): Promise<Simulation> {
  const roles: Record<string, string[]> = {};
  for (const [who, [what, seconds]] of Object.entries({ ivanov, petrov })) {
    if (what !== 'none') roles[what] = [...(roles[what] ?? []), what === 'answer' ? `${who}@${seconds}` : who];
  }
  const origin = originOf(pbx, from, line);
  return simulator.run({ pbx, origin, at: Date.parse(at), script, roles, ...(talk === undefined ? {} : { talk }) });
}

describe('any simulated call', () => {
  it(
    'ends, once, for a reason, and leaves no timer, endpoint or busy employee behind',
    async () => {
      const property = fc.asyncProperty(call, async (all) => {
        // What is left behind is an error of the simulator.
        const { record, lengthMs } = await simulate(all);
        expect(record.reason).not.toBe('lost');
        expect(record.path.filter(({ event }) => event === 'hangup')).toHaveLength(1);
        expect(record.path.at(-1)?.event).toBe('hangup');
        expect(lengthMs).toBeLessThanOrEqual(patienceMs);
      });
      await fc.assert(property, many(75));
    },
    patience(120_000),
  );

  it(
    'goes the way that the machine of a real call goes on the same inputs',
    async () => {
      const property = fc.asyncProperty(call, async (all) => {
        const { record } = await simulate(all);
        // As history keeps it, and with nothing of the simulation's but that.
        const kept = CallRecord.parse(JSON.parse(serialised(record)));
        const used = new PbxVersion(all.pbx.version, structuredClone(all.pbx.document), new Map());
        expect(await replay(kept, { used })).toEqual({ call: kept, verdict: 'same', heard: [] });
      });
      await fc.assert(property, many(50));
    },
    patience(120_000),
  );

  it(
    'goes the same way again',
    async () => {
      const property = fc.asyncProperty(call, async (all) => {
        const [first, second] = [await simulate(all), await simulate(all)];
        expect(second.record.path).toEqual(first.record.path);
        expect(second.lengthMs).toBe(first.lengthMs);
      });
      await fc.assert(property, many(40));
    },
    patience(60_000),
  );
});

describe('no key of a simulated caller is lost', () => {
  it(
    'each becomes part of an entry, in order, wherever he is in the menu',
    async () => {
      const menu = fc.uniqueArray(fc.constantFrom('1', '2', '22', '45', '4', '*', '0#'), { minLength: 1 });
      // Fewer than the twenty returns that a call may make.
      const presses = fc.array(fc.tuple(fc.constantFrom(...'0123456789*'), fc.constantFrom(0, 0, 1, 4)), {
        maxLength: 19,
      });
      const property = fc.asyncProperty(menu, presses, async (items, pressed) => {
        const again = { steps: [{ forward: { extension: '884' } }] };
        const pbx = pbxOf({
          numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
          schemes: [
            {
              id: 'main',
              extension: '884',
              steps: [{ play: 'builtin:greeting', wait: true }],
              menu: Object.fromEntries(items.map((key) => [key, again])),
              rules: { anyOtherInput: { end: 'mainMenu' } },
            },
          ],
        });
        const script = pressed.flatMap(([keys, seconds]): Command[] => [
          { do: 'press', keys },
          ...(seconds === 0 ? [] : [{ do: 'wait', seconds } as const]),
        ]);
        const { record, left } = await simulator.run({
          pbx,
          origin: originOf(pbx, '79161234567', line),
          at: Date.parse('2026-11-02T09:00Z'),
          script,
        });
        const heard = record.path
          .filter(({ event }) => event === 'digit')
          .map(({ detail }) => String(detail?.digits ?? ''));
        expect(left).toEqual([]);
        expect(heard.join('')).toBe(pressed.map(([key]) => key).join(''));
      });
      await fc.assert(property, many(50));
    },
    patience(60_000),
  );
});
