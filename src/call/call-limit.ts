import type { PbxVersion } from '../config/version.ts';

/** How many calls of a PBX may go on at once (`pbx.maxCalls`), on all nodes together. */
export interface CallLimit {
  /** @returns to be called when the call is over (idempotent); undefined: as many go on already */
  take(pbx: PbxVersion): Promise<(() => void) | undefined>;
}

/** Where there are no other calls. */
export const noOtherCalls: CallLimit = { take: async () => () => undefined };
