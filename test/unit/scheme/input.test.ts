import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrunkPlan } from '../../../src/config/trunk-plan.ts';
import { DialPlan, lengthsBetween, noLength } from '../../../src/scheme/dial-plan.ts';
import { Input, type InputOptions } from '../../../src/scheme/input.ts';
import { asRegExp, masks, pressable } from '../../support/masks.ts';

const plan = new DialPlan(
  ['451', '452', '4511', '20', '7'],
  new TrunkPlan([
    { id: 'office', prefix: '88', masks: [] },
    { id: 'branch', prefix: '889', masks: [] },
  ]),
);

const input = (options: Partial<InputOptions>) => new Input({ keys: [], extensions: noLength, plan, ...options });

/** What becomes of the keys, pressed one by one and, if `…` follows, a pause. */
function outcome(matcher: Input, typed: string): string {
  const keys = typed.replace('…', '');
  for (let end = 1; end <= keys.length; end++) {
    const verdict = matcher.match(keys.slice(0, end));
    if (verdict.kind === 'more') continue;
    const rest = keys.slice(end);
    return `${verdict.kind} ${verdict.digits}${rest && ` then ${rest}`}`;
  }
  if (!typed.endsWith('…')) return 'more';
  const verdict = matcher.settle(keys);
  return `${verdict.kind} ${verdict.digits}`;
}

describe('Input', () => {
  it.each([
    ['1', 'key 1'],
    ['2', 'more'],
    ['2…', 'key 2'],
    ['22', 'key 22'],
    ['23', 'unknown 23'],
    ['2#', 'key 2'],
    ['9', 'unknown 9'],
    ['*', 'key *'],
    ['#', 'unknown #'],
    ['451', 'unknown 4 then 51'], // extensions are not dialled here
  ])('menu 1, 2, 22, *: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['1', '2', '22', '*'] }), typed)).toBe(expected);
  });

  it.each([
    ['452', 'extension 452'],
    ['451', 'more'],
    ['451…', 'extension 451'],
    ['451#', 'extension 451'],
    ['4511', 'extension 4511'],
    ['4…', 'key 4'],
    ['4#', 'key 4'],
    ['45…', 'unknown 45'],
    ['45#', 'unknown 45#'],
    ['46', 'unknown 46'],
    ['20', 'extension 20'],
    ['7', 'unknown 7'], // one digit is too short to be dialled
    ['1', 'key 1'],
  ])('menu 1, 4 and extensions of 2 to 4 digits: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['1', '4'], extensions: lengthsBetween(2, 4) }), typed)).toBe(expected);
  });

  it('prefers a menu key to an extension of the same digits', () => {
    expect(outcome(input({ keys: ['20'], extensions: lengthsBetween(2, 4) }), '20')).toBe('key 20');
  });

  it.each([
    ['#', 'key #'],
    ['0', 'more'],
    ['0#', 'key 0#'],
    ['0…', 'key 0'],
  ])('# may be a key, or the end of one: %s is %s', (typed, expected) => {
    expect(outcome(input({ keys: ['#', '0', '0#'] }), typed)).toBe(expected);
  });

  it.each([
    ['9', 'more'], // wrong, but the caller is heard out
    ['999', 'unknown 999'],
    ['99…', 'unknown 99'],
    ['99#', 'unknown 99#'],
    ['452', 'extension 452'],
    ['1', 'key 1'],
  ])('menu 1 and disa of 3 digits: %s is %s', (typed, expected) => {
    expect(
      outcome(input({ keys: ['1'], extensions: lengthsBetween(3, 3), disa: { length: { min: 3, max: 3 } } }), typed),
    ).toBe(expected);
  });

  it.each([
    ['7', 'extension 7'],
    ['88', 'more'],
    ['88…', 'unknown 88'],
    ['8874951234567#', 'trunk 8874951234567'],
    ['8874951234567…', 'trunk 8874951234567'],
    ['6', 'unknown 6'],
  ])('disa of any length, trunks behind 88 and 889: %s is %s', (typed, expected) => {
    expect(outcome(input({ extensions: lengthsBetween(1, 7), disa: {} }), typed)).toBe(expected);
  });

  it('cuts the longest prefix off what is dialled at the trunk', () => {
    const matcher = input({ disa: {} });
    expect(matcher.settle('88912345')).toEqual({ kind: 'trunk', digits: '88912345', trunk: 'branch', number: '12345' });
    expect(matcher.settle('88712345')).toMatchObject({ trunk: 'office', number: '712345' });
  });

  it('comes to a verdict after at most 32 keys, whatever is pressed', () => {
    const keys = fc.array(fc.constantFrom(...'0123456789*#'), { minLength: 32, maxLength: 32 });
    const menu = fc.uniqueArray(fc.stringMatching(/^[0-9*#]{1,3}$/), { maxLength: 12 });
    const anything = new DialPlan(
      ['451'],
      new TrunkPlan([{ id: 'office', prefix: '88', masks: [{ match: '(\\d*)(\\d*)', to: '$1$2' }] }]),
    );
    const property = fc.property(keys, menu, fc.boolean(), (pressed, all, disa) => {
      const matcher = new Input({
        keys: all,
        extensions: lengthsBetween(2, 4),
        plan: anything,
        ...(disa ? { disa: {} } : {}),
      });
      const typed = pressed.join('');
      const verdicts = pressed.map((_, index) => matcher.match(typed.slice(0, index + 1)));
      expect(verdicts.some(({ kind }) => kind !== 'more')).toBe(true);
      // A verdict for less than what was pressed would lose a key.
      const first = verdicts.findIndex(({ kind }) => kind !== 'more');
      const verdict = verdicts[first];
      const entry = typed.slice(0, first + 1);
      if (verdict && verdict.kind !== 'more') expect([entry, entry.replace(/#$/, '')]).toContain(verdict.digits);
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('trunk masks', () => {
  const masked = new DialPlan(
    ['451', '300'],
    new TrunkPlan([
      { id: 'far', prefix: '88', masks: [{ match: '8(\\d{3})', to: '7$1' }] },
      {
        id: 'office',
        masks: [
          { match: '(3[0-9][0-9])', to: '$1' },
          { match: '\\*(\\d+)', to: '$1' },
        ],
      },
      { id: 'late', masks: [{ match: '(\\d{3})', to: '00$1' }] },
    ]),
  );
  const disa = (length?: { min: number; max: number }, keys: readonly string[] = []) =>
    new Input({ keys, extensions: lengthsBetween(1, 7), plan: masked, disa: length ? { length } : {} });

  it.each<[string, object]>([
    ['300', { kind: 'extension', digits: '300' }],
    ['301', { kind: 'trunk', digits: '301', trunk: 'office', number: '301' }],
    ['201', { kind: 'trunk', digits: '201', trunk: 'late', number: '00201' }],
    ['8123', { kind: 'trunk', digits: '8123', trunk: 'far', number: '7123' }],
    // The prefix goes before the masks, although the mask is longer.
    ['8812', { kind: 'trunk', digits: '8812', trunk: 'far', number: '12' }],
    ['*12', { kind: 'trunk', digits: '*12', trunk: 'office', number: '12' }],
    ['88*1', { kind: 'unknown', digits: '88*1' }],
    ['20', { kind: 'unknown', digits: '20' }],
  ])('after keys, extensions and prefixes, top to bottom: %s', (typed, verdict) => {
    expect(disa().settle(typed)).toEqual(verdict);
  });

  it.each([
    ['301', 'trunk 301'], // nothing longer can follow
    ['30', 'more'],
    ['30#', 'unknown 30#'],
    ['30…', 'unknown 30'],
    ['812', 'more'], // 812 is a number of the last mask, but 8123 of the first
    ['812#', 'trunk 812'],
    ['812…', 'trunk 812'],
    ['*1', 'more'],
    ['*1#', 'trunk *1'],
    ['**', 'unknown **'],
    ['9', 'more'],
    ['45', 'more'],
    ['451', 'extension 451'],
  ])('could still become: %s is %s', (typed, expected) => {
    expect(outcome(disa(), typed)).toBe(expected);
  });

  it.each<[string, string, { min: number; max: number }]>([
    ['812', 'trunk 812', { min: 3, max: 3 }], // 8123 would be too long
    ['*1…', 'unknown *1', { min: 3, max: 4 }],
    ['*12', 'more', { min: 3, max: 4 }],
    ['*123', 'trunk *123', { min: 3, max: 4 }],
    ['8812', 'trunk 8812', { min: 3, max: 4 }],
    ['1', 'key 1', { min: 5, max: 5 }], // no number of five digits begins so
    ['3', 'more', { min: 3, max: 3 }],
  ])('length bounds what is dialled: %s is %s within %j', (typed, expected, length) => {
    expect(outcome(disa(length, ['1', '3']), typed)).toBe(expected);
  });
});

/**
 * The order of §2, written down as it is said: menu keys, extensions, trunk prefixes, trunk masks; and an entry waits if pressing on could make it something. Tries all
 * continuations, with regular expressions for the masks.
 */
interface Reference {
  readonly keys: readonly string[];
  readonly extensions: readonly string[];
  readonly trunks: readonly { id: string; prefix?: string; masks: { match: string; to: string }[] }[];
  readonly disa: { readonly length: { readonly min: number; readonly max: number } } | undefined;
}

function meaning({ keys, extensions, trunks, disa }: Reference, entry: string): object | undefined {
  if (keys.includes(entry)) return { kind: 'key', digits: entry };
  if (extensions.includes(entry)) return { kind: 'extension', digits: entry };
  if (!disa || entry.length < disa.length.min || entry.length > disa.length.max) return undefined;
  const prefixes = trunks.filter(({ prefix }) => prefix && entry.startsWith(prefix) && entry !== prefix);
  const [longest] = prefixes.sort((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0));
  if (longest && /^\d+$/.test(entry)) {
    return { kind: 'trunk', digits: entry, trunk: longest.id, number: entry.slice(longest.prefix?.length) };
  }
  for (const { id, masks: all } of trunks) {
    for (const { match, to } of all) {
      if (asRegExp(match).test(entry)) return { kind: 'trunk', digits: entry, trunk: id, number: to };
    }
  }
  return undefined;
}

function expected(reference: Reference, typed: string): object {
  const { disa } = reference;
  let endings = [''];
  for (let more = typed.length + 1; more <= 5; more++) {
    endings = endings.flatMap((ending) => [...pressable, '#'].map((key) => ending + key));
    if (endings.some((ending) => meaning(reference, typed + ending))) return { kind: 'more' };
  }
  const known = meaning(reference, typed);
  const heardOut = disa && /^\d+$/.test(typed) && typed.length < disa.length.max;
  if (!known && heardOut) return { kind: 'more' };
  if (known || !typed.endsWith('#')) return known ?? { kind: 'unknown', digits: typed };
  return meaning(reference, typed.slice(0, -1)) ?? { kind: 'unknown', digits: typed };
}

describe('any menu, extensions, prefixes and masks', () => {
  const entry = (max: number) => fc.stringMatching(new RegExp(`^[129]{1,${max}}$`));
  const trunks = fc
    .array(fc.record({ prefix: fc.option(entry(2), { nil: undefined }), masks: fc.array(masks, { maxLength: 2 }) }), {
      maxLength: 3,
    })
    .map((all) =>
      all.map(({ prefix, masks: list }, index) => ({
        id: `trunk${index}`,
        ...(prefix === undefined ? {} : { prefix }),
        masks: list.map((match, number) => ({ match, to: `${index}${number}` })),
      })),
    );
  const length = fc.record({ min: fc.integer({ min: 1, max: 3 }), more: fc.integer({ min: 0, max: 2 }) });
  const references: fc.Arbitrary<Reference> = fc.record({
    keys: fc.uniqueArray(fc.stringMatching(/^[129*#]{1,3}$/), { maxLength: 4 }),
    extensions: fc.uniqueArray(entry(4), { maxLength: 4 }),
    trunks,
    disa: fc.option(
      length.map(({ min, more }) => ({ length: { min, max: min + more } })),
      { nil: undefined },
    ),
  });

  it('mean what the order says, key by key', () => {
    fc.assert(
      fc.property(references, fc.stringMatching(/^[129*#]{1,5}$/), (reference, typed) => {
        const { keys, extensions, trunks: all, disa } = reference;
        const matcher = new Input({
          keys,
          extensions: lengthsBetween(1, 7),
          plan: new DialPlan(extensions, new TrunkPlan(all)),
          ...(disa ? { disa } : {}),
        });
        // What follows an entry that was decided begins anew.
        for (let end = 1; end <= typed.length; end++) {
          const verdict = matcher.match(typed.slice(0, end));
          expect([typed.slice(0, end), verdict]).toEqual([
            typed.slice(0, end),
            expected(reference, typed.slice(0, end)),
          ]);
          if (verdict.kind !== 'more') break;
          expect(matcher.settle(typed.slice(0, end))).toEqual(
            meaning(reference, typed.slice(0, end)) ?? { kind: 'unknown', digits: typed.slice(0, end) },
          );
        }
      }),
      { numRuns: 1000 },
    );
  });
});
