import type { Employee } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { StoredMessage } from '../messages/voicemail/query.ts';
import type {
  Agent,
  Callback,
  Fax,
  GroupFigures,
  LiveCall,
  QueuedCaller,
  Recording,
  Registration,
  WaitRange,
} from './ports.ts';
import type { employeeStates } from './schemas.ts';
import { unavailabilities } from './words.ts';

/** Things of the ports in the form of the API (`schemas.ts`), for the routes and for the events that tell of the same things. */

/** Milliseconds since 1970. */
export const instant = (ms: number): string => new Date(ms).toISOString();

const instantOrNull = (ms: number | null): string | null => (ms === null ? null : instant(ms));

export const shownFax = (fax: Fax) => ({
  id: fax.id,
  direction: fax.direction,
  state: fax.state,
  at: instant(fax.at),
  number: fax.number,
  line: fax.line,
  station: fax.station,
  pages: fax.pages,
  totalPages: fax.totalPages,
  bitRate: fax.bitRate,
  ecm: fax.ecm,
  resolution: fax.resolution,
  error: fax.error,
  read: fax.read,
  employee: fax.employee,
  name: fax.name,
  call: fax.call,
  node: fax.node,
  tries: fax.tries.map(({ at, call, pages, error }) => ({ at: instant(at), call, pages, error })),
  nextTry: instantOrNull(fax.nextAt),
  triedUntil: instantOrNull(fax.giveUpAt),
});

export const shownCall = (call: LiveCall) => ({
  id: call.id,
  start: instant(call.start),
  direction: call.direction,
  from: call.from,
  fromName: call.fromName,
  to: call.to,
  line: call.line,
  employee: call.employee,
  stage: call.stage,
  since: instant(call.since),
  scheme: call.scheme,
  state: call.state,
  held: call.held,
  parties: call.parties.map(({ kind, id, name, address, state, since }) => ({
    kind,
    id,
    name,
    address,
    state,
    since: instant(since),
  })),
});

export const shownMessage = ({ at, ms, readAt, mailedAt, pbx: _pbx, ...message }: StoredMessage) => ({
  ...message,
  at,
  duration: secondsOf(ms),
  read: readAt !== null,
  readAt,
  mailedAt,
});

export const shownRecording = (recording: Recording) => ({
  id: recording.id,
  call: recording.call,
  start: instant(recording.start),
  length: recording.ms / 1000,
  direction: recording.direction,
  from: recording.from,
  to: recording.to,
  line: recording.line,
  employee: recording.employee,
  group: recording.group,
  other: recording.other,
  manual: recording.manual,
  stereo: recording.stereo,
  format: recording.format,
  bytes: recording.bytes,
  mark: recording.mark,
  error: recording.error,
  node: recording.node,
});

export function shownDevice(pbx: PbxVersion, device: Registration) {
  const { account, receivedFrom } = device;
  const host = receivedFrom.address.includes(':') ? `[${receivedFrom.address}]` : receivedFrom.address;
  return {
    account,
    employee: pbx.accountNamed(account)?.employee.id ?? null,
    contact: device.uri,
    address: `${receivedFrom.protocol}/${host}:${receivedFrom.port}`,
    userAgent: device.userAgent ?? null,
    since: instant(device.boundAt),
    until: instant(device.expiresAt),
    expires: device.expires,
    node: device.node,
  };
}

export interface EmployeeFacts {
  readonly pbx: PbxVersion;
  readonly employee: Employee;
  /** Undefined: the ACD knows nothing of him. */
  readonly agent: Agent | undefined;
  /** By account. */
  readonly devices: ReadonlyMap<string, readonly Registration[]>;
  /** Calls of this node. */
  readonly calls: readonly LiveCall[];
  /** In a call of this node. */
  readonly busy: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export function shownEmployee({ pbx, employee, agent, devices, calls, busy, now }: EmployeeFacts) {
  const accounts = employee.accounts.map(({ user, domain }) => {
    const account = `${user}@${domain}`;
    return { account, devices: (devices.get(account) ?? []).map((device) => shownDevice(pbx, device)) };
  });
  const registered = accounts.some((account) => account.devices.length > 0);
  const doing = activity(employee, calls) ?? elsewhere(agent);
  return {
    id: employee.id,
    name: employee.name,
    extension: employee.extension ?? null,
    robot: employee.robot,
    registered,
    busy: busy || doing !== undefined,
    state: doing?.state ?? (busy ? 'busy' : idleState(agent, registered, now)),
    since: doing ? instant(doing.since) : null,
    call: doing?.call ?? null,
    ...shownStanding(agent),
    wrapUpUntil: future(agent?.wrapUpUntil, now),
    excludedUntil: future(agent?.excludedUntil, now),
    excludedFor: future(agent?.excludedUntil, now) === null ? null : (agent?.excludedFor ?? null),
    today: agent ? shownToday(agent) : { answered: 0, talk: 0 },
    groups: pbx.document.groups
      .filter(({ members }) => members.some((member) => member.employee === employee.id))
      .map(({ id }) => id),
    accounts,
  };
}

/** A member of a group: what the ACD alone knows of him. */
export const shownMember = (employee: Employee, priority: number, agent: Agent | undefined, now: number) => ({
  employee: employee.id,
  name: employee.name,
  priority,
  state: elsewhere(agent)?.state ?? idleState(agent, agent?.unavailable !== 'unregistered', now),
  ...shownStanding(agent),
});

/** An employee as those see him who watch the ACD: with the calls of all nodes. */
export function shownAgent(name: string, agent: Agent, now: number) {
  const doing = elsewhere(agent);
  const excludedUntil = future(agent.excludedUntil, now);
  return {
    employee: agent.employee,
    name,
    state: doing?.state ?? idleState(agent, agent.unavailable !== 'unregistered', now),
    since: doing ? instant(doing.since) : null,
    call: doing?.call ?? agent.reservation?.call ?? null,
    ...shownStanding(agent),
    wrapUpUntil: future(agent.wrapUpUntil, now),
    excludedUntil,
    excludedFor: excludedUntil === null ? null : agent.excludedFor,
    today: shownToday(agent),
  };
}

const shownToday = ({ answeredToday, talkToday }: Agent) => ({
  answered: answeredToday,
  talk: Math.round(talkToday / 1000),
});

function shownStanding(agent: Agent | undefined) {
  const unavailable = agent ? (agent.unavailable ?? null) : 'unregistered';
  return {
    status: {
      base: agent?.base ?? 'online',
      name: agent && agent.status !== agent.base ? agent.status : null,
      since: agent && agent.statusAt > 0 ? instant(agent.statusAt) : null,
    },
    available: unavailable === null,
    unavailable,
    why: unavailable === null ? null : unavailabilities[unavailable],
  };
}

const future = (at: number | undefined, now: number): string | null =>
  at !== undefined && at > now ? instant(at) : null;

type EmployeeState = (typeof employeeStates)[number];

interface Activity {
  readonly state: EmployeeState;
  readonly since: number;
  readonly call: string;
}

function idleState(agent: Agent | undefined, registered: boolean, now: number): EmployeeState {
  if (agent?.reservation) return 'reserved';
  if (future(agent?.wrapUpUntil, now) !== null) return 'wrapUp';
  return registered ? 'free' : 'offline';
}

/** The call that tells most about the employee: one that he talks in, else one that rings him, else one that he is making. */
function activity({ id }: Pick<Employee, 'id'>, calls: readonly LiveCall[]): Activity | undefined {
  const found: Activity[] = calls.flatMap((call) => [
    ...call.parties
      .filter((party) => party.kind === 'employee' && party.id === id)
      .map(({ state, since }) => ({ state, since, call: call.id })),
    ...(call.employee === id ? [callersActivity(call)] : []),
  ]);
  const rank = (state: EmployeeState) => ['talking', 'ringing', 'calling'].indexOf(state);
  return found.toSorted((a, b) => rank(a.state) - rank(b.state) || a.since - b.since)[0];
}

const callersActivity = ({ id, stage, since, start }: LiveCall): Activity =>
  stage === 'conversation' ? { state: 'talking', since, call: id } : { state: 'calling', since: start, call: id };

/** A call of any node, of which the ACD knows no more than whether he talks. */
function elsewhere(agent: Agent | undefined): Activity | undefined {
  const found = Object.entries(agent?.calls ?? {}).map(
    ([call, { since, talkSince }]): Activity =>
      talkSince === undefined ? { state: 'busy', since, call } : { state: 'talking', since: talkSince, call },
  );
  return found.find(({ state }) => state === 'talking') ?? found[0];
}

/** Callers of a queue in their order. */
export const shownQueue = (
  group: string,
  callers: readonly QueuedCaller[],
  waits: readonly (WaitRange | undefined)[],
  now: number,
) => ({
  group,
  callers: callers.map(({ call, number, since, offers, node }, at) => ({
    call,
    number,
    position: at + 1,
    since: instant(since),
    wait: secondsOf(now - since),
    expectedWait: shownWait(waits[at]),
    offeredTo: Object.keys(offers),
    node,
  })),
});

const shownWait = (range: WaitRange | undefined) =>
  range ? { expected: secondsOf(range.expectedMs), from: secondsOf(range.fromMs), to: secondsOf(range.toMs) } : null;

export const shownCallback = ({ since, createdAt, dueAt, callerId, ...task }: Callback) => ({
  number: task.number,
  origin: task.origin,
  call: task.call,
  groups: task.groups,
  callerId: callerId ?? null,
  since: instant(since),
  created: instant(createdAt),
  due: instant(dueAt),
  attempts: task.attempts,
  maxAttempts: task.maxAttempts,
});

/** Milliseconds, of which a clock that was set may have made a negative length. */
export const secondsOf = (ms: number): number => Math.max(0, Math.round(ms / 1000));

/** Of all callers who have left the queue today, the share who were answered in time; null: none has left it. */
export function serviceLevel(figures: GroupFigures): number | null {
  const { answered, answeredInTime, abandoned, queueTimeout, queueFull, lost } = figures;
  const left = answered + abandoned + queueTimeout + queueFull + lost;
  return left > 0 ? answeredInTime / left : null;
}
