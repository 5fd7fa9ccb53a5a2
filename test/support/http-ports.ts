import { loadConfig } from '../../src/config/load.ts';
import type { PbxVersion } from '../../src/config/version.ts';
import { UserError } from '../../src/errors.ts';
import type { CallRecord } from '../../src/history/record.ts';
import type {
  Agent,
  Callback,
  CallStory,
  EventBatch,
  Explanation,
  Fax,
  GroupFigures,
  HistoryFilter,
  HttpPorts,
  LiveCall,
  QueuedCaller,
  Recording,
  Registration,
  StoredMessage,
  TrunkRegistration,
  TrunkStatus,
  VoicemailFilter,
  WaitsPort,
} from '../../src/http/index.ts';

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
  /** Which call, to whom, and by whom. */
  readonly transferred: unknown[] = [];
  /** What was asked of recordings of calls, as `call-1 true`. */
  readonly recorded: string[] = [];
  readonly recordings: Recording[] = [];
  /** Where the audio of each is. */
  readonly audio = new Map<string, string>();
  readonly asked: { pbx: string; filter: HistoryFilter; page: { limit: number; cursor?: string } }[] = [];
  readonly events = new FakeEvents();
  readonly stories = new Map<string, CallStory>();
  readonly agents = new Map<string, Agent>();
  readonly queues = new Map<string, QueuedCaller[]>();
  readonly figures = new Map<string, GroupFigures>();
  readonly explanations = new Map<string, Explanation>();
  readonly callbacks: Callback[] = [];
  readonly voicemail: StoredMessage[] = [];
  readonly askedVoicemail: { pbx: string; filter: VoicemailFilter; page: { limit: number; cursor?: string } }[] = [];
  /** Paths by message. */
  readonly audioFiles = new Map<string, string>();
  readonly faxes: Fax[] = [];
  /** Paths by `<id>.<kind>`. */
  readonly faxFiles = new Map<string, string>();
  /** What sending one fails with. */
  faxRefusal: Error | undefined;
  readonly faxesToSend: Parameters<HttpPorts['faxes']['send']>[1][] = [];
  /** Numbers that may not be called. */
  readonly barred = new Set<string>();
  readonly trunkStates = new Map<string, TrunkStatus>();
  readonly linesTaken = new Map<string, number>();
  readonly trunkRegistrations = new Map<string, TrunkRegistration>();
  waits: WaitsPort | undefined;
  next: string | null = null;
  reload: Awaited<ReturnType<HttpPorts['config']['reload']>> = { accepted: true, issues: [] };
  readiness: Record<string, () => boolean | Promise<boolean>> = { sip: () => true, redis: async () => true };
  readonly metrics: { -readonly [K in keyof HttpPorts['metrics']]: HttpPorts['metrics'][K] } = {
    calls: () => ({}),
    callsEnded: () => ({ answered: 3, missed: 1 }),
    outgoingRefused: () => new Map([['acme/concurrent', 2]]),
    busyEmployees: () => 2,
    sipDialogs: () => 4,
    sipInvites: () => ({ in: 1, out: 2 }),
    sipMalformed: () => 5,
    media: async () => ({
      endpoints: 6,
      bridges: 3,
      conferences: 1,
      playbacks: 0,
      recordings: 0,
      rejected: 7,
      pacingErrorMs: { p50: 0.5, p99: 2, max: 4 },
    }),
    historyPending: () => undefined,
    outbox: () => [
      { way: 'mail', waiting: 2, oldestMs: 90_000, givenUp: 1 },
      { way: 'sms', waiting: 0, oldestMs: 0, givenUp: 0 },
    ],
  };
  readonly sipServers: ReturnType<HttpPorts['sipServers']> = [
    { name: '10.0.0.8:9022', isNeighbour: false, state: 'up', dialogs: 4 },
    { name: '10.0.0.9:9022', isNeighbour: false, state: 'down', dialogs: 0 },
    { name: 'node-2', isNeighbour: true, state: 'up', dialogs: 1 },
  ];
  /** Calls that were ordered. */
  readonly ordered: unknown[] = [];
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
      sipServers: () => this.sipServers,
      config: {
        all: () => this.pbxs,
        current: (id) => this.pbxs.find((pbx) => pbx.id === id),
        reload: () => answer(this.reload),
      },
      checkConfig: () => loadConfig('schemes'),
      calls: {
        live: () => this.live,
        order: (_pbx, order) => {
          if (order.to === 'nobody')
            throw new UserError('no-such-number', 'Nobody has the number "nobody"', 'Give one.');
          this.ordered.push(order);
          return `ordered-${this.ordered.length}`;
        },
        transfer: (_pbx, id, to, employee) => {
          if (to === 'now') throw new UserError('not-now', 'Somebody is being called already');
          if (to === 'nobody') throw new UserError('no-such-number', 'Nobody can be called at "nobody"');
          const talks = this.live.some((call) => call.id === id && call.stage === 'conversation');
          if (talks) this.transferred.push([id, to, employee]);
          return talks;
        },
        hangup: (_pbx, id) => {
          const there = this.live.some((call) => call.id === id);
          if (there) this.hungUp.push(id);
          return there;
        },
        record: (_pbx, id, on) => {
          if (!this.live.some((call) => call.id === id && call.stage === 'conversation')) return undefined;
          this.recorded.push(`${id} ${on}`);
          return on;
        },
        story: (_pbx, id) => this.stories.get(id),
      },
      acd: {
        agents: (_pbx, ids) => answer(ids.map((id) => this.agents.get(id) ?? agent(id))),
        setStatus: async (_pbx, id, { name: status, base }) => {
          await answer(undefined);
          const { unavailable: _, ...known } = this.agents.get(id) ?? agent(id);
          this.agents.set(id, {
            ...known,
            status,
            base,
            statusAt: Date.parse('2026-11-02T09:00:00Z'),
            excludedUntil: base === 'online' ? 0 : known.excludedUntil,
            ...(base === 'online' ? {} : { unavailable: base }),
          });
        },
        setWrapUp: async (_pbx, id, forMs) => {
          await answer(undefined);
          const { unavailable: _, ...known } = this.agents.get(id) ?? agent(id);
          this.agents.set(id, { ...known, wrapUpUntil: forMs });
        },
        queue: (_pbx, group, limit) => answer((this.queues.get(group) ?? []).slice(0, limit)),
        explain: (_pbx, call) => answer(this.explanations.get(call)),
        figures: (_pbx, group) => answer(this.figures.get(group) ?? noFigures),
      },
      callbacks: {
        list: (_pbx, limit) => answer(this.callbacks.slice(0, limit)),
        add: async (_pbx, { group, number, callerId }) => {
          await answer(undefined);
          if (this.barred.has(number)) return { outcome: 'barred', why: 'call direction not allowed' };
          if (this.callbacks.some((task) => task.number === number)) return { outcome: 'exists' };
          const at = Date.parse('2026-11-02T09:00:00Z');
          const task: Callback = {
            ...{ number, origin: 'request', call: null, groups: [group], since: at, createdAt: at, dueAt: at },
            ...{ attempts: 0, maxAttempts: 7, ...(callerId === undefined ? {} : { callerId }) },
          };
          this.callbacks.push(task);
          return { outcome: 'added', task };
        },
        cancel: async (_pbx, number) => {
          const at = this.callbacks.findIndex((task) => task.number === number);
          await answer(undefined);
          return at >= 0 && this.callbacks.splice(at, 1).length === 1;
        },
      },
      voicemail: {
        query: (pbx, filter, page) => {
          this.askedVoicemail.push({ pbx, filter, page });
          return answer({ items: this.voicemail.slice(0, page.limit), next: this.next });
        },
        get: (_pbx, id) => answer(this.voicemail.find((message) => message.id === id)),
        mailboxes: () => answer([{ employee: null, new: this.voicemail.length, old: 0 }]),
        file: async (_pbx, id) => this.audioFiles.get(id),
        markRead: async (_pbx, id, read) => {
          await answer(undefined);
          const at = this.voicemail.findIndex((message) => message.id === id);
          const message = this.voicemail[at];
          if (!message) return undefined;
          const marked = { ...message, readAt: read ? '2026-11-02T09:00:00.000Z' : null };
          this.voicemail[at] = marked;
          return marked;
        },
        remove: async (_pbx, id) => {
          await answer(undefined);
          const at = this.voicemail.findIndex((message) => message.id === id);
          return at < 0 ? undefined : this.voicemail.splice(at, 1)[0];
        },
      },
      faxes: {
        query: (_pbx, { direction, states }, { limit }) =>
          answer({
            items: this.faxes
              .filter(
                (fax) => (direction ?? fax.direction) === fax.direction && (states ?? [fax.state]).includes(fax.state),
              )
              .slice(0, limit),
            next: this.next,
          }),
        get: (_pbx, id) => answer(this.faxes.find((fax) => fax.id === id)),
        file: (_pbx, id, kind) => answer(this.faxFiles.get(`${id}.${kind}`)),
        markRead: async (_pbx, id, read) => {
          const at = this.faxes.findIndex((fax) => fax.id === id);
          if (at < 0) return answer(undefined);
          this.faxes[at] = { ...(this.faxes[at] as Fax), read };
          return answer(this.faxes[at]);
        },
        remove: async (_pbx, id) => {
          const at = this.faxes.findIndex((fax) => fax.id === id);
          if (at < 0) return answer('none');
          if (this.faxes[at]?.node !== 'one') return answer('elsewhere');
          this.faxes.splice(at, 1);
          return answer('removed');
        },
        send: async (_pbx, fax) => {
          if (this.faxRefusal) throw this.faxRefusal;
          this.faxesToSend.push(fax);
          return answer(this.faxes[0] as Fax);
        },
      },
      trunks: {
        status: (_pbx, trunk) => this.trunkStates.get(trunk),
        linesTaken: (_pbx, trunk) => this.linesTaken.get(trunk) ?? 0,
        registrations: async () => this.trunkRegistrations,
        registeredHere: () =>
          [...this.trunkRegistrations].map(([trunk, { until }]) => ({ pbx: 'acme', trunk, until: until ?? undefined })),
      },
      ...(this.waits ? { waits: this.waits } : {}),
      registrations: { list: () => answer(this.devices), count: () => answer(this.devices.length) },
      history: {
        query: (pbx, filter, page) => {
          this.asked.push({ pbx, filter, page });
          return answer({ items: this.records.slice(0, page.limit), next: this.next });
        },
        get: (_pbx, id) => answer(this.records.find((record) => record.id === id)),
      },
      recordings: {
        query: (_pbx, _filter, page) =>
          answer({
            items: this.recordings.slice(0, page.limit),
            next: this.recordings.length > page.limit ? 'more' : null,
          }),
        get: (_pbx, id) => answer(this.recordings.find((one) => one.id === id)),
        file: async ({ id }) => {
          const path = await answer(this.audio.get(id));
          return path === undefined ? undefined : { path, name: 'Иванов 1.wav', type: 'audio/wav' };
        },
        mark: async (_pbx, id, mark) => {
          const at = this.recordings.findIndex((one) => one.id === id);
          const found = this.recordings[at];
          if (found) this.recordings[at] = { ...found, mark };
          return answer(this.recordings[at]);
        },
        remove: async (_pbx, id) => {
          if (!this.audio.has(id)) return 'elsewhere';
          const at = this.recordings.findIndex((one) => one.id === id);
          return this.recordings.splice(at, 1).length > 0 ? 'removed' : 'none';
        },
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

/** An employee who can be offered a call. */
export const agent = (employee: string, more: Partial<Agent> = {}): Agent => ({
  employee,
  status: 'online',
  base: 'online',
  statusAt: 0,
  calls: {},
  wrapUpUntil: 0,
  excludedUntil: 0,
  excludedFor: '',
  talkToday: 0,
  answeredToday: 0,
  ...more,
});

export const noFigures: GroupFigures = {
  waiting: 0,
  ringing: 0,
  entered: 0,
  offered: 0,
  answered: 0,
  answeredInTime: 0,
  abandoned: 0,
  queueTimeout: 0,
  queueFull: 0,
  lost: 0,
  waitedMs: 0,
};

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
