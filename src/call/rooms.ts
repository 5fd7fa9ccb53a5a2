import type { Logger } from 'pino';
import type { Room } from '../config/document.ts';
import type { ConfigStore } from '../config/store.ts';
import type { PbxVersion } from '../config/version.ts';
import { attemptOutcome } from '../dial/attempt.ts';
import type { Leg } from '../dial/leg.ts';
import type { EndReason } from '../end-reason.ts';
import { errorText } from '../errors.ts';
import type { ConferenceMixer } from '../media/conference.ts';
import { MediaError, type MediaServer } from '../media/port.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import type { Clock } from '../time/clock.ts';
import type { Random } from '../time/random.ts';
import type { Call } from './call.ts';
import { holdMusic } from './conversation.ts';
import type { Rooms } from './facilities.ts';
import { FarRooms, type NoSeat, type RoomNodes } from './far-rooms.ts';
import { Keypad } from './keypad.ts';
import { Meeting, type MeetingSounds, type Seat } from './meeting.ts';
import type { PinLimits } from './open-mailbox.ts';
import type { Sounds } from './sounds.ts';

/** Wrong PINs of strangers close a room to strangers: ten digits an hour, against a PIN of four that is guessed in weeks, and each block is in the log. */
const perRoom: PinLimits = { limit: 10, window: 3600, block: 3600 };
/** Those of an employee close all rooms to him alone. */
const perEmployee: PinLimits = { limit: 15, window: 86_400, block: 3600 };
/** The pause that ends a PIN, milliseconds. */
const ENTRY_MS = 4000;
/** How often one may try in one call. */
const ATTEMPTS = 3;

export interface RoomsOptions {
  readonly media: MediaServer & ConferenceMixer;
  readonly sounds: Sounds;
  readonly nodes: RoomNodes;
  readonly config: Pick<ConfigStore, 'current'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** One more who takes part in a conference of the PBX (`conference.maxTotal`). @returns gives the place back; undefined: there is none left */
  readonly takePlace: Rooms['takePlace'];
}

/** Why somebody does not get in, and what he hears of it. */
interface Refusal {
  readonly reason: EndReason;
  readonly audio: string;
  readonly why: string;
  /** The caller is done with: the scheme does not go on with him (§4.6.4.2). */
  readonly isFinal?: true;
}

/** The conference rooms of all PBXs (§4.6.4.2). Each lives on the node to which the first who is in it has come; others get there over `FarRooms`. */
export class ConferenceRooms implements Rooms {
  readonly #options: RoomsOptions;
  /** Those with somebody in them, by PBX and room. */
  readonly #meetings = new Map<string, { readonly pbx: string; readonly room: string; readonly meeting: Meeting }>();
  readonly #far: FarRooms;

  constructor(options: RoomsOptions) {
    this.#options = options;
    this.#far = new FarRooms({
      ...options,
      rooms: () => [...this.#meetings.values()],
      seatHere: async (id, room, seats, onLost) => {
        const pbx = options.config.current(id);
        if (!pbx || (await this.#far.whereIs(id, room)) !== undefined) return 'elsewhere';
        return this.#seatHere(pbx, { id: room, seats }, `room ${id}/${room}`, onLost);
      },
    });
  }

  close(): void {
    this.#far.close();
  }

  takePlace(pbx: PbxVersion): Promise<(() => void) | undefined> {
    return this.#options.takePlace(pbx);
  }

  meet(pbx: PbxVersion): Meeting {
    return new Meeting({ mixer: this.#options.media, sounds: this.#soundsOf(pbx), onEmpty: () => undefined });
  }

  #soundsOf(pbx: PbxVersion): MeetingSounds {
    const { sounds } = this.#options;
    return { music: holdMusic(sounds, pbx), joined: sounds.audio(pbx, 'builtin:beep') };
  }

  async join(call: Call, id: string, signal: AbortSignal, connected: () => void): Promise<ForwardResult> {
    const room = call.pbx.room(id);
    if (!room) return { outcome: 'failed', reason: 'schemeMisconfigured' };
    const attempt = call.timeline.ask({ kind: 'room', id, name: room.name, address: '' });
    const attempts = [attempt, ...call.brought];
    const failed = (reason: EndReason): ForwardResult => {
      attempt.over(attemptOutcome(reason), reason);
      return { outcome: 'failed', reason };
    };
    const barred = barredFrom(call, room);
    if (barred) return this.#refuse(call, barred, failed);
    await call.audio.answer();
    const stop = AbortSignal.any([signal, call.caller.gone]);
    if (stop.aborted) return failed('callerHungUp');
    call.audio.stop();
    const wrong = needsPin(call, room) ? await askForPin(call, room, stop) : undefined;
    if (stop.aborted) return failed('callerHungUp');
    if (wrong) return this.#refuse(call, wrong, failed);
    const seat = await this.#takeSeat(call, room);
    if ('reason' in seat) return this.#refuse(call, seat, failed);
    try {
      await call.audio.play(seat.isFirst ? 'builtin:conference-first' : 'builtin:conference-entering', stop);
      const { leg } = call.caller;
      if (stop.aborted || !leg) return failed('callerHungUp');
      call.audio.stop();
      try {
        await seat.sit(leg.endpoint);
      } catch (error) {
        if (!(error instanceof MediaError)) throw error;
        if (stop.aborted) return failed('callerHungUp');
        call.log.warn({ room: id, why: errorText(error) }, 'a room cannot be entered');
        return failed('serviceUnavailable');
      }
      connected();
      for (const one of attempts) one.talking();
      const talk = talkIn(call, leg, seat).then((heldMs) => {
        const reason = call.end?.reason ?? 'callerHungUp';
        for (const one of attempts) one.over('answered', reason, heldMs);
        return reason;
      });
      call.conversation = talk;
      return { outcome: 'connected', reason: await talk };
    } finally {
      await seat.leave();
    }
  }

  /** Says why; one who comes from a scheme goes on there, unless the room is not for him. */
  async #refuse(
    call: Call,
    { reason, audio, why, isFinal }: Refusal,
    failed: (reason: EndReason) => ForwardResult,
  ): Promise<ForwardResult> {
    const result = failed(reason);
    call.timeline.aside({ state: call.timeline.place ?? 'room', event: 'rule', detail: { reason }, why });
    await call.audio.announce(audio);
    return isFinal && !call.end ? { outcome: 'ended', reason } : result;
  }

  async #takeSeat(call: Call, room: Room): Promise<Seat | Refusal> {
    const giveBack = await this.takePlace(call.pbx);
    if (!giveBack) {
      const { maxTotal } = call.pbx.document.conference;
      return full(`${maxTotal} take part in conferences already (conference.maxTotal)`);
    }
    const seat = await this.#seatIn(call, room);
    if (typeof seat !== 'string') {
      return {
        ...seat,
        leave: async () => {
          giveBack();
          await seat.leave();
        },
      };
    }
    giveBack();
    if (seat === 'full') return full(`all ${room.seats} seats of the room are taken`);
    return { reason: 'serviceUnavailable', audio: 'builtin:error-tone', why: 'the room cannot be reached now' };
  }

  /** On whichever node it is. */
  async #seatIn(call: Call, room: Room): Promise<Seat | NoSeat> {
    const { pbx, log } = call;
    const lost = (reason: string) => {
      log.warn({ room: room.id, reason }, 'a conference was lost');
      call.breakOff({ by: 'engine', reason: 'networkFailure' });
    };
    for (let attempt = 1; attempt <= SEARCHES; attempt++) {
      let node: string | undefined;
      try {
        node = this.#meetings.has(keyOf(pbx, room)) ? undefined : await this.#far.whereIs(pbx.id, room.id);
      } catch (error) {
        log.warn({ room: room.id, why: errorText(error) }, 'where a conference room is cannot be known now');
        return 'failed';
      }
      if (node === undefined) return this.#seatHere(pbx, room, call.id, lost);
      const seat = await this.#far.take(node, { pbx: pbx.id, room: room.id, seats: room.seats, callId: call.id }, lost);
      if (seat !== 'elsewhere') return seat;
    }
    return 'failed';
  }

  #seatHere(
    pbx: PbxVersion,
    room: Pick<Room, 'id' | 'seats'>,
    callId: string,
    onLost: (reason: string) => void,
  ): Seat | 'full' {
    const key = keyOf(pbx, room);
    const meeting = this.#meetings.get(key)?.meeting ?? this.#meet(key, pbx, room);
    return meeting.size < room.seats ? meeting.take(callId, onLost) : 'full';
  }

  #meet(key: string, pbx: PbxVersion, room: Pick<Room, 'id'>): Meeting {
    const meeting: Meeting = new Meeting({
      mixer: this.#options.media,
      sounds: this.#soundsOf(pbx),
      onEmpty: () => {
        this.#meetings.delete(key);
        this.#far.roomsChanged();
      },
    });
    this.#meetings.set(key, { pbx: pbx.id, room: room.id, meeting });
    this.#far.roomsChanged();
    return meeting;
  }
}

const keyOf = (pbx: PbxVersion, room: Pick<Room, 'id'>): string => `${pbx.id}/${room.id}`;

/** How often a room is looked for that has just moved to another node. */
const SEARCHES = 3;

const full = (why: string): Refusal => ({ reason: 'roomFull', audio: 'builtin:conference-full', why });

/** An employee is one who calls by an account of the PBX; whoever comes by a line or a trunk is from outside, whatever he dials then. */
const isEmployee = (call: Call): boolean => call.timeline.facts.employee !== null;

function barredFrom(call: Call, { access }: Room): Refusal | undefined {
  const refused = (why: string): Refusal => ({
    reason: 'roomRefused',
    audio: 'builtin:conference-refused',
    why,
    isFinal: true,
  });
  if (access === 'external' && isEmployee(call)) return refused('the room is for callers from outside alone');
  if (access === 'employees' && !isEmployee(call)) return refused('the room is for employees alone');
  return undefined;
}

const needsPin = (call: Call, { pin, pinFor }: Room): boolean => pin !== '' && (pinFor === 'all' || !isEmployee(call));

/** @returns why he does not get in; undefined: he does, or is gone */
async function askForPin(call: Call, room: Room, stop: AbortSignal): Promise<Refusal | undefined> {
  const wrong: Refusal = { reason: 'wrongPin', audio: 'builtin:conference-refused', why: 'wrong PIN', isFinal: true };
  // Not for the scheme, whose menu he may come from.
  call.keys = () => true;
  const keypad = new Keypad(call);
  try {
    for (let attempt = 1; attempt <= ATTEMPTS && !stop.aborted; attempt++) {
      await keypad.hear((signal) => call.audio.play('builtin:conference-pin', signal));
      const entered = await keypad.entry(ENTRY_MS, room.pin.length);
      if (stop.aborted) return undefined;
      const verdict = await judge(call, room, entered);
      if (verdict === 'right') return undefined;
      if (verdict !== 'wrong') return verdict;
      await keypad.hear((signal) => call.audio.play('builtin:conference-wrong-pin', signal));
    }
    return wrong;
  } finally {
    keypad.close();
    call.keys = undefined;
  }
}

async function judge(call: Call, room: Room, entered: string): Promise<'right' | 'wrong' | Refusal> {
  const { pbx, services, log, timeline } = call;
  const { employee } = timeline.facts;
  const [key, limits] =
    employee === null
      ? ([`room-pins-of ${room.id}`, perRoom] as const)
      : ([`room-pins-by ${employee}`, perEmployee] as const);
  const closed = (why: string): Refusal => ({
    reason: 'wrongPin',
    audio: 'builtin:conference-refused',
    why,
    isFinal: true,
  });
  try {
    const until = await services.wrongPins.blockedUntil(pbx.id, key);
    if (until !== undefined) {
      log.warn(
        { room: room.id, until: new Date(until).toISOString() },
        'a room is closed to PINs: too many were wrong',
      );
      return closed('too many PINs were wrong');
    }
    if (entered === room.pin) return 'right';
    log.warn({ room: room.id }, 'a room was not entered: wrong PIN');
    await services.wrongPins.fail(pbx.id, key, limits);
    return 'wrong';
  } catch (error) {
    // Without a count everybody might guess for as long as it is away.
    log.warn({ room: room.id, why: errorText(error) }, 'wrong PINs cannot be counted: no room is opened by one');
    return closed('PINs cannot be checked now');
  }
}

/** Until he hangs up, or is hung up. @returns how long he held, milliseconds */
async function talkIn(call: Call, leg: Leg, seat: Seat): Promise<number> {
  const { clock } = call.services;
  const hold = { since: 0, ms: 0 };
  const off = leg.on('hold', ({ held }) => {
    void seat.mute(held);
    call.timeline.hold(held);
    if (held) hold.since = clock.now();
    else hold.ms += clock.now() - hold.since;
  });
  await call.ended;
  off();
  return hold.ms + (leg.held ? clock.now() - hold.since : 0);
}
