import { z } from 'zod';
import { type IssueCode, issueCodes } from '../config/issue.ts';
import { CallRecord, callDirections, callStages, Participant } from '../history/record.ts';

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

export const employeeStates = ['offline', 'free', 'calling', 'ringing', 'talking', 'busy'] as const;

export const Employee = named(
  'Employee',
  z.object({
    id: z.string(),
    name: z.string(),
    extension: z.string().nullable(),
    registered: z.boolean().describe('At least one account has a device.'),
    busy: z.boolean().describe('Callers find him busy.'),
    state: z
      .enum(employeeStates)
      .describe('"busy": in a call that this node does not carry. "offline": in no call, and no account has a device.'),
    since: Instant.nullable().describe('Of the call that the state is about.'),
    call: z.string().nullable(),
    accounts: z.array(z.object({ account: z.string(), devices: z.array(Registration) })),
  }),
);
export const Employees = named('Employees', z.array(Employee));

export const Record = named('CallRecord', CallRecord);
export const HistoryPage = named(
  'HistoryPage',
  z.object({
    items: z.array(Record).describe('Newest first.'),
    next: z.string().nullable().describe('The cursor of the next page; null: this is the last one.'),
  }),
);

const happened = <T extends string, S extends z.ZodRawShape>(type: T, description: string, shape: S) =>
  z
    .object({
      type: z.literal(type),
      pbx: z.string(),
      seq: z.int().positive().describe('One more than that of the event of this PBX before, whatever its type.'),
      at: Instant,
      node: z.string().describe('Where it happened.'),
      ...shape,
    })
    .describe(description);

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

export const NodeEvent = named(
  'NodeEvent',
  happened('node', 'A node began or ended. Calls of a node that "started" are no more: they were cut off.', {
    what: z.enum(['started', 'stopped']),
  }),
);

export const LiveEvent = named(
  'LiveEvent',
  z.discriminatedUnion('type', [CallEvent, RegistrationEvent, ConfigEvent, NodeEvent]),
);

export const eventTypes = ['call', 'registration', 'config', 'node'] as const;
