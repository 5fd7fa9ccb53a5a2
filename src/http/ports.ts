import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Issue } from '../config/issue.ts';
import type { Secret } from '../config/secret.ts';
import type { PbxVersion } from '../config/version.ts';
import type { HistoryFilter, HistoryPage } from '../history/query.ts';
import type { CallDirection, CallOutcome, CallRecord, CallStage } from '../history/record.ts';
import type { MailboxCounts, StoredMessage, VoicemailFilter, VoicemailPage } from '../messages/voicemail/query.ts';
import type { Clock } from '../time/clock.ts';
import type { NewCall } from './schemas.ts';
import type { OfferReason, Standing, Unavailability } from './words.ts';

/**
 * What the API shows and does, as the composition root hands it in. Everything is asked at each request: nothing is remembered here.
 *
 * A port may reject with an error of a backend that is away; `awayBackend` tells such errors from bugs.
 */
export interface HttpPorts {
  readonly config: ConfigPort;
  /** Reads the whole folder, and takes nothing into use: `read` of a `ConfigStore`. */
  readonly checkConfig: () => Promise<ConfigReport>;
  readonly calls: CallsPort;
  readonly registrations: RegistrationsPort;
  readonly history: HistoryPort;
  readonly recordings: RecordingsPort;
  readonly versions: VersionsPort;
  readonly events: EventsPort;
  readonly acd: AcdPort;
  /** Undefined: nobody estimates how long callers will wait. */
  readonly waits?: WaitsPort;
  readonly callbacks: CallbacksPort;
  readonly faxes: FaxesPort;
  readonly trunks: TrunksPort;
  readonly voicemail: VoicemailPort;
  /** The employee is in a call as callers see it (§4.4.6.1.2): calling, being rung, or talking. */
  readonly busy: (pbx: string, employee: string) => boolean;
  /** What must work for this node to take calls, by name (`sip`, `redis`): true when it does. A check that rejects or takes long has failed. */
  readonly readiness: Readonly<Record<string, () => boolean | Promise<boolean>>>;
  /** In the order of the configuration, those of other nodes last. */
  readonly sipServers: () => readonly SipServerFigures[];
  readonly metrics: MetricSources;
  /** The backend that this error says is away (`Redis`, `the database`); undefined: the error is about something else. */
  readonly awayBackend: (error: unknown) => string | undefined;
}

/** A `ConfigStore` is one. */
export interface ConfigPort {
  all(): readonly PbxVersion[];
  current(pbx: string): PbxVersion | undefined;
  /** Reads the whole folder again; with any error in it, the former configuration stays in force. */
  reload(): Promise<ConfigReport & { readonly accepted: boolean }>;
}

export interface ConfigReport {
  readonly issues: readonly Issue[];
}

export interface CallsPort {
  /** The calls of this node, in the order of their beginning. */
  live(pbx: string): readonly LiveCall[];
  /**
   * Click-to-call: begins a call of ours, and says its id.
   * @throws UserError when the order cannot be understood
   */
  order(pbx: PbxVersion, order: z.output<typeof NewCall>): string;
  /** Ends the call with reason `userCommand`. False: there is no such call (any more). */
  hangup(pbx: string, call: string): boolean;
  /**
   * Transfers whom an employee talks to, blind. False: nobody talks in such a call.
   * @throws UserError when it cannot begin
   */
  transfer(pbx: string, call: string, to: string, employee?: string): boolean;
  /** Records its conversation from now on, or not any more. @returns whether it is recorded; undefined: nobody talks in such a call */
  record(pbx: string, call: string, on: boolean): boolean | undefined;
  /** What has been decided for a call of this node, and who was asked. Undefined: there is no such call (any more). */
  story(pbx: string, call: string): CallStory | undefined;
}

/** A `CallRecord` is one. */
export interface CallStory extends Pick<CallRecord, 'path' | 'participants'> {
  /** ISO 8601. */
  readonly start: string;
}

/** A call in progress. Times are milliseconds since 1970. */
export interface LiveCall {
  readonly id: string;
  readonly start: number;
  readonly direction: CallDirection;
  /** As in `CallRecord`: normalised number or SIP address; empty when hidden. */
  readonly from: string;
  readonly fromName: string | null;
  /** As dialled. */
  readonly to: string;
  readonly line: string | null;
  /** The employee who called, for `out` and `internal`. */
  readonly employee: string | null;
  readonly stage: CallStage;
  /** When it came to this stage. */
  readonly since: number;
  /** The scheme that it runs, and where in it: a state's name, as in `CallRecord.path`. Null outside schemes. */
  readonly scheme: string | null;
  readonly state: string | null;
  /** One of those who talk has the other on hold. */
  readonly held: boolean;
  /** Who is rung, or talks to the caller, right now. Those who were asked before are not listed. */
  readonly parties: readonly LiveParty[];
}

export interface LiveParty {
  readonly kind: CallRecord['participants'][number]['kind'];
  /** As in `CallRecord.participants`. */
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly state: 'ringing' | 'talking';
  readonly since: number;
}

/** `Faxes` are one. Times are milliseconds since 1970. */
export interface FaxesPort {
  /** @throws UserError `bad-cursor` */
  query(
    pbx: string,
    filter: { readonly direction?: Fax['direction']; readonly states?: readonly Fax['state'][] },
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly items: readonly Fax[]; readonly next: string | null }>;
  get(pbx: string, id: string): Promise<Fax | undefined>;
  /** Absolute path; undefined: this node does not have it. */
  file(pbx: string, id: string, kind: 'tiff' | 'pdf'): Promise<string | undefined>;
  markRead(pbx: string, id: string, read: boolean): Promise<Fax | undefined>;
  remove(pbx: string, id: string): Promise<'removed' | 'none' | 'elsewhere'>;
  /** @throws UserError `fax-document`, `fax-number`, `fax-line`, `fax-poppler`, `fax-unavailable` */
  send(
    pbx: PbxVersion,
    fax: {
      readonly to: string;
      readonly line?: string;
      readonly name?: string;
      readonly document: Uint8Array;
      readonly type: 'application/pdf' | 'image/tiff';
    },
  ): Promise<Fax>;
}

export interface Fax {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly state: 'receiving' | 'received' | 'partial' | 'failed' | 'waiting' | 'sending' | 'sent';
  readonly at: number;
  readonly node: string;
  readonly call: string | null;
  readonly number: string;
  readonly line: string | null;
  readonly station: string;
  readonly pages: number;
  readonly totalPages: number | null;
  readonly bitRate: number;
  readonly ecm: boolean;
  readonly resolution: { readonly x: number; readonly y: number };
  readonly error: string | null;
  readonly read: boolean;
  readonly employee: string | null;
  readonly name: string | null;
  readonly tries: readonly {
    readonly at: number;
    readonly call: string;
    readonly pages: number;
    readonly error: string | null;
  }[];
  readonly nextAt: number | null;
  readonly giveUpAt: number | null;
}

/** A `RegistrationStore` is one. */
export interface RegistrationsPort {
  list(pbx: string): Promise<readonly Registration[]>;
  count(pbx: string): Promise<number>;
}

/** One device of an account. Times are milliseconds since 1970. */
export interface Registration {
  /** `user@domain` */
  readonly account: string;
  /** The Contact. */
  readonly uri: string;
  readonly userAgent?: string;
  /** Where its packets come from. */
  readonly receivedFrom: { readonly protocol: string; readonly address: string; readonly port: number };
  readonly node: string;
  readonly boundAt: number;
  readonly expiresAt: number;
  /** Seconds left. */
  readonly expires: number;
}

/** A `HistoryStore` is one. */
export interface HistoryPort {
  /** @throws UserError `bad-cursor` */
  query(
    pbx: string,
    filter: HistoryFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<HistoryPage>;
  get(pbx: string, call: string): Promise<CallRecord | undefined>;
}

/** A `Voicemail` is one. */
export interface VoicemailPort {
  /** @throws UserError `bad-cursor` */
  query(
    pbx: string,
    filter: VoicemailFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<VoicemailPage>;
  get(pbx: string, id: string): Promise<StoredMessage | undefined>;
  mailboxes(pbx: string): Promise<readonly MailboxCounts[]>;
  /** Its audio, a WAV file by absolute path. Undefined: it is not on this node. */
  file(pbx: string, id: string): Promise<string | undefined>;
  /** Undefined: there is no such message. */
  markRead(pbx: string, id: string, read: boolean): Promise<StoredMessage | undefined>;
  /** Undefined: there is no such message. */
  remove(pbx: string, id: string): Promise<StoredMessage | undefined>;
}

export const recordingMarks = ['favourite', 'good', 'bad'] as const;
export type RecordingMark = (typeof recordingMarks)[number];

/** The recorded conversations of all nodes; the audio of each is on the disk of one. */
export interface RecordingsPort {
  /** The latest first. @throws UserError `bad-cursor` */
  query(
    pbx: string,
    filter: RecordingFilter,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<{ readonly items: readonly Recording[]; readonly next: string | null }>;
  get(pbx: string, id: string): Promise<Recording | undefined>;
  /** Undefined: it is on another node. `name`: what one who saves it sees; `type`: a media type. */
  file(
    recording: Recording,
  ): Promise<{ readonly path: string; readonly name: string; readonly type: string } | undefined>;
  mark(pbx: string, id: string, mark: RecordingMark | null): Promise<Recording | undefined>;
  remove(pbx: string, id: string): Promise<'removed' | 'none' | 'elsewhere'>;
}

export interface RecordingFilter {
  readonly since?: Date;
  readonly until?: Date;
  readonly direction?: readonly CallDirection[];
  readonly employee?: readonly string[];
  readonly group?: readonly string[];
  readonly call?: string;
  readonly number?: string;
  readonly marked?: boolean;
  readonly mark?: readonly RecordingMark[];
  readonly minMs?: number;
  readonly maxMs?: number;
}

/** What is kept of one end of a conversation. */
export interface Recording {
  readonly id: string;
  readonly pbx: string;
  readonly call: string;
  /** ms since 1970 */
  readonly start: number;
  readonly ms: number;
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly line: string | null;
  /** Whose end it is; null: nobody's of ours. */
  readonly employee: string | null;
  readonly group: string | null;
  /** Whom he talked to: an employee's id, a number, an address. */
  readonly other: string;
  readonly manual: boolean;
  readonly stereo: boolean;
  readonly format: 'wav' | 'mp3';
  readonly bytes: number;
  readonly mark: RecordingMark | null;
  /** Why it ends too early. */
  readonly error: string | null;
  readonly node: string;
}

/** Agents, groups and queues, as all nodes see them: an `AcdStore` is one. Moments are milliseconds since 1970 (0: never), lengths milliseconds. */
export interface AcdPort {
  /** In the order of the ids. */
  agents(pbx: string, employees: readonly string[]): Promise<readonly Agent[]>;
  setStatus(pbx: string, employee: string, status: AgentStatus): Promise<unknown>;
  /** After-call work for so long from now; 0 ends it. */
  setWrapUp(pbx: string, employee: string, forMs: number): Promise<unknown>;
  /** In the order in which they will be served. */
  queue(pbx: string, group: string, limit: number): Promise<readonly QueuedCaller[]>;
  /** Undefined: the call does not wait for a group. */
  explain(pbx: string, call: string): Promise<Explanation | undefined>;
  figures(pbx: string, group: string): Promise<GroupFigures>;
}

export const agentBases = ['online', 'break', 'offline'] as const;

/** `name`: of a custom status; of the three themselves, the same as what it is based on. */
export interface AgentStatus {
  readonly name: string;
  readonly base: (typeof agentBases)[number];
}

export interface Agent {
  readonly employee: string;
  /** Absent: he can be offered a call. */
  readonly unavailable?: Unavailability;
  readonly status: string;
  readonly base: AgentStatus['base'];
  readonly statusAt: number;
  /** By call, also of other nodes. `talkSince` is absent until he talks, `group` in calls that no group gave him. */
  readonly calls: Readonly<
    Record<string, { readonly since: number; readonly talkSince?: number; readonly group?: string }>
  >;
  readonly reservation?: { readonly call: string; readonly group: string };
  readonly wrapUpUntil: number;
  readonly excludedUntil: number;
  /** What came of the offer after which he is excluded; empty: he is not. */
  readonly excludedFor: string;
  readonly talkToday: number;
  readonly answeredToday: number;
}

export interface QueuedCaller {
  readonly call: string;
  /** Empty when hidden. */
  readonly number: string;
  readonly node: string;
  readonly since: number;
  /** By employee. */
  readonly offers: Readonly<Record<string, unknown>>;
}

/** Why a caller still waits. */
export interface Explanation {
  readonly group: string;
  readonly algorithm: string;
  readonly since: number;
  readonly position: number;
  /** When he will have waited for as long as he may; 0: never. */
  readonly endsAt: number;
  /** Without `outcome`: taken back, or still out. */
  readonly offers: readonly {
    readonly at: number;
    readonly agent: string;
    readonly why: OfferReason;
    readonly outcome?: string;
  }[];
  readonly members: readonly {
    readonly employee: string;
    readonly why: Standing;
    readonly untilThen?: number;
    /** What came of the offer of this call to him, in this round. */
    readonly tried?: string;
    readonly tookLaterCallerAt?: number;
  }[];
}

/** Of the day of the PBX, but for the first two. */
export interface GroupFigures {
  readonly waiting: number;
  readonly ringing: number;
  readonly entered: number;
  readonly offered: number;
  readonly answered: number;
  readonly answeredInTime: number;
  readonly abandoned: number;
  readonly queueTimeout: number;
  readonly queueFull: number;
  readonly lost: number;
  /** Of those who were answered, together. */
  readonly waitedMs: number;
}

/** Clients who are to be called back, as all nodes see them. */
export interface CallbacksPort {
  /** The next first. */
  list(pbx: string, limit: number): Promise<readonly Callback[]>;
  /** @param asked numbers in international format. `exists`: he is to be called back already; `barred`: the number cannot be dialled */
  add(
    pbx: PbxVersion,
    asked: { readonly group: string; readonly number: string; readonly callerId?: string },
  ): Promise<
    | { readonly outcome: 'added'; readonly task: Callback }
    | { readonly outcome: 'exists' }
    | { readonly outcome: 'barred'; readonly why: string }
  >;
  /** An attempt that goes on ends at once. False: there was none. */
  cancel(pbx: string, number: string): Promise<boolean>;
}

/** Moments are milliseconds since 1970. */
export interface Callback {
  readonly number: string;
  readonly origin: 'group' | 'menu' | 'request';
  /** Null: none was missed. */
  readonly call: string | null;
  readonly groups: readonly string[];
  readonly callerId?: string;
  readonly since: number;
  readonly createdAt: number;
  readonly dueAt: number;
  readonly attempts: number;
  readonly maxAttempts: number;
}

/** The trunks, and operators' accounts, which are trunks too. */
export interface TrunksPort {
  /** As this node sees it. Undefined: it is not watched, because it leads to another PBX of this installation. */
  status(pbx: string, trunk: string): TrunkStatus | undefined;
  /** By calls of this node. */
  linesTaken(pbx: string, trunk: string): number;
  /** Of those that register, whichever node does it, by trunk. Fewer: nothing is known of the others. */
  registrations(pbx: string): Promise<ReadonlyMap<string, TrunkRegistration>>;
  /** What this node has registered. `until`: milliseconds since 1970; undefined or past: it is not registered. */
  registeredHere(): readonly { readonly pbx: string; readonly trunk: string; readonly until: number | undefined }[];
}

/** Moments are milliseconds since 1970. */
export interface TrunkStatus {
  readonly state: 'up' | 'down';
  /** Why it is down. */
  readonly reason: string | undefined;
  readonly since: number;
  /** The latest last. */
  readonly changes: readonly {
    readonly state: 'up' | 'down';
    readonly reason: string | undefined;
    readonly at: number;
  }[];
}

export const registrationStates = ['trying', 'registered', 'refused', 'failing'] as const;

/** Moments are milliseconds since 1970. */
export interface TrunkRegistration {
  /** What came of the last attempt. */
  readonly state: (typeof registrationStates)[number];
  readonly since: number;
  /** Calls are sent to us until then, also where a later attempt has failed. */
  readonly until: number | null;
  readonly reason: string | null;
  /** Which registers it. */
  readonly node: string;
  /** The latest last. */
  readonly changes: readonly {
    readonly state: (typeof registrationStates)[number];
    readonly reason: string | null;
    readonly at: number;
  }[];
}

/** The estimator. */
export interface WaitsPort {
  /** How much longer he will wait; in a call's place, if something can be said of it. */
  expected(pbx: string, group: string, calls: readonly string[]): Promise<readonly (WaitRange | undefined)[]>;
  /** How good the estimates of this node have been lately. Undefined: not known. */
  accuracy(pbx: string, group: string): WaitAccuracy | undefined;
}

/** Between `fromMs` and `toMs` eight callers of ten are answered. */
export interface WaitRange {
  readonly expectedMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface WaitAccuracy {
  /** Mean of |predicted − actual| as a share of the mean wait. */
  readonly relativeError: number;
  /** Share of callers who were answered within the range. */
  readonly coverage: number;
}

/** A `VersionStore` is one. */
export interface VersionsPort {
  /** The document of a version that is or was in force, without its secrets; undefined: it is not kept (any more). */
  get(pbx: string, version: string): Promise<Record<string, unknown> | undefined>;
}

/** An `EventFeed` is one: the logs of what happens, of all nodes. */
export interface EventsPort {
  /** At most `limit` events after the cursor; without a cursor none, but where to begin. */
  after(pbx: string, cursor: string | undefined, limit: number): Promise<EventBatch>;
  /** Calls back when there may be something new. */
  watch(pbx: string, wake: () => void): () => void;
}

export type EventBatch =
  | { readonly outcome: 'events'; readonly events: readonly LoggedEvent[] }
  /** What followed the cursor is not there any more, or may have holes. */
  | { readonly outcome: 'gone'; readonly cursor: string };

export interface LoggedEvent {
  /** `<epoch>-<number>-<tag>`; the number is one more than that of the event before. */
  readonly cursor: string;
  readonly type: string;
  /** A JSON object. */
  readonly data: string;
}

/** A `SipServerHealth` is one. */
export interface SipServerFigures {
  readonly name: string;
  readonly isNeighbour: boolean;
  readonly state: 'connecting' | 'up' | 'down' | 'closed';
  readonly dialogs: number;
}

/** One value. Undefined: not known now; no sample is shown then. */
type Value = number | undefined;
type Reader<T> = () => T | Promise<T>;

/** Read at each scrape; `metrics.ts` says what they are called and what they mean. Counters count since the process started. */
export interface MetricSources {
  /** By PBX. PBXs that are not named have none. */
  readonly calls: Reader<Readonly<Record<string, number>>>;
  /** By outcome. */
  readonly callsEnded: Reader<Readonly<Partial<Record<CallOutcome, number>>>>;
  /** By PBX and limit, as `acme/concurrent`. */
  readonly outgoingRefused: Reader<ReadonlyMap<string, number>>;
  readonly busyEmployees: Reader<Value>;
  readonly sipDialogs: Reader<Value>;
  /** INVITEs without a final response. */
  readonly sipInvites: Reader<{ readonly in: number; readonly out: number }>;
  /** Messages that were dropped because they could not be read. */
  readonly sipMalformed: Reader<Value>;
  readonly media: Reader<MediaFigures | undefined>;
  /** Records of ended calls that are not in the database yet. */
  readonly historyPending: Reader<Value>;
  readonly outbox: Reader<readonly OutboxFigures[]>;
}

/** What is on its way by mail and SMS, of all nodes; `givenUp` counts since the start of this one. */
export interface OutboxFigures {
  readonly way: string;
  readonly waiting: number;
  /** Milliseconds that the oldest has waited. */
  readonly oldestMs: number;
  readonly givenUp: number;
}

/** A `MediaServerStats` is one. */
export interface MediaFigures {
  readonly endpoints: number;
  readonly bridges: number;
  readonly conferences: number;
  readonly playbacks: number;
  readonly recordings: number;
  readonly rejected: number;
  /** Milliseconds, over the last minute. */
  readonly pacingErrorMs?: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface HttpOptions {
  /** `HTTP_LISTEN`; port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** `API_TOKEN`. Undefined: only this machine is served. */
  readonly token: Secret | undefined;
  readonly ports: HttpPorts;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface HttpServer {
  /** `http://127.0.0.1:8080`, with the real port; a node that listens on all addresses is named by the loopback one. */
  readonly url: string;
  /** Lets requests under way finish, for two seconds at most. Idempotent. */
  close(): Promise<void>;
}
