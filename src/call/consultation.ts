import type { Attempt } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import type { RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText, UserError } from '../errors.ts';
import type { AudioSource, Playback } from '../media/port.ts';
import type { ReferRequest, Party as SipParty } from '../sip/port.ts';
import type { TimerId } from '../time/clock.ts';
import type { Call } from './call.ts';
import type { Company, EndedBy } from './conversation.ts';
import type { Route } from './decide.ts';
import { type Commands, InCallKeys } from './in-call-keys.ts';
import type { Transferring } from './live-calls.ts';
import type { Meeting, Seat } from './meeting.ts';
import type { TalkSide } from './recording.ts';
import type { FoundTalk } from './talks.ts';
import { callThird, type Dialled, dialled, employeeDialled, type Refusal, toldOf } from './third.ts';

/** The pause that ends a number, milliseconds; before the first digit there is more time. */
const PAUSE_MS = 3000;
const FIRST_MS = 10_000;

/** One of those who talk. */
export interface Party {
  readonly leg: Leg;
  /** Whose phone it is; undefined: nobody's of ours. */
  readonly employee: string | undefined;
  /** By what he is reached: an account's address, a phone number. */
  readonly contact: string;
  /** That has brought him to the phone; undefined: he has called, or another call has brought him. */
  readonly attempt: Attempt | undefined;
  /** What he presses may be a command. */
  readonly commands: boolean;
}

/** What follows when one of the two has gone, and the other one stays. */
export interface Succession {
  /** Who has gone. */
  readonly side: TalkSide;
  /** Why he talks no more. */
  readonly reason: EndReason;
  /** His phone has asked for it, and hangs up by itself. */
  readonly byPhone: boolean;
  /** Somebody talks in his place; or the one who stays, the caller, is sent on; or he talks in another call, and this one lasts for as long as he does. */
  readonly next: { readonly party: Party } | { readonly route: Route } | 'elsewhere';
}

/** Somebody who was called from within the conversation. */
interface Guest extends Party {
  readonly attempt: Attempt;
  /** Has nothing more to do with whether he is there. */
  readonly release: () => void;
}

/** As `Endpoint.bridge` takes it. */
export interface Passes {
  readonly passDtmf: boolean;
  readonly passPeersDtmf: boolean;
}

/** A transfer that was asked for as a whole, not by keys one after the other. */
interface Referral extends Pick<ReferRequest, 'tell'> {
  /** His phone has, and hangs up by itself when it is told. */
  readonly byPhone: boolean;
}

/** Of one that is asked for by command, what comes of it tell the events of the call. */
const byCommand: Referral = { byPhone: false, tell: async () => undefined };

export interface ConsultationOptions {
  /** One of the two has left, and the others go on: in a conference, or one who is being transferred. */
  readonly onLeft: (side: TalkSide, reason: EndReason) => void;
  /** Resolves when the audio of the two passes the media server, for the rest of the call. */
  readonly takeAudioBack: () => Promise<void>;
}

/**
 * `##` and `#*` with a number, of the employees among those who talk (2-call-behaviour §5, §4.6.4.1): the other one hears music, and the number is rung. Of either:
 *
 *   home ── ##, #* ──▶ dialling ── number ──▶ ringing ── answer ──▶ consulting
 *    ▲ ▲                  │ ##                   │ ##                 │ │ ##
 *    │ └──────────────────┴──────────────────────┴────────────────────┼─┘
 *    └─── all in a conference ◀───────────────── #* ──────────────────┘
 *
 * Who hangs up while it rings, or while he talks to the third, has transferred the other one. A phone that has a key for that says it by REFER, with the number, or with another call of his,
 * whose other party then takes his place: each of the two calls goes on without him, and ends with the other. From a conference each of the two employees can call another one in the same way, and is out
 * of it meanwhile. It goes on for as long as two are in it.
 */
export class Consultation implements Company<Succession>, Transferring {
  readonly commands: Readonly<Partial<Record<TalkSide, Commands>>>;
  readonly over: Promise<EndedBy | Succession>;
  readonly #call: Call;
  readonly #parties: Readonly<Record<TalkSide, Party>>;
  readonly #options: ConsultationOptions;
  readonly #over = Promise.withResolvers<EndedBy | Succession>();
  readonly #here = new Set<TalkSide>(['caller', 'callee']);
  /** In the conference. */
  readonly #guests = new Set<Guest>();
  #state: 'home' | 'dialling' | 'ringing' | 'consulting' = 'home';
  #commander: TalkSide = 'callee';
  /** How the keys of the two go, when they are together again. */
  #passes: Passes = { passDtmf: false, passPeersDtmf: false };
  #consulted: Guest | undefined;
  /** By which the other one is being transferred. */
  #referral: Referral | undefined;
  /** The two are not together any more, or are again. */
  #moved: () => void = () => undefined;
  #meeting: Meeting | undefined;
  readonly #seats = new Map<Leg, Seat>();
  #keys: InCallKeys | undefined;
  #number = '';
  #timer: TimerId | undefined;
  #ringing: AbortController | undefined;
  #music: Playback | undefined;
  readonly #off: (() => void)[];
  #isClosed = false;

  constructor(call: Call, parties: Readonly<Record<TalkSide, Party>>, options: ConsultationOptions) {
    this.#call = call;
    this.#parties = parties;
    this.#options = options;
    this.over = this.#over.promise;
    const sides = call.pbx.document.security.ignoreDtmf ? [] : (['caller', 'callee'] as const);
    this.commands = Object.fromEntries(
      sides.flatMap((side) => {
        const begin = () => this.#begin(side);
        const commands: Commands = new Map([
          ['##', begin],
          ['#*', begin],
        ]);
        return parties[side].employee === undefined ? [] : [[side, commands]];
      }),
    );
    this.#off = [
      call.services.talks.add(this, { caller: parties.caller.leg, callee: parties.callee.leg }),
      ...(['caller', 'callee'] as const).map((side) =>
        parties[side].leg.onRefer((refer) => this.#referred(side, refer)),
      ),
    ];
  }

  begins(passes: Passes, moved: () => void): void {
    this.#passes = passes;
    this.#moved = moved;
  }

  key(side: TalkSide, digit: string): boolean {
    if (!this.#keys || side !== this.#commander) return false;
    this.#keys.press(digit);
    return true;
  }

  get isApart(): boolean {
    return this.#meeting !== undefined || this.#state !== 'home';
  }

  holds(side: TalkSide, held: boolean): void {
    const seat = this.#seats.get(this.#parties[side].leg);
    void seat?.mute(held);
  }

  left(side: TalkSide): boolean {
    this.#here.delete(side);
    if (this.#isClosed) return false;
    void this.#rise(this.#parties[side].leg);
    const isCommander = side === this.#commander;
    const reason = this.#state === 'home' || !isCommander ? hungUp(side) : 'transferred';
    if (this.#meeting) {
      if (isCommander && this.#state !== 'home') this.#handOver();
      if (this.#isCompany) this.#options.onLeft(side, reason);
      return this.#isCompany;
    }
    switch (this.#state) {
      case 'home':
      case 'dialling':
        return false;
      case 'ringing':
        if (!isCommander) return false;
        this.#transferBlind();
        this.#options.onLeft(side, reason);
        return true;
      case 'consulting':
        this.#succeed(side, reason);
        return true;
    }
  }

  /** Whoever was called is hung up. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const off of this.#off) off();
    void this.#referral?.tell(GONE);
    this.#awaitNothing();
    for (const guest of [...this.#guests, this.#consulted]) {
      guest?.attempt.over('answered', this.#call.end?.reason ?? 'normal');
      void guest?.leg.hangup();
    }
    for (const seat of this.#seats.values()) void seat.leave();
    this.#seats.clear();
    this.#over.resolve('engine');
  }

  /** Who commands. */
  get #own(): Leg {
    return this.#parties[this.#commander].leg;
  }

  get #waiting(): Leg {
    return this.#parties[this.#other].leg;
  }

  get #other(): TalkSide {
    return this.#commander === 'caller' ? 'callee' : 'caller';
  }

  /** More than one is there still. */
  get #isCompany(): boolean {
    return this.#here.size + this.#guests.size + (this.#consulted ? 1 : 0) > 1;
  }

  #begin(side: TalkSide): void {
    if (this.#state !== 'home' || this.#isClosed) return;
    const { clock } = this.#call.services;
    const own = this.#parties[side].leg;
    this.#commander = side;
    this.#state = 'dialling';
    this.#number = '';
    this.#moved();
    const home = () => this.#home();
    this.#listen(
      [
        ['##', home],
        ['#*', home],
      ],
      (digits) => this.#digits(digits),
    );
    this.#timer = clock.setTimeout(() => this.#home('builtin:error-tone'), FIRST_MS);
    this.#do(async () => {
      if (this.#meeting) await this.#rise(own);
      else await this.#part();
      own.endpoint.play(this.#audio('builtin:beep'));
    });
  }

  /** The two are together. */
  get #isSettled(): boolean {
    return !this.isApart && !this.#isClosed;
  }

  #with(side: TalkSide): Party {
    return this.#parties[side === 'caller' ? 'callee' : 'caller'];
  }

  /** The other one hears music. */
  async #part(): Promise<void> {
    await this.#standAside();
    this.#entertain(this.#waiting, this.#audio(this.#call.pbx.document.pbx.transferMusic));
    this.#call.timeline.hold(true);
  }

  /** Out of the bridge. One who has hung up is. */
  async #standAside(): Promise<void> {
    const { endpoint } = this.#own;
    await endpoint.unbridge().catch((error: unknown) => {
      if (!this.#own.ended) throw error;
    });
  }

  #audio(id: Parameters<Call['services']['sounds']['audio']>[1]): readonly AudioSource[] {
    return this.#call.services.sounds.audio(this.#call.pbx, id);
  }

  #digits(digits: string): void {
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
    const onward = this.#onward();
    if (onward && !this.#meeting) return this.#sendOn(onward);
    const stop = new AbortController();
    this.#awaitNothing();
    this.#state = 'ringing';
    this.#ringing = stop;
    this.#listen([['##', () => this.#home()]], () => undefined);
    const { services } = this.#call;
    const ringBack = services.sounds.ringBack(this.#call.pbx);
    const tone = this.#own.endpoint.play(ringBack, { loop: true });
    this.#do(async () => {
      const reached = await this.#reach(stop.signal);
      void tone.stop();
      if (reached.outcome === 'answered') await this.#answered(reached, stop.signal);
      else if (!stop.signal.aborted) this.#notReached(reached);
    });
  }

  #notReached(reached: Exclude<RingResult | Refusal, { outcome: 'answered' }>): void {
    this.#ringing = undefined;
    const { audio, status } = toldOf(reached);
    const referral = this.#referral;
    this.#referral = undefined;
    void referral?.tell(status);
    if (this.#here.has(this.#commander)) {
      // A phone shows what it is told.
      this.#home(referral ? undefined : audio);
      return;
    }
    // He has hung up, and there is nobody for the other one.
    this.#over.resolve('engine');
  }

  async #answered(
    { leg, attempt, dtmfCommands }: Extract<RingResult, { outcome: 'answered' }>,
    stop: AbortSignal,
  ): Promise<void> {
    if (stop.aborted || this.#isClosed || !attempt) {
      void leg.hangup();
      attempt?.over('elsewhere', 'callerHungUp');
      return;
    }
    this.#ringing = undefined;
    const { id, kind, address } = attempt.asked;
    const guest: Guest = {
      ...{ leg, attempt, contact: address, commands: dtmfCommands !== false },
      employee: kind === 'employee' ? id : undefined,
      release: leg.on('ended', () => this.#guestLeft(guest)),
    };
    attempt.talking();
    this.#consulted = guest;
    this.#state = 'consulting';
    if (leg.ended) return this.#guestLeft(guest);
    const isHere = this.#here.has(this.#commander);
    if (this.#meeting && !isHere) return this.#handOver();
    // He has transferred the other one while it rang, or by REFER, and is told so.
    if (this.#referral && isHere) this.#noteTransfer('blind');
    if (this.#referral || !isHere) return this.#succeed(this.#commander, 'transferred');
    const own = this.#own;
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
    const own = this.#own;
    this.#do(async () => {
      if (audio !== undefined) await own.endpoint.play(sounds.audio(this.#call.pbx, audio)).ended;
      if (this.#state !== 'home' || this.#isClosed || !this.#here.has(this.#commander)) return;
      if (this.#meeting) await this.#sit(own);
      else await this.#together();
      this.#moved();
    });
  }

  /** A REFER of one of the two. */
  #referred(side: TalkSide, refer: ReferRequest): void {
    const found = refer.replaces && this.#call.services.talks.find(refer.replaces);
    const refusal = this.#refusal(side, found) ?? (refer.referTo.user === '' ? BAD_REQUEST : undefined);
    if (refusal !== undefined) return refer.reject(refusal);
    refer.accept();
    this.#commander = side;
    this.#number = refer.referTo.user;
    this.#referral = { byPhone: true, tell: (status) => refer.tell(status) };
    // One who has not answered yet, or whose call is another node's, is called anew: the phone gives the other call up.
    if (found) this.#do(() => this.#join(found.talk, found.side));
    else this.#do(() => this.#ringForReferral());
  }

  /** @param found another call of his, which he names */
  #refusal(side: TalkSide, found: FoundTalk<Consultation> | undefined): number | undefined {
    const { employee, leg } = this.#parties[side];
    // An operator, or a stranger, would have others called at our cost.
    if (employee === undefined || !leg.isPhone) return FORBIDDEN;
    if (!this.#isSettled) return PENDING;
    if (!found) return undefined;
    const { talk } = found;
    if (talk === this) return BAD_REQUEST;
    if (talk.#parties[found.side].employee !== employee || talk.#call.pbx.id !== this.#call.pbx.id) return FORBIDDEN;
    if (!talk.#isSettled) return PENDING;
    const areStrangers = this.#with(side).employee === undefined && talk.#with(found.side).employee === undefined;
    return areStrangers && !this.#call.pbx.document.security.transferToExternal ? FORBIDDEN : undefined;
  }

  transfer(to: string, employee?: string): void {
    const isHis = (side: TalkSide) => {
      const own = this.#parties[side].employee;
      return own !== undefined && (employee === undefined || own === employee);
    };
    const side = (['callee', 'caller'] as const).find((one) => isHis(one) && this.#here.has(one));
    const whose = employee === undefined ? 'No employee talks' : `The employee "${employee}" does not talk`;
    if (!side) throw new UserError('no-such-talker', `${whose} in this call`);
    if (!this.#isSettled) {
      throw new UserError(
        'not-now',
        'The two are not together: somebody is being called from the call, or it is a conference',
      );
    }
    this.#commander = side;
    this.#number = to;
    const what = this.#dialled;
    const { route } = what ?? {};
    if (!what || !route || route.to === 'nobody')
      throw new UserError('no-such-number', `Nobody can be called at "${to}"`);
    if (route.to === 'outside' && !this.#call.pbx.document.security.transferToExternal) {
      throw new UserError(
        'not-allowed',
        'Calls are not transferred to numbers outside',
        'See security.transferToExternal.',
      );
    }
    if (!this.#onward() && route.to !== 'outside' && !employeeDialled(this.#call.pbx, what)) {
      throw new UserError('not-a-person', `"${to}" takes callers only, and the other one was called`);
    }
    this.#referral = byCommand;
    this.#do(() => this.#ringForReferral());
  }

  /** Groups, schemes and rooms take callers: whoever was called cannot be sent there, and nobody can be asked first. */
  #onward(): Route | undefined {
    const { pbx, caller } = this.#call;
    const what = this.#dialled;
    if (!what || this.#waiting !== caller.leg || employeeDialled(pbx, what)) return undefined;
    const { route } = what;
    return route.to === 'target' || route.to === 'scheme' ? route : undefined;
  }

  #sendOn(route: Route): void {
    // One who has hung up already has transferred him by that.
    if (this.#here.has(this.#commander)) this.#noteTransfer('blind');
    this.#leave({ route });
  }

  /** The one who commands is done here. */
  #leave(next: Succession['next']): void {
    const byPhone = this.#referral?.byPhone ?? false;
    void this.#referral?.tell(OK);
    this.#referral = undefined;
    this.#awaitNothing();
    this.#silence();
    this.#over.resolve({ side: this.#commander, reason: 'transferred', byPhone, next });
  }

  async #ringForReferral(): Promise<void> {
    const stop = new AbortController();
    this.#state = 'ringing';
    this.#ringing = stop;
    this.#moved();
    void this.#referral?.tell(TRYING);
    await this.#options.takeAudioBack();
    if (!this.#isClosed) await this.#part();
    if (this.#isClosed) return;
    const onward = this.#onward();
    if (onward) return this.#sendOn(onward);
    const reached = await this.#reach(stop.signal);
    if (reached.outcome === 'answered') await this.#answered(reached, stop.signal);
    else if (!stop.signal.aborted) this.#notReached(reached);
  }

  /** Who has both conversations leaves both, and the two others talk, in this one. @param side his in the other one */
  async #join(other: Consultation, side: TalkSide): Promise<void> {
    other.#commander = side;
    other.#number = this.#parties[this.#other].contact;
    for (const talk of [this, other]) {
      talk.#state = 'consulting';
      talk.#moved();
    }
    try {
      await Promise.all([this, other].map((talk) => talk.#options.takeAudioBack()));
      await Promise.all([this, other].map((talk) => talk.#standAside()));
    } catch (error) {
      other.#over.resolve('engine');
      throw error;
    }
    if (this.#isClosed || other.#isClosed) {
      // Somebody has hung up meanwhile.
      void this.#referral?.tell(GONE);
      this.#referral = undefined;
      for (const talk of [this, other]) talk.#home();
      return;
    }
    for (const talk of [this, other]) talk.#noteTransfer('consultative');
    const party = { ...other.#parties[other.#other], attempt: undefined };
    other.#over.resolve({ side, reason: 'transferred', byPhone: true, next: 'elsewhere' });
    this.#leave({ party });
  }

  /** `#*`: all of them in a conference. */
  #meet(): void {
    const consulted = this.#consulted;
    if (this.#state !== 'consulting' || !consulted) return;
    const own = this.#own;
    const other = this.#waiting;
    this.#do(async () => {
      const joining = [...(this.#meeting ? [] : [other]), own, consulted.leg].filter((leg) => !leg.ended);
      const seats = await this.#takeSeats(joining.length);
      if (!seats) {
        own.endpoint.play(this.#call.services.sounds.audio(this.#call.pbx, 'builtin:conference-full'));
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
        detail: { by: this.#parties[this.#commander].employee, to: this.#number },
        why: 'all were joined in a conference (#*)',
      });
      for (const [i, leg] of joining.entries()) await this.#seat(leg, seats[i] as Seat);
    });
  }

  /** All, or none. */
  async #takeSeats(count: number): Promise<readonly Seat[] | undefined> {
    const { pbx } = this.#call;
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
    this.#entertain(this.#waiting, this.#call.services.sounds.ringBack(this.#call.pbx));
  }

  /** The third takes the place of one of the two. */
  #succeed(side: TalkSide, reason: EndReason): void {
    const successor = this.#consulted;
    if (!successor) return;
    successor.release();
    this.#consulted = undefined;
    const next = { party: successor };
    if (side === this.#commander) {
      if (this.#keys) this.#noteTransfer('consultative');
      return this.#leave(next);
    }
    this.#awaitNothing();
    this.#silence();
    this.#over.resolve({ side, reason, byPhone: false, next });
  }

  #noteTransfer(kind: 'blind' | 'consultative'): void {
    const { employee = '', contact } = this.#parties[this.#commander];
    this.#call.timeline.transferred({ kind, by: employee, from: contact, to: this.#number });
  }

  #guestLeft(guest: Guest): void {
    guest.attempt.over('answered', 'calleeHungUp');
    void this.#rise(guest.leg);
    this.#guests.delete(guest);
    if (this.#isClosed) return;
    if (this.#consulted === guest) {
      this.#consulted = undefined;
      this.#home();
    } else if (this.#meeting && !this.#isCompany) this.#over.resolve('callee');
  }

  async #together(): Promise<void> {
    this.#silence();
    const { caller, callee } = this.#parties;
    if (caller.leg.ended || callee.leg.ended) return;
    await caller.leg.endpoint.bridge(callee.leg.endpoint, this.#passes);
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

  /** What he has dialled. */
  get #dialled(): Dialled | undefined {
    return dialled(this.#call.pbx, this.#parties[this.#commander].employee, this.#number);
  }

  /** Who is sent by a transfer, as the phone shows him that is rung for him. */
  get #sent(): SipParty {
    const { leg, employee: id = '', contact } = this.#parties[this.#other];
    const { caller, shown, pbx } = this.#call;
    if (leg === caller.leg) return shown.sip;
    const employee = pbx.employee(id);
    const host = pbx.document.pbx.domains[0] ?? 'invalid';
    return { user: employee?.extension ?? contact, display: employee?.name ?? '', host };
  }

  async #reach(signal: AbortSignal): Promise<RingResult | Refusal> {
    const what = this.#dialled;
    // The version that knew him is not in force any more.
    if (!what) return { outcome: 'failed', reason: 'unavailable' };
    const sent = this.#referral ? this.#sent : undefined;
    return callThird(this.#call, what, { sent, onRinging: () => void this.#referral?.tell(RINGING) }, signal);
  }
}

/** Responses by which a phone knows what has become of its REFER (RFC 3261 §21). */
const [TRYING, RINGING, OK, BAD_REQUEST, FORBIDDEN, GONE, PENDING] = [100, 180, 200, 400, 403, 487, 491];

const hungUp = (side: TalkSide): EndReason => (side === 'caller' ? 'callerHungUp' : 'calleeHungUp');
