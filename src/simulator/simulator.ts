import { pino } from 'pino';
import { Call, type CallServices } from '../call/call.ts';
import { noOtherCalls } from '../call/call-limit.ts';
import { Inbound } from '../call/inbound.ts';
import { noWrongPins } from '../call/open-mailbox.ts';
import { recordsNothing } from '../call/recording.ts';
import { Talks } from '../call/talks.ts';
import type { PbxVersion } from '../config/version.ts';
import { Destinations } from '../dial/destinations.ts';
import { EmployeeDialler } from '../dial/employee.ts';
import { Occupancy } from '../dial/occupancy.ts';
import { unlimited } from '../dial/outgoing/limits.ts';
import { perfectTrunks } from '../dial/outgoing/trunks.ts';
import type { CallRecord } from '../history/record.ts';
import { PbxSounds } from '../media/pbx-sounds.ts';
import type { AudioSource } from '../media/port.ts';
import { PromptSet } from '../media/prompts/prompt-set.ts';
import type { Binding, RegistrationStore } from '../redis/registrations.ts';
import { Precedence } from '../time/precedence.ts';
import { seededRandom } from '../time/seeded-random.ts';
import { promisesSettle, SimulatedClock, settle } from '../time/simulated-clock.ts';
import { SimulatedCaller } from './caller.ts';
import { simulatedFax, simulatedMessages, simulatedRooms } from './facilities.ts';
import { AudioLengths, SimulatedMedia, unknownLengthMs } from './media.ts';
import type { Origin } from './origin.ts';
import { People, type Roles } from './people.ts';
import { SimulatedQueue } from './queue.ts';
import type { Command } from './script.ts';
import { SimulatedIncomingInvite, SimulatedSip } from './sip.ts';

/** One call to be simulated. */
export interface SimulatedCall {
  readonly pbx: PbxVersion;
  readonly origin: Origin;
  /** When it comes, milliseconds since 1970. */
  readonly at: number;
  readonly script?: readonly Command[];
  readonly roles?: Roles;
  /** How long a conversation lasts until the other side hangs up, seconds. Unset: until the script hangs up, or `defaultTalk`. */
  readonly talk?: number;
  readonly seed?: number;
}

export interface Simulation {
  readonly record: CallRecord;
  /** How long the call lasted, milliseconds. */
  readonly lengthMs: number;
  /** What the caller did not come to do. */
  readonly left: readonly Command[];
}

/** Seconds. */
export const defaultTalk = 60;

/** With children that are no others: making one costs more than a line of it. */
const silent = pino({ level: 'silent' });
silent.child = () => silent as never;

/**
 * The composition root of a simulation: the call layer as it is, on a network, media and a clock that are none. Needs nothing but a configuration,
 * and does in milliseconds what takes a call minutes.
 */
export class Simulator {
  readonly #prompts: PromptSet;
  readonly #lengths = new AudioLengths();

  private constructor(prompts: PromptSet) {
    this.#prompts = prompts;
  }

  static async open(): Promise<Simulator> {
    return new Simulator(await PromptSet.open());
  }

  /** @throws UserError for a role of somebody unknown */
  async run(simulated: SimulatedCall): Promise<Simulation> {
    const { pbx, origin } = simulated;
    const people = new People(pbx, simulated.roles ?? {});
    const clock = new SimulatedClock(simulated.at);
    const random = seededRandom(simulated.seed);
    const sip = new SimulatedSip(people, clock);
    const media = new SimulatedMedia(clock, this.#lengths);
    const occupancy = new Occupancy();
    const others = people.busy.map((id) => occupancy.occupy(pbx.id, id));
    const destinations = new Destinations(
      registrationsOf(pbx, people),
      ({ uri }) => ({ uri }),
      perfectTrunks,
      unlimited,
    );
    const services: CallServices = {
      sip,
      media,
      clock,
      precedence: new Precedence(clock),
      sounds: this.#sounds(),
      employees: new EmployeeDialler(destinations, occupancy),
      groups: new SimulatedQueue({ clock, random, occupancy }),
      callbacks: { ask: async () => true, reached: () => undefined },
      destinations,
      trunks: perfectTrunks,
      callLimit: noOtherCalls,
      occupancy,
      messages: simulatedMessages(random),
      wrongPins: noWrongPins,
      fax: simulatedFax,
      rooms: simulatedRooms,
      // That somebody is told stands in the path.
      notices: { send: () => undefined },
      recorder: recordsNothing,
      statuses: { set: async () => undefined },
      talks: new Talks(),
    };
    let record: CallRecord | undefined;
    const inbound = new Inbound({
      services,
      config: { current: () => pbx },
      random,
      node: 'simulator',
      log: silent,
      history: async (finished) => {
        record = finished;
      },
    });

    const invite = new SimulatedIncomingInvite(origin);
    const caller = new SimulatedCaller({
      script: simulated.script ?? [],
      invite,
      media,
      clock,
      call: () => inbound.live.all().find((call) => call instanceof Call),
    });
    media.onBridge = (_caller, callee) => {
      const dialog = sip.dialogOf(callee.localSdp);
      const talk = simulated.talk ?? (caller.willHangUp ? undefined : defaultTalk);
      if (!dialog || talk === undefined) return;
      const timer = clock.setTimeout(() => dialog.hangUp(), talk * 1000);
      dialog.on('ended', () => clock.clearTimeout(timer));
    };

    inbound.accept(invite);
    await promisesSettle();
    while (!record) {
      if (!caller.act() && !clock.step()) throw new Error('the simulated call stands still');
      await promisesSettle();
    }
    caller.stop();
    for (const release of others) release();
    // A turn of the event loop for each call: whoever simulates many keeps nobody waiting.
    await settle();
    const left = { timers: clock.pending, endpoints: media.size, calls: inbound.live.size, busy: occupancy.size };
    if (Object.values(left).some((count) => count > 0)) {
      throw new Error(`the simulated call has left something behind: ${JSON.stringify(left)}`);
    }
    return { record, lengthMs: clock.monotonic(), left: caller.left };
  }

  /** A prompt that is not installed here lasts as long as a file that is missing. */
  #sounds(): CallServices['sounds'] {
    const sounds = new PbxSounds(this.#prompts);
    const orSilence = (sources: readonly AudioSource[]) =>
      sources.length > 0 ? sources : [{ silenceMs: unknownLengthMs }];
    return {
      audio: (pbx, id) => orSilence(sounds.audio(pbx, id)),
      say: (pbx, spoken) => orSilence(sounds.say(pbx, spoken)),
      ringBack: (pbx) => sounds.ringBack(pbx),
    };
  }
}

/** Every account has a phone, but those of employees who are offline. */
const registrationsOf = (pbx: PbxVersion, people: People): Pick<RegistrationStore, 'contacts'> => ({
  contacts: async (_pbx, account) => {
    const owner = pbx.accountNamed(account)?.employee;
    return !owner || people.isOffline(owner.id) ? [] : [{ uri: `sip:${account}` } as Binding];
  },
});
