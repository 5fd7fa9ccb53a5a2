import fc from 'fast-check';
import { complete, DocumentForm } from '../../src/config/schema/document.ts';
import { PbxVersion } from '../../src/config/version.ts';
import type { ForwardResult } from '../../src/scheme/actors.ts';
import type { SchemeCall, Script } from './scheme-call.ts';

/** Schemes and calls at random, as an admin and a caller might make them; for model tests. */

const audio = fc.constantFrom('builtin:greeting', 'builtin:closed', 'builtin:connecting');
const target = fc.constantFrom<object[]>(
  { employee: 'ivanov' },
  { employee: 'petrov' },
  { group: 'sales' },
  { phone: '79161234567' },
  { scheme: 'other' },
  { extension: '451' },
  { extension: '885' },
  { room: 'board' },
);

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ play: audio, wait: fc.boolean(), repeat: fc.constantFrom('always', 'once') }) },
  { weight: 4, arbitrary: fc.record({ forward: target, timeout: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.constant({ forwardByRegion: 'regions' }) },
  { weight: 1, arbitrary: fc.constant({ voicemail: {} }) },
  { weight: 1, arbitrary: fc.constantFrom({ fax: {} }, { hangup: true }) },
);

const when = fc.constantFrom(
  'always',
  { days: ['workdays'] },
  { days: ['holidays', 'weekend'] },
  { time: ['09:00-18:59'] },
  { time: ['22:00-05:59'] },
);

const key = fc.constantFrom('1', '2', '4', '45', '#', '*', '0');

/** @param rulesLeft levels of rules that may still be opened; @param ofRule directly in a rule */
const block = (menuLevel: number, rulesLeft: number, ofRule: boolean): fc.Arbitrary<object> => {
  const branch = fc.record({
    steps: fc.array(step, { maxLength: 3 }),
    ...(menuLevel < 4 ? { menu: menu(menuLevel, rulesLeft) } : {}),
    ...(rulesLeft > 0 && menuLevel < 4 ? { rules: rules(menuLevel, rulesLeft) } : {}),
    end: ofRule ? fc.constantFrom('hangup', 'mainMenu') : fc.constant('hangup'),
  });
  const timed = fc.tuple(when, branch).map(([time, rest]) => ({ when: time, ...rest }));
  const last = branch.map((rest) => ({ when: 'otherwise', ...rest }));
  return fc.oneof(
    { weight: 3, arbitrary: branch },
    { weight: 1, arbitrary: fc.tuple(timed, last).map((branches) => ({ branches })) },
    { weight: 1, arbitrary: timed.map((only) => ({ branches: [only] })) },
  );
};

const menu = (level: number, rulesLeft: number): fc.Arbitrary<object> => {
  const item = fc
    .tuple(block(level + 1, Math.min(rulesLeft, 1), false), fc.option(fc.constant('83'), { freq: 5 }))
    .map(([inside, password]) => ({ ...inside, ...(password ? { password } : {}) }));
  const items = (maxKeys: number) => fc.dictionary(key, item, { minKeys: 1, maxKeys, noNullPrototype: true });
  return level === 0
    ? items(3)
    : fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: items(2) });
};

const rules = (level: number, left: number): fc.Arbitrary<object> => {
  const inside = block(level, left - 1, true);
  const rule = fc.oneof(
    ...['noInput', 'anyOtherInput', 'invalidInput', 'wrongPassword'].map((name) =>
      inside.map((rest) => ({ [name]: rest })),
    ),
    inside.map((rest) => ({ disa: { length: 3, ...rest } })),
    fc.constant({ fax: {} }),
  );
  const some = fc.array(rule, { maxLength: level === 0 ? 3 : 1 }).map((all) => Object.assign({}, ...all) as object);
  return fc.oneof({ weight: 1, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: some });
};

/** A document as it stands in a file. */
export type Form = Readonly<Record<string, unknown>>;

/** Of a PBX whose scheme `main` is generated; `other` forwards to it, so that circles occur. */
export const generatedForm: fc.Arbitrary<Form> = fc
  .record({
    main: block(0, 2, false),
    other: block(0, 1, false),
    dialing: fc.boolean(),
    action: fc.constantFrom(
      { voicemail: true },
      { hangup: true },
      { extension: '505' },
      { extension: '885' },
      { extension: '451' },
    ),
  })
  .map(({ main, other, dialing, action }) => ({
    pbx: { id: 'acme', domains: ['acme.example'], extensionDialing: { enabled: dialing } },
    // biome-ignore lint/suspicious/noThenProperty: the format names it so
    defaults: { employee: { then: action } },
    employees: [
      { id: 'ivanov', extension: '451', email: 'ivanov@acme.example' },
      { id: 'petrov', extension: '4512' },
    ],
    groups: [{ id: 'sales', extension: '505' }],
    numbers: [{ number: '74950000001', scheme: 'main', source: { passive: 'line@acme.example' } }],
    rooms: [{ id: 'board', extension: '1000' }],
    regionRules: [
      {
        id: 'regions',
        rules: [
          { name: 'Moscow', prefixes: ['7495'], to: { group: 'sales' } },
          { name: 'Kazan', prefixes: ['7843'], to: { scheme: 'other' } },
        ],
      },
    ],
    schemes: [
      { id: 'main', extension: '884', ...main },
      { id: 'other', extension: '885', ...other },
    ],
  }));

export const pbxOfForm = (form: Form): PbxVersion =>
  new PbxVersion('generated', complete(DocumentForm.parse(form)), new Map());

export const generatedPbx: fc.Arbitrary<PbxVersion> = generatedForm.map(pbxOfForm);

/** What a caller does: keys, waits, and perhaps a fax tone or his end. */
export type Move =
  | { readonly press: string }
  | { readonly wait: number }
  | { readonly fax: true }
  | { readonly hangUp: true };

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ press: fc.constantFrom(...'0123456789*#') }) },
    { weight: 1, arbitrary: fc.record({ press: fc.constantFrom('451#', '505', '885', '83#', '999') }) },
    { weight: 4, arbitrary: fc.record({ wait: fc.constantFrom(0.5, 1, 3, 5, 10, 25, 60) }) },
    { weight: 1, arbitrary: fc.constant({ fax: true } as const) },
    { weight: 1, arbitrary: fc.constant({ hangUp: true } as const) },
  ),
  { maxLength: 25 },
);

const answer = fc.oneof(
  fc.record({ answers: fc.integer({ min: 0, max: 20 }), talks: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ fails: fc.integer({ min: 0, max: 20 }), reason: fc.constantFrom('busy' as const, 'noAnswer' as const) }),
  fc.record(
    {
      assists: fc.integer({ min: 0, max: 20 }),
      records: fc.integer({ min: 0, max: 60 }),
      result: fc.constantFrom<ForwardResult>(
        { outcome: 'ended', reason: 'noAnswer' },
        { outcome: 'failed', reason: 'busy' },
        { outcome: 'scheme', scheme: 'other', reason: 'noAnswer' },
      ),
    },
    { requiredKeys: ['assists', 'result'], noNullPrototype: true },
  ),
);

export const scripts: fc.Arbitrary<Script> = fc.record({
  calls: fc.record(
    { ivanov: answer, petrov: answer, sales: answer, '79161234567': answer, board: answer },
    { requiredKeys: [], noNullPrototype: true },
  ),
  broken: fc.option(fc.subarray(['answer', 'play', 'forward', 'voicemail', 'fax'] as const), { nil: [], freq: 4 }),
});

/** The caller does all of it. */
export async function play(call: SchemeCall, all: readonly Move[]): Promise<void> {
  for (const move of all) {
    if ('press' in move) await call.press(move.press);
    else if ('wait' in move) await call.wait(move.wait);
    else if ('fax' in move) call.run.faxTone();
    else await call.hangUp();
  }
}
