import { describe, expect, it } from 'vitest';
import { rules } from '../../../src/config/check/index.ts';
import { type IssueCode, issueCodes } from '../../../src/config/issue.ts';
import { acme, load, wav } from './folder.ts';

const now = Date.parse('2026-11-25T12:00:00Z');

const document = (keys: string) => (keys.includes('"pbx"') ? `{\n${keys}\n}` : acme(keys));

/** A scheme that a number leads to; what else the document needs comes after it. */
const scheme = (block: string, more = '') =>
  `"numbers": [{ "number": "74951234567", "scheme": "main" }], ${more}\n"schemes": [{ "id": "main", ${block} }]`;
const branches = (list: string) => scheme(`"branches": [${list}]`);

const account = (user: string) => `{ "user": "${user}", "domain": "acme.example", "password": "Abcdefg1" }`;
const person = (id: string, keys = '') => `{ "id": "${id}"${keys}, "accounts": [${account(id)}] }`;
const people = `"employees": [${person('ivanov', ', "extension": "451"')}, ${person('petrov', ', "extension": "452"')}],`;
const team = (id: string, keys = '') =>
  `{ "id": "${id}", "extension": "5${id.length}", "members": [{ "employee": "ivanov" }, { "employee": "petrov" }]${keys} }`;
const dialling = (keys: string) =>
  `"pbx": { "id": "acme", "domains": ["acme.example"], "extensionDialing": { ${keys} } },`;

/** Two schemes that a call may go round in; the first has a number. */
const two = (first: string, second: string, more = '') =>
  `"numbers": [{ "number": "74951234567", "scheme": "a" }], ${more}
   "schemes": [{ "id": "a", "extension": "11", ${first} },\n{ "id": "b", "extension": "12", ${second} }]`;
const to = (target: string) => `"steps": [{ "forward": ${target} }]`;
const byTime = (when: string, then: string, otherwise: string) =>
  `"branches": [{ "when": ${when}, ${then} }, { "when": "otherwise", ${otherwise} }]`;

const say = '{ "play": "builtin:greeting", "wait": true }';
const mail = '{ "voicemail": {} }';
const gateway = '"sms": { "sender": "ACME", "missedText": "x", "gateway": { "url": "https://sms.example/" } }';
const trunk = (keys: string) => `"trunks": [{ "id": "office", "host": "192.0.2.10", ${keys} }],`;

interface Case {
  readonly name: string;
  readonly code: IssueCode;
  /** Keys of the document; `▶` stands before the place that the issue names. */
  readonly bad: string;
  /** How the message begins. */
  readonly says: string;
  /** Nearly the same, with nothing to say about it. */
  readonly good: string;
}

const cases: readonly Case[] = [
  {
    name: 'a step after hangup',
    code: 'unreachable-step',
    bad: scheme(`"steps": [{ "hangup": true }, ▶{ "voicemail": {} }, { "hangup": true }]`),
    says: 'This step never runs: "hangup" before it does not return',
    good: scheme(`"steps": [{ "voicemail": {} }, { "hangup": true }]`),
  },
  {
    name: 'a step after a fax, inside a menu',
    code: 'unreachable-step',
    bad: scheme(`"steps": [${say}], "menu": { "1": { "branches": [{ "steps": [{ "fax": {} }, ▶${mail}] }] } }`),
    says: 'This step never runs: "fax" before it does not return',
    good: scheme(`"steps": [${say}], "menu": { "1": { "branches": [{ "steps": [${mail}, { "fax": {} }] }] } }`),
  },
  {
    name: 'a step after a forward to a scheme, by its extension',
    code: 'unreachable-step',
    bad: two(`"steps": [{ "forward": { "extension": "12" } }, ▶${mail}]`, `"steps": [${mail}]`),
    says: 'This step never runs: the forward to scheme "b" before it does not return',
    good: two(`"steps": [{ "forward": { "extension": "451" } }, ${mail}]`, `"steps": [${mail}]`, people),
  },
  {
    name: 'a branch after one that always matches',
    code: 'unreachable-branch',
    bad: branches(
      `{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, { "steps": [${mail}] }, ▶{ "when": "otherwise", "steps": [${say}] }`,
    ),
    says: 'This branch is never tried: branch 2 of the block always matches',
    good: branches(
      `{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, { "when": { "days": ["holidays"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'a branch whose time one before it takes',
    code: 'unreachable-branch',
    bad: branches(
      `{ "when": { "days": ["workdays", "holidays"], "time": ["08:00-18:59"] }, "steps": [${say}] },
       ▶{ "when": { "dates": ["2026-12-31"], "time": ["10:00-11:59"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${mail}] }`,
    ),
    says: 'This branch is never tried: branch 1 of the block takes all of its time',
    good: branches(
      `{ "when": { "days": ["workdays", "holidays"], "time": ["08:00-18:59"] }, "steps": [${say}] },
       { "when": { "dates": ["2026-12-31"], "time": ["10:00-19:00"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${mail}] }`,
    ),
  },
  {
    name: 'a branch whose time several before it take together, over midnight',
    code: 'unreachable-branch',
    bad: branches(
      `{ "when": { "days": ["workdays", "weekend", "holidays"], "time": ["06:00-21:59"] }, "steps": [${say}] },
       { "when": { "time": ["22:00-05:59"] }, "steps": [${say}] }, ▶{ "when": "otherwise", "steps": [${mail}] }`,
    ),
    says: 'This branch is never tried: branches 1 and 2 of the block together take all of its time',
    good: branches(
      `{ "when": { "days": ["workdays", "weekend"], "time": ["06:00-21:59"] }, "steps": [${say}] },
       { "when": { "time": ["22:00-05:58"] }, "steps": [${say}] }, { "when": "otherwise", "steps": [${mail}] }`,
    ),
  },
  {
    name: 'a menu that nobody has time for',
    code: 'dead-menu',
    bad: scheme(
      `"steps": [{ "play": "builtin:greeting" }, { "hangup": true }], "menu": ▶{ "1": { "steps": [${mail}] } }`,
    ),
    says: 'Nobody can choose from this menu: "hangup" comes before there is time to press a key',
    good: scheme(`"steps": [${say}, { "hangup": true }], "menu": { "1": { "steps": [${mail}] } }`),
  },
  {
    name: 'noInput behind a step that does not return',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}, { "hangup": true }], "menu": { "1": { "steps": [${mail}] } }, "rules": { "noInput": ▶{ "steps": [${mail}] } }`,
    ),
    says: 'This rule never acts: it waits for the end of the steps, and "hangup" among them does not return',
    good: scheme(
      `"steps": [${say}], "menu": { "1": { "steps": [${mail}] } }, "rules": { "noInput": { "steps": [${mail}] } }`,
    ),
  },
  {
    name: 'wrongPassword of a menu without a password',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}], "menu": { "1": { "steps": [${mail}] } }, "rules": { "wrongPassword": ▶{ "steps": [${mail}] } }`,
    ),
    says: 'This rule never acts: no item of this menu has a password',
    good: scheme(
      `"steps": [${say}], "menu": { "1": { "password": "1", "steps": [${mail}] } }, "rules": { "wrongPassword": { "steps": [${mail}] } }`,
    ),
  },
  {
    name: 'invalidInput beside anyOtherInput',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}], "menu": { "1": { "steps": [${mail}] } }, "rules": { "anyOtherInput": { "steps": [${mail}] }, "invalidInput": ▶{ "steps": [${say}] } }`,
    ),
    says: 'This rule never acts: "anyOtherInput" takes whatever matches nothing',
    good: scheme(
      `"steps": [${say}], "menu": { "1": { "steps": [${mail}] } }, "rules": { "invalidInput": { "steps": [${say}] } }`,
    ),
  },
  {
    name: 'anyOtherInput where every key is an item',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}], "menu": { ${keysOf('0123456789*#')} }, "rules": { "anyOtherInput": ▶{ "steps": [${mail}] } }`,
    ),
    says: 'This rule never acts: the menu has an item for every key, so there is no other',
    good: scheme(
      `"steps": [${say}], "menu": { ${keysOf('0123456789*')} }, "rules": { "anyOtherInput": { "steps": [${mail}] } }`,
    ),
  },
  {
    name: 'a fax rule where faxes are not looked for',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}], "rules": { "fax": ▶{ "to": ["fax@acme.example"] } }`,
      '"fax": { "autoDetect": false },',
    ),
    says: 'This rule never acts: "fax.autoDetect" is off',
    good: scheme(`"steps": [${say}], "rules": { "fax": { "to": ["fax@acme.example"] } }`),
  },
  {
    name: 'DISA without anything to dial in so many keys',
    code: 'dead-rule',
    bad: scheme(
      `"steps": [${say}], "rules": { "disa": ▶{ "length": 4, "steps": [${mail}] } }`,
      `${people}${trunk('"masks": [{ "match": "8(\\\\d{10})", "to": "$1" }]')}`,
    ),
    says: 'This rule never acts: there is nothing to dial: no extension of that length, and no number behind a prefix or a mask of a trunk',
    good: scheme(
      `"steps": [${say}], "rules": { "disa": { "length": 11, "steps": [${mail}] } }`,
      `${people}${trunk('"masks": [{ "match": "8(\\\\d{10})", "to": "$1" }]')}`,
    ),
  },
  {
    name: 'a key that leads nowhere',
    code: 'dead-end',
    bad: scheme(`"steps": [${say}], "menu": { "1": ▶{ "steps": [] } }`),
    says: 'Key "1" leads nowhere: the caller hears nothing, and the call ends',
    good: scheme(`"steps": [${say}], "menu": { "1": { "steps": [{ "hangup": true }] } }`),
  },
  {
    name: 'a branch in which nothing happens',
    code: 'dead-end',
    bad: branches(`{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, ▶{ "when": "otherwise" }`),
    says: 'Nothing happens here: the caller hears nothing, and the call ends',
    good: branches(
      `{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'a forward to an employee with nothing that rings',
    code: 'forward-to-nobody',
    bad: scheme(`"steps": [{ "forward": ▶{ "employee": "ivanov" } }]`, '"employees": [{ "id": "ivanov" }],'),
    says: 'Nobody can take a call that is sent here: employee "ivanov" has no contacts and no account',
    good: scheme(
      `"steps": [{ "forward": { "employee": "ivanov" } }]`,
      '"employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567" }] }],',
    ),
  },
  {
    name: 'a forward to the contact of an employee that is switched off',
    code: 'forward-to-nobody',
    bad: scheme(
      `"steps": [{ "forward": ▶{ "employee": "ivanov", "contact": "79161234567" } }]`,
      '"employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567", "active": false }, { "phone": "79160000000" }] }],',
    ),
    says: 'Nobody can take a call that is sent here: no contact of employee "ivanov" ever rings',
    good: scheme(
      `"steps": [{ "forward": { "employee": "ivanov", "contact": "79161234567" } }]`,
      '"employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567" }, { "phone": "79160000000", "active": false }] }],',
    ),
  },
  {
    name: 'days and dates that exclude each other',
    code: 'never-matches',
    bad: branches(
      `{ "when": ▶{ "days": ["mon"], "dates": ["2026-12-31"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
    says: 'This time never comes: "days" mon and "dates" 2026-12-31 have no moment in common',
    good: branches(
      `{ "when": { "days": ["thu"], "dates": ["2026-12-31"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'holidays that are working days',
    code: 'never-matches',
    bad: branches(`{ "when": { "days": ["workdays"] }, "steps": [${mail}] },
      { "when": ▶{ "days": ["holidays"], "dates": ["2027-01-11"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`),
    says: 'This time never comes: "days" holidays and "dates" 2027-01-11 have no moment in common',
    good: branches(`{ "when": { "days": ["workdays"] }, "steps": [${mail}] },
      { "when": { "days": ["holidays"], "dates": ["2027-01-07"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`),
  },
  {
    name: 'one of several conditions that never holds',
    code: 'never-matches',
    bad: branches(
      `{ "when": [{ "days": ["holidays"] }, ▶{ "days": ["weekend"], "dates": ["2026-12-28", "2026-12-29"] }], "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
    says: 'This time never comes: "days" weekend and "dates" 2026-12-28, 2026-12-29 have no moment in common',
    good: branches(
      `{ "when": [{ "days": ["holidays"] }, { "days": ["weekend"], "dates": ["2026-12-27", "2026-12-29"] }], "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'a contact that never rings',
    code: 'never-matches',
    bad: '"employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567", "when": ▶{ "days": ["sat"], "dates": ["2026-12-31"] } }] }]',
    says: 'This time never comes: "days" sat and "dates" 2026-12-31 have no moment in common',
    good: '"employees": [{ "id": "ivanov", "contacts": [{ "phone": "79161234567", "when": { "days": ["sat"], "dates": ["2026-12-26"] } }] }]',
  },
  {
    name: 'a period that is over',
    code: 'past-time',
    bad: branches(
      `{ "when": ▶{ "period": { "from": "2026-10-01T10:00", "to": "2026-10-31T18:00" } }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
    says: 'This time is over: it ended on 2026-10-31',
    good: branches(
      `{ "when": { "period": { "from": "2026-10-01T10:00", "to": "2026-11-30T18:00" } }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'nights that nobody thought of',
    code: 'uncovered-time',
    bad: scheme(
      `"branches": ▶[{ "when": { "days": ["workdays", "weekend", "holidays"], "time": ["09:00-18:59"] }, "steps": [${mail}] }, { "when": { "time": ["20:00-08:59"] }, "steps": [${mail}] }]`,
    ),
    says: 'Calls are hung up on at times that no branch is for: every day 19:00–20:00',
    good: scheme(
      `"branches": [{ "when": { "days": ["workdays", "weekend", "holidays"], "time": ["09:00-19:59"] }, "steps": [${mail}] }, { "when": { "time": ["20:00-08:59"] }, "steps": [${mail}] }]`,
    ),
  },
  {
    name: 'holidays on weekdays that are neither working days nor weekends',
    code: 'uncovered-time',
    bad: scheme(
      `"branches": ▶[{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, { "when": { "days": ["weekend"] }, "steps": [${mail}] }]`,
    ),
    says: 'Calls are hung up on at times that no branch is for: on holidays (such as 2027-01-01)',
    good: scheme(
      `"branches": [{ "when": { "days": ["workdays"] }, "steps": [${mail}] }, { "when": { "days": ["weekend", "holidays"] }, "steps": [${mail}] }]`,
    ),
  },
  {
    name: 'a gap inside a menu item',
    code: 'uncovered-time',
    bad: scheme(
      `"steps": [${say}], "menu": { "1": { "branches": ▶[{ "when": { "days": ["workdays"], "time": ["09:00-18:59"] }, "steps": [${mail}] }] } }`,
    ),
    says: 'Calls are hung up on at times that no branch is for: Mon–Thu 19:00–09:00, Fri 19:00–Mon 09:00, and on holidays',
    good: branches(
      `{ "when": { "days": ["workdays"], "time": ["09:00-18:59"] }, "steps": [${say}], "menu": { "1": { "branches": [{ "when": { "days": ["workdays"], "time": ["09:00-18:59"] }, "steps": [${mail}] }] } } }, { "when": "otherwise", "steps": [${say}] }`,
    ),
  },
  {
    name: 'working hours without holidays',
    code: 'no-holiday-branch',
    bad: scheme(
      `"branches": ▶[{ "when": { "days": ["mon", "tue", "wed", "thu", "fri"], "time": ["09:00-18:59"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }]`,
    ),
    says: 'Has working hours, but none of its branches tells holidays from other days: 2027-01-01 (',
    good: scheme(
      `"branches": [{ "when": { "days": ["holidays"] }, "steps": [${say}] }, { "when": { "days": ["mon", "tue", "wed", "thu", "fri"], "time": ["09:00-18:59"] }, "steps": [${mail}] }, { "when": "otherwise", "steps": [${say}] }]`,
    ),
  },
  {
    name: 'rules of an assistant for the same calls',
    code: 'overlapping-assistant',
    bad: `"employees": [${person(
      'ivanov',
      `, "assistant": [
      { "when": { "time": ["09:00-18:59"] }, "direction": ["external"], "then": { "hangup": true } }, ▶{ "when": { "time": ["18:00-23:59"] }, "after": 20, "then": { "voicemail": true } }]`,
    )}]`,
    says: 'Rule 1 of ivanov is for the same external calls every day 18:00–19:00, and comes first',
    good: `"employees": [${person(
      'ivanov',
      `, "assistant": [
      { "when": { "time": ["09:00-18:59"] }, "direction": ["external"], "then": { "hangup": true } }, { "when": { "time": ["18:00-23:59"] }, "direction": ["internal"], "then": { "voicemail": true } }]`,
    )}]`,
  },
  {
    name: 'a rule of an assistant that those before it leave nothing',
    code: 'overlapping-assistant',
    bad: `"employees": [${person(
      'ivanov',
      `, "assistant": [
      { "direction": ["external"], "then": { "hangup": true } }, { "direction": ["internal"], "then": { "hangup": true } }, ▶{ "then": { "voicemail": true } }]`,
    )}]`,
    says: 'This rule never acts: rules 1 and 2 of ivanov take all its calls before',
    good: `"employees": [${person(
      'ivanov',
      `, "assistant": [
      { "direction": ["external"], "then": { "hangup": true } }, { "direction": ["internal"], "then": { "hangup": true } }]`,
    )}]`,
  },
  {
    name: 'a key that begins extensions',
    code: 'key-hides-extension',
    bad: `${dialling('"enabled": true, "min": 2, "max": 3')} ${scheme(`"steps": [${say}], "menu": { "4": ▶{ "steps": [${mail}] } }`, people)}`,
    says: 'Key "4" is the beginning of extension "451" and 1 more: who presses it waits 3 s for another digit',
    good: `${dialling('"enabled": true, "min": 4, "max": 4')} ${scheme(`"steps": [${say}], "menu": { "4": { "steps": [${mail}] } }`, people)}`,
  },
  {
    name: 'a key that is an extension, in a block with DISA',
    code: 'key-hides-extension',
    bad: scheme(
      `"steps": [${say}], "menu": { "451": ▶{ "steps": [${mail}] } }, "rules": { "disa": { "steps": [${mail}] } }`,
      people,
    ),
    says: 'Key "451" hides extension "451", which callers may dial',
    good: scheme(`"steps": [${say}], "menu": { "451": { "steps": [${mail}] } }`, people),
  },
  {
    name: 'a group without members',
    code: 'empty-group',
    bad: '"groups": [{ "id": ▶"sales", "extension": "50" }]',
    says: 'Group "sales" has no members: nobody can take its calls',
    good: `${people} "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }] }]`,
  },
  {
    name: 'a group whose members nothing rings',
    code: 'empty-group',
    bad: '"employees": [{ "id": "ivanov" }], "groups": [{ "id": "sales", "extension": "50", "members": ▶[{ "employee": "ivanov" }] }]',
    says: 'Nobody can take the calls of group "sales": none of its members has a contact that ever rings',
    good: `"employees": [${person('ivanov')}], "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }] }]`,
  },
  {
    name: 'a member twice',
    code: 'duplicate-member',
    bad: `${people} "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }, ▶{ "employee": "ivanov" }] }]`,
    says: '"ivanov" is a member of group "sales" already',
    good: `${people} "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }, { "employee": "petrov" }] }]`,
  },
  {
    name: 'a robot that is to supervise a group',
    code: 'robot-supervisor',
    bad: `"employees": [{ "id": "bot", "robot": true, "contacts": [{ "phone": "79161234567" }], "supervises": [▶"sales"] }], "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "bot" }] }]`,
    says: '"bot" is a robot, and cannot supervise group "sales"',
    good: `"employees": [{ "id": "bot", "robot": true, "contacts": [{ "phone": "79161234567" }] }, { "id": "head", "contacts": [{ "phone": "79161234568" }], "supervises": ["sales"] }], "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "bot" }, { "employee": "head" }] }]`,
  },
  {
    name: 'a member whom nothing rings',
    code: 'unreachable-member',
    bad: `"employees": [${person('ivanov')}, { "id": "petrov" }], "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }, ▶{ "employee": "petrov" }] }]`,
    says: 'Employee "petrov" is never rung for group "sales": he has no contacts and no account',
    good: `"employees": [${person('ivanov')}, { "id": "petrov", "contacts": [{ "phone": "79161234567" }] }], "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }, { "employee": "petrov" }] }]`,
  },
  {
    name: 'the only member left in peace for longer than a caller waits',
    code: 'group-timing',
    bad: `"defaults": { "group": { "excludeNoAnswer": 600 } }, ${people} "groups": [{ "id": ▶"sales", "extension": "50", "members": [{ "employee": "ivanov" }] }]`,
    says: 'If ivanov, whom alone group "sales" can ring, does not answer at once, the caller waits 600 s in vain',
    good: `"defaults": { "group": { "excludeNoAnswer": 60 } }, ${people} "groups": [{ "id": "sales", "extension": "50", "members": [{ "employee": "ivanov" }] }]`,
  },
  {
    name: 'two schemes that forward to each other, with a greeting on the way',
    code: 'endless-forward',
    bad: two(to('{ "scheme": "b" }'), `"steps": [${say}, ▶{ "forward": { "extension": "11" } }]`),
    says: 'Schemes forward in a circle without an answer: "a" → "b" → "a"',
    good: two(
      to('{ "scheme": "b" }'),
      `"steps": [{ "forward": { "employee": "ivanov" } }, { "forward": { "extension": "11" } }]`,
      people,
    ),
  },
  {
    name: 'two schemes that forward to each other before a caller can dial an extension',
    code: 'endless-forward',
    bad: `${dialling('"enabled": true')} ${two(to('{ "scheme": "b" }'), `"steps": [▶{ "forward": { "extension": "11" } }]`, people)}`,
    says: 'Schemes forward in a circle without an answer: "a" → "b" → "a"',
    good: `${dialling('"enabled": true')} ${two(to('{ "scheme": "b" }'), `"steps": [${say}, { "forward": { "extension": "11" } }]`, people)}`,
  },
  {
    name: 'a scheme that forwards to itself',
    code: 'endless-forward',
    bad: two(`"steps": [▶{ "forward": { "scheme": "a" } }]`, `"steps": [${mail}]`),
    says: 'Schemes forward in a circle without an answer: "a" → "a"',
    good: two(
      `"steps": [${say}, { "forward": { "scheme": "a" } }], "menu": { "1": { "steps": [${mail}] } }`,
      `"steps": [${mail}]`,
    ),
  },
  {
    name: 'schemes that forward to each other at the same time of day',
    code: 'endless-forward',
    bad: two(
      byTime('{ "days": ["workdays"], "time": ["09:00-18:59"] }', to('{ "scheme": "b" }'), `"steps": [${mail}]`),
      byTime(
        '{ "days": ["workdays"], "time": ["18:00-19:59"] }',
        `"steps": [▶{ "forward": { "scheme": "a" } }]`,
        `"steps": [${mail}]`,
      ),
    ),
    says: 'Schemes forward in a circle without an answer: "a" → "b" → "a"',
    good: two(
      byTime('{ "days": ["workdays"], "time": ["09:00-18:59"] }', to('{ "scheme": "b" }'), `"steps": [${mail}]`),
      byTime('{ "days": ["workdays"], "time": ["19:00-19:59"] }', to('{ "scheme": "a" }'), `"steps": [${mail}]`),
    ),
  },
  {
    name: 'a circle that some callers go, by region',
    code: 'endless-forward',
    bad: two(
      `"steps": [{ "forwardByRegion": "home" }, ${mail}]`,
      `"steps": [▶{ "forwardByRegion": "away" }, ${mail}]`,
      '"regionRules": [{ "id": "home", "rules": [{ "prefixes": ["7"], "to": { "scheme": "b" } }] }, { "id": "away", "rules": [{ "prefixes": ["7495"], "to": { "scheme": "a" } }] }],',
    ),
    says: 'Schemes forward in a circle without an answer: "a" → "b" → "a"',
    good: two(
      `"steps": [{ "forwardByRegion": "home" }, ${mail}]`,
      `"steps": [{ "forwardByRegion": "away" }, ${mail}]`,
      '"regionRules": [{ "id": "home", "rules": [{ "prefixes": ["7"], "to": { "scheme": "b" } }] }, { "id": "away", "rules": [{ "prefixes": ["8495"], "to": { "scheme": "a" } }] }],',
    ),
  },
  {
    name: 'a circle through the telephone network',
    code: 'endless-forward',
    bad: scheme(`"steps": [▶{ "forward": { "phone": "74951234567" } }]`),
    says: 'Schemes forward in a circle without an answer: "main" → number 74951234567, "main"',
    good: scheme(`"steps": [{ "forward": { "phone": "74951234568" } }]`),
  },
  {
    name: 'groups that pass their callers on to each other',
    code: 'overflow-circle',
    bad: two(
      `"steps": [{ "forward": { "group": "sales" } }, { "forward": { "scheme": "b" } }]`,
      `"steps": [{ "forward": { "group": "support" } }, ▶{ "forward": { "scheme": "a" } }]`,
      `${people} "groups": [${team('sales')}, ${team('support')}],`,
    ),
    says: 'Callers whom nobody of groups "sales" and "support" takes go in a circle, and are hung up on after 20 rounds: "a" → "b" → "a"',
    good: two(
      `"steps": [{ "forward": { "group": "sales" } }, { "forward": { "scheme": "b" } }]`,
      `"steps": [{ "forward": { "group": "support" } }, ${mail}]`,
      `${people} "groups": [${team('sales')}, ${team('support')}],`,
    ),
  },
  {
    name: 'a main menu that begins again with nothing to choose',
    code: 'endless-menu',
    bad: scheme(`"steps": [${say}], "rules": { "noInput": { "steps": [], "end": ▶"mainMenu" } }`),
    says: 'A caller who presses nothing goes round 20 times without being able to do anything, and is then hung up on',
    good: scheme(
      `"steps": [${say}], "menu": { "1": { "steps": [${mail}] } }, "rules": { "noInput": { "steps": [], "end": "mainMenu" } }`,
    ),
  },
  {
    name: 'a menu that says nothing, and begins again',
    code: 'endless-menu',
    bad: scheme(`"menu": { "1": { "steps": [${mail}] } }, "rules": { "noInput": { "steps": [], "end": ▶"mainMenu" } }`),
    says: 'A caller who presses nothing goes round 20 times without hearing anything, and is then hung up on',
    good: scheme(
      `"menu": { "1": { "steps": [${mail}] } }, "rules": { "noInput": { "steps": [${say}], "end": "mainMenu" } }`,
    ),
  },
  ...shadowedCases(),
  {
    name: 'DISA on a trunk to the telephone network',
    code: 'open-disa',
    bad: scheme(
      `"steps": [${say}], "rules": { "disa": ▶{ "steps": [${mail}] } }`,
      trunk('"pstn": true, "prefix": "9"'),
    ),
    says: 'Anybody who calls may dial out through trunk "office", at your cost: no password is asked for',
    good: scheme(
      `"steps": [${say}], "menu": { "7": { "password": "4711", "steps": [${say}], "rules": { "disa": { "steps": [${mail}] } } } }`,
      trunk('"pstn": true, "prefix": "9"'),
    ),
  },
  {
    name: 'DISA on a trunk by a mask, if its length lets telephone numbers in',
    code: 'open-disa',
    bad: scheme(
      `"steps": [${say}], "rules": { "disa": ▶{ "length": { "min": 3, "max": 11 }, "steps": [${mail}] } }`,
      trunk('"pstn": true, "masks": [{ "match": "8(\\\\d{10})|1(\\\\d\\\\d)", "to": "$1$2" }]'),
    ),
    says: 'Anybody who calls may dial out through trunk "office", at your cost: no password is asked for',
    good: scheme(
      `"steps": [${say}], "rules": { "disa": { "length": { "min": 3, "max": 10 }, "steps": [${mail}] } }`,
      trunk('"pstn": true, "masks": [{ "match": "8(\\\\d{10})|1(\\\\d\\\\d)", "to": "$1$2" }]'),
    ),
  },
  {
    name: 'a step that sends callers to a premium-rate number',
    code: 'paid-number',
    bad: scheme(`"steps": [{ "forward": ▶{ "phone": "78091234567" } }]`, trunk('"pstn": true')),
    says: 'Calls are sent to 78091234567, a premium-rate number: you pay for each minute of whoever calls',
    good: scheme(
      `"steps": [{ "forward": { "phone": "78091234567" } }]`,
      `${trunk('"pstn": true')} "security": { "outgoing": ["7495*"] },`,
    ),
  },
  {
    name: 'a premium-rate number of another country behind a trunk that is named, whatever directions are allowed',
    code: 'paid-number',
    bad: scheme(
      `"steps": [{ "forward": ▶{ "trunk": "office", "number": "810499001234567" } }]`,
      `${trunk('"pstn": true')} "security": { "outgoing": "country" },`,
    ),
    says: 'Calls are sent to 499001234567, a premium-rate number',
    good: scheme(
      `"steps": [{ "forward": { "trunk": "office", "number": "81049301234567" } }]`,
      `${trunk('"pstn": true')} "security": { "outgoing": "country" },`,
    ),
  },
  {
    name: 'a contact of an employee with a premium-rate number',
    code: 'paid-number',
    bad: `"numbers": [{ "number": "74951234567", "scheme": "main" }], ${trunk('"pstn": true')}
      "employees": [${person('ivanov', ', "extension": "451", "contacts": [▶{ "phone": "78091234567" }]')}],
      "schemes": [{ "id": "main", "steps": [{ "forward": { "employee": "ivanov" } }] }]`,
    says: 'Calls are sent to 78091234567, a premium-rate number',
    good: `"numbers": [{ "number": "74951234567", "scheme": "main" }], ${trunk('"pstn": true')}
      "employees": [${person('ivanov', ', "extension": "451", "contacts": [{ "phone": "79161234567" }]')}],
      "schemes": [{ "id": "main", "steps": [{ "forward": { "employee": "ivanov" } }] }]`,
  },
  {
    name: 'a trunk that nothing uses',
    code: 'unused-trunk',
    bad: '"trunks": [{ "id": ▶"office", "host": "192.0.2.10" }]',
    says: 'No number and no rule uses trunk "office"',
    good: '"trunks": [{ "id": "office", "host": "192.0.2.10", "prefix": "88" }]',
  },
  {
    name: 'an audio that nothing plays',
    code: 'unused-audio',
    bad: '"audio": [{ "id": ▶"welcome", "file": "audio/welcome.wav" }]',
    says: 'Nothing plays audio "welcome"',
    good: scheme('"steps": [{ "play": "welcome" }]', '"audio": [{ "id": "welcome", "file": "audio/welcome.wav" }],'),
  },
  {
    name: 'a group that nothing leads to',
    code: 'unused-group',
    bad: `${people} "groups": [{ "id": ▶"sales", "members": [{ "employee": "ivanov" }] }]`,
    says: 'No call comes to group "sales": nothing forwards to it, and it has no extension',
    good: scheme(
      '"steps": [{ "forward": { "group": "sales" } }]',
      `${people} "groups": [{ "id": "sales", "members": [{ "employee": "ivanov" }] }],`,
    ),
  },
  {
    name: 'region rules that no step forwards by',
    code: 'unused-region-rules',
    bad: `${people} "regionRules": [{ "id": ▶"home", "rules": [{ "prefixes": ["7"], "to": { "employee": "ivanov" } }] }]`,
    says: 'No step forwards by region rules "home"',
    good: `${people} "regionRules": [{ "id": "home", "rules": [{ "name": "Russia", "prefixes": ["7"], "to": { "employee": "ivanov" } }] }],
      "numbers": [{ "number": "74951234567" }], "callerIdRules": [{ "callerId": "74951234567", "type": "region", "match": "Russia" }]`,
  },
  {
    name: 'a scheme that no call comes to',
    code: 'unused-scheme',
    bad: `"schemes": [{ "id": ▶"main", "steps": [${mail}] }]`,
    says: 'No call comes to scheme "main": no number has it, and it has no extension',
    good: `"schemes": [{ "id": "main", "extension": "11", "steps": [${mail}] }]`,
  },
  {
    name: 'a number with a source and nothing to happen',
    code: 'number-without-scheme',
    bad: '"numbers": [{ "number": ▶"74951234567", "source": { "passive": "line1@acme.example" } }]',
    says: 'Calls to 74951234567 are refused with 404: it has a "source" but no "scheme"',
    good: '"numbers": [{ "number": "74951234567" }]',
  },
  {
    name: "a trunk's number that the list does not have",
    code: 'number-without-scheme',
    bad: '"trunks": [{ "id": "office", "host": "192.0.2.10", "numbers": [{ "number": ▶"74951234567" }] }]',
    says: 'Calls to 74951234567 through trunk "office" are refused with 404: "numbers" does not list it',
    good: '"trunks": [{ "id": "office", "host": "192.0.2.10", "numbers": [{ "number": "74951234567", "incoming": false }] }]',
  },
  {
    name: 'speech without a recogniser',
    code: 'inactive-speech',
    bad: scheme(`"steps": [${mail}], "speech": ▶{ "digits": true }`),
    says: 'Speech is not recognised: no recogniser is configured, and only digits that are pressed count',
    good: scheme(`"steps": [${mail}], "speech": { "digits": false }`),
  },
  {
    name: 'conversations that are to be encrypted',
    code: 'not-encrypted',
    bad: '"security": { "srtp": ▶true }',
    says: 'The keys of SRTP stand in SIP messages: whoever can read those can decrypt the audio',
    good: '"security": { "srtp": false }',
  },
  {
    name: 'TLS for all phones',
    code: 'not-encrypted',
    bad: '"security": { "tls": ▶true }',
    says: 'TLS is not required of phones: those that come by UDP or TCP are served too',
    good: '"security": { "tls": false }',
  },
  {
    name: 'audio that is to pass the server, which has to hear commands',
    code: 'media-never-released',
    bad: '"pbx": { "id": "acme", "domains": ["acme.example"], "releaseMedia": ▶true }',
    says: 'The audio of phones stays on the server: keys that are commands during a conversation would not be heard',
    good: '"pbx": { "id": "acme", "domains": ["acme.example"], "releaseMedia": true }, "security": { "ignoreDtmf": true }',
  },
  {
    name: 'audio that is to pass the server, which has to record it',
    code: 'media-never-released',
    bad: '"pbx": { "id": "acme", "domains": ["acme.example"], "releaseMedia": ▶true }, "security": { "ignoreDtmf": true }, "recording": { "mode": "all" }',
    says: 'The audio of phones stays on the server: conversations between employees are recorded',
    good: '"pbx": { "id": "acme", "domains": ["acme.example"], "releaseMedia": true }, "security": { "ignoreDtmf": true }, "recording": { "mode": "all", "directions": ["in"] }',
  },
  {
    name: 'letters of an assistant without a mail server',
    code: 'no-mail-settings',
    bad: `"employees": [{ "id": "a", "assistant": [{ "then": { "hangup": true }, "notify": { "email": ▶"a@acme.example" } }] }]`,
    says: 'The assistant of "a" sends a letter, and the PBX has no "mail" settings',
    good: `"employees": [{ "id": "a", "assistant": [{ "then": { "hangup": true }, "notify": { "email": "a@acme.example" } }] }], "mail": { "smtp": "smtp://127.0.0.1", "from": "a@acme.example" }`,
  },
  {
    name: 'an SMS of an assistant without a gateway',
    code: 'no-sms-settings',
    bad: `"employees": [{ "id": "a", "assistant": [{ "then": { "hangup": true }, "notify": { "sms": ▶"79161234567" } }] }]`,
    says: 'The assistant of "a" sends an SMS, and the PBX has no "sms" settings',
    good: `"employees": [{ "id": "a", "assistant": [{ "then": { "hangup": true }, "notify": { "sms": "79161234567" } }] }], ${gateway}`,
  },
  {
    name: 'answers to lost callers without a gateway',
    code: 'no-sms-settings',
    bad: scheme(`"steps": [${mail}], "missed": { "sms": ▶true }`),
    says: 'Scheme "main" answers lost callers by SMS, and the PBX has no "sms" settings: nothing is sent',
    good: `${scheme(`"steps": [${mail}], "missed": { "sms": true }`)}, ${gateway}`,
  },
  {
    name: 'a contact in our domain that no account has',
    code: 'unknown-account',
    bad: `"employees": [{ "id": "a", "contacts": [{ "sip": "ivanov@acme.example" }, { "sip": ▶"ivan@ACME.example" }], "accounts": [${account('ivanov')}] }]`,
    says: 'No account of this PBX is "ivan@ACME.example", so it can never be registered',
    good: `"employees": [{ "id": "a", "contacts": [{ "sip": "ivanov@ACME.example" }, { "sip": "ivan@elsewhere.example" }], "accounts": [${account('ivanov')}] }]`,
  },
];

function keysOf(keys: string): string {
  return [...keys].map((key) => `"${key}": { "steps": [${mail}] }`).join(', ');
}

function shadowedCases(): readonly Case[] {
  const forwarding = (...froms: string[]) =>
    `"forwarding": [${froms.map((from) => `{ ${from}, "to": { "phone": "74951234567" } }`).join(', ')}]`;
  const screening = (...numbers: string[]) =>
    `"screening": { "mode": "blacklist", "entries": [${numbers.map((number) => `{ ${number} }`).join(', ')}] }`;
  const masks = (...all: string[]) =>
    `"trunks": [{ "id": "office", "host": "192.0.2.10", "masks": [${all.join(', ')}] }]`;
  const callerIds = (...all: string[]) =>
    `"numbers": [{ "number": "74951234567" }], "callerIdRules": [${all.map((one) => `{ "callerId": "74951234567", ${one} }`).join(', ')}]`;
  const regions = (...all: string[]) =>
    `${people} ${scheme('"steps": [{ "forwardByRegion": "home" }]')}, "regionRules": [{ "id": "home", "rules": [${all.map((prefixes) => `{ "prefixes": ${prefixes}, "to": { "employee": "ivanov" } }`).join(', ')}] }]`;
  const code = 'shadowed-rule';
  return [
    {
      name: 'a forwarding rule for callers of a wider one',
      code,
      bad: forwarding('"from": "7495*"', '"from": ▶"7495123####"'),
      says: 'This rule never acts: rule 1 ("7495*") takes every caller of "7495123####"',
      good: forwarding('"from": "7495123####"', '"from": "7495*"'),
    },
    {
      name: 'a range that two others make up, while a mask of trunks takes callers of trunks alone',
      code,
      bad: forwarding(
        '"from": "74951230000-74951234999"',
        '"from": "74951235000 - 74951239999"',
        '"from": ▶"74951234000-74951236000"',
      ),
      says: 'This rule never acts: rule 1 ("74951230000-74951234999") and rule 2 ("74951235000-74951239999") together take every caller',
      good: forwarding(
        '"from": "74951230000-74951234999"',
        '"type": "trunk", "from": "74951235000 - 74951239999"',
        '"from": "74951234000-74951236000"',
      ),
    },
    {
      name: 'a rule of trunks after one of everybody',
      code,
      bad: forwarding('"from": "7*"', '"type": "trunk", "from": ▶"7495*"'),
      says: 'This rule never acts: rule 1 ("7*") takes every caller of "7495*"',
      good: forwarding('"enabled": false, "from": "7*"', '"type": "trunk", "from": "7495*"', '"from": "7495*"'),
    },
    {
      name: 'an address of a domain that is forwarded whole',
      code,
      bad: forwarding('"from": "*@company.ru"', '"from": ▶"Ivanov@company.ru"'),
      says: 'This rule never acts: rule 1 ("*@company.ru") takes every caller of "ivanov@company.ru"',
      good: forwarding('"from": "#*"', '"from": "Ivanov@company.ru"', '"from": "*@company.ru"'),
    },
    {
      name: 'an entry of the blacklist twice',
      code,
      bad: screening('"number": "79990000000"', '"number": ▶"79990000000"'),
      says: 'This entry changes nothing: entry 1 ("79990000000") takes every caller of "79990000000"',
      good: screening('"number": "79990000000"', '"number": "79990000001"'),
    },
    {
      name: 'a mask of a trunk that those before it leave nothing',
      code,
      bad: masks(
        '{ "match": "([1-4]\\\\d\\\\d)", "to": "$1" }',
        '{ "match": "([5-9]\\\\d+)", "to": "$1" }',
        '{ "match": ▶"([3-7]\\\\d\\\\d)", "to": "0$1" }',
      ),
      says: 'This mask of trunk "office" is never used: mask 1 ("([1-4]\\d\\d)") and mask 2 ("([5-9]\\d+)") together take every number of it',
      good: masks(
        '{ "match": "([1-4]\\\\d\\\\d)", "to": "$1" }',
        '{ "match": "([6-9]\\\\d+)", "to": "$1" }',
        '{ "match": "([3-7]\\\\d\\\\d)", "to": "0$1" }',
      ),
    },
    {
      name: 'a mask of a trunk after one that makes a number of all',
      code,
      bad: masks('{ "match": "9(\\\\d+)", "to": "$1" }', '{ "match": ▶"91", "to": "1" }'),
      says: 'This mask of trunk "office" is never used: mask 1 ("9(\\d+)") takes every number of it',
      // Of 9 alone the first makes nothing, and then the second is asked.
      good: masks('{ "match": "9(\\\\d*)", "to": "$1" }', '{ "match": "9", "to": "1" }'),
    },
    {
      name: 'a caller-id mask after a prefix that takes it all',
      code,
      bad: callerIds('"match": ▶"7495\\\\d{7}"', '"type": "prefix", "match": "749"'),
      says: 'This rule never acts: rule 2 ("749") takes every number of "7495\\d{7}"',
      good: callerIds(
        '"match": "749\\\\d{7}"',
        '"type": "prefix", "match": "7495"',
        '"type": "prefix", "match": "74956"',
      ),
    },
    {
      name: 'a prefix in two regions',
      code,
      bad: regions('["7495", "7499"]', '["7812", ▶"7499"]'),
      says: 'Prefix "7499" never counts here: rule 1 has it already',
      good: regions('["7495", "7499"]', '["7812", "74991"]'),
    },
  ];
}

const read = (text: string) => load({ 'acme/main.json': text, 'acme/audio/welcome.wav': wav() }, now);

/** Where `▶` stands in the document, counted as editors do. */
function place(text: string) {
  const before = text.slice(0, text.indexOf('▶')).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

describe('the checker', () => {
  describe.each(cases)('of $name', ({ code, bad, says, good }) => {
    it(`says ${code}, and where`, async () => {
      const text = document(bad);
      const { issues } = await read(text.replace('▶', ''));
      const found = issues.filter((issue) => issue.code === code);
      expect(found, JSON.stringify(issues, null, 1)).toHaveLength(1);
      const [issue] = found;
      expect(issue).toMatchObject({ severity: issueCodes[code].severity, file: 'acme/main.json', ...place(text) });
      expect(issue?.message.slice(0, says.length)).toBe(says);
      expect(issue?.path).not.toBe('');
      if (code !== 'inactive-speech') expect(issue?.hint).toMatch(/\.$/);
    });

    it('says nothing where it is right', async () => {
      const { issues } = await read(document(good));
      expect(issues).toEqual([]);
    });
  });

  it('is tested for every warning that there is', () => {
    const warnings = Object.entries(issueCodes).flatMap(([code, { severity }]) =>
      severity === 'warning' ? [code] : [],
    );
    expect([...new Set(cases.map(({ code }) => code))].sort()).toEqual(warnings.sort());
  });

  it('names the codes that its rules say they have', () => {
    const named = new Set(rules.flatMap(({ codes }) => codes));
    for (const code of named) expect(issueCodes).toHaveProperty(code);
    for (const { code } of cases) expect(named).toContain(code);
  });
});

describe('a trunk is used', () => {
  it.each([
    '"pstn": true',
    '"prefix": "88"',
    '"masks": [{ "match": "(\\\\d{3})", "to": "$1" }]',
    '"numbers": [{ "number": "74951234567", "incoming": false }]',
    '"toPstn": {}',
  ])('with %s', async (keys) => {
    const { issues } = await load(
      { 'acme.json': acme(`"trunks": [{ "id": "office", "host": "192.0.2.10", ${keys} }]`) },
      now,
    );
    expect(issues).toEqual([]);
  });

  const region =
    '"regionRules": [{ "id": "r", "rules": [{ "prefixes": ["7"], "to": { "trunk": "office", "number": "1" } }] }]';
  it.each([
    '"numbers": [{ "number": "74951234567", "scheme": "main", "source": { "trunk": "office" } }], "schemes": [{ "id": "main", "steps": [{ "voicemail": {} }] }]',
    '"employees": [{ "id": "a", "contacts": [{ "trunk": "office", "number": "1" }] }]',
    scheme('"steps": [{ "forward": { "trunk": "office", "number": "1" } }]'),
    '"forwarding": [{ "from": "7*", "to": { "trunk": "office", "number": "1" } }]',
    scheme('"steps": [{ "forwardByRegion": "r" }]', `${region},`),
    '"employees": [{ "id": "a", "assistant": [{ "then": { "trunk": "office", "number": "1" } }] }]',
  ])('when it is named in %s', async (keys) => {
    const { issues } = await load(
      { 'acme.json': acme(`"trunks": [{ "id": "office", "host": "192.0.2.10" }], ${keys}`) },
      now,
    );
    expect(issues).toEqual([]);
  });

  it('as a backup', async () => {
    const trunks =
      '"trunks": [{ "id": "a", "host": "192.0.2.1", "pstn": true, "backup": ["b"] }, { "id": "b", "host": "192.0.2.2" }]';
    expect((await load({ 'acme.json': acme(trunks) }, now)).issues).toEqual([]);
  });
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
