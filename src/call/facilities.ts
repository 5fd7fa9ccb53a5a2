import type { PbxVersion } from '../config/version.ts';
import type { Leg } from '../dial/leg.ts';
import type { ForwardResult } from '../scheme/actors.ts';
import type { Call } from './call.ts';
import type { Meeting } from './meeting.ts';
import type { Talk } from './recording.ts';

/**
 * What a call may come to that is no other phone: a fax machine, a conference. Each makes or mixes audio by means of its own, so each is a
 * port of the call layer. All of them answer the caller if need be, stop when the signal is aborted or the caller is gone, and never
 * reject for the network's sake.
 */
export interface FaxMachine {
  /** As `SchemeWorld.fax`. */
  receive(call: Call, request: { readonly to: readonly string[] }, signal: AbortSignal): Promise<void>;
  /**
   * One of two who talk is a fax machine for now. Ends with the fax, or with his leg.
   * @returns how many pages came
   */
  receiveWhileTalking(fax: FaxWhileTalking): Promise<number>;
}

export interface FaxWhileTalking {
  readonly talk: Talk;
  /** Whose fax it is, and his number. */
  readonly leg: Leg;
  readonly number: string;
  /** Who takes it. */
  readonly employee: string;
  readonly log: Call['log'];
}

export interface Rooms {
  /** A conference that is made in a call, by its employees. */
  meet(pbx: PbxVersion): Meeting;
  /** One more who takes part in a conference of the PBX (`conference.maxTotal`). @returns gives the place back; undefined: there is none left */
  takePlace(pbx: PbxVersion): Promise<(() => void) | undefined>;
  /** As `SchemeWorld.forward` for a room of the PBX. */
  join(call: Call, room: string, signal: AbortSignal, connected: () => void): Promise<ForwardResult>;
}
