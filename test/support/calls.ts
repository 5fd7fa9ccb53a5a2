import { endReasons } from '../../src/end-reason.ts';
import type { CallRecord, Participant } from '../../src/history/record.ts';
import { systemRandom } from '../../src/time/random.ts';

/** A finished call: from outside to an employee, answered, unless told otherwise. */
export function someCall(changes: Partial<CallRecord> & { readonly pbx: string }): CallRecord {
  const reason = changes.reason ?? 'callerHungUp';
  return {
    id: systemRandom.uuid(),
    start: '2026-11-02T09:00:00.000Z',
    end: '2026-11-02T09:00:43.000Z',
    direction: 'in',
    from: '74995530896',
    fromName: null,
    employee: null,
    line: '74955646592',
    to: '74955646592',
    outcome: 'answered',
    technical: null,
    duration: 43,
    wait: 6,
    waitMenu: 1,
    waitGroup: 4,
    waitEmployee: 1,
    talk: 37,
    hold: 0,
    queued: false,
    stage: 'conversation',
    endedBy: 'caller',
    participants: [someParticipant({ id: 'ivanov' })],
    pickups: [],
    transfers: [],
    recordings: [],
    voicemails: [],
    scheme: 'main',
    callback: null,
    configVersion: 'v1',
    path: [{ t: 0, state: 'main/0', event: 'branch', why: 'always' }],
    inputs: [
      [0, 'begin'],
      [100, 'digit', '1'],
    ],
    cut: false,
    arrival: null,
    node: 'test',
    ...changes,
    reason,
    code: endReasons[reason].code,
  };
}

export const someParticipant = (changes: Partial<Participant> & { readonly id: string }): Participant => ({
  kind: 'employee',
  name: changes.id,
  address: `${changes.id}@acme.example`,
  group: null,
  start: '2026-11-02T09:00:05.000Z',
  ring: 1,
  talk: 37,
  hold: 0,
  outcome: 'answered',
  reason: 'normal',
  ...changes,
});
