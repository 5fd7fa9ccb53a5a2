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
  pbx: Pbx,
  defaults: Defaults.prefault({}),
  numbers: z.array(NumberEntry).default([]),
  schemes: z.array(Scheme).default([]),
  employees: z.array(Employee).default([]),
  groups: z.array(Group).default([]),
  trunks: z.array(Trunk).default([]),
  rooms: z.array(Room).default([]),
  forwarding: z.array(ForwardingRule).default([]),
  screening: Screening.prefault({}),
  regionRules: z.array(RegionRules).default([]),
  callerIdRules: z.array(CallerIdRule).default([]),
  audio: z.array(Audio).default([]),
  voicemail: Voicemail.prefault({}),
  fax: Fax.prefault({}),
  recording: Recording.prefault({}),
  callback: Callback.prefault({}),
  sms: Sms.exactOptional(),
  mail: Mail.exactOptional(),
  security: Security.prefault({}),
  conference: Conference.prefault({}),
  events: Events.exactOptional(),
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
