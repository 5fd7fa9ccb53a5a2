import { describe, expect, it } from 'vitest';
import { inviteClient } from '../../../../../src/embedded/sip/transaction/invite-client.ts';
import { inviteServer } from '../../../../../src/embedded/sip/transaction/invite-server.ts';
import type { Machine } from '../../../../../src/embedded/sip/transaction/machine.ts';
import { MachineRun, type WorldEffect } from '../../../../../src/embedded/sip/transaction/machine-run.ts';
import { otherClient } from '../../../../../src/embedded/sip/transaction/other-client.ts';
import { otherServer } from '../../../../../src/embedded/sip/transaction/other-server.ts';
import { TimerQueues } from '../../../../../src/embedded/sip/transaction/timer-queues.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

/*
 * The whole schedule of each machine on a controlled clock: everything it sends and tells, each with its millisecond, and the
 * moment at which it is forgotten.
 */

const TIMERS = { t1: 500, t2: 4_000, t4: 5_000, d: 32_000 };

type Script<Event extends string> = readonly (readonly [at: number, event: Event])[];

/** Feeds events at their times, then waits as long as it takes. @returns lines such as `500 send request` */
function play<Name extends string, Event extends string>(
  machine: Machine<Name, Event>,
  transport: 'udp' | 'tcp',
  script: Script<Event>,
  timers = TIMERS,
): string[] {
  const clock = new FakeClock();
  const log: string[] = [];
  const watched: Machine<Name, Event> = {
    ...machine,
    step: (tx, event, rules) => {
      // A timer that does nothing should have been stopped.
      if (event.startsWith('timer') && !machine.handles(tx, event)) log.push(`${clock.monotonic()} idle ${event}`);
      return machine.step(tx, event, rules);
    },
  };
  class Run extends MachineRun<Name, Event, never> {
    protected override perform(effect: WorldEffect): void {
      log.push(`${clock.monotonic()} ${effect.do} ${effect.what}`);
    }
    protected override ended(): void {
      log.push(`${clock.monotonic()} end`);
    }
  }
  const run = new Run(watched, { timers, reliable: transport === 'tcp' }, new TimerQueues(clock));
  for (const [at, event] of script) {
    clock.advance(at - clock.monotonic());
    run.apply(event);
  }
  clock.advance(200_000);
  expect(clock.pending).toBe(0);
  return log;
}

const at = (what: string, times: number[]): string[] => times.map((time) => `${time} ${what}`);
const sorted = (lines: string[]): string[] =>
  [...lines].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));

describe('INVITE client, RFC 3261 §17.1.1 and RFC 6026 §7.2', () => {
  it('silence over UDP: seven INVITEs (timer A), given up after 64·T1 (timer B)', () => {
    expect(play(inviteClient, 'udp', [[0, 'start']])).toEqual([
      ...at('send request', [0, 500, 1500, 3500, 7500, 15500, 31500]),
      '32000 end',
      '32000 tell timeout',
    ]);
  });

  it('silence over TCP: one INVITE, given up after 64·T1', () => {
    expect(play(inviteClient, 'tcp', [[0, 'start']])).toEqual(['0 send request', '32000 end', '32000 tell timeout']);
  });

  it('T1 scales all of it', () => {
    expect(play(inviteClient, 'udp', [[0, 'start']], { ...TIMERS, t1: 10 })).toEqual([
      ...at('send request', [0, 10, 30, 70, 150, 310, 630]),
      '640 end',
      '640 tell timeout',
    ]);
  });

  it.each(['udp', 'tcp'] as const)(
    'a provisional response over %s stops the repeats, and it may ring for ever',
    (transport) => {
      const log = play(inviteClient, transport, [
        [0, 'start'],
        [400, 'provisional'],
        [100_000, 'provisional'],
      ]);
      expect(log).toEqual(['0 send request', '400 tell response', '100000 tell response']);
    },
  );

  it.each(['udp', 'tcp'] as const)(
    'answered over %s: 2xx repeats and forks come through until timer M',
    (transport) => {
      expect(
        play(inviteClient, transport, [
          [0, 'start'],
          [100, 'provisional'],
          [200, 'success'],
          [700, 'success'],
          [900, 'provisional'],
          [1000, 'failure'],
          [32_199, 'success'],
          [32_201, 'success'],
        ]),
      ).toEqual(['0 send request', ...at('tell response', [100, 200, 700, 32_199]), '32200 end']);
    },
  );

  it('answered at once: no timer A or B is left', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [10, 'success'],
      ]),
    ).toEqual(['0 send request', '10 tell response', '32010 end']);
  });

  it('refused over UDP: ACK, and again for each repeat until timer D; told once', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [600, 'failure'],
        [1100, 'failure'],
        [2100, 'failure'],
        [2200, 'provisional'],
        [2300, 'success'],
        [32_599, 'failure'],
        [32_601, 'failure'],
      ]),
    ).toEqual([
      '0 send request',
      '500 send request',
      '600 send ack',
      '600 tell response',
      ...at('send ack', [1100, 2100, 32_599]),
      '32600 end',
    ]);
  });

  it('refused over TCP: ACK, and timer D is 0', () => {
    expect(
      play(inviteClient, 'tcp', [
        [0, 'start'],
        [10, 'provisional'],
        [600, 'failure'],
        [700, 'failure'],
      ]),
    ).toEqual(['0 send request', '10 tell response', '600 end', '600 send ack', '600 tell response']);
  });

  it('the transport breaks', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [1, 'broken'],
      ]),
    ).toEqual(['0 send request', '1 end', '1 tell broken']);
  });

  it('the ACK cannot be sent: over, and nobody needs to know', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [1, 'failure'],
        [2, 'broken'],
      ]),
    ).toEqual(['0 send request', '1 send ack', '1 tell response', '2 end']);
  });

  it('cancelled without an answer: given up 64·T1 after the CANCEL, §9.1', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [10, 'provisional'],
        [5000, 'cancelled'],
      ]),
    ).toEqual(['0 send request', '10 tell response', '37000 end', '37000 tell timeout']);
  });

  it('cancelled and refused: timer Cancel goes, timer D comes', () => {
    expect(
      play(inviteClient, 'udp', [
        [0, 'start'],
        [10, 'provisional'],
        [5000, 'cancelled'],
        [6000, 'failure'],
      ]),
    ).toEqual(['0 send request', '10 tell response', '6000 send ack', '6000 tell response', '38000 end']);
  });
});

describe('non-INVITE client, RFC 3261 §17.1.2', () => {
  it('silence over UDP: eleven requests, gaps up to T2 (timer E), given up after 64·T1 (timer F)', () => {
    expect(play(otherClient, 'udp', [[0, 'start']])).toEqual([
      ...at('send request', [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]),
      '32000 end',
      '32000 tell timeout',
    ]);
  });

  it('silence over TCP', () => {
    expect(play(otherClient, 'tcp', [[0, 'start']])).toEqual(['0 send request', '32000 end', '32000 tell timeout']);
  });

  it('after a provisional response the repeats go on every T2, and timer F still counts', () => {
    const log = play(otherClient, 'udp', [
      [0, 'start'],
      [600, 'provisional'],
    ]);
    expect(log).toEqual(
      sorted([
        ...at('send request', [0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500]),
        '600 tell response',
        '32000 end',
        '32000 tell timeout',
      ]),
    );
  });

  it.each(['success', 'failure'] as const)('%s over UDP: repeats are swallowed until timer K', (answer) => {
    expect(
      play(otherClient, 'udp', [
        [0, 'start'],
        [600, answer],
        [700, answer],
        [5599, answer],
      ]),
    ).toEqual(['0 send request', '500 send request', '600 tell response', '5600 end']);
  });

  it('over TCP timer K is 0', () => {
    expect(
      play(otherClient, 'tcp', [
        [0, 'start'],
        [5, 'provisional'],
        [600, 'success'],
      ]),
    ).toEqual(['0 send request', '5 tell response', '600 end', '600 tell response']);
  });

  it('the transport breaks, before and after a provisional response', () => {
    expect(
      play(otherClient, 'udp', [
        [0, 'start'],
        [1, 'provisional'],
        [2, 'broken'],
      ]),
    ).toEqual(['0 send request', '1 tell response', '2 end', '2 tell broken']);
    expect(play(otherClient, 'udp', [[0, 'broken']])).toEqual(['0 end']);
  });
});

describe('INVITE server, RFC 3261 §17.2.1 and RFC 6026 §7.1', () => {
  const begun = ['0 send trying', '0 tell request'];

  it('100 at once; repeats get the last provisional response', () => {
    expect(
      play(inviteServer, 'udp', [
        [0, 'start'],
        [500, 'request'],
        [600, 'provisional'],
        [1500, 'request'],
      ]),
    ).toEqual([...begun, ...at('send response', [500, 600, 1500])]);
  });

  it('refused over UDP, every ACK lost: repeated up to T2 (timer G), given up after 64·T1 (timer H)', () => {
    expect(
      play(inviteServer, 'udp', [
        [0, 'start'],
        [1000, 'failure'],
      ]),
    ).toEqual([
      ...begun,
      ...at(
        'send response',
        [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map((time) => 1000 + time),
      ),
      '33000 end',
    ]);
  });

  it('refused over TCP, no ACK: sent once, timer H all the same', () => {
    expect(
      play(inviteServer, 'tcp', [
        [0, 'start'],
        [1000, 'failure'],
      ]),
    ).toEqual([...begun, '1000 send response', '33000 end']);
  });

  it('refused over UDP, the first ACK lost; its repeats are swallowed until timer I', () => {
    expect(
      play(inviteServer, 'udp', [
        [0, 'start'],
        [1000, 'failure'],
        [1200, 'request'],
        [1700, 'ack'],
        [1800, 'ack'],
        [1900, 'request'],
      ]),
    ).toEqual([...begun, ...at('send response', [1000, 1200, 1500]), '6700 end']);
  });

  it('refused over TCP: timer I is 0', () => {
    expect(
      play(inviteServer, 'tcp', [
        [0, 'start'],
        [1000, 'failure'],
        [1010, 'ack'],
      ]),
    ).toEqual([...begun, '1000 send response', '1010 end']);
  });

  it.each(['udp', 'tcp'] as const)(
    'answered over %s: repeats of the INVITE swallowed, ACKs up, 2xx again on demand, until timer L',
    (transport) => {
      expect(
        play(inviteServer, transport, [
          [0, 'start'],
          [1000, 'success'],
          [1100, 'request'],
          [1500, 'success'],
          [1600, 'ack'],
          [1700, 'ack'],
          [1800, 'failure'],
        ]),
      ).toEqual([...begun, ...at('send response', [1000, 1500]), ...at('tell ack', [1600, 1700]), '33000 end']);
    },
  );

  it('a final response that cannot be sent ends it', () => {
    for (const answer of ['success', 'failure'] as const) {
      expect(
        play(inviteServer, 'tcp', [
          [0, 'start'],
          [1000, answer],
          [1001, 'broken'],
        ]),
      ).toEqual([...begun, '1000 send response', '1001 end']);
    }
  });
});

describe('non-INVITE server, RFC 3261 §17.2.2', () => {
  it('repeats are swallowed while there is nothing to say, then get the last response, until timer J', () => {
    expect(
      play(otherServer, 'udp', [
        [0, 'start'],
        [500, 'request'],
        [600, 'provisional'],
        [1500, 'request'],
        [2000, 'success'],
        [3500, 'request'],
        [3600, 'failure'],
        [33_999, 'request'],
        [34_001, 'request'],
      ]),
    ).toEqual(['0 tell request', ...at('send response', [600, 1500, 2000, 3500, 33_999]), '34000 end']);
  });

  it('over TCP timer J is 0', () => {
    expect(
      play(otherServer, 'tcp', [
        [0, 'start'],
        [100, 'failure'],
        [200, 'request'],
      ]),
    ).toEqual(['0 tell request', '100 end', '100 send response']);
  });

  it('a final response that cannot be sent ends it', () => {
    expect(
      play(otherServer, 'udp', [
        [0, 'start'],
        [100, 'success'],
        [101, 'broken'],
      ]),
    ).toEqual(['0 tell request', '100 send response', '101 end']);
  });
});
