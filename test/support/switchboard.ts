import { pino } from 'pino';
import type { GroupDistributor } from '../../src/acd/distributor.ts';
import type { Callbacks, DueCallbacks } from '../../src/acd/group-callbacks.ts';
import type { CallServices } from '../../src/call/call.ts';
import type { CallLimit } from '../../src/call/call-limit.ts';
import { CallbackRunner } from '../../src/call/callback-runner.ts';
import type { FaxMachine } from '../../src/call/facilities.ts';
import type { RoomNodes } from '../../src/call/far-rooms.ts';
import { Inbound } from '../../src/call/inbound.ts';
import type { Notice } from '../../src/call/notices.ts';
import { type ConversationRecorder, recordsNothing } from '../../src/call/recording.ts';
import { ConferenceRooms } from '../../src/call/rooms.ts';
import { Talks } from '../../src/call/talks.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { Destinations } from '../../src/dial/destinations.ts';
import { EmployeeDialler } from '../../src/dial/employee.ts';
import { Occupancy } from '../../src/dial/occupancy.ts';
import type { CallRecord } from '../../src/history/record.ts';
import type { Spoken } from '../../src/media/spoken.ts';
import type { Binding } from '../../src/redis/registrations.ts';
import { SimulatedQueue } from '../../src/simulator/queue.ts';
import type { Identity } from '../../src/sip/identity.ts';
import { Precedence } from '../../src/time/precedence.ts';
import { systemRandom } from '../../src/time/random.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeLimits } from './fake-limits.ts';
import { FakeMediaServer } from './fake-media.ts';
import { FakeMessages } from './fake-messages.ts';
import { FakeIncomingInvite, type FakeInviteOptions, FakeSip } from './fake-sip.ts';
import { FakeTrunks } from './fake-trunks.ts';
import { FakeWrongPins } from './fake-wrong-pins.ts';

/** The call layer with a scripted network, scripted media and a clock that the test moves: a call from INVITE to record, step by step. */
export class Switchboard {
  readonly sip = new FakeSip();
  readonly media = new FakeMediaServer();
  readonly clock: FakeClock;
  readonly occupancy = new Occupancy();
  readonly messages = new FakeMessages();
  readonly wrongPins: FakeWrongPins;
  readonly records: CallRecord[] = [];
  /** What was to be told to people. */
  readonly notices: Notice[] = [];
  readonly inbound: Inbound;
  /** Statuses that were dialled, as `anna break`. */
  readonly statuses: string[] = [];
  /** What setting a status fails with. */
  statusFails: Error | undefined;
  /** Warnings and errors of the calls that came in. */
  readonly logged: Record<string, unknown>[] = [];
  readonly services: CallServices;
  readonly #pbx: PbxVersion;
  /** Calls that were let in and go on. */
  #calls = 0;
  /** Those who take part in conferences. */
  #places = 0;
  readonly trunks: FakeTrunks;
  readonly limits = new FakeLimits();

  /** @param unregistered accounts without a phone; all others have one, `sip:<user>@127.0.0.1` */
  constructor(
    pbx: PbxVersion,
    options: {
      readonly unregistered?: readonly string[];
      readonly at?: string;
      /** Without: a queue with one caller in it. */
      readonly groups?: GroupDistributor;
      readonly callbacks?: Callbacks;
      /** Other PBXs of the installation. */
      readonly others?: readonly PbxVersion[];
      readonly recorder?: ConversationRecorder;
      readonly fax?: FaxMachine;
      /** Without: this is the only node. */
      readonly roomNodes?: RoomNodes;
      /** Without: a count of its own. */
      readonly callLimit?: CallLimit;
    } = {},
  ) {
    const { sip, media, occupancy } = this;
    const clock = new FakeClock(options.at);
    this.clock = clock;
    this.wrongPins = new FakeWrongPins(clock);
    const installed = new Map([pbx, ...(options.others ?? [])].map((one) => [one.id, one]));
    const config = { current: (id: string) => installed.get(id) };
    const trunks = new FakeTrunks({ config, random: systemRandom, accept: (invite) => this.inbound.accept(invite) });
    this.trunks = trunks;
    const destinations = new Destinations(
      {
        contacts: async (_pbx, account) => {
          const user = account.split('@')[0] ?? '';
          return options.unregistered?.includes(user) ? [] : [{ uri: `sip:${user}@127.0.0.1` } as Binding];
        },
      },
      ({ uri }) => ({ uri, edge: { server: 'here', reach: 'open' } }),
      trunks,
      this.limits,
    );
    const sounds: CallServices['sounds'] = {
      audio: (_version, id) => [{ file: id }],
      say: (_version, spoken) => spoken.map((one) => ({ file: said(one) })),
      ringBack: () => [{ file: 'ring-back' }],
    };
    this.services = {
      sip,
      media,
      clock,
      precedence: new Precedence(clock),
      occupancy,
      messages: this.messages,
      wrongPins: this.wrongPins,
      fax: options.fax ?? { receive: async () => undefined, receiveWhileTalking: async () => 0 },
      rooms: new ConferenceRooms({
        ...{ media, sounds, config, clock, random: systemRandom, log: pino({ level: 'silent' }) },
        nodes: options.roomNodes ?? oneNode,
        takePlace: async ({ document }) => this.takePlace(document.conference.maxTotal),
      }),
      destinations,
      trunks,
      callLimit: options.callLimit ?? { take: async ({ document }) => this.takeCall(document.pbx.maxCalls) },
      notices: { send: (notice) => void this.notices.push(notice) },
      recorder: options.recorder ?? recordsNothing,
      statuses: { set: (...all) => this.setStatus(...all) },
      employees: new EmployeeDialler(destinations, occupancy),
      groups: options.groups ?? new SimulatedQueue({ clock, random: systemRandom, occupancy }),
      callbacks: options.callbacks ?? { ask: async () => false, reached: () => undefined },
      sounds,
      talks: new Talks(),
    };
    this.#pbx = pbx;
    this.inbound = new Inbound({
      services: this.services,
      config,
      random: systemRandom,
      node: 'test',
      log: pino(
        { level: 'warn', base: null, timestamp: false },
        { write: (line: string) => void this.logged.push(JSON.parse(line)) },
      ),
      history: async (record) => void this.records.push(record),
    });
  }

  /** Calls back who is due. */
  callbacks(due: DueCallbacks): CallbackRunner {
    return new CallbackRunner({
      due,
      config: { all: () => [this.#pbx] },
      services: this.services,
      calls: this.inbound,
      random: systemRandom,
      clock: this.clock,
      node: 'test',
      log: pino({ level: 'silent' }),
    });
  }

  /** A call arrives, and everything that happens at once has happened. */
  async call(
    identity: Identity,
    from: string,
    to: string,
    more: Partial<FakeInviteOptions> = {},
  ): Promise<FakeIncomingInvite> {
    const invite = new FakeIncomingInvite({ identity, from, to, ...more });
    this.inbound.accept(invite);
    await settle();
    return invite;
  }

  private takeCall(limit: number): (() => void) | undefined {
    if (limit > 0 && this.#calls >= limit) return undefined;
    this.#calls++;
    return () => void this.#calls--;
  }

  private takePlace(limit: number): (() => void) | undefined {
    if (this.#places >= limit) return undefined;
    this.#places++;
    return () => void this.#places--;
  }

  private async setStatus(_pbx: string, employee: string, status: string): Promise<void> {
    if (this.statusFails) throw this.statusFails;
    this.statuses.push(`${employee} ${status}`);
  }

  /** What the caller hears now, by the names of the files. */
  heardBy(_invite: FakeIncomingInvite): string[] {
    const playing = this.media.endpoints.find(({ options }) => options.remoteSdp === 'their offer')?.playing;
    return (playing?.sources ?? []).map((source) => ('file' in source ? source.file : 'tone'));
  }

  get callerEndpoint() {
    const endpoint = this.media.endpoints.find(({ options }) => options.remoteSdp === 'their offer');
    if (!endpoint) throw new Error('the caller has no endpoint');
    return endpoint;
  }

  /** True when nothing is left of any call: no endpoint, no timer, no live call, nobody busy, nothing that counts for a limit. */
  get quiet(): boolean {
    return (
      this.media.alive.length === 0 &&
      this.media.conferences.size === 0 &&
      this.#places === 0 &&
      this.clock.pending === 0 &&
      this.inbound.live.size === 0 &&
      this.limits.ongoing.size === 0 &&
      this.occupancy.size === 0
    );
  }
}

const oneNode: RoomNodes = {
  hold: async () => undefined,
  send: async () => undefined,
  onMessage: () => () => undefined,
};

/** Something said, as a name of a file that a test can read: `queue-wait`, `minutes 5`, `phone 79990000001`. */
export const said = (spoken: Spoken): string => {
  const [[kind, value] = ['', '']] = Object.entries(spoken);
  if (kind === 'prompt' || kind === 'fragment') return String(value);
  return `${kind} ${typeof value === 'object' ? Object.values(value).join(':') : value}`;
};

export const passive = (number: string): Identity => ({ kind: 'passive', pbx: 'acme', number });
export const accountOf = (employee: string): Identity => ({
  kind: 'account',
  pbx: 'acme',
  employee,
  account: `${employee}@acme.example`,
});
