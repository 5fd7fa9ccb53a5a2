import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check } from '../../../src/config/check/index.ts';
import { checkInstallation } from '../../../src/config/check/installation.ts';
import { type Issue, issueCodes } from '../../../src/config/issue.ts';
import { parseJsonFile } from '../../../src/config/json.ts';
import { merge } from '../../../src/config/merge.ts';
import { parseRegexMask } from '../../../src/config/regex-mask.ts';
import { validate } from '../../../src/config/validate.ts';
import { PbxVersion } from '../../../src/config/version.ts';

/** One of everything, small enough that a random mutation hits something. */
const valid = {
  pbx: {
    id: 'acme',
    domains: ['acme.example'],
    calendar: { holidays: ['2026-12-31'] },
    extensionDialing: { enabled: true },
  },
  // biome-ignore lint/suspicious/noThenProperty: the format names it so
  defaults: { employee: { then: { extension: '451' } }, group: { maxWait: 20 } },
  numbers: [
    { number: '74951234567', scheme: 'main', source: { trunk: 'office' }, warning: { audio: 'builtin:greeting' } },
  ],
  schemes: [
    {
      id: 'main',
      extension: '885',
      branches: [
        {
          when: {
            days: ['workdays'],
            time: ['09:00-18:59'],
            period: { from: '2026-10-01T10:00', to: '2026-10-31T18:00' },
          },
          steps: [
            { play: 'builtin:greeting', wait: true },
            { forward: { group: 'sales' }, timeout: 20 },
            { forwardByRegion: 'regions' },
          ],
          menu: {
            '1': { password: '1234', steps: [{ forward: { employee: 'ivanov', contact: 'main' } }] },
            '2': { branches: [{ steps: [] }] },
          },
          rules: {
            disa: { length: { min: 3, max: 4 }, steps: [] },
            noInput: { after: 5, rules: { fax: {} }, end: 'mainMenu' },
          },
        },
        { when: 'otherwise', steps: [{ voicemail: { to: ['a@b.example'] } }, { hangup: true }] },
      ],
    },
  ],
  employees: [
    {
      id: 'ivanov',
      extension: '451',
      contacts: [
        { sip: 'ivanov@acme.example', wait: 25 },
        { phone: '79250000000', when: [{ days: ['mon'] }] },
      ],
      accounts: [
        { user: 'ivanov', domain: 'acme.example', password: 'Abcdefg1', forwardTo: '0001' },
        { user: '0001', domain: 'acme.example', password: 'Abcdefg1' },
      ],
      outgoing: { callerId: '74951234567', directions: ['7*'] },
      // biome-ignore lint/suspicious/noThenProperty: the format names it so
      assistant: [{ after: 10, then: { hangup: true } }],
    },
  ],
  groups: [{ id: 'sales', extension: '505', members: [{ employee: 'ivanov' }], hold: { maxWait: 20, music: '' } }],
  trunks: [
    {
      id: 'office',
      host: '192.0.2.10',
      masks: [{ match: '([1-4]\\d{2})', to: '$1' }],
      peer: { pbx: 'acme', trunk: 'annex' },
      kind: 'internal',
    },
    { id: 'annex', peer: { pbx: 'acme', trunk: 'office' }, kind: 'internal' },
  ],
  rooms: [{ id: 'board', extension: '1000', pin: '1234' }],
  forwarding: [{ from: '7495200*', to: { room: 'board' } }],
  regionRules: [{ id: 'regions', rules: [{ name: 'Moscow', prefixes: ['7495'], to: { scheme: 'main' } }] }],
  callerIdRules: [{ callerId: '74951234567', type: 'region', match: 'Moscow' }],
  security: { ipAccess: { mode: 'list', list: ['192.168.*'] }, outgoing: ['7*'] },
};

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Every place in a value, by path. */
function paths(value: Json, path: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item, index) => paths(item, [...path, index]))];
  if (typeof value === 'object' && value !== null)
    return [path, ...Object.entries(value).flatMap(([key, item]) => paths(item, [...path, key]))];
  return [path];
}

const places = paths(valid as Json).filter((path) => path.length > 0);

/** Words of the format in wrong places do more harm than noise. */
const words = places.flatMap((path) => path.filter((part) => typeof part === 'string'));
const oddJson = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    -1,
    1e300,
    2.5,
    '',
    '*',
    'main',
    'always',
    'otherwise',
    'ivanov',
    '451',
    'builtin:',
    [],
    {},
    [[]],
  ),
  fc.constantFrom(...words),
  fc.jsonValue().map((value) => value as Json),
  fc.constantFrom(...places).map((path) => at(valid as Json, path)),
);

const at = (value: Json, path: readonly (string | number)[]): Json =>
  path.reduce<Json>((inner, part) => (inner as Record<string | number, Json>)[part] as Json, value);

type Mutation =
  | { readonly kind: 'replace'; readonly path: (string | number)[]; readonly by: Json }
  | { readonly kind: 'remove'; readonly path: (string | number)[] }
  | { readonly kind: 'add'; readonly path: (string | number)[]; readonly key: string; readonly by: Json };

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('replace' as const), path: fc.constantFrom(...places), by: oddJson }),
  fc.record({ kind: fc.constant('remove' as const), path: fc.constantFrom(...places) }),
  fc.record({
    kind: fc.constant('add' as const),
    path: fc.constantFrom(...places),
    key: fc.oneof(fc.constantFrom(...words, '1', '#', '__proto__', 'constructor'), fc.string()),
    by: oddJson,
  }),
);

function mutate(document: Json, { path, ...mutation }: Mutation): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((inner, part) => (inner as Record<string | number, unknown> | undefined)?.[part], document);
  const last = path.at(-1);
  if (typeof parent !== 'object' || parent === null || last === undefined) return;
  const holder = parent as Record<string | number, unknown>;
  if (mutation.kind === 'replace') holder[last] = mutation.by;
  else if (mutation.kind === 'remove') delete holder[last];
  else if (Array.isArray(holder[last])) holder[last].push(mutation.by);
  else if (typeof holder[last] === 'object' && holder[last] !== null) {
    Object.defineProperty(holder[last], mutation.key, {
      value: mutation.by,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

/** The whole way from text to issues, without a disk. */
async function issuesOf(
  text: string,
): Promise<{ readonly issues: readonly Issue[]; readonly version: PbxVersion | undefined }> {
  const parsed = parseJsonFile('acme.json', '/acme.json', new TextEncoder().encode(text));
  const { root, issues: clashes } = merge(parsed.root ? [parsed.root] : []);
  if (!root) return { issues: parsed.issues, version: undefined };
  const read = await validate(root);
  const shared = read.document ? checkInstallation([{ document: read.document, read }]) : [];
  const issues = [
    ...parsed.issues,
    ...clashes,
    ...read.issues,
    ...check(read, Date.parse('2026-11-25T12:00:00Z')),
    ...shared,
  ];
  const sound = !issues.some(({ severity }) => severity === 'error');
  return { issues, version: sound && read.document ? new PbxVersion('test', read.document, new Map()) : undefined };
}

function expectUsable(issues: readonly Issue[], text: string): void {
  const lines = text.split('\n');
  for (const issue of issues) {
    expect(issueCodes).toHaveProperty(issue.code);
    expect(issue.message).toMatch(/^[A-Z"0-9-]/);
    expect(issue.message).not.toMatch(/undefined|\[object|NaN/);
    if (issue.line === 0) continue;
    expect(issue.line).toBeLessThanOrEqual(lines.length);
    expect(issue.column).toBeLessThanOrEqual((lines[issue.line - 1] ?? '').length + 1);
  }
}

describe('whatever a document says', () => {
  it('starts from one that is right', async () => {
    const { issues, version } = await issuesOf(JSON.stringify(valid));
    expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(version?.id).toBe('acme');
  });

  it('mutated, gives issues or a PBX, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
        const document = structuredClone(valid) as Json;
        for (const one of mutations) mutate(document, one);
        const text = JSON.stringify(document, null, 1);
        const { issues, version } = await issuesOf(text);
        expectUsable(issues, text);
        expect(version !== undefined || issues.some(({ severity }) => severity === 'error')).toBe(true);
      }),
      { numRuns: 600 },
    );
  }, 30_000);

  it('as damaged text, gives issues or a PBX, and never throws', async () => {
    const text = JSON.stringify(valid, null, 1);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length),
        fc.nat(20),
        fc.oneof(
          fc.string({ maxLength: 5 }),
          fc.constantFrom('{', '}', '[', ']', ',', '"', '/*', '//', '\\', '\u0000'),
        ),
        async (from, length, by) => {
          const damaged = text.slice(0, from) + by + text.slice(from + length);
          const { issues } = await issuesOf(damaged);
          expectUsable(issues, damaged);
        },
      ),
      { numRuns: 700 },
    );
  }, 30_000);

  it('as a mask, is parsed or refused', () => {
    const piece = fc.constantFrom(
      '\\d',
      '[0-9]',
      '(',
      ')',
      '|',
      '*',
      '+',
      '{3}',
      '{',
      '}',
      '7',
      '\\',
      '[',
      ']',
      '-',
      '?',
      '#',
      '$',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (mask) => {
          const parsed = parseRegexMask(mask);
          if (!parsed.ok) expect(parsed.problem).not.toBe('');
          // What is accepted means the same as the regular expression that it looks like.
          else expect(() => new RegExp(`^(?:${mask})$`)).not.toThrow();
        },
      ),
      { numRuns: 3000 },
    );
  });
});
