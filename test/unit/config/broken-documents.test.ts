import { describe, expect, it } from 'vitest';
import type { IssueCode } from '../../../src/config/issue.ts';
import { acme, load } from './folder.ts';

/** `▸` stands right before the place that the error must name. */
interface Case {
  readonly keys: string;
  readonly code: IssueCode;
  readonly path: string;
  readonly says: string | RegExp;
  readonly hint?: string | RegExp;
}

const employee = (keys: string) => `"employees": [{ "id": "ivanov", ${keys} }]`;
const account = (keys: string) => employee(`"accounts": [{ "user": "ivanov", "domain": "acme.example", ${keys} }]`);
const steps = (step: string) => `"schemes": [{ "id": "main", "steps": [${step}] }]`;
const trunk = (keys: string) => `"trunks": [{ "id": "office", "host": "192.0.2.10", "prefix": "88", ${keys} }]`;

const cases: Record<string, Case> = {
  'an unknown key at the top': {
    keys: '▸"employes": []',
    code: 'unknown-key',
    path: 'employes',
    says: 'Unknown key "employes"',
    hint: 'Did you mean "employees"?',
  },
  'an unknown key deep inside': {
    keys: employee('"outgoing": { ▸"callerID": null }'),
    code: 'unknown-key',
    path: 'employees[0].outgoing.callerID',
    says: 'Unknown key "callerID"',
    hint: 'Did you mean "callerId"?',
  },
  'an unknown key without a likeness': {
    keys: '"mail": { "smtp": "smtp://mail.example", "from": "a@b.example", ▸"zzz": 1 }',
    code: 'unknown-key',
    path: 'mail.zzz',
    says: 'Unknown key "zzz"',
    hint: 'Known here: "smtp" and "from".',
  },
  'a missing key': {
    keys: '"employees": [▸{ "name": "Иван" }]',
    code: 'missing-key',
    path: 'employees[0].id',
    says: '"id" is missing',
  },
  'text instead of a number': {
    keys: '"defaults": { "employee": { "ringTime": ▸"25" } }',
    code: 'wrong-type',
    path: 'defaults.employee.ringTime',
    says: 'Expected a whole number, got text',
    hint: 'Write 25 without quotes.',
  },
  'a number instead of text': {
    keys: employee('"extension": ▸451'),
    code: 'wrong-type',
    path: 'employees[0].extension',
    says: 'Expected text, got a number',
    hint: 'Write "451" in double quotes.',
  },
  'a fraction of a second': {
    keys: '"defaults": { "employee": { "ringTime": ▸2.5 } }',
    code: 'wrong-type',
    path: 'defaults.employee.ringTime',
    says: 'Expected a whole number, got 2.5',
  },
  'null where a key may only be left out': {
    keys: employee('"position": ▸null'),
    code: 'wrong-type',
    path: 'employees[0].position',
    says: 'Expected text, got null',
    hint: 'Leave the key out instead.',
  },
  'a single value instead of a list': {
    keys: employee('"supervises": ▸"sales"'),
    code: 'wrong-type',
    path: 'employees[0].supervises',
    says: 'Expected a list, got text',
    hint: 'Put it in square brackets: [ … ].',
  },
  'ringTime above 120 (§4.4.3)': {
    keys: '"defaults": { "employee": { "ringTime": ▸121 } }',
    code: 'out-of-range',
    path: 'defaults.employee.ringTime',
    says: 'Must be at most 120, got 121',
  },
  'a callback interval under a minute (§4.6.5.7)': {
    keys: '"callback": { "group": { "interval": ▸59 } }',
    code: 'out-of-range',
    path: 'callback.group.interval',
    says: 'Must be at least 60, got 59',
  },
  'eleven attempts (§4.6.5.7)': {
    keys: '"callback": { "menu": { "attempts": ▸11 } }',
    code: 'out-of-range',
    path: 'callback.menu.attempts',
    says: 'Must be at most 10, got 11',
  },
  'a port above 65535': {
    keys: steps('{ "forward": { "sip": "a@b.example", "port": ▸65536 } }'),
    code: 'out-of-range',
    path: 'schemes[0].steps[0].forward.port',
    says: 'Must be at most 65535, got 65536',
  },
  'a misspelt choice': {
    keys: employee('"ring": ▸"sequental"'),
    code: 'bad-value',
    path: 'employees[0].ring',
    says: 'Expected "main", "sequential" or "simultaneous", got "sequental"',
    hint: 'Did you mean "sequential"?',
  },
  'a number with signs': {
    keys: '"numbers": [{ "number": ▸"+7 495 123-45-67" }]',
    code: 'bad-format',
    path: 'numbers[0].number',
    says: /^"\+7 495 123-45-67" must be a phone number in international format/,
  },
  'an employee extension of one digit (§4.4.6.1)': {
    keys: employee('"extension": ▸"4"'),
    code: 'bad-format',
    path: 'employees[0].extension',
    says: '"4" must be an extension: 2 to 7 digits',
  },
  'a group extension of six digits (§4.4.6.2.1)': {
    keys: '"groups": [{ "id": "sales", "extension": ▸"123456", "members": [] }]',
    code: 'bad-format',
    path: 'groups[0].extension',
    says: '"123456" must be an extension: 1 to 5 digits',
  },
  'a PIN of three digits (§4.6.4.2)': {
    keys: '"rooms": [{ "id": "board", "pin": ▸"123" }]',
    code: 'bad-format',
    path: 'rooms[0].pin',
    says: '"pin" must be a PIN of 4 to 7 digits',
  },
  'an account name that begins with a digit (§4.4.6.1.2)': {
    keys: employee('"accounts": [{ "user": ▸"1van", "domain": "acme.example", "password": "Abcdefg1" }]'),
    code: 'bad-format',
    path: 'employees[0].accounts[0].user',
    says: /^"1van" must be a Latin letter/,
  },
  'a weak password, which the message does not show': {
    keys: account('"password": ▸"abcdefgh"'),
    code: 'bad-format',
    path: 'employees[0].accounts[0].password',
    says: '"password" must have at least 8 characters, with digits, lower-case and upper-case Latin letters',
  },
  'an account with neither password nor ha1': {
    keys: employee('"accounts": [▸{ "user": "ivanov", "domain": "acme.example" }]'),
    code: 'exactly-one-of',
    path: 'employees[0].accounts[0]',
    says: 'An account needs exactly one of "password" or "ha1"',
  },
  'a domain of somebody else': {
    keys: employee('"accounts": [{ "user": "ivanov", "domain": ▸"acme.exmaple", "password": "Abcdefg1" }]'),
    code: 'dangling-reference',
    path: 'employees[0].accounts[0].domain',
    says: 'There is no domain "acme.exmaple"',
    hint: 'Did you mean "acme.example"?',
  },
  'six assistant rules (§4.4.6.1.5)': {
    keys: employee(`"assistant": ▸[${Array(6).fill('{ "then": { "hangup": true } }').join(', ')}]`),
    code: 'wrong-count',
    path: 'employees[0].assistant',
    says: 'Has 6 entries, at most 5 are allowed',
  },
  'six backup trunks (§5.3.1.4)': {
    keys: trunk(`"backup": ▸${JSON.stringify(Array(6).fill('office'))}`),
    code: 'wrong-count',
    path: 'trunks[0].backup',
    says: 'Has 6 entries, at most 5 are allowed',
  },
  'a target that is two things': {
    keys: steps('{ "forward": ▸{ "phone": "74951234567", "extension": "101" } }'),
    code: 'exactly-one-of',
    path: 'schemes[0].steps[0].forward',
    says: /^A target has only one of .*, but this one has "phone" and "extension"$/,
    hint: 'Keep one of "phone" or "extension".',
  },
  'a misspelt step': {
    keys: steps('▸{ "paly": "builtin:greeting" }'),
    code: 'exactly-one-of',
    path: 'schemes[0].steps[0]',
    says: 'A step needs exactly one of "play", "forward", "forwardByRegion", "voicemail", "fax" or "hangup"',
    hint: 'Did you mean "play" instead of "paly"?',
  },
  'a key of another step': {
    keys: steps('{ "hangup": true, ▸"timeout": 5 }'),
    code: 'unknown-key',
    path: 'schemes[0].steps[0].timeout',
    says: 'Unknown key "timeout"',
    hint: 'Known here: "hangup".',
  },
  'hangup: false': {
    keys: steps('{ "hangup": ▸false }'),
    code: 'bad-value',
    path: 'schemes[0].steps[0].hangup',
    says: 'Only true can stand here',
  },
  'branches and steps side by side': {
    keys: '"schemes": [▸{ "id": "main", "steps": [], "branches": [{}] }]',
    code: 'exactly-one-of',
    path: 'schemes[0]',
    says: '"steps" cannot stand beside "branches"',
  },
  'a scheme that says nothing': {
    keys: '"schemes": [▸{ "id": "main", "stpes": [] }]',
    code: 'missing-key',
    path: 'schemes[0]',
    says: /^Says nothing to do/,
    hint: 'Did you mean "steps" instead of "stpes"?',
  },
  'a fifth menu level (§4.4.2.1)': {
    keys: '"schemes": [{ "id": "main", "menu": { "1": { "menu": { "2": { "menu": { "3": { "menu": { "4": { "menu": ▸{} } } } } } } } } }]',
    code: 'not-allowed-here',
    path: 'schemes[0].menu["1"].menu["2"].menu["3"].menu["4"].menu',
    says: 'Menus have at most 4 levels, and this would be level 5',
  },
  'rules on the fourth menu level': {
    keys: '"schemes": [{ "id": "main", "menu": { "1": { "menu": { "2": { "menu": { "3": { "menu": { "4": { "rules": ▸{} } } } } } } } } }]',
    code: 'not-allowed-here',
    path: 'schemes[0].menu["1"].menu["2"].menu["3"].menu["4"].rules',
    says: 'Items of menu level 4 have no rules',
  },
  'a third level of rules': {
    keys: '"schemes": [{ "id": "main", "rules": { "noInput": { "rules": { "noInput": { "rules": ▸{} } } } } }]',
    code: 'not-allowed-here',
    path: 'schemes[0].rules.noInput.rules.noInput.rules',
    says: 'Rules have at most two levels',
  },
  'a rule in a rule in a menu item': {
    keys: '"schemes": [{ "id": "main", "menu": { "1": { "rules": { "noInput": { "rules": ▸{} } } } } }]',
    code: 'not-allowed-here',
    path: 'schemes[0].menu["1"].rules.noInput.rules',
    says: 'A rule inside a menu item holds no further rules',
  },
  'mainMenu outside a rule': {
    keys: '"schemes": [{ "id": "main", "end": ▸"mainMenu" }]',
    code: 'not-allowed-here',
    path: 'schemes[0].end',
    says: /^Only a branch of a rule, such as "noInput", may end in the main menu/,
  },
  'a menu key of four digits': {
    keys: '"schemes": [{ "id": "main", "menu": { ▸"1234": { "steps": [] } } }]',
    code: 'bad-format',
    path: 'schemes[0].menu["1234"]',
    says: /^"1234" must be the digits to press/,
  },
  'otherwise before the last branch': {
    keys: '"schemes": [{ "id": "main", "branches": [{ "when": ▸"otherwise" }, { "when": "always" }] }]',
    code: 'not-allowed-here',
    path: 'schemes[0].branches[0].when',
    says: '"otherwise" is for the last branch only',
  },
  'otherwise for a contact': {
    keys: employee('"contacts": [{ "phone": "79250000000", "when": ▸"otherwise" }]'),
    code: 'bad-value',
    path: 'employees[0].contacts[0].when',
    says: 'Only "always" can stand here',
  },
  'a time of day that does not exist': {
    keys: '"schemes": [{ "id": "main", "branches": [{ "when": { "time": [▸"09:00-24:00"] } }] }]',
    code: 'bad-format',
    path: 'schemes[0].branches[0].when.time[0]',
    says: '"09:00-24:00" must be a time range, written as "09:00-18:59"',
  },
  'a day that does not exist': {
    keys: '"pbx": { "calendar": { "holidays": [▸"2026-02-29"] } }',
    code: 'bad-format',
    path: 'pbx.calendar.holidays[0]',
    says: '"2026-02-29" must be a date that exists, written as "2026-12-31"',
  },
  'a condition that says no time': {
    keys: '"schemes": [{ "id": "main", "branches": [{ "when": ▸{ "timezone": "Asia/Vladivostok" } }] }]',
    code: 'bad-value',
    path: 'schemes[0].branches[0].when',
    says: /^"when" says no time/,
  },
  'a period that ends before it starts': {
    keys: '"schemes": [{ "id": "main", "branches": [{ "when": { "period": { "from": "2026-10-31T18:00", "to": ▸"2026-10-01T10:00" } } }] }]',
    code: 'bad-value',
    path: 'schemes[0].branches[0].when.period.to',
    says: '"to" must not end before it starts',
  },
  'a range of unequal lengths (§4.4.4)': {
    keys: '"forwarding": [{ "from": ▸"749520-74952009999", "to": { "phone": "74951234567" } }]',
    code: 'bad-format',
    path: 'forwarding[0].from',
    says: /is a range of numbers of different lengths/,
  },
  'a mask beyond the mask language': {
    keys: trunk('"masks": [{ "match": ▸"(\\\\d+)+", "to": "$1" }]'),
    code: 'bad-format',
    path: 'trunks[0].masks[0].match',
    says: '"(\\\\d+)+" is no mask: brackets cannot be repeated',
  },
  'a substitution without its brackets': {
    keys: trunk('"masks": [{ "match": "(\\\\d+)", "to": ▸"$2" }]'),
    code: 'bad-format',
    path: 'trunks[0].masks[0].to',
    says: '"$2" has no brackets in the mask',
  },
  'a trunk prefix above 9999 (§5.3.1.3)': {
    keys: '"trunks": [{ "id": "office", "host": "192.0.2.10", "prefix": ▸"10000" }]',
    code: 'bad-format',
    path: 'trunks[0].prefix',
    says: '"10000" must be a prefix from "1" to "9999"',
  },
  'an external trunk without an address': {
    keys: '"trunks": [▸{ "id": "office" }]',
    code: 'missing-key',
    path: 'trunks[0]',
    says: 'An external trunk needs "host"',
  },
  'a range of IP addresses that ends before it starts': {
    keys: '"security": { "ipAccess": { "mode": "list", "list": [▸"192.168.1.32-16"] } }',
    code: 'bad-format',
    path: 'security.ipAccess.list[0]',
    says: '"192.168.1.32-16" is a range that ends before it starts',
  },
  'an access list that lets nobody in': {
    keys: '"security": { "ipAccess": { "mode": ▸"list" } }',
    code: 'missing-key',
    path: 'security.ipAccess.mode',
    says: 'Mode "list" with an empty "list" lets nobody in',
  },
  'a group that is not there': {
    keys: steps('{ "forward": { "group": ▸"sales" } }'),
    code: 'dangling-reference',
    path: 'schemes[0].steps[0].forward.group',
    says: 'There is no group "sales"',
    hint: 'None is declared: "groups".',
  },
  'a reference to a thing of another kind': {
    keys: `${employee('"name": "Иван"')}, ${steps('{ "forward": { "group": ▸"ivanov" } }')}`,
    code: 'dangling-reference',
    path: 'schemes[0].steps[0].forward.group',
    says: 'There is no group "ivanov"',
    hint: 'Employee "ivanov" exists: is that meant?',
  },
  'an audio that is not there': {
    keys: steps('{ "play": ▸"welcome" }'),
    code: 'dangling-reference',
    path: 'schemes[0].steps[0].play',
    says: 'There is no audio "welcome"',
  },
  'a misspelt built-in audio': {
    keys: steps('{ "play": ▸"builtin:greting" }'),
    code: 'dangling-reference',
    path: 'schemes[0].steps[0].play',
    says: 'There is no built-in audio "greting"',
    hint: 'Did you mean "builtin:greeting"?',
  },
  'an extension that nobody has': {
    keys: '"defaults": { "employee": { "then": { "extension": ▸"1" } } }',
    code: 'dangling-reference',
    path: 'defaults.employee.then.extension',
    says: 'There is no extension "1"',
  },
  'a caller id that is none of our numbers': {
    keys: employee('"outgoing": { "callerId": ▸"74951234567" }'),
    code: 'dangling-reference',
    path: 'employees[0].outgoing.callerId',
    says: 'There is no number "74951234567"',
  },
  'a contact that the employee does not have': {
    keys: `${employee('"contacts": [{ "phone": "79250000000" }]')}, ${steps('{ "forward": { "employee": "ivanov", "contact": ▸"79250000001" } }')}`,
    code: 'dangling-reference',
    path: 'schemes[0].steps[0].forward.contact',
    says: 'Employee "ivanov" has no contact "79250000001"',
    hint: 'Write "main", "asConfigured" or "79250000000".',
  },
  'a forward to a scheme without an extension (§4.4.2.1)': {
    keys: `"schemes": [{ "id": "main", "steps": [{ "forward": { "scheme": ▸"night" } }] }, { "id": "night", "steps": [] }]`,
    code: 'not-callable',
    path: 'schemes[0].steps[0].forward.scheme',
    says: 'Scheme "night" cannot be called: it has no "extension"',
  },
  'the same id twice': {
    keys: '"rooms": [{ "id": "board" }, { "id": ▸"board" }]',
    code: 'duplicate-name',
    path: 'rooms[1].id',
    says: 'Room "board" is already taken at acme.json:3:19',
  },
  'the same extension for an employee and a group': {
    keys: '"employees": [{ "id": "ivanov", "extension": "451" }], "groups": [{ "id": "sales", "extension": ▸"451" }]',
    code: 'duplicate-name',
    path: 'groups[0].extension',
    says: 'Extension "451" is already taken at acme.json:3:46',
  },
  'two accounts with one name': {
    keys: employee(
      '"accounts": [{ "user": "ivanov", "domain": "acme.example", "password": "Abcdefg1" }, { "user": ▸"ivanov", "domain": "acme.example", "password": "Abcdefg2" }]',
    ),
    code: 'duplicate-account',
    path: 'employees[0].accounts[1].user',
    says: 'There are two accounts "ivanov@acme.example"',
  },
  'an account that forwards to itself': {
    keys: account('"password": "Abcdefg1", "forwardTo": ▸"ivanov"'),
    code: 'forward-loop',
    path: 'employees[0].accounts[0].forwardTo',
    says: 'Calls would go in a circle: ivanov@acme.example → ivanov@acme.example',
  },
  'a trunk as its own backup': {
    keys: trunk('"backup": [▸"office"]'),
    code: 'self-reference',
    path: 'trunks[0].backup[0]',
    says: 'Trunk "office" is named as its own backup',
  },
  'a region without prefixes': {
    keys: '"numbers": [{ "number": "74951234567" }], "callerIdRules": [{ "callerId": "74951234567", "type": "region", "match": ▸"Moscow" }]',
    code: 'dangling-reference',
    path: 'callerIdRules[0].match',
    says: 'There is no region "Moscow"',
  },
  'an audio file that is not there': {
    keys: '"audio": [{ "id": "welcome", "file": ▸"audio/welcome.wav" }]',
    code: 'audio-file',
    path: 'audio[0].file',
    says: '"audio/welcome.wav" does not exist',
  },
  'a trunk peer in no PBX': {
    keys: '"trunks": [{ "id": "branch", "kind": "internal", "peer": { "pbx": ▸"branch", "trunk": "head-office" } }]',
    code: 'trunk-peer',
    path: 'trunks[0].peer.pbx',
    says: 'There is no PBX "branch" in this folder',
  },
  'a key twice in one object': {
    keys: '"screening": { "mode": "off", ▸"mode": "blacklist" }',
    code: 'duplicate-key',
    path: 'screening.mode',
    says: '"mode" is set twice in this object, first in line 3, column 16',
  },
  'a trailing comma': {
    keys: '"rooms": []▸,',
    code: 'trailing-comma',
    path: '',
    says: 'A comma with nothing after it',
  },
  'a missing comma': {
    keys: '"rooms": [] ▸"groups": []',
    code: 'json-syntax',
    path: '',
    says: 'Expected "," between two entries, found "\\"groups\\""',
  },
  'single quotes': {
    keys: "▸'rooms': []",
    code: 'json-syntax',
    path: '',
    says: /^Expected/,
  },
  '__proto__ as a key': {
    keys: '"screening": { ▸"__proto__": {} }',
    code: 'unknown-key',
    path: 'screening.__proto__',
    says: '"__proto__" is no key of the format',
  },
};

describe('each mistake is named with its place', () => {
  for (const [name, { keys, code, path, says, hint }] of Object.entries(cases)) {
    it(name, async () => {
      // A case about "pbx" brings its own; the merge of two files is tested elsewhere.
      const whole = keys.startsWith('"pbx"')
        ? `{\n${keys.replace('{', '{ "id": "acme", "domains": ["acme.example"],')}\n}`
        : acme(keys);
      const offset = whole.indexOf('▸');
      const before = whole.slice(0, offset);
      const { errors } = await load({ 'acme.json': whole.replace('▸', '') });

      expect(errors).toHaveLength(1);
      const [issue] = errors;
      expect(issue).toMatchObject({
        severity: 'error',
        code,
        file: 'acme.json',
        line: before.split('\n').length,
        column: offset - before.lastIndexOf('\n'),
        path,
      });
      if (typeof says === 'string') expect(issue?.message).toBe(says);
      else expect(issue?.message).toMatch(says);
      if (hint !== undefined) expect(issue?.hint).toMatch(hint);
    });
  }
});

it('mistakes of one block are told together, those of its whole with those inside it', async () => {
  const { errors } = await load({
    'acme.json': acme(`"schemes": [{ "id": "main", "branches": [
      { "when": "otherwise", "end": "nowhere" },
      { "rules": { "disa": { "length": { "min": 5, "max": 2 } } } }
    ] }]`),
  });
  const disa = 'schemes[0].branches[1].rules.disa';
  expect(errors.map(({ code, path }) => [code, path]).sort()).toEqual([
    ['bad-value', 'schemes[0].branches[0].end'],
    ['bad-value', `${disa}.length.max`],
    ['missing-key', disa],
    ['not-allowed-here', 'schemes[0].branches[0].when'],
  ]);
});
