import { describe, expect, it } from 'vitest';
import type { Recording } from '../../../src/config/schema/messages.ts';
import { type TalkFacts, whoIsRecorded } from '../../../src/messages/recording/rules.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

/** The manual's §4.5.3.3 as a table: who is recorded of whom, by which settings. */

const settings = (recording: Record<string, unknown>): Recording =>
  pbxOf({
    employees: [employee('anna', '401'), employee('boris', '402')],
    groups: [
      { id: 'sales', extension: '450', members: [{ employee: 'anna' }] },
      { id: 'support', extension: '451', members: [{ employee: 'boris' }] },
    ],
    recording,
  }).document.recording;

const anna = { employee: 'anna', contact: 'anna@acme.example' };
const boris = { employee: 'boris', contact: 'boris@acme.example' };
const client = { employee: undefined, contact: '79031112233' };

const members: Record<string, string> = { sales: 'anna', support: 'boris' };
const talk = (more: Partial<TalkFacts>): TalkFacts => ({
  direction: 'in',
  numbers: ['79031112233'],
  group: undefined,
  talkers: [client, anna],
  isMember: (group, one) => members[group] === one,
  ...more,
});

const incoming = talk({});
const throughSales = talk({ group: 'sales' });
const throughSupport = talk({ group: 'support' });
const outgoing = talk({ direction: 'out', talkers: [anna, client] });
const internal = talk({ direction: 'internal', numbers: [], talkers: [anna, boris] });
const transit = talk({ talkers: [client, { employee: undefined, contact: '74957654321' }] });

/** Settings, conversation, and at whose ends it is recorded; `caller`: at the caller's, who is nobody of ours. */
const table: readonly [string, Record<string, unknown>, TalkFacts, readonly string[]][] = [
  ['nothing is set', {}, incoming, []],
  ['recording is off', { mode: 'off', rules: [{ employee: 'anna' }] }, incoming, []],
  ['all: an incoming call', { mode: 'all' }, incoming, ['anna']],
  ['all: an outgoing call', { mode: 'all' }, outgoing, ['anna']],
  ['all: an internal call, once for each', { mode: 'all' }, internal, ['anna', 'boris']],
  ['all: nobody of ours takes part', { mode: 'all' }, transit, ['caller']],
  ['all: a direction that is not meant', { mode: 'all', directions: ['out'] }, incoming, []],
  ['all: a direction that is meant', { mode: 'all', directions: ['out'] }, outgoing, ['anna']],
  ['all: one is excepted', { mode: 'all', except: ['anna'] }, incoming, []],
  ['all: a call in which one who is excepted takes part', { mode: 'all', except: ['boris'] }, internal, []],
  ['all: another is excepted', { mode: 'all', except: ['boris'] }, incoming, ['anna']],
  ['all: rules mean nothing', { mode: 'all', rules: [{ employee: 'boris' }] }, incoming, ['anna']],
  ['rules: there are none', { mode: 'rules' }, incoming, []],
  ['rules: the employee', { mode: 'rules', rules: [{ employee: 'anna' }] }, incoming, ['anna']],
  ['rules: another employee', { mode: 'rules', rules: [{ employee: 'boris' }] }, incoming, []],
  ['rules: one of two', { mode: 'rules', rules: [{ employee: 'boris' }] }, internal, ['boris']],
  [
    'rules: his only for one direction',
    { mode: 'rules', rules: [{ employee: 'anna', directions: ['out'] }] },
    incoming,
    [],
  ],
  [
    'rules: directions of the rule go before those of all',
    { mode: 'rules', directions: ['in'], rules: [{ employee: 'anna', directions: ['out'] }] },
    outgoing,
    ['anna'],
  ],
  [
    'rules: a rule without directions has those of all',
    { mode: 'rules', directions: ['in'], rules: [{ employee: 'anna' }] },
    outgoing,
    [],
  ],
  [
    'rules: by that contact',
    { mode: 'rules', rules: [{ employee: 'anna', contact: 'anna@acme.example' }] },
    incoming,
    ['anna'],
  ],
  ['rules: by another contact', { mode: 'rules', rules: [{ employee: 'anna', contact: '79250000000' }] }, incoming, []],
  ['rules: straight to him', { mode: 'rules', rules: [{ employee: 'anna', direct: true }] }, incoming, ['anna']],
  [
    'rules: straight only, and it came through a group',
    { mode: 'rules', rules: [{ employee: 'anna', direct: true }] },
    throughSales,
    [],
  ],
  ['rules: the group', { mode: 'rules', rules: [{ group: 'sales' }] }, throughSales, ['anna']],
  ['rules: another group', { mode: 'rules', rules: [{ group: 'sales' }] }, throughSupport, []],
  ['rules: the group, and it came straight to a member', { mode: 'rules', rules: [{ group: 'sales' }] }, incoming, []],
  [
    'rules: the group and straight to its members',
    { mode: 'rules', rules: [{ group: 'sales', direct: true }] },
    incoming,
    ['anna'],
  ],
  [
    'rules: the group and straight to its members: only theirs',
    { mode: 'rules', rules: [{ group: 'sales', direct: true }] },
    internal,
    ['anna'],
  ],
  [
    'rules: the group and straight to its members, and it came through another group',
    { mode: 'rules', rules: [{ group: 'sales', direct: true }] },
    throughSupport,
    [],
  ],
  ['rules: the number', { mode: 'rules', rules: [{ phone: '79031112233' }] }, incoming, ['anna']],
  ['rules: the number, called by us', { mode: 'rules', rules: [{ phone: '79031112233' }] }, outgoing, ['anna']],
  ['rules: another number', { mode: 'rules', rules: [{ phone: '79990000000' }] }, incoming, []],
  [
    'rules: the number in a call that passes through',
    { mode: 'rules', rules: [{ phone: '79031112233' }] },
    transit,
    ['caller'],
  ],
  ['rules: one who is excepted', { mode: 'rules', except: ['anna'], rules: [{ employee: 'anna' }] }, incoming, []],
];

describe('who is recorded', () => {
  it.each(table)('%s', (_, recording, facts, expected) => {
    const ends = whoIsRecorded(settings(recording), facts).map(
      ({ talker }) => facts.talkers[talker]?.employee ?? 'caller',
    );
    expect(ends).toEqual(expected);
  });

  it('mails to whom the rules say, else to whom all recordings go', () => {
    const email = 'all@acme.example';
    const mailed = (recording: Record<string, unknown>, facts = incoming) =>
      whoIsRecorded(settings({ email, ...recording }), facts).map((wanted) => wanted.email);
    expect(mailed({ mode: 'all' })).toEqual([[email]]);
    expect(mailed({ mode: 'rules', rules: [{ employee: 'anna' }] })).toEqual([[email]]);
    const own = [
      { employee: 'anna', email: 'boss@acme.example' },
      { phone: '79031112233', email: 'sales@acme.example' },
      { group: 'support', email: 'not@acme.example' },
    ];
    expect(mailed({ mode: 'rules', rules: own })).toEqual([['boss@acme.example', 'sales@acme.example']]);
    expect(whoIsRecorded(settings({ mode: 'all' }), incoming)).toMatchObject([{ email: [] }]);
  });
});
