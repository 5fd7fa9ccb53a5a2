import { expect, it } from 'vitest';
import { publishEvents, type WatchedParts } from '../../src/engine-events.ts';
import type { EventLog } from '../../src/events/index.ts';
import { LiveEvent } from '../../src/http/schemas.ts';
import { settle } from '../support/fake-clock.ts';
import { pbxOf } from '../support/pbx.ts';
import { passive, Switchboard } from '../support/switchboard.ts';

const line = '74950000001';

it('audio that cannot be played is silence; the record and an alarm say what it was, the alarm once a minute', async () => {
  const pbx = pbxOf({
    numbers: [{ number: line, scheme: 'main', source: { passive: 'line@acme.example' } }],
    schemes: [{ id: 'main', steps: [{ play: 'welcome', wait: true }, { hangup: true }] }],
    audio: [{ id: 'welcome', file: 'welcome.wav' }],
  });
  const board = new Switchboard(pbx);
  const told: unknown[] = [];
  const nobody = { on: () => () => undefined };
  const end = publishEvents(
    {
      inbound: board.inbound,
      clock: board.clock,
      config: { ...nobody, all: () => [], current: () => pbx },
      registrar: nobody,
      recordings: { events: nobody },
      limits: { events: nobody },
    } as unknown as WatchedParts,
    {
      publish: (of: string, type: string, data: object) =>
        told.push({ pbx: of, seq: 1, type, at: new Date(0).toISOString(), node: 'n', ...data }),
    } as unknown as EventLog,
  );
  const alarms = () => told.map((one) => LiveEvent.parse(one)).filter(({ type }) => type === 'alarm');
  const call = async () => {
    await board.call(passive(line), '79031112233', line);
    board.media.endpoints.at(-1)?.playing?.end('failed', 'welcome.wav: it is no audio');
    await settle();
  };

  await call();
  expect(board.quiet).toBe(true);
  const [record] = board.records;
  expect(record?.path).toContainEqual(
    expect.objectContaining({ event: 'unheard', detail: { error: 'welcome.wav: it is no audio' } }),
  );
  expect(alarms()).toMatchObject([
    { pbx: 'acme', what: 'audio', call: record?.id, error: 'welcome.wav: it is no audio', limit: null },
  ]);
  await call();
  expect(alarms()).toHaveLength(1);
  board.clock.advance(60_000);
  await call();
  expect(alarms()).toHaveLength(2);
  end();
});
