import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { responseTo } from '../../src/embedded/sip/message/index.ts';
import { type ServerTransaction, TransactionLayer } from '../../src/embedded/sip/transaction/index.ts';
import { systemRandom } from '../../src/time/random.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { peer, requestText, ScriptedWire } from '../unit/embedded/sip/transaction/scripted-wire.ts';

/*
 * Whatever a peer sends and the user answers, in whatever order: nothing throws, one request is handed up once, one final response
 * goes out, and when all is over nothing is left.
 */

const NONE = { clientInvite: 0, clientOther: 0, serverInvite: 0, serverOther: 0 };

const event = fc.oneof(
  fc.record({
    do: fc.constant('receive' as const),
    method: fc.constantFrom('INVITE', 'ACK', 'CANCEL', 'OPTIONS', 'BYE'),
    call: fc.integer({ min: 1, max: 3 }),
    fork: fc.integer({ min: 1, max: 2 }),
    protocol: fc.constantFrom('udp' as const, 'tcp' as const),
  }),
  fc.record({
    do: fc.constant('respond' as const),
    which: fc.nat({ max: 5 }),
    status: fc.constantFrom(100, 180, 200, 302, 486, 603),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 4_000, 33_000) }),
  fc.record({ do: fc.constant('line' as const), works: fc.boolean() }),
);

describe('server transactions', () => {
  it('keep their promises under any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
        const clock = new FakeClock();
        const wire = new ScriptedWire(clock);
        const handed: ServerTransaction[] = [];
        const layer = new TransactionLayer({
          transports: wire,
          clock,
          random: systemRandom,
          user: {
            onRequest: (tx) => handed.push(tx),
            onAck: () => undefined,
            onCancel: (invite) => expect(invite.state).toBe('proceeding'),
            onStrayResponse: () => undefined,
          },
        });
        for (const step of events) {
          if (step.do === 'wait') await clock.advanceAsync(step.ms);
          else if (step.do === 'line') wire.broken = step.works ? undefined : 'down';
          else if (step.do === 'receive') {
            const branch = `z9hG4bK-${step.call}-${step.fork}`;
            wire.deliver(
              requestText({ method: step.method, branch, callId: `call-${step.call}` }),
              peer({ protocol: step.protocol }),
            );
          } else {
            const tx = handed[step.which];
            const sending = tx?.respond(responseTo(tx.request, step.status, { toTag: tx.toTag }));
            await sending?.catch(() => undefined);
          }
        }
        const alive = layer.stats();
        expect(Object.values(alive).every((count) => count >= 0)).toBe(true);
        expect(layer.unanswered).toBeGreaterThanOrEqual(0);
        wire.broken = undefined;
        for (const tx of handed) await tx.respond(responseTo(tx.request, 480, { toTag: tx.toTag }));
        await clock.advanceAsync(70_000);
        expect([layer.stats(), layer.unanswered, clock.pending]).toEqual([NONE, 0, 0]);
        expect(new Set(handed.map((tx) => tx.id)).size).toBe(handed.length);
        const finals = new Map<string, Set<number>>();
        for (const response of wire.responses()) {
          if (response.status < 200) continue;
          const key = `${response.via.params.get('branch')} ${response.cseq.method} ${response.to.params.get('tag')}`;
          finals.set(key, (finals.get(key) ?? new Set()).add(response.status));
        }
        for (const [key, statuses] of finals) expect([key, statuses.size]).toEqual([key, 1]);
        layer.close();
      }),
      { numRuns: 150 },
    );
  });
});
