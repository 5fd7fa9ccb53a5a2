import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/call/decide.ts';
import type { Identity } from '../../../src/sip/identity.ts';
import { FakeIncomingInvite, type FakeInviteOptions } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';
import { accountOf, passive } from '../../support/switchboard.ts';

/** The decisions of 2-call-behaviour §1, each with its reason. */

const line = '74950000001';
const trunk: Identity = { kind: 'trunk', pbx: 'acme', trunk: 'operator' };

const pbx = (more: Record<string, unknown>) =>
  pbxOf({
    trunks: [{ id: 'operator', host: '192.0.2.20' }],
    numbers: [
      { number: line, scheme: 'main', source: { passive: 'line@acme.example' } },
      { number: '74950000002', source: { trunk: 'operator' } },
    ],
    schemes: [{ id: 'main', steps: [{ forward: { employee: 'anna' } }] }],
    employees: [employee('anna', '401'), employee('boris', '402')],
    groups: [{ id: 'sales', extension: '450' }],
    ...more,
  });

const decided = (more: Record<string, unknown>, invite: Partial<FakeInviteOptions> = {}) =>
  decide(pbx(more), new FakeIncomingInvite({ identity: passive(line), from: '79031112233', to: line, ...invite }));

const why = ({ path }: ReturnType<typeof decide>) => path.map(({ state, why }) => `${state}: ${why}`);

describe('without screening and forwarding', () => {
  it('the number’s scheme runs', () => {
    const decision = decided({});
    expect(decision.route).toEqual({ to: 'scheme', scheme: 'main' });
    expect(decision.path).toEqual([
      { state: 'number', event: 'rule', detail: { number: line }, why: 'the number that was called' },
      { state: 'main', event: 'scheme', detail: { scheme: 'main' }, why: `the scheme of ${line}` },
    ]);
  });

  it.each([
    { to: '74959999999', why: ['number: no number of this PBX'] },
    { to: '74950000002', why: ['number: the number has no scheme'] },
  ])('$to: 404', ({ to, why: expected }) => {
    const decision = decided({}, { identity: trunk, to });
    expect(decision.route).toEqual({ to: 'nobody', reason: 'doesNotExist' });
    expect(why(decision).slice(-1)).toEqual(expected);
  });
});

describe('the number that was called', () => {
  const called = (to: string, more: Record<string, unknown> = {}) => decided(more, { identity: trunk, to }).line;
  const own = '74950000002';

  it('is the one of the To header where the Request-URI names none of ours', () => {
    const facts = new FakeIncomingInvite({ identity: trunk, from: '79031112233', to: 'gateway' });
    const decision = decide(
      pbx({}),
      Object.assign(facts, { to: { user: `+${line}`, host: 'acme.example', display: '' } }),
    );
    expect(decision).toMatchObject({ line, route: { to: 'scheme' } });
  });

  it.each(['gateway', ''])("is the trunk's only one where the peer names none: '%s'", (to) => {
    expect(called(to)).toBe(own);
  });

  it.each([
    { what: 'an unknown number was asked for', to: '74959999999' },
    { what: 'an extension was asked for', to: '499' },
    {
      what: 'the trunk has several',
      to: 'gateway',
      more: { trunks: [{ id: 'operator', host: '192.0.2.20', numbers: [{ number: '74950000003' }] }] },
    },
    {
      what: 'it is for outgoing calls',
      to: 'gateway',
      more: { trunks: [{ id: 'operator', host: '192.0.2.20', numbers: [{ number: own, incoming: false }] }] },
    },
  ])('is none where $what', ({ to, more }) => {
    expect(called(to, more)).toBeUndefined();
  });
});

describe('screening (§4.4.5)', () => {
  const entries = [{ number: '79990000000' }, { number: '7495200*' }, { number: 'spam@company.ru' }];
  const blacklist = (acceptHidden = true) => ({ screening: { mode: 'blacklist', acceptHidden, entries } });
  const whitelist = (acceptHidden = true) => ({ screening: { mode: 'whitelist', acceptHidden, entries } });
  const hidden = { anonymous: true };

  it.each([
    { list: blacklist(), from: '79990000000', reason: 'blacklisted', because: 'blacklist entry 1' },
    { list: blacklist(), from: '+7 (495) 200-12-34', reason: 'blacklisted', because: 'blacklist entry 2' },
    { list: blacklist(), from: '84952001234', reason: 'blacklisted', because: 'blacklist entry 2' },
    { list: blacklist(), from: 'spam', host: 'company.ru', reason: 'blacklisted', because: 'blacklist entry 3' },
    { list: whitelist(), from: '79031112233', reason: 'notWhitelisted', because: 'not in the whitelist' },
    {
      list: blacklist(false),
      ...hidden,
      reason: 'callerBarred',
      because: 'callers without a number are not accepted',
    },
    {
      list: whitelist(false),
      from: 'unknown',
      reason: 'callerBarred',
      because: 'callers without a number are not accepted',
    },
  ])('refuses: $because ($from)', ({ list, reason, because, ...invite }) => {
    const decision = decided(list, invite);
    expect(decision.route).toEqual({ to: 'nobody', reason, technical: 'blacklist' });
    expect(why(decision).at(-1)).toBe(`screening: ${because}`);
    expect(decision.path.at(-1)?.event).toBe('hangup');
  });

  it.each([
    { list: blacklist(), from: '79031112233', because: 'not in the blacklist' },
    { list: blacklist(), from: 'spam', host: 'other.ru', because: 'not in the blacklist' },
    { list: whitelist(), from: '79990000000', because: 'whitelist entry 1' },
    { list: blacklist(), ...hidden, because: 'callers without a number are accepted' },
    { list: whitelist(), ...hidden, because: 'callers without a number are accepted' },
  ])('lets through: $because ($from)', ({ list, because, ...invite }) => {
    const decision = decided(list, invite);
    expect(decision.route).toEqual({ to: 'scheme', scheme: 'main' });
    expect(why(decision)).toContain(`screening: ${because}`);
  });

  it('that is off accepts hidden callers too, and is not told of', () => {
    const decision = decided({ screening: { mode: 'off', acceptHidden: false, entries } }, { from: '79990000000' });
    expect(decision.route.to).toBe('scheme');
    expect(why(decision).some((text) => text.startsWith('screening'))).toBe(false);
  });

  it('is not for calls between employees, nor for theirs to a number of the company', () => {
    const list = { screening: { mode: 'whitelist', acceptHidden: false, entries: [] } };
    for (const to of ['402', line]) {
      expect(decided(list, { identity: accountOf('anna'), from: 'anna', to }).route.to).not.toBe('nobody');
    }
  });

  it('believes what the operator asserts before what the caller says', () => {
    const asserted = { user: '+79990000000', host: 'operator.example', display: '' };
    expect(decided(blacklist(), { asserted }).route).toMatchObject({ reason: 'blacklisted' });
  });
});

describe('forwarding by the caller’s number (§4.4.4)', () => {
  const rules = (...forwarding: object[]) => ({ forwarding });
  const toBoris = { employee: 'boris', contact: 'asConfigured' };

  it.each([
    { from: '7495#555555', caller: '74951555555' },
    { from: '7495200*', caller: '74952009999' },
    { from: '74952009000-74952009999', caller: '74952009500' },
    { from: 'ivanov@company.ru', caller: 'ivanov', host: 'company.ru' },
    { from: '*@company.ru', caller: 'petrov', host: 'company.ru' },
    // A SIP address that has a number in it is both.
    { from: '*@company.ru', caller: '79031112233', host: 'company.ru' },
    { from: '7903*', caller: '79031112233', host: 'company.ru' },
    // The short number of another company's PBX.
    { from: '1##', caller: '101', host: 'branch.example' },
  ])('$from is for $caller', ({ from, caller, host }) => {
    const decision = decided(rules({ from, to: { employee: 'boris' } }), { from: caller, ...(host ? { host } : {}) });
    expect(decision.route).toEqual({ to: 'target', target: toBoris, by: 'forwarding-1' });
    expect(decision.path.at(-1)).toEqual({
      state: 'forwarding',
      event: 'rule',
      detail: { from, ...toBoris },
      why: 'forwarding rule 1',
    });
  });

  it('goes by the first rule that is switched on', () => {
    const decision = decided(
      rules(
        { from: '7903*', to: { employee: 'anna' }, enabled: false },
        { from: '7904*', to: { employee: 'anna' } },
        { from: '7903*', to: { employee: 'boris' } },
        { from: '*', to: { employee: 'anna' } },
      ),
    );
    expect(decision.route).toEqual({ to: 'target', target: toBoris, by: 'forwarding-3' });
  });

  it.each([
    { what: 'no rule is for him', invite: {}, because: 'the caller falls under no rule' },
    { what: 'he is hidden', invite: { anonymous: true }, because: 'a caller without a number falls under no rule' },
  ])('$what: the scheme', ({ invite, because }) => {
    const from = invite.anonymous ? '*' : '7495*';
    const decision = decided(rules({ from, to: { employee: 'boris' } }), invite);
    expect(decision.route).toEqual({ to: 'scheme', scheme: 'main' });
    expect(why(decision)).toContain(`forwarding: ${because}`);
  });

  it('of type trunk is for callers who come through one', () => {
    const numbers = { numbers: [{ number: line, scheme: 'main', source: { trunk: 'operator' } }] };
    const rule = rules({ type: 'trunk', from: '7903*', to: { employee: 'boris' } });
    expect(decided({ ...numbers, ...rule }, { identity: trunk }).route.to).toBe('target');
    expect(decided(rule).route.to).toBe('scheme');
  });

  it('goes before a number’s scheme, also where there is none', () => {
    const decision = decided(rules({ from: '*', to: { group: 'sales' } }), { identity: trunk, to: '74950000002' });
    expect(decision.route).toMatchObject({ to: 'target', target: { group: 'sales' } });
  });

  it('comes after screening', () => {
    const list = { screening: { mode: 'blacklist', entries: [{ number: '7903*' }] } };
    const decision = decided({ ...rules({ from: '*', to: { employee: 'boris' } }), ...list });
    expect(decision.route).toMatchObject({ reason: 'blacklisted' });
  });

  it('is not for calls between employees', () => {
    const decision = decided(rules({ from: '*', to: { employee: 'boris' } }), {
      identity: accountOf('boris'),
      from: 'boris',
      to: '401',
    });
    expect(decision.route).toEqual({ to: 'target', target: { extension: '401' }, by: 'extension-401' });
  });
});
