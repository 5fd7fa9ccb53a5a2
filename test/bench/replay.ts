/** Replays: recorded calls run again per second on one core, on their own version and on a changed one. No SIP, no media, no database. */
import { complete, DocumentForm } from '../../src/config/schema/document.ts';
import { PbxVersion } from '../../src/config/version.ts';
import type { CallRecord } from '../../src/history/record.ts';
import { replay } from '../../src/replay/replay.ts';
import { replayable } from '../../src/replay/version.ts';
import { line, recordOf } from '../support/recorded-call.ts';
import { SchemeCall } from '../support/scheme-call.ts';
import type { Figure } from './figure.ts';

const at = '2026-11-02T09:00:00Z';
const caller = '79161234567';
/** As many as a company of a hundred people has in a day. */
const CALLS = 2_000;

const to = (employee: string, more: object = {}) => ({ steps: [{ forward: { employee } }], ...more });

/** A line with a menu of two levels, a password, and a rule for those who press nothing. */
const company = (changed: string) => ({
  pbx: { id: 'acme', domains: ['acme.example'] },
  numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
  employees: ['ivanov', 'petrov', 'sidorov'].map((id, index) => ({ id, extension: String(451 + index) })),
  schemes: [
    {
      id: 'main',
      branches: [
        {
          when: { days: ['workdays'], time: ['09:00-18:59'] },
          steps: [{ play: 'builtin:greeting', wait: true }],
          menu: {
            '1': { steps: [{ play: 'builtin:greeting', wait: true }], menu: { '1': to('ivanov'), '2': to(changed) } },
            '2': to('petrov'),
            '3': to('sidorov', { password: '83' }),
          },
          rules: { noInput: to('sidorov') },
        },
        { when: 'otherwise', steps: [{ play: 'builtin:closed', wait: true }] },
      ],
    },
  ],
});

const document = (changed: string) => complete(DocumentForm.parse(company(changed)));

export async function run(): Promise<Figure[]> {
  const pbx = new PbxVersion('used', document('petrov'), new Map());
  const records = await Promise.all(['11', '12', '2', '383#', '4', ''].map((keys) => called(pbx, keys)));
  const used = replayable('used', document('petrov'));
  const other = replayable('other', document('sidorov'));
  await replayed(records, used, other);
  const { perSecond, elsewhere } = await replayed(records, used, other);
  if (Math.abs(elsewhere - 1 / records.length) > 0.01) throw new Error(`${elsewhere} of the calls go elsewhere`);
  const inputs = records.reduce((sum, record) => sum + record.inputs.length, 0) / records.length;
  const bytes = records.reduce((sum, record) => sum + JSON.stringify(record.inputs).length, 0) / records.length;
  return [
    { name: 'replay of a call on its version and another', value: perSecond, unit: 'calls/s per core' },
    { name: 'inputs of a call', value: Math.round(inputs * 10) / 10, unit: '' },
    { name: 'inputs in its record', value: Math.round(bytes), unit: 'bytes' },
  ];
}

async function called(pbx: PbxVersion, keys: string): Promise<CallRecord> {
  const answers = { answers: 4, talks: 90 };
  const script = { calls: { ivanov: answers, petrov: answers, sidorov: answers } };
  const call = new SchemeCall(pbx, 'main', { at, caller, script });
  await call.wait(2);
  await call.press(keys);
  await call.toEnd();
  return recordOf(pbx, call, { at, caller });
}

async function replayed(records: readonly CallRecord[], used: PbxVersion, other: PbxVersion) {
  let elsewhere = 0;
  const begun = process.cpuUsage();
  for (let n = 0; n < CALLS; n++) {
    const found = await replay(records[n % records.length] as CallRecord, { used, other });
    if (found.verdict === 'impossible') throw new Error(found.why);
    if (found.verdict === 'elsewhere') elsewhere++;
  }
  const { user, system } = process.cpuUsage(begun);
  return { perSecond: Math.round(CALLS / ((user + system) / 1e6)), elsewhere: elsewhere / CALLS };
}
