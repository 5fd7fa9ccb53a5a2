import { expect, it } from 'vitest';
import { unknownLengthMs } from '../../../src/simulator/media.ts';
import { originOf } from '../../../src/simulator/origin.ts';
import { parseScript } from '../../../src/simulator/script.ts';
import { Simulator } from '../../../src/simulator/simulator.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

/**
 * The queue used to hear only some promises later that the scheme had gone elsewhere. Its message had been broken off by then, so its music was next, and
 * took the place of what the scheme was saying.
 */
it('a key that leaves the queue ends what is heard in it at once, and for good', async () => {
  const line = '74950000001';
  const pbx = pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    audio: ['please-hold', 'chosen'].map((id) => ({ id, file: `${id}.wav` })),
    employees: [employee('anna', '401')],
    groups: [{ id: 'sales', members: [{ employee: 'anna' }], hold: { enqueueMessage: 'please-hold' } }],
    schemes: [
      {
        id: 'main',
        steps: [{ forward: { group: 'sales' } }],
        menu: { '1': { steps: [{ play: 'chosen', wait: true }, { hangup: true }] } },
      },
    ],
  });
  const { record, lengthMs } = await (await Simulator.open()).run({
    pbx,
    origin: originOf(pbx, '79161234567', line),
    at: Date.parse('2026-11-02T09:00Z'),
    script: parseScript('wait 1; press 1'),
    roles: { busy: ['anna'] },
  });
  const after = record.path.slice(record.path.findIndex(({ event }) => event === 'digit'));
  expect(after.map(({ state }) => state).filter((state) => state.startsWith('@queue'))).toEqual([]);
  expect(after.find(({ event }) => event === 'play')).toMatchObject({ t: 1, detail: { audio: 'chosen' } });
  expect(lengthMs).toBe(1000 + unknownLengthMs);
});
