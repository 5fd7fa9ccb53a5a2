import type { Logger } from 'pino';
import type { Issue } from '../config/issue.ts';
import type { Secret } from '../config/secret.ts';
import type { PbxVersion } from '../config/version.ts';
import type { HistoryFilter, HistoryPage } from '../history/query.ts';
import type { CallDirection, CallOutcome, CallRecord, CallStage } from '../history/record.ts';
import type { Clock } from '../time/clock.ts';

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
  readonly versions: VersionsPort;
  readonly events: EventsPort;
  /** The employee is in a call as callers see it (§4.4.6.1.2): calling, being rung, or talking. */
  readonly busy: (pbx: string, employee: string) => boolean;
  /** What must work for this node to take calls, by name (`sip`, `redis`): true when it does. A check that rejects or takes long has failed. */
  readonly readiness: Readonly<Record<string, () => boolean | Promise<boolean>>>;
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
  /** Ends the call with reason `userCommand`. False: there is no such call (any more). */
  hangup(pbx: string, call: string): boolean;
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

/** One value. Undefined: not known now; no sample is shown then. */
type Value = number | undefined;
type Reader<T> = () => T | Promise<T>;

/** Read at each scrape; `metrics.ts` says what they are called and what they mean. Counters count since the process started. */
export interface MetricSources {
  /** By PBX. PBXs that are not named have none. */
  readonly calls: Reader<Readonly<Record<string, number>>>;
  /** By outcome. */
  readonly callsEnded: Reader<Readonly<Partial<Record<CallOutcome, number>>>>;
  readonly busyEmployees: Reader<Value>;
  readonly sipDialogs: Reader<Value>;
  /** INVITEs without a final response. */
  readonly sipInvites: Reader<{ readonly in: number; readonly out: number }>;
  /** Messages that were dropped because they could not be read. */
  readonly sipMalformed: Reader<Value>;
  readonly media: Reader<MediaFigures | undefined>;
  /** Records of ended calls that are not in the database yet. */
  readonly historyPending: Reader<Value>;
}

/** A `MediaServerStats` is one. */
export interface MediaFigures {
  readonly endpoints: number;
  readonly bridges: number;
  readonly playbacks: number;
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
