import { expect, it } from 'vitest';
import { load, wav } from './folder.ts';

/** Every key that the specification's page names, in a document that is right. */
const page = `{
  "$schema": "../schema.json",
  "pbx": {
    "id": "acme", "name": "Acme", "domains": ["acme.example", "acme.test"],  // comments are allowed
    "timezone": "Europe/Moscow", "country": "RU", "language": "en",
    "calendar": { "holidays": ["2026-12-30"], "workdays": ["2026-11-07"], "preholidays": ["2026-12-29"] },
    "extensionDialing": { "enabled": true, "min": 3, "max": 4 },
    "passwordPrompt": "welcome", "transferMusic": "builtin:music",
    "showOnIncoming": "line", "showOnConsultTransfer": "consulter", "announceCallerNumber": true, "maxCalls": 100
  },
  "defaults": {
    "employee": { "ringTime": 120, "unavailableMessage": null, "then": { "extension": "505" } },
    "group": { "ringMusic": null, "excludeNoAnswer": 5, "queue": true, "enqueueMessage": "welcome", "holdMusic": "welcome", "maxWait": 600,
               "maxLength": 0, "overflowMessage": null },
    "menu": { "inputTimeout": 10, "interDigitTimeout": 3, "maxInvalid": 3, "maxWrongPassword": 3 }
  },
  "numbers": [
    { "number": "74951234567", "comment": "main line", "scheme": "main", "source": { "trunk": "operator" }, "warning": { "audio": "welcome", "to": "both" } },
    { "number": "74951234568", "scheme": "main", "source": { "passive": "line@acme.example" } },
    { "number": "74951234569", "scheme": "main", "source": { "active": { "server": "sip.operator.example:5060", "user": "acme", "password": "x", "domain": "operator.example", "transport": "tcp", "expires": 120 } } },
    { "number": "74957654321", "scheme": "main" }
  ],
  "schemes": [
    {
      "id": "main", "name": "Main line", "extension": "8885", "description": "for everybody",
      "missed": { "callback": { "group": "sales", "callerId": "74951234567" }, "sms": true },
      "speech": { "digits": false, "names": false, "topics": false },
      "branches": [
        {
          "when": [
            { "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "workdays", "weekend", "holidays", "preholidays"], "time": ["09:00-18:59", "22:00-05:59"] },
            { "dates": ["2026-10-05"], "period": { "from": "2026-10-01T10:00", "to": "2026-10-31T18:00" }, "timezone": "Asia/Vladivostok" }
          ],
          "steps": [
            { "play": "welcome", "wait": true, "repeat": "once" },
            { "forward": { "group": "sales" }, "timeout": 20, "music": "builtin:music" },
            { "forwardByRegion": "by-region" },
            { "voicemail": { "to": ["a@acme.example"], "greeting": "welcome" } }
          ],
          "menu": { "2": { "password": "1234", "keywords": ["sales", "«price list»"], "branches": [{ "steps": [{ "hangup": true }], "end": "hangup" }] }, "*": { "steps": [] }, "#00": { "steps": [] } },
          "rules": {
            "disa": { "length": { "min": 3, "max": 4 }, "prompt": "builtin:enter-extension", "branches": [{ "steps": [], "end": "mainMenu" }] },
            "fax": { "to": ["fax@acme.example"] },
            "noInput": { "after": 5, "steps": [], "rules": { "anyOtherInput": { "steps": [] } } },
            "invalidInput": { "attempts": 3, "steps": [] },
            "wrongPassword": { "attempts": 3, "steps": [] }
          }
        },
        { "when": "otherwise", "steps": [{ "fax": { "to": ["fax@acme.example"] } }] }
      ]
    }
  ],
  "employees": [
    {
      "id": "ivanov", "name": "Иван Иванов", "extension": "4451",
      "email": "", "mobile": "", "position": "", "department": "", "timezone": "", "role": "employee", "robot": false,
      "ring": "simultaneous",
      "contacts": [
        { "sip": "ivanov@acme.example", "wait": 25, "when": { "days": ["workdays"] }, "temporary": "always", "active": true },
        { "phone": "79250000000", "wait": 0 },
        { "trunk": "office", "number": "123" }
      ],
      "accounts": [
        { "user": "ivanov", "domain": "acme.example", "password": "Abcdefg1", "forwardTo": "0001" },
        { "user": "0001", "domain": "acme.example", "ha1": "0123456789abcdef0123456789abcdef" }
      ],
      "outgoing": { "callerId": "74951234567", "autoCallerId": true, "directions": ["7*", "375*"] },
      "assistant": [
        { "when": { "time": ["09:00-17:59"] }, "direction": ["external", "internal"], "after": 10, "message": "welcome", "then": { "hangup": true }, "notify": { "sms": "79250000000", "email": "a@acme.example" } },
        { "when": { "time": ["18:00-23:59"] }, "then": { "voicemail": true } },
        { "when": { "time": ["00:00-08:59"] }, "then": { "employee": "ivanov", "contact": "main" } }
      ],
      "respectStatus": false, "supervises": ["sales"]
    }
  ],
  "groups": [
    {
      "id": "sales", "name": "Sales", "extension": "505", "members": [{ "employee": "ivanov", "priority": 1 }],
      "algorithm": "longestIdleByPriority", "ringContacts": "asConfigured", "ringTime": 25,
      "hold": { "queue": true, "maxWait": 600, "maxLength": 0, "enqueueMessage": "", "music": "", "overflowMessage": "" },
      "ringMusic": "welcome", "announce": { "waitTime": true, "position": true, "every": 60 }, "familiar": true,
      "callback": { "onHangup": true, "onPress1": true, "callerId": "74951234567", "autoCallerId": true }, "wrapUp": 15
    }
  ],
  "trunks": [
    {
      "id": "office", "name": "Kontakt", "kind": "external", "pstn": false, "host": "192.0.2.10", "ports": "5060; 5070-5080",
      "outbound": { "host": "pbx.office.example", "ports": "5060" }, "transport": "tls", "lines": 0,
      "auth": { "user": "acme", "password": "x" }, "register": true, "expires": 300,
      "dtmfCommands": true, "dtmfMode": "inband", "codecs": ["pcma", "pcmu", "opus", "g722"], "options": true, "domain": "office.example",
      "numbers": [{ "number": "74957654321", "incoming": true, "outgoing": true, "comment": "" }],
      "toPstn": { "callerId": "74957654321", "allowFrom": true }, "prefix": "88",
      "masks": [{ "match": "([1-4][0-9][0-9])", "to": "$1" }, { "match": "777(\\\\d*)", "to": "+33$1\\\\77" }], "backup": ["operator"]
    },
    { "id": "operator", "host": "2001:db8::10", "pstn": true },
    { "id": "branch", "kind": "internal", "peer": { "pbx": "branch", "trunk": "head-office" } }
  ],
  "rooms": [{ "id": "board", "name": "Board", "extension": "1000", "seats": 10, "access": "external", "pin": "1234", "pinFor": "external" }],
  "forwarding": [{ "enabled": true, "from": "7495200*", "type": "phone", "to": { "room": "board" }, "comment": "" }, { "from": "ivanov@company.ru", "type": "sip", "to": { "scheme": "main" } }],
  "screening": { "mode": "blacklist", "acceptHidden": false, "entries": [{ "number": "79990000000", "comment": "" }] },
  "regionRules": [{ "id": "by-region", "rules": [{ "name": "Moscow", "prefixes": ["7495", "7499"], "to": { "group": "sales" } }] }],
  "callerIdRules": [
    { "callerId": "74951234567", "type": "prefix", "match": "7495", "comment": "" },
    { "callerId": "74957654321", "type": "mask", "match": "7496\\\\d*" },
    { "callerId": "74951234567", "type": "region", "match": "Moscow" }
  ],
  "audio": [{ "id": "welcome", "file": "audio/welcome.wav", "name": "Welcome" }],
  "voicemail": { "maxDuration": 180, "email": "vm@acme.example", "copyToDefault": true, "warning": null, "delivery": "attachAndDelete" },
  "fax": { "inCall": true, "autoDetect": true, "copyToEmployee": false, "email": "fax@acme.example", "delivery": "notify" },
  "recording": {
    "mode": "rules", "directions": ["in", "out", "internal"], "except": ["ivanov"],
    "rules": [{ "employee": "ivanov", "contact": "79250000000", "direct": true, "directions": ["in"], "email": "" }, { "group": "sales" }, { "phone": "79990000000" }],
    "manual": true, "stereo": true, "minDuration": 4, "quality": "high", "retentionDays": 365, "maxBytes": 1000000, "email": "rec@acme.example"
  },
  "callback": { "group": { "attempts": 7, "interval": 900, "ringTime": 30 }, "menu": { "attempts": 10, "interval": 60, "ringTime": 60 } },
  "sms": { "sender": "COM-PRO", "missedText": "We will call back", "notAgainFor": 1, "dailyLimit": null, "gateway": { "url": "https://sms.example/send" } },
  "mail": { "smtp": "smtp://user:pass@host:587", "from": "pbx@acme.example" },
  "security": {
    "ipAccess": { "mode": "any", "list": ["192.168.1.16-32", "192.168.*", "2001:db8::/32"], "countries": ["RU"] },
    "outgoing": ["7*", "375*"], "transferToExternal": true, "ignoreDtmf": false,
    "pickup": { "group": true, "employee": true, "blf": true }, "tls": false, "srtp": false
  },
  "conference": { "maxParticipants": 8, "maxTotal": 30 },
  "events": { "url": "https://crm.example/", "key": "k", "salt": "s", "types": ["call", "summary", "dtmf", "recording", "record/added"], "exceptNumbers": ["79990000000"] }
}`;

const branch = {
  pbx: { id: 'branch', domains: ['branch.example'] },
  trunks: [{ id: 'head-office', kind: 'internal', peer: { pbx: 'acme', trunk: 'branch' } }],
};

it('takes every key of the format, with nothing to say about it', async () => {
  const { issues, versions } = await load(
    {
      'acme/main.json': page,
      'acme/audio/welcome.wav': wav(),
      'branch.json': branch,
    },
    Date.parse('2026-11-25T12:00:00Z'),
  );
  expect(issues).toEqual([]);
  expect(versions.map(({ id }) => id)).toEqual(['acme', 'branch']);
});
