import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { RingResult } from '../dial/ring.ts';
import type { WaitingNow } from './announcements.ts';

/**
 * Who of a group takes a call. The call layer hands a caller over and gets one answered leg or a reason back; how members are chosen, and where
 * a caller waits meanwhile, is the distributor's alone. What the caller hears meanwhile is the call layer's: `events` tells it when.
 */
export interface GroupDistributor {
  /**
   * Never rejects for the network's sake. When the signal is aborted (caller gone, digit pressed, time over) whoever rings is stopped and the
   * result is `failed`.
   */
  distribute(call: GroupCall, signal: AbortSignal): Promise<RingResult>;
}

export interface GroupCall {
  readonly pbx: PbxVersion;
  readonly group: Group;
  readonly callId: string;
  /** Normalised; empty when hidden. */
  readonly callerNumber: string;
  /** Rings one member for at most `limitMs`. A member who cannot be rung fails at once. */
  readonly ring: (employee: string, limitMs: number, signal: AbortSignal, offer?: MemberOffer) => Promise<RingResult>;
  /** Aborted when the caller himself is gone: he may ring again and have his place back. Undefined: he has left of another cause. */
  readonly gone?: AbortSignal;
  /** A place that he has had before, as `QueuePlace.place`: a callback stands in the order of those who wait. */
  readonly place?: string;
  readonly events?: QueueEvents;
}

/** What a distributor that shares its members with others knows of one offer. */
export interface MemberOffer {
  /** Why it is made to this member, for a person. */
  readonly why: string;
  /**
   * To be asked when he has picked up and is to hear an announcement first. True: the caller is his until that is over, nobody else is rung. False: another
   * has him, or he is gone; this one is to be hung up.
   */
  readonly pickUp: () => Promise<boolean>;
  /** To be called when a phone of his is being called. */
  readonly calling?: () => void;
}

/** What a caller's side may want to know while he is in a queue. */
export interface QueueEvents {
  /** He begins to wait with nobody being rung for him, perhaps once more: time for the enqueue message, the music, the announcements. */
  waiting?(place: QueuePlace): void;
  /** A member is about to be rung for him, also while he waits; he goes on hearing what he hears. */
  offered?(employee: string): void;
}

export interface QueuePlace {
  /** When he joined, ms since 1970. Stays the same for one who got his place back. */
  readonly since: number;
  /** Opaque: gives the place back. Undefined: there is no place to keep. */
  readonly place?: string;
  /** For an announcement that is due; undefined: not known now, or somebody is being rung for him. */
  readonly situation: () => Promise<WaitingNow | undefined>;
}
