import { z } from 'zod';
import { exactlyOneOf } from './choice.ts';
import { GroupDefaults } from './group.ts';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import {
  AudioId,
  builtin,
  Country,
  count,
  Domain,
  extension,
  type Immutable,
  IsoDate,
  PbxId,
  seconds,
  Text,
  TimeZone,
} from './values.ts';

/** Days that differ from the public holidays of the country. */
const Calendar = object({
  holidays: z.array(IsoDate).default([]),
  workdays: z.array(IsoDate).default([]),
  preholidays: z.array(IsoDate).default([]),
});

/** Whether callers in a voice menu may dial extensions, and of what length (§4.4.2.2). */
const ExtensionDialing = object({
  enabled: z.boolean().default(true),
  min: count(1, 5).default(2),
  max: count(3, 5).default(4),
}).refine(({ min, max }) => min <= max, { error: 'must not be less than "min"', path: ['max'] });

/** §4.4.1.2, §4.4.2.2, §4.4.6.1.2 */
export const Pbx = object({
  id: PbxId,
  name: Text.default(''),
  domains: z.array(declares('domain', Domain)).min(1).max(3),
  timezone: TimeZone.default('Europe/Moscow'),
  country: Country.default('RU'),
  language: z.enum(['ru', 'en']).default('ru').describe('Of built-in prompts and of spoken numbers.'),
  calendar: Calendar.prefault({}),
  extensionDialing: ExtensionDialing.prefault({}),
  passwordPrompt: AudioId.default(builtin('enter-password')),
  transferMusic: AudioId.default(builtin('music')).describe('Heard by the one who is being transferred.'),
  showOnIncoming: z
    .enum(['auto', 'caller', 'line'])
    .default('auto')
    .describe('"auto": SIP phones see the caller, ordinary phones the line.'),
  showOnConsultTransfer: z.enum(['caller', 'consulter']).default('caller'),
  /** The caller's number is spoken to the employee before the two are connected. */
  announceCallerNumber: z.boolean().default(false),
  releaseMedia: z
    .boolean()
    .default(false)
    .describe(
      'Audio of two phones goes past the server where nothing on the way, and nothing that they may command, needs it.',
    ),
  maxCalls: count(0).default(0).describe('0 = no limit.'),
}).transform((pbx) => ({ ...pbx, name: pbx.name || pbx.id }));
export type Pbx = Immutable<z.output<typeof Pbx>>;

/** What happens when an employee does not answer and the scheme has no next step. */
const EmployeeAction = exactlyOneOf('an action', {
  voicemail: object({ voicemail: z.literal(true) }),
  hangup: object({ hangup: z.literal(true) }),
  extension: object({ extension: refersTo('extension', extension(1, 7)) }),
});

const EmployeeDefaults = object({
  ringTime: seconds(1, 120).default(25).describe('Seconds.'),
  unavailableMessage: AudioId.nullable().default(builtin('not-answering')),
  // biome-ignore lint/suspicious/noThenProperty: the format names it so, and its value is no function
  then: EmployeeAction.default({ voicemail: true }),
});

const MenuDefaults = object({
  inputTimeout: seconds(1, 600).default(10).describe('Seconds to wait for the first digit.'),
  interDigitTimeout: seconds(1, 60).default(3).describe('Seconds to wait for the next one.'),
  maxInvalid: count(1, 20).default(3),
  maxWrongPassword: count(1, 20).default(3),
});

/** §4.4.3 */
export const Defaults = object({
  employee: EmployeeDefaults.prefault({}),
  group: GroupDefaults.prefault({}),
  menu: MenuDefaults.prefault({}),
});
export type Defaults = Immutable<z.output<typeof Defaults>>;
