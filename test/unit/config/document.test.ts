import { describe, expect, it } from 'vitest';
import type { PbxDocument } from '../../../src/config/document.ts';
import { acme, load } from './folder.ts';

async function document(keys: string): Promise<PbxDocument> {
  const { versions, issues } = await load({ 'acme.json': acme(keys) });
  expect(issues.filter(({ severity }) => severity === 'error')).toEqual([]);
  const [version] = versions;
  if (!version) throw new Error('nothing was loaded');
  return version.document;
}

describe('defaults', () => {
  it('fills in everything that the page gives a default for', async () => {
    expect(await document('')).toEqual({
      pbx: {
        id: 'acme',
        name: 'acme',
        domains: ['acme.example'],
        timezone: 'Europe/Moscow',
        country: 'RU',
        language: 'ru',
        calendar: { holidays: [], workdays: [], preholidays: [] },
        extensionDialing: { enabled: false, min: 2, max: 4 },
        passwordPrompt: 'builtin:enter-password',
        transferMusic: 'builtin:music',
        showOnIncoming: 'auto',
        showOnConsultTransfer: 'caller',
        announceCallerNumber: false,
        releaseMedia: false,
        maxCalls: 0,
      },
      defaults: {
        // biome-ignore lint/suspicious/noThenProperty: the format names it so
        employee: { ringTime: 25, unavailableMessage: 'builtin:not-answering', then: { voicemail: true } },
        group: {
          ringMusic: null,
          excludeNoAnswer: 0,
          queue: true,
          enqueueMessage: 'builtin:all-operators-busy',
          holdMusic: 'builtin:music',
          maxWait: 600,
          maxLength: 0,
          overflowMessage: null,
        },
        menu: { inputTimeout: 10, interDigitTimeout: 3, maxInvalid: 3, maxWrongPassword: 3 },
      },
      numbers: [],
      schemes: [],
      employees: [],
      groups: [],
      trunks: [],
      rooms: [],
      forwarding: [],
      screening: { mode: 'off', acceptHidden: true, entries: [] },
      regionRules: [],
      callerIdRules: [],
      audio: [],
      voicemail: {
        maxDuration: 180,
        email: '',
        copyToDefault: false,
        warning: 'builtin:leave-message',
        delivery: 'attach',
      },
      fax: { inCall: true, autoDetect: true, copyToEmployee: false, email: '', delivery: 'attach' },
      recording: {
        mode: 'off',
        directions: ['in', 'out', 'internal'],
        except: [],
        rules: [],
        manual: true,
        stereo: true,
        minDuration: 4,
        quality: 'good',
        retentionDays: 0,
        maxBytes: 0,
        email: '',
      },
      callback: {
        group: { attempts: 7, interval: 900, ringTime: 30 },
        menu: { attempts: 7, interval: 900, ringTime: 30 },
      },
      security: {
        ipAccess: { mode: 'any', list: [], countries: [] },
        outgoing: 'all',
        limits: {
          concurrent: 0,
          callsPerMinute: 0,
          minutesPerDay: 0,
          employee: { concurrent: 20, callsPerMinute: 120, minutesPerDay: 480 },
        },
        transferToExternal: true,
        ignoreDtmf: false,
        pickup: { group: true, employee: true, blf: true },
        tls: false,
        srtp: false,
      },
      conference: { maxParticipants: 8, maxTotal: 30 },
    });
  });

  it('fills in an employee', async () => {
    const { employees } = await document('"employees": [{ "id": "ivanov" }]');
    expect(employees[0]).toEqual({
      id: 'ivanov',
      name: 'ivanov',
      email: '',
      mobile: '',
      position: '',
      department: '',
      timezone: '',
      role: 'employee',
      robot: false,
      ring: 'main',
      contacts: [],
      accounts: [],
      outgoing: { callerId: null, autoCallerId: false, directions: 'default' },
      assistant: [],
      respectStatus: true,
      supervises: [],
    });
  });

  it('fills in a trunk', async () => {
    const { trunks } = await document('"trunks": [{ "id": "office", "host": "192.0.2.10" }]');
    expect(trunks[0]).toEqual({
      id: 'office',
      name: 'office',
      kind: 'external',
      pstn: false,
      host: '192.0.2.10',
      ports: '5060',
      transport: 'udp',
      lines: 5,
      register: false,
      expires: 300,
      dtmfCommands: true,
      dtmfMode: 'rfc2833',
      codecs: ['pcma', 'pcmu', 'opus', 'g722'],
      options: true,
      numbers: [],
      masks: [],
      backup: [],
    });
  });

  it('rings an employee without contacts on his accounts, and with none on nothing', async () => {
    const accounts = '"accounts": [{ "user": "ivanov", "domain": "acme.example", "password": "Abcdefg1" }]';
    const { employees } = await document(`"employees": [{ "id": "a", ${accounts} }, { "id": "b", "contacts": [] }]`);
    expect(employees[0]?.contacts).toEqual([{ sip: 'ivanov@acme.example', when: 'always', active: true }]);
    expect(employees[1]?.contacts).toEqual([]);
  });

  it('completes what a group leaves out from defaults.group', async () => {
    const { groups } = await document(`
      "defaults": { "group": { "ringMusic": "builtin:music", "maxLength": 7, "holdMusic": null } },
      "groups": [
        { "id": "sales" },
        { "id": "support", "ringMusic": null, "hold": { "maxWait": 20, "enqueueMessage": "", "overflowMessage": "builtin:goodbye" } }
      ]`);
    const common = { queue: true, maxLength: 7, enqueueMessage: 'builtin:all-operators-busy', music: null };
    expect(groups[0]).toMatchObject({
      ringMusic: 'builtin:music',
      hold: { ...common, maxWait: 600, overflowMessage: null },
    });
    expect(groups[1]).toMatchObject({
      ringMusic: null,
      hold: { ...common, maxWait: 20, overflowMessage: 'builtin:goodbye' },
    });
  });
});

describe('schemes', () => {
  it('takes a single branch without "branches", wherever branches are expected', async () => {
    const { schemes } = await document(`"schemes": [{
      "id": "main",
      "steps": [{ "play": "builtin:greeting" }],
      "menu": { "1": { "password": "1234", "steps": [{ "hangup": true }] } },
      "rules": { "disa": { "length": 3, "steps": [] }, "noInput": { "after": 5, "end": "mainMenu" }, "fax": {} }
    }]`);
    const always = { when: 'always', steps: [], menu: {}, rules: {}, end: 'hangup' };
    expect(schemes[0]).toMatchObject({
      id: 'main',
      missed: { sms: false },
      speech: { digits: false, names: false, topics: false },
    });
    expect(schemes[0]?.branches).toEqual([
      {
        ...always,
        steps: [{ play: 'builtin:greeting', wait: false, repeat: 'always' }],
        menu: { '1': { password: '1234', keywords: [], branches: [{ ...always, steps: [{ hangup: true }] }] } },
        rules: {
          disa: { length: { min: 3, max: 3 }, branches: [always] },
          noInput: { after: 5, branches: [{ ...always, end: 'mainMenu' }] },
          fax: { to: [] },
        },
      },
    ]);
  });

  it('gives the fourth menu level an empty menu and no rules', async () => {
    const { schemes } = await document(
      '"schemes": [{ "id": "main", "menu": { "1": { "menu": { "2": { "menu": { "3": { "menu": { "4": { "steps": [] } } } } } } } } }]',
    );
    const last =
      schemes[0]?.branches[0]?.menu['1']?.branches[0]?.menu['2']?.branches[0]?.menu['3']?.branches[0]?.menu['4'];
    expect(last?.branches).toEqual([{ when: 'always', steps: [], menu: {}, rules: {}, end: 'hangup' }]);
  });

  it('allows two levels of rules, and rules in menu items of rules', async () => {
    await document(
      '"schemes": [{ "id": "main", "rules": { "noInput": { "rules": { "anyOtherInput": { "end": "mainMenu" } }, "menu": { "1": { "rules": { "noInput": { "end": "mainMenu" } } } } } } }]',
    );
  });

  it('reads one condition as a list of one', async () => {
    const { schemes } = await document(
      '"schemes": [{ "id": "main", "branches": [{ "when": { "days": ["mon"] } }, { "when": [{ "time": ["22:00-05:59"] }, { "dates": ["2026-12-31"] }] }, { "when": "otherwise" }] }]',
    );
    expect(schemes[0]?.branches.map(({ when }) => when)).toEqual([
      [{ days: ['mon'] }],
      [{ time: ['22:00-05:59'] }, { dates: ['2026-12-31'] }],
      'otherwise',
    ]);
  });

  it('takes every kind of target', async () => {
    const targets = [
      { group: 'sales' },
      { employee: 'ivanov', contact: '79250000000' },
      { phone: '74951234567' },
      { sip: 'user@host.example', port: 0, transport: 'tcp' },
      { trunk: 'office', number: '123' },
      { scheme: 'night' },
      { room: 'board' },
      { extension: '451' },
    ];
    const { schemes } = await document(`
      "employees": [{ "id": "ivanov", "extension": "451", "contacts": [{ "phone": "79250000000" }] }],
      "groups": [{ "id": "sales", "members": [{ "employee": "ivanov" }] }],
      "trunks": [{ "id": "office", "host": "192.0.2.10" }],
      "rooms": [{ "id": "board" }],
      "schemes": [{ "id": "night", "extension": "885", "steps": [] }, { "id": "main", "steps": ${JSON.stringify(targets.map((forward) => ({ forward })))} }]`);
    expect(schemes[1]?.branches[0]?.steps).toEqual(targets.map((forward) => ({ forward })));
  });
});
