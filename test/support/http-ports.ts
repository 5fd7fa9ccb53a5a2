import { loadConfig } from '../../src/config/load.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import type { CallRecord } from '../../src/history/record.ts';
import type { EventBatch, HistoryFilter, HttpPorts, LiveCall, Registration } from '../../src/http/index.ts';

/** A backend that is away. */
export class Away extends Error {}

/** A node for the API, made of lists that a test fills. */
export class FakeNode {
  readonly pbxs: PbxVersion[];
  readonly live: LiveCall[] = [];
  readonly devices: Registration[] = [];
  readonly records: CallRecord[] = [];
  /** Documents by version. */
  readonly versions = new Map<string, Record<string, unknown>>();
  readonly busy = new Set<string>();
  readonly hungUp: string[] = [];
  readonly asked: { pbx: string; filter: HistoryFilter; page: { limit: number; cursor?: string } }[] = [];
  readonly events = new FakeEvents();
  next: string | null = null;
  reload: Awaited<ReturnType<HttpPorts['config']['reload']>> = { accepted: true, issues: [] };
  readiness: Record<string, () => boolean | Promise<boolean>> = { sip: () => true, redis: async () => true };
  readonly metrics: { -readonly [K in keyof HttpPorts['metrics']]: HttpPorts['metrics'][K] } = {
    calls: () => ({}),
    callsEnded: () => ({ answered: 3, missed: 1 }),
    busyEmployees: () => 2,
    sipDialogs: () => 4,
    sipInvites: () => ({ in: 1, out: 2 }),
    sipMalformed: () => 5,
    media: async () => ({
      endpoints: 6,
      bridges: 3,
      playbacks: 0,
      rejected: 7,
      pacingErrorMs: { p50: 0.5, p99: 2, max: 4 },
    }),
    historyPending: () => undefined,
  };
  /** What the next question to a backend fails with. */
  fails: Error | undefined;

  constructor(...pbxs: PbxVersion[]) {
    this.pbxs = pbxs;
  }

  get ports(): HttpPorts {
    const answer = async <T>(value: T): Promise<T> => {
      if (this.fails) throw this.fails;
      return value;
    };
    return {
      config: {
        all: () => this.pbxs,
        current: (id) => this.pbxs.find((pbx) => pbx.id === id),
        reload: () => answer(this.reload),
      },
      checkConfig: () => loadConfig('schemes'),
      calls: {
        live: () => this.live,
        hangup: (_pbx, id) => {
          const there = this.live.some((call) => call.id === id);
          if (there) this.hungUp.push(id);
          return there;
        },
      },
      registrations: { list: () => answer(this.devices), count: () => answer(this.devices.length) },
      history: {
        query: (pbx, filter, page) => {
          this.asked.push({ pbx, filter, page });
          return answer({ items: this.records.slice(0, page.limit), next: this.next });
        },
        get: (_pbx, id) => answer(this.records.find((record) => record.id === id)),
      },
      versions: { get: (_pbx, version) => answer(this.versions.get(version)) },
      events: {
        after: (pbx, cursor, limit) => answer(this.events.after(pbx, cursor, limit)),
        watch: (pbx, wake) => this.events.watch(pbx, wake),
      },
      busy: (pbx, employee) => this.busy.has(`${pbx}/${employee}`),
      readiness: this.readiness,
      metrics: this.metrics,
      awayBackend: (error) => (error instanceof Away ? error.message : undefined),
    };
  }
}

/** Logs of events in memory. */
export class FakeEvents {
  /** Events of each PBX that are still there, each with its number. */
  readonly logs = new Map<string, { number: number; type: string; data: string }[]>();
  readonly #watchers = new Set<{ pbx: string; wake: () => void }>();
  readonly #counts = new Map<string, number>();

  publish(pbx: string, type: string, data: object): void {
    const log = this.logs.get(pbx) ?? [];
    const number = (this.#counts.get(pbx) ?? 0) + 1;
    this.#counts.set(pbx, number);
    this.logs.set(pbx, log);
    log.push({ number, type, data: JSON.stringify(data) });
    for (const watcher of this.#watchers) if (watcher.pbx === pbx) watcher.wake();
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  after(pbx: string, cursor: string | undefined, limit: number): EventBatch {
    const log = this.logs.get(pbx) ?? [];
    const from = cursor === '' ? 0 : Number(cursor?.split('-')[1]);
    const count = this.#counts.get(pbx) ?? 0;
    const first = log[0]?.number ?? count + 1;
    if (!(from >= first - 1)) return { outcome: 'gone', cursor: count > 0 ? `1-${count}-t` : '' };
    const next = log.findIndex(({ number }) => number > from);
    return {
      outcome: 'events',
      events: (next < 0 ? [] : log.slice(next, next + limit)).map(({ number, type, data }) => ({
        cursor: `1-${number}-t`,
        type,
        data,
      })),
    };
  }

  watch(pbx: string, wake: () => void): () => void {
    const watcher = { pbx, wake };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export const liveCall = (more: Partial<LiveCall> = {}): LiveCall => ({
  id: 'call-1',
  start: Date.parse('2026-11-02T09:00:00Z'),
  direction: 'in',
  from: '79161234567',
  fromName: null,
  to: '74951234567',
  line: '74951234567',
  employee: null,
  stage: 'menu',
  since: Date.parse('2026-11-02T09:00:01Z'),
  scheme: 'main',
  state: 'main/0',
  held: false,
  parties: [],
  ...more,
});

export const registration = (account: string, more: Partial<Registration> = {}): Registration => ({
  account,
  uri: 'sip:ivanov@127.0.0.1:5062',
  userAgent: 'Phone 1.0',
  receivedFrom: { protocol: 'udp', address: '127.0.0.1', port: 5062 },
  node: 'node-1',
  boundAt: Date.parse('2026-11-02T08:59:00Z'),
  expiresAt: Date.parse('2026-11-02T09:09:00Z'),
  expires: 600,
  ...more,
});
