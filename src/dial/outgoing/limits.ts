import type { PbxVersion } from '../../config/version.ts';
import type { EndReason } from '../../end-reason.ts';

/** What bounds the calls to the telephone network that a PBX, or one of its employees, makes: against toll fraud with a stolen password. 0 is no limit. */
export interface LimitValues {
  readonly concurrent: number;
  readonly callsPerMinute: number;
  /** Of conversation, by the day of the PBX. */
  readonly minutesPerDay: number;
}

export type LimitName = keyof LimitValues;

/** The limit that a call has met. */
export interface LimitReached {
  readonly limit: LimitName;
  readonly max: number;
  /** Whose it is; unset: that of the PBX. */
  readonly employee?: string;
}

export interface LimitedRequest {
  readonly pbx: PbxVersion;
  /** Who makes the call; unset: the PBX, for a caller from outside or a peer. */
  readonly employee: string | undefined;
  /** As it is dialled at the trunk. */
  readonly number: string;
  /** A limit has been reached while they talk: the call is to be ended. */
  readonly exhausted: (reached: LimitReached) => void;
}

/** A call that counts. */
export interface LimitedCall {
  /** They talk from now on. */
  answered(): void;
  /** Idempotent. */
  over(): void;
}

/** Counts calls to the telephone network, over all nodes. */
export interface OutgoingLimits {
  /** Never rejects. */
  begin(request: LimitedRequest): Promise<LimitedCall | { readonly reached: LimitReached }>;
}

/** Where there is no network. */
export const unlimited: OutgoingLimits = { begin: async () => ({ answered: () => undefined, over: () => undefined }) };

export const limitReasons = {
  concurrent: 'tooManyCalls',
  callsPerMinute: 'rateLimited',
  minutesPerDay: 'dailyLimit',
} as const satisfies Record<LimitName, EndReason>;

const words: Readonly<Record<LimitName, string>> = {
  concurrent: 'calls to the outside at the same time',
  callsPerMinute: 'calls to the outside in a minute',
  minutesPerDay: 'minutes of calls to the outside in a day',
};

/** For people: `the limit of employee ivanov: 5 calls to the outside at the same time`. */
export const limitText = ({ limit, max, employee }: LimitReached): string =>
  `the limit of ${employee === undefined ? 'the PBX' : `employee ${employee}`}: ${max} ${words[limit]}`;

/** What holds for the PBX. */
export const limitsOfPbx = ({ document }: PbxVersion): LimitValues => document.security.limits;

/** What holds for an employee: his own, and where he has none that of all. */
export function limitsOfEmployee(pbx: PbxVersion, id: string): LimitValues {
  return { ...pbx.document.security.limits.employee, ...pbx.employee(id)?.outgoing.limits };
}
