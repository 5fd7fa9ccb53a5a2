import type { Group } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { RingResult } from '../dial/ring.ts';

/**
 * Who of a group takes a call. The call layer hands a caller over and gets one answered leg or a reason back; how members are chosen, and where
 * a caller waits meanwhile, is the distributor's alone.
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
  readonly ring: (employee: string, limitMs: number, signal: AbortSignal) => Promise<RingResult>;
}
