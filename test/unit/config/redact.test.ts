import { describe, expect, it } from 'vitest';
import { fileSchema } from '../../../src/config/json-schema.ts';
import { redacted } from '../../../src/config/redact.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

const { document } = pbxOf({
  employees: [
    employee('ivanov', '101', { voicemailPin: '9021' }),
    { id: 'petrov', extension: '102', accounts: [{ user: 'petrov', domain: 'acme.example', ha1: 'a'.repeat(32) }] },
  ],
  numbers: [
    { number: '74951234567', scheme: 'main' },
    {
      number: '74957654321',
      source: { active: { server: 'sip.operator.example', user: 'acme', password: 'LineHush1' } },
    },
  ],
  schemes: [
    {
      id: 'main',
      branches: [{ menu: { 1: { password: '112233', branches: [{ steps: [{ hangup: true }] }] } } }],
    },
  ],
  trunks: [{ id: 'operator', host: '192.0.2.1', auth: { user: 'acme', password: 'TrunkHush1' } }],
  rooms: [
    { id: 'open', pin: '' },
    { id: 'board', pin: '4711' },
  ],
  mail: { smtp: 'smtp://robot:MailHush1@mail.acme.example:587', from: 'pbx@acme.example' },
  events: { url: 'https://crm.example/hook?token=EventHush1', key: 'KeyHush1', salt: 'SaltHush1' },
});

describe('redacted', () => {
  const shown = redacted(document);
  const text = JSON.stringify(shown);

  it('shows no secret', () => {
    for (const secret of ['Secret123', 'aaaaaaaa', '4711', '9021', '112233', 'Hush1'])
      expect(text).not.toContain(secret);
    expect(JSON.stringify(document)).toContain('Secret123');
  });

  it('keeps everything else, and tells where a secret is and where none is', () => {
    expect(shown).toMatchObject({
      trunks: [{ id: 'operator', host: '192.0.2.1', auth: { user: 'acme', password: '[secret]' } }],
      rooms: [{ pin: '' }, { pin: '[secret]' }],
      events: { url: 'https://crm.example/hook?***', key: '[secret]', salt: '[secret]' },
      mail: { smtp: 'smtp://***@mail.acme.example:587' },
    });
    expect(Object.keys(shown)).toEqual(Object.keys(document));
  });

  it('knows every key of the format whose name smells of a secret', () => {
    const harmless = ['passwordPrompt', 'wrongPassword', 'maxWrongPassword', 'passive', 'keywords', 'pinFor', 'auth'];
    const known = ['password', 'ha1', 'pin', 'voicemailPin', 'key', 'salt', 'url', 'smtp'];
    const suspicious = [...keysOf(fileSchema())].filter((key) =>
      /pass|pin\b|pin[A-Z]|secret|token|key|salt|ha1|auth|credential|url|smtp/i.test(key),
    );
    expect(suspicious.toSorted()).toEqual([...harmless, ...known].toSorted());
  });
});

/** Names of properties anywhere in a JSON Schema. */
function keysOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const item of schema) keysOf(item, found);
  else if (typeof schema === 'object' && schema !== null) {
    if ('properties' in schema) for (const key of Object.keys(schema.properties ?? {})) found.add(key);
    for (const value of Object.values(schema)) keysOf(value, found);
  }
  return found;
}
