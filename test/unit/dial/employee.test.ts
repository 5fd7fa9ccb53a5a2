import { describe, expect, it } from 'vitest';
import { Destinations } from '../../../src/dial/destinations.ts';
import { EmployeeDialler } from '../../../src/dial/employee.ts';
import { Occupancy } from '../../../src/dial/occupancy.ts';
import { unlimited } from '../../../src/dial/outgoing/limits.ts';
import { perfectTrunks } from '../../../src/dial/outgoing/trunks.ts';
import type { RingResult } from '../../../src/dial/ring.ts';
import type { Binding } from '../../../src/redis/registrations.ts';
import { Timetable } from '../../../src/time/when.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeMediaServer } from '../../support/fake-media.ts';
import { FakeSip } from '../../support/fake-sip.ts';
import { employee, pbxOf } from '../../support/pbx.ts';

const never = new AbortController().signal;
const binding = (account: string, device = 'a'): Binding =>
  ({ account, uri: `sip:${account.split('@')[0]}-${device}@127.0.0.1` }) as unknown as Binding;

/** @param registered accounts with a phone each */
function setUp(ivanov: Record<string, unknown>, registered: readonly Binding[] = [binding('ivanov@acme.example')]) {
  const pbx = pbxOf({
    employees: [employee('ivanov', '101', ivanov), employee('petrov', '102')],
    trunks: [{ id: 'operator', host: '127.0.0.2', numbers: [] }],
  });
  const sip = new FakeSip();
  const media = new FakeMediaServer();
  const clock = new FakeClock('2026-11-02T09:00:00+03:00');
  const occupancy = new Occupancy();
  const expected: string[] = [];
  const destinations = new Destinations(
    {
      contacts: async (_pbx, account) => registered.filter((one) => one.account === account),
      expect: (_pbx, account) => void expected.push(account),
    },
    ({ uri }) => ({ uri }),
    perfectTrunks,
    unlimited,
  );
  const dialler = new EmployeeDialler(destinations, occupancy);
  const log: string[] = [];
  const ring = (
    options: { contact?: string; limitMs?: number; signal?: AbortSignal; group?: string } = {},
  ): Promise<RingResult> => {
    const found = pbx.employee('ivanov');
    if (!found) throw new Error('no ivanov');
    return dialler.ring(
      {
        pbx,
        timetable: new Timetable({
          timezone: 'Europe/Moscow',
          country: 'RU',
          calendar: { holidays: [], workdays: [], preholidays: [] },
        }),
        employee: found,
        contact: options.contact ?? 'asConfigured',
        ...(options.group === undefined ? {} : { group: options.group }),
        ...(options.limitMs === undefined ? {} : { limitMs: options.limitMs }),
        log: {
          ask: (asked) => ({
            asked,
            answered: () => undefined,
            talking: () => undefined,
            over: (outcome) => void log.push(`${asked.address} ${outcome}`),
          }),
        },
        context: {
          sip,
          media,
          clock,
          callId: 'c',
          from: { user: '1', host: 'h', display: '' },
          callerId: { callerId: null, autoCallerId: false },
          onRinging: () => undefined,
        },
      },
      options.signal ?? never,
    );
  };
  return { sip, media, clock, occupancy, ring, log, expected };
}

const twoContacts = [
  { sip: 'ivanov@acme.example', wait: 10 },
  { sip: 'petrov@acme.example', wait: 20 },
];
const both = [binding('ivanov@acme.example'), binding('petrov@acme.example')];

describe('ringing an employee (§4.4.6.1.2)', () => {
  it('rings every device of the account', async () => {
    const { sip, ring } = setUp({}, [binding('ivanov@acme.example', 'desk'), binding('ivanov@acme.example', 'soft')]);
    void ring();
    await settle();
    expect(sip.sent.map(({ request }) => request.target.uri).sort()).toEqual([
      'sip:ivanov-desk@127.0.0.1',
      'sip:ivanov-soft@127.0.0.1',
    ]);
  });

  it('looks ahead to the next call of one whom a group has rung, when his is over', async () => {
    for (const [group, ahead] of [
      ['sales', ['ivanov@acme.example']],
      [undefined, []],
    ] as const) {
      const { sip, ring, expected } = setUp({});
      const result = ring(group === undefined ? {} : { group });
      await settle();
      const phone = sip.to('ivanov').answers();
      await result;
      expect(expected).toEqual([]);
      phone.hangUp();
      expect(expected).toEqual(ahead);
    }
  });

  it('is unavailable at once when nothing is registered', async () => {
    const { ring, log, occupancy } = setUp({}, []);
    expect(await ring()).toEqual({ outcome: 'failed', reason: 'unavailable' });
    expect(log).toEqual(['ivanov@acme.example unavailable']);
    expect(occupancy.size).toBe(0);
  });

  it('rings 25 seconds unless somebody said otherwise', async () => {
    const { clock, ring } = setUp({});
    const result = ring();
    await clock.advanceAsync(25_000);
    expect(await result).toEqual({ outcome: 'failed', reason: 'noAnswer' });
  });

  it('rings as long as the step says when the contact says nothing', async () => {
    const { sip, clock, ring } = setUp({});
    const result = ring({ limitMs: 40_000 });
    await clock.advanceAsync(39_999);
    expect(sip.to('ivanov').cancelled).toBeUndefined();
    await clock.advanceAsync(1);
    expect((await result).outcome).toBe('failed');
  });

  it('main: only the first contact that counts', async () => {
    const { sip, clock, ring } = setUp({ ring: 'main', contacts: twoContacts }, both);
    const result = ring();
    await clock.advanceAsync(10_000);
    expect(await result).toEqual({ outcome: 'failed', reason: 'noAnswer' });
    expect(sip.sent.length).toBe(1);
  });

  it('sequential: one after the other, each for its time', async () => {
    const { sip, clock, ring, log } = setUp({ ring: 'sequential', contacts: twoContacts }, both);
    const result = ring();
    await clock.advanceAsync(10_000);
    expect(sip.to('ivanov').cancelled).toBeTruthy();
    await clock.advanceAsync(20_000);
    expect(await result).toEqual({ outcome: 'failed', reason: 'noAnswer' });
    expect(log).toEqual(['ivanov@acme.example noAnswer', 'petrov@acme.example noAnswer']);
  });

  it('simultaneous: the first to answer wins, the other was taken elsewhere', async () => {
    const { sip, ring, log } = setUp({ ring: 'simultaneous', contacts: twoContacts }, both);
    const result = ring();
    await settle();
    sip.to('petrov').answers();
    expect((await result).outcome).toBe('answered');
    expect(sip.to('ivanov').cancelled).toMatchObject({ cause: 200, text: 'Call completed elsewhere' });
    expect(log).toEqual(['ivanov@acme.example elsewhere']);
  });

  it('a certain contact: that one only', async () => {
    const { sip, ring } = setUp({ ring: 'simultaneous', contacts: twoContacts }, both);
    void ring({ contact: 'petrov@acme.example' });
    await settle();
    expect(sip.sent.map(({ request }) => request.target.uri)).toEqual(['sip:petrov-a@127.0.0.1']);
  });

  it('leaves out contacts that are switched off or out of their schedule, and obeys a temporary one', async () => {
    const contacts = [
      { sip: 'ivanov@acme.example', active: false },
      { sip: 'ivanov@acme.example', when: { time: ['10:00-11:59'] } },
      {
        sip: 'petrov@acme.example',
        when: { time: ['10:00-11:59'] },
        temporary: { period: { from: '2026-11-02T08:00', to: '2026-11-02T09:30' } },
      },
    ];
    const { sip, ring } = setUp({ ring: 'simultaneous', contacts }, both);
    void ring();
    await settle();
    expect(sip.sent.map(({ request }) => request.target.uri)).toEqual(['sip:petrov-a@127.0.0.1']);
  });

  it('is busy from the first ring to the end of the conversation', async () => {
    const { sip, ring, occupancy } = setUp({});
    const first = ring();
    await settle();
    expect(await ring()).toEqual({ outcome: 'failed', reason: 'busy' });
    const dialog = sip.to('ivanov').answers();
    expect((await first).outcome).toBe('answered');
    expect(occupancy.size).toBe(1);
    dialog.hangUp();
    expect(occupancy.size).toBe(0);
  });

  it('reaches a contact at a trunk', async () => {
    const { sip, ring } = setUp({ contacts: [{ trunk: 'operator', number: '555' }] });
    void ring();
    await settle();
    expect(sip.sent[0]?.request.target.uri).toBe('sip:555@127.0.0.2:5060;transport=udp');
  });
});
