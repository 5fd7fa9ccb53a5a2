import { expect, it } from 'vitest';
import { Emitter } from '../../../src/emitter.ts';
import { publishOutbox } from '../../../src/engine-events.ts';
import type { EventLog } from '../../../src/events/index.ts';
import { LiveEvent } from '../../../src/http/schemas.ts';
import type { DurableOutbox, OutboxEvents } from '../../../src/messages/durable-outbox.ts';

it('what is given up is told to those who watch, in the form of the API', () => {
  const events = new Emitter<OutboxEvents>();
  const told: unknown[] = [];
  const log = {
    publish: (pbx: string, type: string, data: object) => {
      told.push({ pbx, type, seq: 1, at: '2026-11-02T09:00:00.000Z', node: 'a', ...data });
    },
  };
  const off = publishOutbox({ events } as DurableOutbox, log as unknown as EventLog);
  const common = { pbx: 'acme', why: 'the mail server said: 550 no such user' };
  const about = { kind: 'fax', id: '7' };
  events.emit('givenUp', { ...common, id: 'fax-7', way: 'mail', to: ['a@b.example'], about });
  events.emit('givenUp', { ...common, id: 'lost-8', way: 'sms', to: ['79161234567'], about: undefined });
  expect(told.map((one) => LiveEvent.parse(one))).toMatchObject([
    { type: 'message', what: 'givenUp', message: { id: 'fax-7', way: 'mail', to: ['a@b.example'], about }, ...common },
    { type: 'message', message: { id: 'lost-8', way: 'sms', about: null } },
  ]);
  off();
  events.emit('givenUp', { ...common, id: 'x', way: 'sms', to: [], about: undefined });
  expect(told).toHaveLength(2);
});
