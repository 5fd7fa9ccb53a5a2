import type { CallRecord } from '../../src/history/record.ts';
import type { Engine } from './engine-process.ts';
import { eventually } from './wait.ts';

/** What the engine has in hand; all of it must be gone when nobody calls. */
export const gauges = [
  'kommutator_calls',
  'kommutator_sip_dialogs',
  'kommutator_sip_invites',
  'kommutator_media_endpoints',
  'kommutator_busy_employees',
  'kommutator_history_pending_records',
] as const;

/** An INVITE to one who says nothing ends after 32 s (RFC 3261 §17.1.1.2, Timer B); it cannot be cancelled before. Milliseconds. */
const UNANSWERED_MS = 40_000;

/** The leak check: waits until nothing is left of any call. */
export async function idle(engine: Engine): Promise<void> {
  await eventually(
    'the engine to be idle',
    async () => Object.fromEntries(await Promise.all(gauges.map(async (name) => [name, await engine.metric(name)]))),
    (values) => Object.values(values).every((value) => value === 0),
    UNANSWERED_MS,
  );
}

/** The newest record in the history, once there are no calls. */
export async function lastRecord(engine: Engine, pbx = 'acme'): Promise<CallRecord> {
  await eventually(
    'all calls to be over',
    () => engine.metric('kommutator_calls'),
    (count) => count === 0,
  );
  const calls = await engine.metric('kommutator_calls_ended_total');
  const items = await eventually(
    'the record',
    async () => (await engine.api<{ items: CallRecord[] }>(`/api/pbxs/${pbx}/history?limit=500`)).items,
    (found) => found.length >= Math.min(calls, 500),
  );
  const newest = items.toSorted((a, b) => Date.parse(b.end) - Date.parse(a.end))[0];
  if (!newest) throw new Error('the history is empty');
  return newest;
}
