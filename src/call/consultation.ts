import type { Attempt } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import type { RingContext, RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { AudioSource, Playback } from '../media/port.ts';
import { tablesOf } from '../scheme/tables.ts';
import { whitherOf } from '../scheme/targets.ts';
import type { TimerId } from '../time/clock.ts';
import type { Call } from './call.ts';
import type { Company, ConversationEnd } from './conversation.ts';
import { routeDialled } from './decide.ts';
import { type Commands, InCallKeys } from './in-call-keys.ts';
import type { Meeting, Seat } from './meeting.ts';
import type { Talk, TalkSide } from './recording.ts';
import { ringContext } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

/** The pause that ends a number, milliseconds; before the first digit there is more time. */
const PAUSE_MS = 3000;
const FIRST_MS = 10_000;
/** For so long a number outside is rung. */
const OUTSIDE_RING_MS = 60_000;

/** Somebody who was called from within the conversation. */
interface Guest {
  readonly leg: Leg;
  readonly attempt: Attempt;
}

/** As `Endpoint.bridge` takes it. */
export interface Passes {
  readonly passDtmf: boolean;
  readonly passPeersDtmf: boolean;
}

/** Why nobody was reached: what is heard of it. */
type Reached = RingResult | { readonly outcome: 'refused'; readonly audio: string };

/**
 * `##` and `#*` with a number, of the employees among those who talk (2-call-behaviour §5, §4.6.4.1): the other one hears music, and the number is rung. Of either:
 *
 *   home ── ##, #* ──▶ dialling ── number ──▶ ringing ── answer ──▶ consulting
 *    ▲ ▲                  │ ##                   │ ##                 │ │ ##
 *    │ └──────────────────┴──────────────────────┴────────────────────┼─┘
 *    └─── all in a conference ◀───────────────── #* ──────────────────┘
 *
 * Who hangs up while it rings, or while he talks to the third, has transferred the other one. From a conference each of the two employees can call another one in the same way, and is out
 * of it meanwhile. It goes on for as long as two are in it.
 */
export class Consultation implements Company {
  readonly commands: Readonly<Partial<Record<TalkSide, Commands>>>;
  readonly over: Promise<ConversationEnd['by']>;
  readonly #call: Call;
  readonly #talk: Talk;
  readonly #legs: Readonly<Record<TalkSide, Leg>>;
  readonly #onLeft: (side: TalkSide, reason: EndReason) => void;
  readonly #over = Promise.withResolvers<ConversationEnd['by']>();
  readonly #here = new Set<TalkSide>(['caller', 'callee']);
  /** In the conference. */
  readonly #guests = new Set<Guest>();
  #state: 'home' | 'dialling' | 'ringing' | 'consulting' = 'home';
  #commander: TalkSide = 'callee';
  /** How the keys of the two go, when they are together again. */
  #passes: Passes = { passDtmf: false, passPeersDtmf: false };
  #consulted: Guest | undefined;
  /** Has taken the place of one of the two. */
  #successor: Guest | undefined;
  #meeting: Meeting | undefined;
  readonly #seats = new Map<Leg, Seat>();
  #keys: InCallKeys | undefined;
  #number = '';
  #timer: TimerId | undefined;
  #ringing: AbortController | undefined;
  #music: Playback | undefined;
  #isClosed = false;

  /** @param onLeft one of the two has left, and the others go on */
  constructor(
    call: Call,
    talk: Talk,
    legs: Readonly<Record<TalkSide, Leg>>,
    onLeft: (side: TalkSide, reason: EndReason) => void,
  ) {
    this.#call = call;
    this.#talk = talk;
    this.#legs = legs;
    this.#onLeft = onLeft;
    this.over = this.#over.promise;
    const sides = talk.pbx.document.security.ignoreDtmf ? [] : (['caller', 'callee'] as const);
    this.commands = Object.fromEntries(
      sides.flatMap((side) => {
        const begin = () => this.#begin(side);
        const commands: Commands = new Map([
          ['##', begin],
          ['#*', begin],
        ]);
        return talk[side].employee === undefined ? [] : [[side, commands]];
      }),
    );
  }

  begins(passes: Passes): void {
    this.#passes = passes;
  }

  key(side: TalkSide, digit: string): boolean {
    if (this.#keys && side === this.#commander) this.#keys.press(digit);
    else if (this.#successor) void this.#successor.leg.endpoint.sendDtmf(digit).catch(() => undefined);
    else return false;
    return true;
  }

  get isApart(): boolean {
    return this.#meeting !== undefined || this.#state !== 'home';
  }

  holds(side: TalkSide, held: boolean): boolean {
    const seat = this.#seats.get(this.#legs[side]);
    void seat?.mute(held);
    return this.isApart;
  }

  left(side: TalkSide): boolean {
    this.#here.delete(side);
    if (this.#isClosed) return false;
    const goesOn = this.#goesOnWithout(side);
    if (goesOn) this.#onLeft(side, this.#state === 'home' || side !== this.#commander ? hungUp(side) : 'transferred');
    return goesOn;
  }

  /** Whoever was called is hung up. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#awaitNothing();
    const guests = [...this.#guests, this.#consulted, this.#successor];
    for (const guest of guests) {
      guest?.attempt.over('answered', this.#call.end?.reason ?? 'normal');
      void guest?.leg.hangup();
    }
    for (const seat of this.#seats.values()) void seat.leave();
    this.#seats.clear();
    this.#over.resolve('engine');
  }

  get #other(): TalkSide {
    return this.#commander === 'caller' ? 'callee' : 'caller';
  }

  #goesOnWithout(side: TalkSide): boolean {
    void this.#rise(this.#legs[side]);
    if (this.#successor) return false;
    const isCommander = side === this.#commander;
    if (this.#meeting) {
      if (isCommander && this.#state !== 'home') this.#handOver();
      return this.#isCompany;
    }
    switch (this.#state) {
      case 'home':
      case 'dialling':
        return false;
      case 'ringing':
        if (isCommander) this.#transferBlind();
        return isCommander;
      case 'consulting':
        this.#succeed(isCommander);
        return true;
    }
  }

  /** More than one is there still. */
  get #isCompany(): boolean {
    return this.#here.size + this.#guests.size + (this.#consulted ? 1 : 0) > 1;
  }

  #begin(side: TalkSide): void {
    if (this.#state !== 'home' || this.#successor || this.#isClosed) return;
    const { clock, sounds } = this.#call.services;
    const own = this.#legs[side];
    this.#commander = side;
    this.#state = 'dialling';
    this.#number = '';
    const home = () => this.#home();
    this.#listen(
      [
        ['##', home],
        ['#*', home],
      ],
      (digits) => this.#dialled(digits),
    );
    this.#timer = clock.setTimeout(() => this.#home('builtin:error-tone'), FIRST_MS);
    this.#do(async () => {
      if (this.#meeting) await this.#rise(own);
      else {
        await own.endpoint.unbridge();
        this.#entertain(
          this.#legs[this.#other],
          sounds.audio(this.#talk.pbx, this.#talk.pbx.document.pbx.transferMusic),
        );
        this.#call.timeline.hold(true);
      }
      own.endpoint.play(sounds.audio(this.#talk.pbx, 'builtin:beep'));
    });
  }

  #dialled(digits: string): void {
    const { clock } = this.#call.services;
    for (const digit of digits) {
      if (digit === '#') return this.#ring();
      this.#number += digit;
    }
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#ring(), PAUSE_MS);
  }

  #ring(): void {
    if (this.#number === '') return this.#home('builtin:error-tone');
    const stop = new AbortController();
    this.#awaitNothing();
    this.#state = 'ringing';
    this.#ringing = stop;
    this.#listen([['##', () => this.#home()]], () => undefined);
    const { services } = this.#call;
    const ringBack = services.sounds.ringBack(this.#talk.pbx);
    const tone = this.#legs[this.#commander].endpoint.play(ringBack, { loop: true });
    this.#do(async () => {
      const reached = await this.#reach(this.#number, stop.signal);
      void tone.stop();
      if (reached.outcome === 'answered') await this.#answered(reached, stop.signal);
      else if (!stop.signal.aborted) this.#notReached(reached);
    });
  }

  #notReached(reached: Exclude<Reached, { outcome: 'answered' }>): void {
    this.#ringing = undefined;
    if (this.#here.has(this.#commander)) {
      const { reason = 'unavailable' } = reached.outcome === 'refused' ? {} : reached;
      const audio = reached.outcome === 'refused' ? reached.audio : heardOf(reason);
      this.#home(audio);
      return;
    }
    // He has hung up, and there is nobody for the other one.
    this.#over.resolve('engine');
  }

  async #answered({ leg, attempt }: Extract<RingResult, { outcome: 'answered' }>, stop: AbortSignal): Promise<void> {
    if (stop.aborted || this.#isClosed || !attempt) {
      void leg.hangup();
      attempt?.over('elsewhere', 'callerHungUp');
      return;
    }
    this.#ringing = undefined;
    const guest: Guest = { leg, attempt };
    attempt.talking();
    this.#consulted = guest;
    this.#state = 'consulting';
    leg.on('ended', () => this.#guestLeft(guest));
    if (leg.ended) return;
    if (!this.#here.has(this.#commander)) {
      // He has transferred the other one while it rang.
      if (this.#meeting) this.#handOver();
      else this.#succeed(true);
      return;
    }
    const own = this.#legs[this.#commander];
    const send = (digits: string) => void leg.endpoint.sendDtmf(digits).catch(() => undefined);
    this.#listen(
      [
        ['##', () => this.#home()],
        ['#*', () => this.#meet()],
      ],
      send,
    );
    await own.endpoint.bridge(leg.endpoint, { passDtmf: false, passPeersDtmf: true });
  }

  /** To where he was before, whoever was called meanwhile is hung up. @param audio what he hears first */
  #home(audio?: string): void {
    if (this.#state === 'home') return;
    this.#awaitNothing();
    const consulted = this.#consulted;
    this.#consulted = undefined;
    this.#state = 'home';
    void consulted?.leg.hangup();
    consulted?.attempt.over('answered', 'userCommand');
    const { sounds } = this.#call.services;
    const own = this.#legs[this.#commander];
    this.#do(async () => {
      if (audio !== undefined) await own.endpoint.play(sounds.audio(this.#talk.pbx, audio)).ended;
      if (this.#state !== 'home' || this.#isClosed || !this.#here.has(this.#commander)) return;
      if (this.#meeting) await this.#sit(own);
      else await this.#together(this.#legs.caller, this.#legs.callee, this.#passes);
    });
  }

  /** `#*`: all of them in a conference. */
  #meet(): void {
    const consulted = this.#consulted;
    if (this.#state !== 'consulting' || !consulted) return;
    const own = this.#legs[this.#commander];
    const other = this.#legs[this.#other];
    this.#do(async () => {
      const joining = [...(this.#meeting ? [] : [other]), own, consulted.leg].filter((leg) => !leg.ended);
      const seats = await this.#takeSeats(joining.length);
      if (!seats) {
        own.endpoint.play(this.#call.services.sounds.audio(this.#talk.pbx, 'builtin:conference-full'));
        return;
      }
      if (this.#consulted !== consulted) {
        for (const seat of seats) void seat.leave();
        return;
      }
      this.#awaitNothing();
      this.#guests.add(consulted);
      this.#consulted = undefined;
      this.#state = 'home';
      this.#silence();
      this.#call.timeline.aside({
        state: 'conversation',
        event: 'rule',
        detail: { by: this.#talk[this.#commander].employee, to: this.#number },
        why: 'all were joined in a conference (#*)',
      });
      for (const [i, leg] of joining.entries()) await this.#seat(leg, seats[i] as Seat);
    });
  }

  /** All, or none. */
  async #takeSeats(count: number): Promise<readonly Seat[] | undefined> {
    const { pbx } = this.#talk;
    const { rooms } = this.#call.services;
    const meeting = this.#meeting ?? rooms.meet(pbx);
    if (meeting.size + count > pbx.document.conference.maxParticipants) return undefined;
    const places: (() => void)[] = [];
    for (let i = 0; i < count; i++) {
      const place = await rooms.takePlace(pbx);
      if (!place) {
        for (const giveBack of places) giveBack();
        return undefined;
      }
      places.push(place);
    }
    this.#meeting = meeting;
    const lost = () => this.#call.breakOff({ by: 'engine', reason: 'networkFailure' });
    return places.map((giveBack) => {
      const seat = meeting.take(this.#call.id, lost);
      return {
        ...seat,
        leave: async () => {
          giveBack();
          await seat.leave();
        },
      };
    });
  }

  async #seat(leg: Leg, seat: Seat): Promise<void> {
    if (leg.ended || this.#isClosed) return seat.leave();
    this.#seats.set(leg, seat);
    await seat.sit(leg.endpoint);
  }

  async #sit(leg: Leg): Promise<void> {
    const [seat] = (await this.#takeSeats(1)) ?? [];
    if (seat) await this.#seat(leg, seat);
    // Somebody else has got the last place meanwhile.
    else void leg.hangup();
  }

  async #rise(leg: Leg): Promise<void> {
    const seat = this.#seats.get(leg);
    this.#seats.delete(leg);
    await seat?.leave();
  }

  /** Who commands has gone: whoever he has called joins those whom he has left in the conference, when he answers. */
  #handOver(): void {
    this.#keys?.close();
    this.#keys = undefined;
    const consulted = this.#consulted;
    if (!consulted) {
      this.#awaitNothing();
      this.#state = 'home';
      return;
    }
    this.#consulted = undefined;
    this.#guests.add(consulted);
    this.#state = 'home';
    this.#do(() => this.#sit(consulted.leg));
  }

  #transferBlind(): void {
    this.#keys?.close();
    this.#keys = undefined;
    this.#noteTransfer('blind');
    this.#entertain(this.#legs[this.#other], this.#call.services.sounds.ringBack(this.#talk.pbx));
  }

  /** The third takes the place of one of the two. @param isTransfer of him who has called the third */
  #succeed(isTransfer: boolean): void {
    const successor = this.#consulted;
    if (!successor) return;
    const isBlind = this.#keys === undefined;
    this.#awaitNothing();
    this.#consulted = undefined;
    this.#successor = successor;
    if (isTransfer && !isBlind) this.#noteTransfer('consultative');
    const stays = this.#legs[isTransfer ? this.#other : this.#commander];
    this.#silence();
    if (isTransfer) this.#do(() => this.#together(stays, successor.leg, { passDtmf: false, passPeersDtmf: true }));
  }

  #noteTransfer(kind: 'blind' | 'consultative'): void {
    const { employee = '', contact } = this.#talk[this.#commander];
    this.#call.timeline.transferred({ kind, by: employee, from: contact, to: this.#number });
  }

  #guestLeft(guest: Guest): void {
    guest.attempt.over('answered', 'calleeHungUp');
    void this.#rise(guest.leg);
    this.#guests.delete(guest);
    if (this.#isClosed) return;
    if (this.#successor === guest) this.#over.resolve('callee');
    else if (this.#consulted === guest) {
      this.#consulted = undefined;
      this.#home();
    } else if (this.#meeting && !this.#isCompany) this.#over.resolve('callee');
  }

  async #together(one: Leg, another: Leg, passes: Passes): Promise<void> {
    this.#silence();
    if (one.ended || another.ended) return;
    await one.endpoint.bridge(another.endpoint, passes);
  }

  #entertain(leg: Leg, audio: readonly AudioSource[]): void {
    if (!leg.ended) this.#music = leg.endpoint.play(audio, { loop: true });
  }

  #silence(): void {
    if (!this.#music) return;
    void this.#music.stop();
    this.#music = undefined;
    this.#call.timeline.hold(false);
  }

  #listen(commands: readonly (readonly [string, () => void])[], pass: (digits: string) => void): void {
    this.#keys?.close();
    this.#keys = new InCallKeys(new Map(commands), this.#call.services.clock, pass);
  }

  /** No key, no number, and nobody who is being rung. */
  #awaitNothing(): void {
    this.#keys?.close();
    this.#keys = undefined;
    this.#call.services.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#ringing?.abort();
    this.#ringing = undefined;
  }

  /** What goes wrong ends the conversation: nobody is to be left where nobody hears him. */
  #do(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      if (this.#isClosed) return;
      this.#call.log.error({ err: error }, `an in-call command failed: ${errorText(error)}`);
      this.#over.resolve('engine');
    });
  }

  /** As if his phone had dialled the number, of those that one can be brought together with. */
  async #reach(dialled: string, signal: AbortSignal): Promise<Reached> {
    const call = this.#call;
    const { pbx, services, timeline } = call;
    const dialler = pbx.employee(this.#talk[this.#commander].employee ?? '');
    if (!dialler) return { outcome: 'refused', audio: 'builtin:error-tone' };
    const { name: display, extension = '', outgoing } = dialler;
    const host = pbx.document.pbx.domains[0] ?? 'invalid';
    const base = { direction: 'internal', from: extension, display, dialled, callerId: outgoing } as const;
    const { route } = routeDialled(pbx, base, { dialled, host, dialler });
    const context: RingContext = {
      ...ringContext(call),
      from: { user: extension, display, host },
      fromOrdinary: { user: outgoing.callerId ?? 'anonymous', host, display: '' },
      callerId: outgoing,
      employee: dialler.id,
      onRinging: () => undefined,
    };
    switch (route.to) {
      case 'target': {
        const found = 'extension' in route.target ? pbx.extension(route.target.extension) : undefined;
        const whither = found && whitherOf(found);
        const employee = whither && 'employee' in whither ? pbx.employee(whither.employee) : undefined;
        if (!employee) return { outcome: 'refused', audio: 'builtin:error-tone' };
        const { timetable } = tablesOf(pbx);
        const limitMs = pbx.document.defaults.employee.ringTime * 1000;
        return services.employees.ring(
          { pbx, timetable, employee, contact: 'asConfigured', limitMs, log: timeline.asides, context },
          signal,
        );
      }
      case 'outside': {
        if (!pbx.document.security.transferToExternal) {
          return { outcome: 'refused', audio: 'builtin:transfer-not-allowed' };
        }
        const [way] = route.ways;
        const found = services.destinations.through(pbx, route.ways, outgoing.callerId ?? undefined);
        const number = way?.number ?? dialled;
        const asked = { kind: 'number', id: number, name: '', address: number } as const;
        const how = { found, context, ringMs: OUTSIDE_RING_MS, log: timeline.asides };
        return ringOutside(call, asked, how, signal);
      }
      case 'nobody':
        return { outcome: 'refused', audio: route.announcement ?? 'builtin:number-not-found' };
      default:
        return { outcome: 'refused', audio: 'builtin:error-tone' };
    }
  }
}

const hungUp = (side: TalkSide): EndReason => (side === 'caller' ? 'callerHungUp' : 'calleeHungUp');

function heardOf(reason: EndReason): string {
  switch (reason) {
    case 'noAnswer':
      return 'builtin:not-answering';
    case 'busy':
    case 'declined':
    case 'doNotDisturb':
    case 'unavailable':
    case 'employeeUnavailable':
      return 'builtin:number-unavailable';
    default:
      return 'builtin:error-tone';
  }
}
