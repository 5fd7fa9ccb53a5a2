import type { Trunk } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { OutgoingInvite, OutgoingInviteRequest } from '../../sip/port.ts';

/** The trunks as they are now: which can be reached, and how many lines are taken. */
export interface Trunks {
  /** Nothing says that it cannot be reached. */
  isUp(pbx: string, trunk: string): boolean;
  /** Where an internal trunk leads to, the way there; undefined: it goes over SIP. @param number what is dialled there */
  inside(
    pbx: PbxVersion,
    trunk: Trunk,
    number: string,
  ): ((request: OutgoingInviteRequest) => OutgoingInvite) | undefined;
  /** Takes a line for a call, in or out. @returns what gives it back (idempotent); undefined: all lines are taken */
  takeLine(pbx: PbxVersion, trunk: Trunk): Promise<(() => void) | undefined>;
  /** Whether the peer answers anything at all, within 0.4 seconds: asked when an INVITE has had no response for a while. */
  probe(pbx: PbxVersion, trunk: Trunk): Promise<boolean>;
  /** A call found the peer there. */
  reached(pbx: string, trunk: string): void;
  /** A call found that it could not be reached. */
  unreachable(pbx: string, trunk: string, why: string): void;
}

/** Every trunk is up and has a line: where there is no network. */
export const perfectTrunks: Trunks = {
  isUp: () => true,
  inside: () => undefined,
  takeLine: async () => () => undefined,
  probe: async () => true,
  reached: () => undefined,
  unreachable: () => undefined,
};
