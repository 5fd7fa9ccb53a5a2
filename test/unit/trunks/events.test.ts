import { expect, it } from 'vitest';
import { Emitter } from '../../../src/emitter.ts';
import { publishTrunks } from '../../../src/engine-events.ts';
import type { EventLog } from '../../../src/events/index.ts';
import { LiveEvent } from '../../../src/http/schemas.ts';
import type { RegistrationChange } from '../../../src/trunks/registering.ts';
import type { TrunkChange } from '../../../src/trunks/watch.ts';

it('peers that go and come, and accounts that are registered or refused, are told to those who watch, in the form of the API', () => {
  const watch = new Emitter<{ changed: TrunkChange }>();
  const registering = new Emitter<{ changed: RegistrationChange }>();
  const told: unknown[] = [];
  const log = {
    publish: (pbx: string, type: string, data: object) => {
      told.push({ pbx, type, seq: 1, at: '2026-11-02T09:00:00.000Z', node: 'a', ...data });
    },
  };
  const off = publishTrunks(watch, registering, log as unknown as EventLog);
  const down = { pbx: 'acme', trunk: 'office', state: 'down', reason: 'OPTIONS answered 503', at: 1 } as const;
  const refused = {
    pbx: 'acme',
    trunk: 'active:74951234567',
    state: 'refused',
    reason: 'REGISTER answered 403',
  } as const;
  watch.emit('changed', down);
  watch.emit('changed', { ...down, state: 'up', reason: undefined });
  registering.emit('changed', refused);
  expect(told.map((one) => LiveEvent.parse(one))).toMatchObject([
    { type: 'trunk', pbx: 'acme', trunk: 'office', what: 'down', why: 'OPTIONS answered 503' },
    { what: 'up', why: null },
    { what: 'refused', trunk: 'active:74951234567', why: 'REGISTER answered 403' },
  ]);
  off();
  watch.emit('changed', down);
  registering.emit('changed', refused);
  expect(told).toHaveLength(3);
});
