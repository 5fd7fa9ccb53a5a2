import type { Conference, ConferenceMixer, Participant } from '../media/conference.ts';
import type { AudioSource, Endpoint, Playback } from '../media/port.ts';

/** What those hear who meet. */
export interface MeetingSounds {
  /** One who is alone. */
  readonly music: readonly AudioSource[];
  /** All others, when somebody joins. */
  readonly joined: readonly AudioSource[];
}

/** A place in a meeting: taken, then with somebody in it, then free again. */
export interface Seat {
  /** Nobody else was there when it was taken. */
  readonly isFirst: boolean;
  /**
   * From now on he hears the others and they hear him.
   * @throws MediaError, as `Conference.join`
   */
  sit(endpoint: Endpoint): Promise<void>;
  /** While he is mute the others do not hear him: he holds, and his phone may send music. */
  mute(on: boolean): Promise<void>;
  /** Idempotent; never rejects. */
  leave(): Promise<void>;
}

/** More than two who talk: a conference of the media layer, made for the first who sits down and ended with the last who leaves. */
export class Meeting {
  readonly #mixer: ConferenceMixer;
  readonly #sounds: MeetingSounds;
  readonly #onEmpty: () => void;
  /** Each with who is to be told that the media layer has lost the conference. */
  readonly #seats = new Map<object, (reason: string) => void>();
  readonly #guests = new Set<Guest>();
  #conference: Promise<Conference> | undefined;

  /** @param options.onEmpty the last one has left */
  constructor(options: {
    readonly mixer: ConferenceMixer;
    readonly sounds: MeetingSounds;
    readonly onEmpty: () => void;
  }) {
    this.#mixer = options.mixer;
    this.#sounds = options.sounds;
    this.#onEmpty = options.onEmpty;
  }

  /** Seats that are taken, also by those who do not sit yet. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * @param callId whose audio the conference is mixed beside, if it has to be made
   * @param onLost the media layer has lost the conference: nothing is heard any more
   */
  take(callId: string, onLost: (reason: string) => void): Seat {
    const seat = {};
    const isFirst = this.#seats.size === 0;
    this.#seats.set(seat, onLost);
    let guest: Guest | undefined;
    let isLeft = false;
    const leave = async () => {
      if (isLeft) return;
      isLeft = true;
      if (guest) await this.#leave(guest);
      this.#seats.delete(seat);
      if (this.#seats.size === 0) await this.#end();
    };
    return {
      isFirst,
      sit: async (endpoint) => {
        const joined = await this.#sit(endpoint, callId);
        if (isLeft) await this.#leave(joined);
        else guest = joined;
      },
      mute: async (on) => guest?.participant.mute(on),
      leave,
    };
  }

  async #sit(endpoint: Endpoint, callId: string): Promise<Guest> {
    this.#conference ??= this.#open(callId);
    const conference = await this.#conference;
    const guest: Guest = { endpoint, participant: await conference.join(endpoint), music: undefined };
    for (const other of this.#guests) {
      // In place of the music of one who was alone.
      other.music = undefined;
      other.endpoint.play(this.#sounds.joined);
    }
    this.#guests.add(guest);
    this.#entertain();
    return guest;
  }

  async #open(callId: string): Promise<Conference> {
    try {
      const conference = await this.#mixer.createConference({ callId });
      void conference.lost.then((reason) => {
        if (this.#conference === undefined) return;
        this.#conference = undefined;
        for (const tell of [...this.#seats.values()]) tell(reason);
      });
      return conference;
    } catch (error) {
      this.#conference = undefined;
      throw error;
    }
  }

  async #leave(guest: Guest): Promise<void> {
    this.#guests.delete(guest);
    void guest.music?.stop();
    await guest.participant.leave();
    this.#entertain();
  }

  /** One who is alone has music. */
  #entertain(): void {
    const [only, another] = this.#guests;
    if (only && !another) only.music ??= only.endpoint.play(this.#sounds.music, { loop: true });
  }

  async #end(): Promise<void> {
    this.#onEmpty();
    const conference = this.#conference;
    this.#conference = undefined;
    // What was being made is there in a moment, and has nobody in it.
    await conference?.then((made) => made.end()).catch(() => undefined);
  }
}

interface Guest {
  readonly endpoint: Endpoint;
  readonly participant: Participant;
  music: Playback | undefined;
}
