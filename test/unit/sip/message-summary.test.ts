import { expect, it } from 'vitest';
import { messageSummary, printSummary } from '../../../src/sip/message-summary.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

const pbx = pbxOf({ employees: [employee('anna', '101'), employee('boris', '102')] });
const lamp = messageSummary({
  pbx: (id) => (id === 'acme' ? pbx : undefined),
  counts: async (_, owner) => (owner === 'anna' ? { new: 2, old: 8 } : { new: 0, old: 0 }),
});
const anna = { kind: 'account', pbx: 'acme', employee: 'anna', account: 'anna@acme.example' } as const;

it('prints what RFC 3842 §5.2 has phones read', () => {
  expect(printSummary('anna@acme.example', { new: 2, old: 8 })).toBe(
    'Messages-Waiting: yes\r\nMessage-Account: sip:anna@acme.example\r\nVoice-Message: 2/8 (0/0)\r\n',
  );
  expect(printSummary('anna@acme.example', { new: 0, old: 8 })).toMatch(
    /^Messages-Waiting: no\r\n.*\r\nVoice-Message: 0\/8 \(0\/0\)\r\n$/,
  );
});

it('is of the mailbox of the employee whose account asks', async () => {
  expect(await lamp.state(anna)).toContain('Voice-Message: 2/8');
});

it('is over for an account that is gone', async () => {
  expect(await lamp.state({ ...anna, account: 'clara@acme.example' })).toBeUndefined();
  expect(await lamp.state({ ...anna, pbx: 'other' })).toBeUndefined();
});

it.each([
  ['anna', undefined],
  ['101', undefined],
  ['*97', undefined],
  ['', undefined],
  ['boris', 403],
  ['102', 403],
])('for "%s" is refused with %s', (user, status) => {
  expect(lamp.refusal(anna, user)?.status).toBe(status);
});
