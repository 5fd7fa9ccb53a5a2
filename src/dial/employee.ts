import type { Contact, Employee } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { EndReason } from '../end-reason.ts';
import type { Timetable } from '../time/when.ts';
import { type AttemptLog, attemptOutcome, type RungContact } from './attempt.ts';
import type { Destinations } from './destinations.ts';
import type { Leg } from './leg.ts';
import type { Occupancy, Occupation } from './occupancy.ts';
import { type Destination, type RingContext, type RingResult, ringFirst, ringFor, ringOne } from './ring.ts';

export interface EmployeeRing {
  readonly pbx: PbxVersion;
  readonly timetable: Timetable;
  readonly employee: Employee;
  /** `asConfigured`: by his ring mode; `main`: his first contact that counts; else the address of one of his contacts. */
  readonly contact: string;
  /** Milliseconds for the whole, from the step or the group; undefined: what his contacts say. */
  readonly limitMs?: number;
  /** The group on whose behalf; it has reserved him. */
  readonly group?: string;
  /** Why he and no other of the group, for a person. */
  readonly why?: string;
  /** The call comes from outside. */
  readonly external?: boolean;
  readonly log: AttemptLog;
  readonly context: RingContext;
  readonly introduce?: Introduce;
}

/**
 * What happens between somebody's answer and his being reached: announcements. Resolves to why he was not reached after all, and has hung him up
 * then; the next contact follows, as when he had not answered. Not bounded by the limits on ringing.
 */
export type Introduce = (leg: Leg, signal: AbortSignal) => Promise<EndReason | undefined>;

/** Rings an employee by his contacts (§4.4.6.1.2). */
export class EmployeeDialler {
  readonly #destinations: Destinations;
  readonly #occupancy: Occupancy;

  constructor(destinations: Destinations, occupancy: Occupancy) {
    this.#destinations = destinations;
    this.#occupancy = occupancy;
  }

  /** Never rejects for the network's sake. From here to the end of the call he is busy. */
  async ring(request: EmployeeRing, signal: AbortSignal): Promise<RingResult> {
    const { pbx, employee, group, why, log, external = false } = request;
    if (this.#occupancy.busy(pbx.id, employee.id)) return this.#notRung(request, 'busy');

    const contacts = contactsNow(request);
    if (contacts.length === 0) return this.#notRung(request, 'employeeUnavailable');

    const occupation = await this.#occupy(request);
    if (!occupation) return this.#notRung(request, 'busy');
    const one =
      (contact: Contact, isLast: boolean) =>
      async (stop: AbortSignal): Promise<RingResult> => {
        const found = await this.#destinations.ofContact(pbx, contact, request.context.callerId);
        if (!found.ok) return this.#notRung(request, found.reason, addressOf(contact));
        const attempt = log.ask({
          kind: 'employee',
          id: employee.id,
          name: employee.name,
          address: addressOf(contact),
          contact: rungContact(contact),
          ...(group === undefined ? {} : { group }),
          ...(why === undefined ? {} : { why }),
        });
        const result = await this.#ringContact(request, contact, found.destinations, isLast, stop);
        if (result.outcome === 'answered') {
          attempt.answered();
          const talking = () => {
            attempt.talking();
            occupation.talks(external);
          };
          return { ...result, attempt: { ...attempt, talking } };
        }
        attempt.over(attemptOutcome(result.reason), result.reason);
        return result;
      };
    const introduced = async (result: RingResult): Promise<RingResult> => {
      if (result.outcome === 'failed' || !request.introduce) return result;
      const reason = await request.introduce(result.leg, signal);
      if (reason === undefined) return result;
      result.attempt?.over(attemptOutcome(reason), reason);
      return { outcome: 'failed', reason };
    };
    const result = await ringFor(request.context.clock, request.limitMs ?? 0, signal, async (stop) => {
      const inTurn = request.contact !== 'asConfigured' || employee.ring !== 'simultaneous';
      if (!inTurn) {
        const all = contacts.map((contact) => one(contact, true));
        return introduced(await ringFirst(all, stop, { onePerson: true }));
      }
      let last: RingResult = { outcome: 'failed', reason: 'employeeUnavailable' };
      for (const [index, contact] of contacts.entries()) {
        last = await introduced(await one(contact, index === contacts.length - 1)(stop));
        if (last.outcome === 'answered' || stop.aborted || last.everywhere) break;
      }
      return last;
    });
    const [first] = contacts;
    if (result.outcome === 'failed') occupation.over();
    else
      result.leg.on('ended', () => {
        // Whom a group has rung it may ring again at once.
        if (group !== undefined && first) this.#destinations.expect(pbx, first);
        occupation.over();
      });
    return result;
  }

  /** A group has seen to it itself that nobody else rings him. */
  async #occupy({ pbx, employee, group, context }: EmployeeRing): Promise<Occupation | undefined> {
    if (group === undefined) return this.#occupancy.rings({ pbx: pbx.id, employee: employee.id, call: context.callId });
    return { talks: () => undefined, over: this.#occupancy.occupy(pbx.id, employee.id) };
  }

  #ringContact(
    request: EmployeeRing,
    contact: Contact,
    destinations: readonly Destination[],
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<RingResult> {
    const { pbx, context } = request;
    // The smallest limit wins (2-call-behaviour §3): that of the whole is around this one. The default counts where nobody said anything, and leaves those
    // who come after this one their turn.
    const unlimited = request.limitMs !== undefined && isLast;
    const wait = contact.wait ?? (unlimited ? 0 : pbx.document.defaults.employee.ringTime);
    return ringFor(context.clock, wait * 1000, signal, (stop) =>
      ringFirst(
        destinations.map((destination) => (each: AbortSignal) => ringOne(context, destination, each)),
        stop,
        { onePerson: true },
      ),
    );
  }

  #notRung({ employee, group, log }: EmployeeRing, reason: EndReason, address = ''): RingResult {
    log
      .ask({
        kind: 'employee',
        id: employee.id,
        name: employee.name,
        address,
        ...(group === undefined ? {} : { group }),
      })
      .over(attemptOutcome(reason), reason);
    return { outcome: 'failed', reason };
  }
}

/** The contacts to ring now, in order. */
function contactsNow({ employee, contact, timetable, context }: EmployeeRing): readonly Contact[] {
  const zone = employee.timezone || undefined;
  const now = context.clock.now();
  const counting = employee.contacts.filter(
    ({ active, when, temporary }) =>
      active &&
      ((temporary !== undefined && timetable.when(temporary, zone).holds(now)) ||
        timetable.when(when, zone).holds(now)),
  );
  if (contact === 'asConfigured') return employee.ring === 'main' ? counting.slice(0, 1) : counting;
  if (contact === 'main') return counting.slice(0, 1);
  return counting.filter((one) => addressOf(one) === contact);
}

/** How a contact is named in a target and in history. */
export const addressOf = (contact: Contact): string => {
  if ('sip' in contact) return contact.sip;
  if ('phone' in contact) return contact.phone;
  return `${contact.number}@${contact.trunk}`;
};

const rungContact = (contact: Contact): RungContact => {
  if ('sip' in contact) return { sip: contact.sip };
  if ('phone' in contact) return { phone: contact.phone };
  return { trunk: contact.trunk, number: contact.number };
};
