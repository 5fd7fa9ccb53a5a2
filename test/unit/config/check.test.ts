import { describe, expect, it } from 'vitest';
import { rules } from '../../../src/config/check/index.ts';
import { issueCodes } from '../../../src/config/issue.ts';
import { acme, load } from './folder.ts';

/** What the checker warns about, as `code path: message`. */
async function warnings(keys: string): Promise<string[]> {
  const { issues, errors } = await load({ 'acme.json': keys.includes('"pbx"') ? `{${keys}}` : acme(keys) });
  expect(errors).toEqual([]);
  return issues.map(({ code, path, message }) => `${code} ${path}: ${message}`);
}

const scheme = (block: string) => `"schemes": [{ "id": "main", ${block} }]`;

describe('what can never run', () => {
  it('is a step after hangup or fax', async () => {
    expect(await warnings(scheme('"steps": [{ "hangup": true }, { "voicemail": {} }, { "hangup": true }]'))).toEqual([
      'unreachable-step schemes[0].steps[1]: This step never runs: "hangup" before it does not return',
    ]);
    expect(
      await warnings(scheme('"menu": { "1": { "branches": [{ "steps": [{ "fax": {} }, { "voicemail": {} }] }] } }')),
    ).toEqual([
      'unreachable-step schemes[0].menu["1"].branches[0].steps[1]: This step never runs: "fax" before it does not return',
    ]);
  });

  it('is no step after one that comes back', async () => {
    expect(
      await warnings(scheme('"steps": [{ "play": "builtin:greeting" }, { "voicemail": {} }, { "hangup": true }]')),
    ).toEqual([]);
  });

  it('is a branch after one that always matches, of the same block', async () => {
    const menu = '"menu": { "1": { "branches": [{ "steps": [] }] } }';
    expect(
      await warnings(
        scheme(`"branches": [{ "when": { "days": ["mon"] }, ${menu} }, { ${menu} }, { "when": "otherwise" }]`),
      ),
    ).toEqual([
      'unreachable-branch schemes[0].branches[2]: This branch is never tried: branch 2 of the block always matches',
    ]);
  });
});

describe('menu keys', () => {
  const document = (keys: string, dialing = '"enabled": true, "min": 2, "max": 3', rules = '') =>
    warnings(`"pbx": { "id": "acme", "domains": ["acme.example"], "extensionDialing": { ${dialing} } },
      "employees": [{ "id": "a", "extension": "101" }, { "id": "b", "extension": "102" }, { "id": "c", "extension": "5000" }],
      ${scheme(`"menu": { ${keys} }${rules}`)}`);

  it('that begin an extension make callers wait', async () => {
    expect(await document('"1": { "steps": [] }, "2": { "steps": [] }, "10": { "steps": [] }')).toEqual([
      'key-hides-extension schemes[0].menu["1"]: Key "1" is the beginning of extension "101" and 1 more: who presses it waits 3 s for another digit',
      'key-hides-extension schemes[0].menu["10"]: Key "10" is the beginning of extension "101" and 1 more: who presses it waits 3 s for another digit',
    ]);
  });

  it('that are an extension hide it', async () => {
    expect(await document('"101": { "steps": [] }')).toEqual([
      'key-hides-extension schemes[0].menu["101"]: Key "101" hides extension "101", which callers may dial',
    ]);
  });

  it('are free where callers may not dial such extensions', async () => {
    expect(await document('"1": { "steps": [] }', '"enabled": false')).toEqual([]);
    expect(await document('"5": { "steps": [] }')).toEqual([]);
  });

  it('are not free in a block with DISA', async () => {
    expect(
      await document('"5": { "steps": [] }', '"enabled": false', ', "rules": { "disa": { "steps": [] } }'),
    ).toHaveLength(1);
  });
});

describe('things that nothing uses', () => {
  it('are a group without members, an audio and a trunk', async () => {
    expect(
      await warnings('"groups": [{ "id": "sales" }], "trunks": [{ "id": "office", "host": "192.0.2.10" }]'),
    ).toEqual([
      'empty-group groups[0].id: Group "sales" has no members: nobody can take its calls',
      'unused-trunk trunks[0].id: No number and no rule uses trunk "office"',
    ]);
  });

  it.each([
    '"pstn": true',
    '"prefix": "88"',
    '"masks": [{ "match": "(\\\\d{3})", "to": "$1" }]',
    '"numbers": [{ "number": "74951234567" }]',
    '"toPstn": {}',
  ])('are no trunk with %s', async (keys) => {
    expect(await warnings(`"trunks": [{ "id": "office", "host": "192.0.2.10", ${keys} }]`)).toEqual([]);
  });

  it.each([
    '"numbers": [{ "number": "74951234567", "source": { "trunk": "office" } }]',
    '"employees": [{ "id": "a", "contacts": [{ "trunk": "office", "number": "1" }] }]',
    scheme('"steps": [{ "forward": { "trunk": "office", "number": "1" } }]'),
    '"forwarding": [{ "from": "7*", "to": { "trunk": "office", "number": "1" } }]',
    '"regionRules": [{ "id": "r", "rules": [{ "prefixes": ["7"], "to": { "trunk": "office", "number": "1" } }] }]',
    '"employees": [{ "id": "a", "assistant": [{ "then": { "trunk": "office", "number": "1" } }] }]',
  ])('are no trunk that is named in %s', async (keys) => {
    expect(await warnings(`"trunks": [{ "id": "office", "host": "192.0.2.10" }], ${keys}`)).toEqual([]);
  });

  it('are no trunk that is a backup', async () => {
    const trunks =
      '"trunks": [{ "id": "a", "host": "192.0.2.1", "pstn": true, "backup": ["b"] }, { "id": "b", "host": "192.0.2.2" }]';
    expect(await warnings(trunks)).toEqual([]);
  });
});

describe('forwards in a circle', () => {
  const two = (first: string, second: string) =>
    `"employees": [{ "id": "ivanov", "extension": "451" }],
     "regionRules": [{ "id": "home", "rules": [{ "prefixes": ["7"], "to": { "scheme": "a" } }] }],
     "schemes": [{ "id": "a", "extension": "11", ${first} }, { "id": "b", "extension": "12", ${second} }]`;
  const to = (target: string) => `"steps": [{ "forward": ${target} }]`;

  it('without an answer are named with their way', async () => {
    expect(await warnings(two(to('{ "scheme": "b" }'), to('{ "extension": "11" }')))).toEqual([
      'endless-forward schemes[1].steps[0]: Schemes forward in a circle without an answer: "a" → "b" → "a"',
    ]);
    expect(await warnings(two(to('{ "scheme": "a" }'), '"steps": []'))).toEqual([
      'endless-forward schemes[0].steps[0]: Schemes forward in a circle without an answer: "a" → "a"',
    ]);
    expect(await warnings(two(to('{ "scheme": "b" }'), '"steps": [{ "forwardByRegion": "home" }]'))).toHaveLength(1);
  });

  it.each([
    ['a greeting', '"steps": [{ "play": "builtin:greeting", "wait": true }, { "forward": { "scheme": "b" } }]'],
    ['an employee', '"steps": [{ "forward": { "employee": "ivanov" } }, { "forward": { "scheme": "b" } }]'],
    ['a menu', '"steps": [{ "forward": { "scheme": "b" } }], "menu": { "7": { "steps": [] } }'],
  ])('with %s on the way are allowed', async (_, first) => {
    expect(await warnings(two(first, to('{ "scheme": "a" }')))).toEqual([]);
  });
});

it('speech is said to be inactive', async () => {
  expect(await warnings(scheme('"steps": [], "speech": { "digits": true }'))).toEqual([
    'inactive-speech schemes[0].speech: Speech is not recognised: no recogniser is configured, and only digits that are pressed count',
  ]);
});

it('a contact in our domain that no account has is named', async () => {
  const contacts =
    '"contacts": [{ "sip": "ivan@ACME.example" }, { "sip": "ivanov@acme.example" }, { "sip": "x@elsewhere.example" }]';
  const accounts = '"accounts": [{ "user": "ivanov", "domain": "acme.example", "password": "Abcdefg1" }]';
  expect(await warnings(`"employees": [{ "id": "a", ${contacts}, ${accounts} }]`)).toEqual([
    'unknown-account employees[0].contacts[0].sip: No account of this PBX is "ivan@ACME.example", so it can never be registered',
  ]);
});

it('a chain of account forwards is allowed, a circle is an error wherever it is entered', async () => {
  const account = (user: string, forwardTo?: string) => ({
    user,
    domain: 'acme.example',
    password: 'Abcdefg1',
    ...(forwardTo ? { forwardTo } : {}),
  });
  const accounts = [
    account('anna', 'boris'),
    account('boris', 'clara@acme.example'),
    account('clara'),
    account('dora', 'egor'),
    account('egor', 'dora'),
    account('fedor', 'dora'),
  ];
  const { errors } = await load({
    'acme.json': { pbx: { id: 'acme', domains: ['acme.example'] }, employees: [{ id: 'a', accounts }] },
  });
  expect(errors.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'employees[0].accounts[3].forwardTo: Calls would go in a circle: dora@acme.example → egor@acme.example → dora@acme.example',
    'employees[0].accounts[4].forwardTo: Calls would go in a circle: egor@acme.example → dora@acme.example → egor@acme.example',
  ]);
});

it('every rule names codes that exist', () => {
  for (const code of rules.flatMap(({ codes }) => codes)) expect(issueCodes).toHaveProperty(code);
});
