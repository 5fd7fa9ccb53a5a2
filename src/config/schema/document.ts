import { z } from 'zod';
import { Employee } from './employee.ts';
import { completeGroup, Group } from './group.ts';
import { Audio, Callback, Events, Fax, Mail, Recording, Sms, Voicemail } from './messages.ts';
import { CallerIdRule, ForwardingRule, NumberEntry, RegionRules, Screening } from './number.ts';
import { object } from './object.ts';
import { Defaults, Pbx } from './pbx.ts';
import { Room } from './room.ts';
import { Scheme } from './scheme.ts';
import { Conference, Security } from './security.ts';
import { Trunk } from './trunk.ts';
import type { Immutable } from './values.ts';

/** The whole of one PBX, as its files merged together say it. */
export const DocumentForm = object({
  pbx: Pbx.describe('The company and what holds everywhere in it.'),
  defaults: Defaults.prefault({}).describe('What employees, groups and menus do unless they say otherwise (§4.4.3).'),
  numbers: z.array(NumberEntry).default([]).describe('The numbers that callers dial.'),
  schemes: z.array(Scheme).default([]).describe('What happens to a call (§4.4.2.1).'),
  employees: z.array(Employee).default([]).describe('§4.4.6.1'),
  groups: z.array(Group).default([]).describe('Employees who take calls together, with a queue (§4.4.6.2).'),
  trunks: z.array(Trunk).default([]).describe('Connections to operators and to other phone systems (§5.3).'),
  rooms: z.array(Room).default([]).describe('Conference rooms (§4.6.4.2).'),
  forwarding: z
    .array(ForwardingRule)
    .default([])
    .describe('Where calls of certain callers go, whatever the scheme says (§4.4.4).'),
  screening: Screening.prefault({}).describe('Callers who are refused: they hear busy (§4.4.5).'),
  regionRules: z.array(RegionRules).default([]).describe("Where calls go by the beginning of the caller's number."),
  callerIdRules: z
    .array(CallerIdRule)
    .default([])
    .describe('Which of our numbers is shown, by the number that is called (§4.6.5.6).'),
  audio: z.array(Audio).default([]).describe('Files that schemes play (§4.6.2).'),
  voicemail: Voicemail.prefault({}).describe('§4.6.5.1'),
  fax: Fax.prefault({}).describe('§4.6.5.2'),
  recording: Recording.prefault({}).describe('§4.5.3'),
  callback: Callback.prefault({}).describe('Calling back those who were missed (§4.6.5.7).'),
  sms: Sms.exactOptional().describe('Answers to missed calls (§4.4.2.3).'),
  mail: Mail.exactOptional().describe('How mail is sent.'),
  security: Security.prefault({}).describe('§4.6.1.3, §4.6.3.1'),
  conference: Conference.prefault({}).describe('§4.6.4.1'),
  events: Events.exactOptional().describe('Calls told to another system (§4.6.7.3).'),
});

/** As the engine reads it: every default is filled in. */
export type PbxDocument = Omit<Immutable<z.output<typeof DocumentForm>>, 'groups'> & {
  readonly groups: readonly Group[];
};

/** Fills what one part leaves open to another. */
export const complete = (form: z.output<typeof DocumentForm>): PbxDocument => ({
  ...form,
  groups: form.groups.map((group) => completeGroup(group, form.defaults.group)),
});
