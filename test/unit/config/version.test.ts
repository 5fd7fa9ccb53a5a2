import { describe, expect, it } from 'vitest';
import type { PbxVersion } from '../../../src/config/version.ts';
import { acme, load } from './folder.ts';

async function version(keys: string): Promise<PbxVersion> {
  const { versions, errors } = await load({ 'acme.json': acme(keys) });
  expect(errors).toEqual([]);
  const [only] = versions;
  if (!only) throw new Error('nothing was loaded');
  return only;
}

const keys = `
  "employees": [
    { "id": "ivanov", "extension": "451", "accounts": [
      { "user": "ivanov", "domain": "acme.example", "password": "Abcdefg1", "forwardTo": "petrov" },
      { "user": "0001", "domain": "ACME.example", "password": "Abcdefg1" }
    ] },
    { "id": "petrov", "accounts": [{ "user": "petrov", "domain": "acme.example", "password": "Abcdefg1" }] }
  ],
  "groups": [{ "id": "sales", "extension": "505" }],
  "rooms": [{ "id": "board", "extension": "1000" }],
  "trunks": [{ "id": "office", "host": "192.0.2.1", "numbers": [{ "number": "74950000001" }, { "number": "74950000002" }] }, { "id": "other", "host": "192.0.2.2" }],
  "numbers": [{ "number": "74950000001", "scheme": "main" }, { "number": "74950000003", "source": { "trunk": "other" } }],
  "schemes": [{ "id": "main", "extension": "885", "steps": [] }]`;

describe('a PBX version', () => {
  it('finds things by id and by extension', async () => {
    const pbx = await version(keys.replace('ACME', 'acme'));
    expect(pbx.employee('ivanov')?.extension).toBe('451');
    expect(pbx.employee('nobody')).toBeUndefined();
    expect(pbx.group('sales')).toBe(pbx.document.groups[0]);
    expect(pbx.scheme('main')).toBe(pbx.document.schemes[0]);
    expect(pbx.trunk('other')).toBe(pbx.document.trunks[1]);
    expect(pbx.room('board')).toBe(pbx.document.rooms[0]);
    expect(pbx.extension('451')).toEqual({ kind: 'employee', employee: pbx.employee('ivanov') });
    expect(pbx.extension('505')).toEqual({ kind: 'group', group: pbx.group('sales') });
    expect(pbx.extension('885')).toEqual({ kind: 'scheme', scheme: pbx.scheme('main') });
    expect(pbx.extension('1000')).toEqual({ kind: 'room', room: pbx.room('board') });
    expect(pbx.extension('1')).toBeUndefined();
    expect([...pbx.extensions()].sort()).toEqual(['1000', '451', '505', '885']);
  });

  it('finds accounts by address, the domain in any case, and follows their forward once', async () => {
    const pbx = await version(keys.replace('ACME', 'acme'));
    const found = pbx.account('ivanov', 'Acme.Example');
    expect(found?.employee.id).toBe('ivanov');
    expect(pbx.account('Ivanov', 'acme.example')).toBeUndefined();
    expect(found && pbx.forwardedAccount(found.account).user).toBe('petrov');
    const other = pbx.account('0001', 'acme.example');
    expect(other && pbx.forwardedAccount(other.account)).toBe(other?.account);
  });

  it('finds lines, with the trunk that brings them', async () => {
    const pbx = await version(keys.replace('ACME', 'acme'));
    expect(pbx.line('74950000001')).toMatchObject({ entry: { scheme: 'main' }, trunk: { id: 'office' } });
    expect(pbx.line('74950000002')).toMatchObject({ entry: undefined, trunk: { id: 'office' } });
    expect(pbx.line('74950000003')).toMatchObject({ entry: { number: '74950000003' }, trunk: { id: 'other' } });
    expect(pbx.line('74950000004')).toBeUndefined();
    expect([...pbx.lines()]).toHaveLength(3);
  });

  it('is named by what its files say, wherever they are', async () => {
    const first = await version('"rooms": []');
    expect(first.version).toMatch(/^[0-9a-f]{12}$/);
    expect((await version('"rooms": []')).version).toBe(first.version);
    expect((await version('"rooms": [{ "id": "board" }]')).version).not.toBe(first.version);
  });
});
