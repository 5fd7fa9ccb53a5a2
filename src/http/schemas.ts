import { z } from 'zod';
import { type IssueCode, issueCodes } from '../config/issue.ts';
import { CallRecord, callDirections, callStages, Participant } from '../history/record.ts';
import { deliveries, messageEnds } from '../messages/voicemail/port.ts';
import { recordingMarks, registrationStates } from './ports.ts';
import { keysOf, offerReasons, standings, unavailabilities } from './words.ts';

/**
 * What the API answers. Times of day are ISO 8601 in UTC, lengths whole seconds; what is not known or does not apply is null.
 */

/** The schemas that stand in the OpenAPI document under names of their own. */
export const components = z.registry<{ id: string }>();

const named = <S extends z.ZodType>(id: string, schema: S): S => {
  components.add(schema, { id });
  return schema;
};

const Instant = z.iso.datetime({ precision: 3 });

export const Failure = named(
  'Failure',
  z.object({
    code: z.string().describe('Stable: programs may rely on it.'),
    message: z.string(),
    hint: z.string().optional().describe('What to do.'),
  }),
);

export const Health = named('Health', z.object({ ok: z.literal(true) }));

export const Readiness = named(
  'Readiness',
  z.object({
    ready: z.boolean(),
    parts: z.record(z.string(), z.boolean()).describe('Each part of the node, and whether it works.'),
    sipServers: z
      .array(z.boolean())
      .describe(
        'Whether each SIP server is connected, in the order of `DRACHTIO`. One that is connected is enough to take calls.',
      ),
  }),
);

export const OpenApiDocument = named('OpenApiDocument', z.looseObject({ openapi: z.string() }));

export const Pbx = named(
  'Pbx',
  z.object({
    id: z.string(),
    name: z.string(),
    version: z.string().describe('Of the configuration: the same files have the same version.'),
    domains: z.array(z.string()),
  }),
);
export const Pbxs = named('Pbxs', z.array(Pbx));

export const Config = named(
  'Config',
  z.object({
    pbx: z.string(),
    version: z.string(),
    document: z
      .record(z.string(), z.unknown())
      .describe('As schemes/schema.json says, with every default filled in and every secret replaced by "[secret]".'),
  }),
);

export const Issue = named(
  'Issue',
  z.object({
    severity: z.enum(['error', 'warning']),
    code: z.enum(Object.keys(issueCodes) as [IssueCode, ...IssueCode[]]),
    file: z.string(),
    line: z.int().describe('From 1; 0: the whole file.'),
    column: z.int().describe('From 1; 0: the whole file.'),
    path: z.string(),
    message: z.string(),
    hint: z.string().optional(),
  }),
);

const issues = z.array(Issue).describe('Of the whole folder, because it is taken whole or not at all.');

export const Reload = named(
  'Reload',
  z.object({
    accepted: z.boolean().describe('False: the former configuration stays in force.'),
    version: z.string().nullable().describe('Of this PBX from now on; null: the folder has it no more.'),
    issues,
  }),
);
export const Check = named('Check', z.object({ ok: z.boolean().describe('A reload would be accepted.'), issues }));

const LiveParty = named(
  'LiveParty',
  z.object({
    kind: Participant.shape.kind,
    id: z.string(),
    name: z.string(),
    address: z.string(),
    state: z.enum(['ringing', 'talking']),
    since: Instant,
  }),
);

export const LiveCall = named(
  'LiveCall',
  z.object({
    id: z.string(),
    start: Instant,
    direction: z.enum(callDirections),
    from: z.string().describe('Empty when hidden.'),
    fromName: z.string().nullable(),
    to: z.string().describe('As dialled.'),
    line: z.string().nullable(),
    employee: z.string().nullable().describe('Who called, if it was an employee.'),
    stage: z.enum(callStages),
    since: Instant.describe('At this stage.'),
    scheme: z.string().nullable(),
    state: z.string().nullable().describe('Where in the scheme.'),
    held: z.boolean().describe('One of those who talk has the other on hold.'),
    parties: z.array(LiveParty).describe('Who is rung, or talks, right now.'),
  }),
);
export const LiveCalls = named('LiveCalls', z.array(LiveCall));

export const NewTransfer = named(
  'NewTransfer',
  z.strictObject({
    to: z.string().trim().min(1).max(64).describe('What the employee would dial: an extension or a number.'),
    employee: z
      .string()
      .exactOptional()
      .describe(
        'Who transfers the one whom he talks to. Default: the employee who was called, else the one who called.',
      ),
  }),
);

export const NewCall = named(
  'NewCall',
  z.strictObject({
    from: z
      .union([
        z.string().trim().min(1).max(64),
        z.strictObject({
          employee: z.string(),
          contact: z.string().exactOptional().describe('The address of one of his contacts; default: as they are set.'),
        }),
      ])
      .describe('Who is rung first: an extension of an employee, a number, or an employee by his id.'),
    to: z
      .union([
        z.string().trim().min(1).max(64),
        z.strictObject({ employee: z.string() }),
        z.strictObject({ group: z.string() }),
      ])
      .describe(
        'Who is called when he has answered: what he would dial, or an employee or a group by its id. "74951234567,789": a pause of two seconds, then 789 by tones; a dot is five seconds.',
      ),
    employee: z
      .string()
      .exactOptional()
      .describe('In whose name a number calls. Default: whoever has it as his mobile or among his contacts.'),
    callerId: z
      .string()
      .exactOptional()
      .describe('The number of the PBX that is shown outside. Default: that of the employee.'),
  }),
);
export const OrderedCall = named('OrderedCall', z.object({ id: z.string().describe('Of the call.') }));

export const Registration = named(
  'Registration',
  z.object({
    account: z.string(),
    employee: z.string().nullable().describe('Null: the configuration has the account no more.'),
    contact: z.string(),
    address: z.string().describe('Where its packets come from, such as "udp/192.0.2.7:5060".'),
    userAgent: z.string().nullable(),
    since: Instant.describe('The last REGISTER.'),
    until: Instant,
    expires: z.int().describe('Seconds left.'),
    node: z.string(),
  }),
);
export const Registrations = named('Registrations', z.array(Registration));

export const employeeStates = [
  'offline',
  'free',
  'reserved',
  'calling',
  'ringing',
  'talking',
  'busy',
  'wrapUp',
] as const;

const Seconds = z.int().nonnegative();

export const agentBases = ['online', 'break', 'offline'] as const;

const Status = z.object({
  base: z.enum(agentBases).describe('What it counts as: with "online" alone groups offer him calls.'),
  name: z.string().nullable().describe('Of a custom status.'),
  since: Instant.nullable().describe('Null: he has never set one.'),
});

/** Whether groups may offer him a call, and why not. */
const availability = {
  available: z.boolean().describe('Groups may offer him a call now.'),
  unavailable: z.enum(keysOf(unavailabilities)).nullable().describe('Why not.'),
  why: z.string().nullable().describe('The same in words.'),
};

export const Employee = named(
  'Employee',
  z.object({
    id: z.string(),
    name: z.string(),
    extension: z.string().nullable(),
    robot: z.boolean().describe('Not a person: he is told no caller’s number before he talks.'),
    registered: z.boolean().describe('At least one account has a device.'),
    busy: z.boolean().describe('Callers find him busy.'),
    state: z
      .enum(employeeStates)
      .describe(
        '"reserved": a call is being offered to him. "busy": in a call that rings him or that he makes, on another node. "offline": in no call, and no account has a device.',
      ),
    since: Instant.nullable().describe('Of the call that the state is about.'),
    call: z.string().nullable(),
    status: Status,
    ...availability,
    wrapUpUntil: Instant.nullable().describe('End of his after-call work.'),
    excludedUntil: Instant.nullable().describe(
      'Until then he gets no calls of groups; to set his status to online ends it.',
    ),
    excludedFor: z
      .string()
      .nullable()
      .describe('What came of the offer before: "noAnswer", "busy", "refused", "unreachable".'),
    today: z
      .object({ answered: z.int(), talk: Seconds })
      .describe('Since midnight of the PBX: incoming calls answered, seconds of conversation.'),
    groups: z.array(z.string()),
    accounts: z.array(z.object({ account: z.string(), devices: z.array(Registration) })),
  }),
);
export const Employees = named('Employees', z.array(Employee));

export const NewStatus = named(
  'NewStatus',
  z.strictObject({
    status: z.enum(agentBases),
    name: z
      .string()
      .trim()
      .min(1)
      .max(64)
      .optional()
      .describe('Of a custom status that is based on it, such as "Lunch".'),
  }),
);

export const Group = named(
  'Group',
  z.object({
    id: z.string(),
    name: z.string(),
    extension: z.string().nullable(),
    algorithm: z.string(),
    waiting: z.int().describe('Callers for whom nobody is being rung.'),
    ringing: z.int().describe('Callers for whom somebody is being rung.'),
    longestWait: Seconds.nullable().describe('Of all these; null: there are none.'),
    available: z.int().describe('Members who may be offered a call.'),
    members: z.array(
      z.object({
        employee: z.string(),
        name: z.string(),
        priority: z.int(),
        state: z.enum(employeeStates),
        status: Status,
        ...availability,
      }),
    ),
    today: z
      .object({
        entered: z.int(),
        offers: z.int(),
        answered: z.int(),
        abandoned: z.int().describe('Callers who hung up, or pressed a key, while they waited.'),
        timedOut: z.int(),
        full: z.int().describe('Callers whom the queue had no room for.'),
        lost: z.int().describe('Callers whose node failed.'),
        averageWait: Seconds.nullable().describe('Of those who were answered.'),
        serviceLevel: z
          .number()
          .min(0)
          .max(1)
          .nullable()
          .describe('Of all callers who have left the queue, the share who were answered within serviceSeconds.'),
        serviceSeconds: Seconds,
      })
      .describe('Since midnight of the PBX.'),
  }),
);
export const Groups = named('Groups', z.array(Group));

const Wait = z
  .object({ expected: Seconds, from: Seconds, to: Seconds })
  .describe('Seconds from now; between the last two, eight callers of ten are answered.');

export const QueueEntry = z.object({
  call: z.string(),
  number: z.string().describe('Empty when hidden.'),
  position: z.int().positive(),
  since: Instant.describe('When he joined; a place that he got back keeps its first moment.'),
  wait: Seconds,
  expectedWait: Wait.nullable(),
  offeredTo: z.array(z.string()).describe('Employees who are being rung for him.'),
  node: z.string().describe('Which carries the call.'),
});
export const Queue = named(
  'Queue',
  z.object({ group: z.string(), callers: z.array(QueueEntry).describe('In the order in which they will be served.') }),
);

export const callbackOrigins = ['group', 'menu', 'request'] as const;

export const Callback = named(
  'Callback',
  z.object({
    number: z.string().describe('Of the client.'),
    origin: z.enum(callbackOrigins).describe('Missed by a group, or in a voice menu; or somebody asked for it.'),
    call: z.string().nullable().describe('The call that was missed; null: none was.'),
    groups: z.array(z.string()).describe('Which call him back, in turn.'),
    callerId: z.string().nullable().describe('The number that he is shown. Null: as his group has it.'),
    since: Instant.describe('When he began to wait.'),
    created: Instant,
    due: Instant.describe('The next attempt; while one goes on, when another node would take over.'),
    attempts: z.int().describe('That are over.'),
    maxAttempts: z.int(),
  }),
);
export const Callbacks = named('Callbacks', z.array(Callback));

export const NewCallback = named(
  'NewCallback',
  z.strictObject({
    group: z.string().describe('Whose member is rung first.'),
    number: z.string().describe('Of the client, as it is dialled in the country of the PBX or internationally.'),
    callerId: z
      .string()
      .optional()
      .describe('One of our numbers, which he is shown; unset: as the group has it for callbacks.'),
  }),
);

const trunkStates = ['up', 'down'] as const;

const TrunkRegistration = z
  .object({
    state: z.enum(registrationStates).describe('What came of the last REGISTER; "trying": nothing yet.'),
    since: Instant,
    until: Instant.nullable().describe('The operator sends calls until then, also where a later attempt has failed.'),
    reason: z.string().nullable().describe('Why it is refused or fails.'),
    node: z.string().describe('Which registers it.'),
    changes: z
      .array(z.object({ state: z.enum(registrationStates), reason: z.string().nullable(), at: Instant }))
      .describe('The latest last.'),
  })
  .nullable()
  .describe('Null: it does not register, or nothing is known of it.');

export const Trunks = named(
  'Trunks',
  z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      kind: z
        .enum(['external', 'internal', 'active'])
        .describe('"active": the account with an operator that a number comes from; its id is "active:<number>".'),
      state: z
        .enum(trunkStates)
        .nullable()
        .describe('As this node sees it. Null: it leads to another PBX of this installation.'),
      reason: z.string().nullable().describe('Why it is down.'),
      since: Instant.nullable(),
      lines: z.int().describe('Concurrent calls, both ways, over all nodes; 0: no limit.'),
      linesTaken: z.int().describe('By calls of this node.'),
      changes: z
        .array(z.object({ state: z.enum(trunkStates), reason: z.string().nullable(), at: Instant }))
        .describe('The latest last.'),
      registration: TrunkRegistration,
    }),
  ),
);

export const Why = named(
  'Why',
  z.object({
    call: z.string(),
    live: z.boolean().describe('In progress on this node; else from the history.'),
    steps: z
      .array(
        z.object({
          at: Instant,
          what: z.string().describe('As in CallRecord.path; "offer": somebody was asked to take the call.'),
          state: z.string().nullable().describe('Where in the scheme.'),
          detail: z.record(z.string(), z.unknown()),
          why: z.string().nullable(),
        }),
      )
      .describe('What was decided for the call, in the order of time.'),
    waiting: z
      .object({
        group: z.string(),
        algorithm: z.string(),
        since: Instant,
        position: z.int(),
        until: Instant.nullable().describe('When he will have waited for as long as he may.'),
        offers: z.array(
          z.object({
            at: Instant,
            employee: z.string(),
            reason: z.enum(keysOf(offerReasons)),
            why: z.string().describe('Why him.'),
            outcome: z.string().nullable().describe('Null: taken back, or still out.'),
          }),
        ),
        members: z.array(
          z.object({
            employee: z.string(),
            standing: z.enum(keysOf(standings)),
            why: z.string().describe('Why he does not get this caller now.'),
            until: Instant.nullable(),
            tried: z.string().nullable().describe('What came of the offer of this call to him, in this round.'),
            tookLaterCallerAt: Instant.nullable().describe(
              'When he took one who came later, because he had refused this one.',
            ),
          }),
        ),
      })
      .nullable()
      .describe('Why it still waits for a group; null: it does not.'),
  }),
);

export const Record = named('CallRecord', CallRecord);
export const HistoryPage = named(
  'HistoryPage',
  z.object({
    items: z.array(Record).describe('Newest first.'),
    next: z.string().nullable().describe('The cursor of the next page; null: this is the last one.'),
  }),
);

const messageCounts = { new: z.int().nonnegative(), old: z.int().nonnegative().describe('That have been heard.') };

export const VoiceMessage = named(
  'VoiceMessage',
  z.object({
    id: z.string(),
    call: z.string().describe('In which it was left.'),
    employee: z.string().nullable().describe("Whose mailbox it is in; null: the PBX's own."),
    at: Instant.describe('When it was left.'),
    from: z.string().describe("The caller's number or SIP address; empty when hidden."),
    fromName: z.string().nullable(),
    line: z.string().nullable().describe('Our number that was called.'),
    duration: Seconds,
    ended: z.enum(messageEnds).describe('"interrupted": the node or its disk failed in the middle.'),
    delivery: z.enum(deliveries),
    to: z.array(z.string()).describe('E-mail addresses.'),
    read: z.boolean(),
    readAt: Instant.nullable(),
    mailedAt: Instant.nullable().describe('When its letter had gone; null: it waits, or there is none.'),
    node: z.string().describe('Which has the audio.'),
  }),
);
export const VoicemailPage = named(
  'VoicemailPage',
  z.object({
    items: z.array(VoiceMessage).describe('Newest first.'),
    next: z.string().nullable().describe('The cursor of the next page; null: this is the last one.'),
  }),
);
export const Mailboxes = named(
  'Mailboxes',
  z.array(z.object({ employee: z.string().nullable().describe("Null: the PBX's own mailbox."), ...messageCounts })),
);
export const Heard = named('Heard', z.strictObject({ read: z.boolean() }));

export const Recording = named(
  'Recording',
  z.object({
    id: z.string(),
    call: z.string().describe('It stands in the history with this id.'),
    start: Instant,
    length: z.number().nonnegative().describe('Seconds.'),
    direction: z.enum(callDirections),
    from: z.string().describe('Empty when hidden.'),
    to: z.string().describe('As dialled.'),
    line: z.string().nullable(),
    employee: z.string().nullable().describe('At whose end it was made; null: nobody of the company took part.'),
    group: z.string().nullable().describe('Through which the call came.'),
    other: z.string().describe('Whom he talked to: the id of an employee, a number, an address.'),
    manual: z.boolean().describe('By "#5" or by command.'),
    stereo: z.boolean().describe('Left what he said, right what he heard.'),
    format: z.enum(['wav', 'mp3']),
    bytes: z.int().nonnegative(),
    mark: z.enum(recordingMarks).nullable().describe('What is marked is a favourite, and not removed by itself.'),
    error: z.string().nullable().describe('Why it ends too early.'),
    node: z.string().describe('Which has the audio.'),
  }),
);
export const RecordingPage = named(
  'RecordingPage',
  z.object({
    items: z.array(Recording).describe('Newest first.'),
    next: z.string().nullable().describe('The cursor of the next page; null: this is the last one.'),
  }),
);
export const NewMark = named('NewMark', z.strictObject({ mark: z.enum(recordingMarks).nullable() }));
export const NewRecording = named(
  'NewRecording',
  z.strictObject({ on: z.boolean().optional().describe('Default: true.') }).nullish(),
);
export const RecordingState = named('RecordingState', z.object({ recording: z.boolean() }));

const changed = <T extends string, S extends z.ZodRawShape>(type: T, description: string, shape: S) =>
  z
    .object({
      type: z.literal(type),
      pbx: z.string(),
      seq: z.int().positive().describe('One more than that of the event of this PBX before, whatever its type.'),
      at: Instant,
      ...shape,
    })
    .describe(description);

const happened = <T extends string, S extends z.ZodRawShape>(type: T, description: string, shape: S) =>
  changed(type, description, { node: z.string().describe('Where it happened.'), ...shape });

export const callChanges = [
  'appeared',
  'stage',
  'ringing',
  'stopped',
  'talking',
  'held',
  'retrieved',
  'ended',
] as const;

export const CallEvent = named(
  'CallEvent',
  happened('call', 'Something happened to a call.', {
    what: z.enum(callChanges).describe('"ringing", "stopped", "talking": see the parties.'),
    call: LiveCall.describe('As it is since.'),
    end: z
      .object({
        outcome: CallRecord.shape.outcome,
        reason: CallRecord.shape.reason,
        code: CallRecord.shape.code,
        by: CallRecord.shape.endedBy,
        wait: CallRecord.shape.wait,
        talk: CallRecord.shape.talk,
      })
      .nullable()
      .describe('Of "ended".'),
  }),
);

export const RegistrationEvent = named(
  'RegistrationEvent',
  happened('registration', 'A phone came or went. Refreshed registrations are not told.', {
    what: z.enum(['registered', 'unregistered', 'expired']),
    device: Registration,
  }),
);

export const ConfigEvent = named(
  'ConfigEvent',
  happened('config', 'The node read the configuration folder again.', {
    what: z.enum(['changed', 'removed', 'rejected']),
    version: z.string().nullable().describe('In force from now on; null: the PBX is gone.'),
    errors: z.int().describe('In the folder, of "rejected"; POST …/check lists them.'),
  }),
);

export const RecordingEvent = named(
  'RecordingEvent',
  happened('recording', 'The recording of a conversation began, ended or broke off.', {
    what: z.enum(['started', 'stopped', 'failed']),
    recording: z.string(),
    call: z.string(),
    employee: z.string().nullable().describe('At whose end it is made.'),
    manual: z.boolean(),
    error: z.string().nullable().describe('Of "failed".'),
  }),
);

export const RecordAddedEvent = named(
  'RecordAddedEvent',
  happened('record/added', 'A recording is in the list and can be heard; or it is not any more.', {
    what: z.enum(['added', 'removed']),
    recording: Recording,
  }),
);

export const NodeEvent = named(
  'NodeEvent',
  happened('node', 'A node began or ended. Calls of a node that "started" are no more: they were cut off.', {
    what: z.enum(['started', 'stopped']),
  }),
);

export const VoicemailEvent = named(
  'VoicemailEvent',
  happened('voicemail', 'Something happened to a voice message, or there is none of a caller who came to the tone.', {
    what: z.enum(['added', 'read', 'unread', 'deleted', 'silent', 'failed']),
    message: VoiceMessage.nullable().describe('As it is since, or was; null: of "silent" and "failed".'),
    counts: z.object(messageCounts).nullable().describe('Of its mailbox, since; null: of "silent" and "failed".'),
    failure: z
      .object({ call: z.string(), employee: z.string().nullable(), why: z.string() })
      .nullable()
      .describe('Of "failed": who called could leave no message, or not all of it. Of "silent": he said nothing.'),
  }),
);

export const AgentEvent = named(
  'AgentEvent',
  changed('agent', 'Something changed of an employee: his status, a call offered to him, a call, a pause.', {
    agent: z
      .object({
        employee: z.string(),
        name: z.string(),
        state: z.enum(employeeStates).describe('As in Employee; "reserved": a call is being offered to him.'),
        since: Instant.nullable().describe('Of the call that the state is about.'),
        call: z.string().nullable().describe('That, or the one that he is offered.'),
        status: Status,
        ...availability,
        wrapUpUntil: Employee.shape.wrapUpUntil,
        excludedUntil: Employee.shape.excludedUntil,
        excludedFor: Employee.shape.excludedFor,
        today: Employee.shape.today,
      })
      .describe('As he is since, on all nodes together.'),
  }),
);

export const queueChanges = ['joined', 'offered', 'waiting', 'left'] as const;

export const QueueEvent = named(
  'QueueEvent',
  changed('queue', 'Something changed in the queue of a group.', {
    what: z
      .enum(queueChanges)
      .describe('"offered": members are rung for him, perhaps others than before; "waiting": nobody is any more.'),
    group: z.string(),
    caller: QueueEntry.pick({ call: true, number: true, since: true, offeredTo: true, node: true }),
    position: QueueEntry.shape.position
      .nullable()
      .describe('Where he stands, as in the list; those behind follow. Null: he has left.'),
    waiting: Group.shape.waiting,
    ringing: Group.shape.ringing,
    why: z
      .enum(['answered', 'abandoned', 'elsewhere', 'queueTimeout', 'nobodyAnswered', 'groupGone', 'lost'])
      .nullable()
      .describe('He has left: "elsewhere", by a key or into another queue; "lost", his node failed.'),
    employee: z.string().nullable().describe('Who has answered him.'),
  }),
);

export const callbackChanges = ['added', 'joined', 'taken', 'again', 'done', 'exhausted', 'cancelled'] as const;

export const CallbackEvent = named(
  'CallbackEvent',
  changed('callback', 'Something changed of a client who is to be called back.', {
    what: z
      .enum(callbackChanges)
      .describe(
        '"joined": another group has missed the same call; "taken": an attempt begins; "again": it is over, another follows. After the last three he is not to be called back any more.',
      ),
    callback: Callback,
  }),
);

export const AlarmEvent = named(
  'AlarmEvent',
  happened('alarm', 'Somebody should look. One and the same is told once a minute at most, by each node.', {
    what: z
      .enum(['outgoingLimit', 'audio'])
      .describe(
        '"outgoingLimit": a call to the outside was refused or cut off, a limit is reached. "audio": a caller heard silence in the place of something.',
      ),
    limit: z.enum(['concurrent', 'callsPerMinute', 'minutesPerDay']).nullable(),
    max: z.int().nullable(),
    employee: z.string().nullable().describe('Whose limit it is; null: that of the PBX.'),
    number: z.string().nullable().describe('Which was called.'),
    call: z.string().nullable().describe('In which nothing could be heard.'),
    error: z.string().nullable().describe('Which audio could not be played, and why.'),
  }),
);

export const MessageEvent = named(
  'MessageEvent',
  happened('message', 'A letter or text message will not arrive.', {
    what: z.enum(['givenUp']),
    message: z.object({
      id: z.string(),
      way: z.enum(['mail', 'sms']),
      to: z.array(z.string()).describe('Those whom it does not reach; others may have got it.'),
      about: z
        .object({ kind: z.enum(['voicemail', 'recording', 'fax', 'missedCall']), id: z.string() })
        .nullable()
        .describe('What it tells of.'),
    }),
    why: z.string(),
  }),
);

export const Fax = named(
  'Fax',
  z.object({
    id: z.string(),
    direction: z.enum(['in', 'out']),
    state: z
      .enum(['receiving', 'received', 'partial', 'failed', 'waiting', 'sending', 'sent'])
      .describe('partial: it broke off, and has the pages that came before. waiting: to be tried, or tried again.'),
    at: Instant.describe('When it came, or was asked to be sent.'),
    number: z.string().describe('Whose it is, or whom it is for; empty when hidden.'),
    line: z.string().nullable().describe('Our number.'),
    station: z.string().describe('What the other machine calls itself.'),
    pages: z.number().int().describe('Received, or confirmed by the other machine in the last try.'),
    totalPages: z.number().int().nullable().describe('Of one to be sent.'),
    bitRate: z.number().int().describe('bit/s; 0: the machines have not agreed on one.'),
    ecm: z.boolean().describe('Errors were corrected.'),
    resolution: z.object({ x: z.number(), y: z.number() }).describe('Dots per inch.'),
    error: z.string().nullable().describe('What went wrong, in the last try.'),
    read: z.boolean(),
    employee: z.string().nullable().describe('Who took it in a conversation.'),
    name: z.string().nullable().describe('Of one to be sent: what the document is called.'),
    call: z.string().nullable().describe('The call that it came in.'),
    node: z.string().describe('Who has its pages.'),
    tries: z.array(z.object({ at: Instant, call: z.string(), pages: z.number().int(), error: z.string().nullable() })),
    nextTry: Instant.nullable(),
    triedUntil: Instant.nullable(),
  }),
);

export const FaxPage = named(
  'FaxPage',
  z.object({ items: z.array(Fax), next: z.string().nullable().describe('Cursor of the next page.') }),
);

export const FaxMark = named('FaxMark', z.strictObject({ read: z.boolean() }));

export const FaxEvent = named(
  'FaxEvent',
  happened('fax', 'A fax has come to another state, was marked or deleted.', {
    what: z.enum(['changed', 'removed']),
    fax: Fax,
  }),
);

export const TrunkEvent = named(
  'TrunkEvent',
  happened(
    'trunk',
    'The peer of a trunk was found away or is back, or an account at an operator is registered or is not.',
    {
      what: z
        .enum([...trunkStates, ...registrationStates])
        .describe('"up" and "down": reached by this node or not; the others: what came of registering it.'),
      trunk: z.string().describe('Its id; of the account of a number "active:<number>".'),
      why: z.string().nullable().describe('Of "down", "refused" and "failing".'),
    },
  ),
);

export const LiveEvent = named(
  'LiveEvent',
  z.discriminatedUnion('type', [
    CallEvent,
    AgentEvent,
    QueueEvent,
    CallbackEvent,
    RegistrationEvent,
    ConfigEvent,
    RecordingEvent,
    RecordAddedEvent,
    VoicemailEvent,
    NodeEvent,
    AlarmEvent,
    MessageEvent,
    FaxEvent,
    TrunkEvent,
  ]),
);

export const eventTypes = [
  'call',
  'agent',
  'queue',
  'callback',
  'registration',
  'config',
  'recording',
  'record/added',
  'voicemail',
  'node',
  'alarm',
  'message',
  'fax',
  'trunk',
] as const;
