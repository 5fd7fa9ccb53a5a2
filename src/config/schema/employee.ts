import { z } from 'zod';
import { byType, exactlyOneOf } from './choice.ts';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import { DialledNumber, targetMembers } from './target.ts';
import {
  AudioId,
  count,
  Domain,
  Email,
  Id,
  type Immutable,
  Mask,
  OwnNumber,
  orEmpty,
  ownExtension,
  Phone,
  SipAddress,
  seconds,
  Text,
  TimeZone,
} from './values.ts';
import { Schedule } from './when.ts';

/** §4.4.6.1 */

/** §4.4.6.1.2 «Средства приёма звонков» */
const reach = {
  wait: seconds(0, 3600)
    .exactOptional()
    .describe('Seconds to ring, 0 = without end. Unset: "defaults.employee.ringTime", unless the step says how long.'),
  when: Schedule.default('always'),
  temporary: Schedule.exactOptional().describe('While it holds, it stands in for "when".'),
  active: z.boolean().default(true),
};

export const Contact = exactlyOneOf('a contact', {
  sip: object({ sip: SipAddress, ...reach }),
  phone: object({ phone: Phone, ...reach }),
  trunk: object({ trunk: refersTo('trunk', Id), number: DialledNumber, ...reach }),
});
export type Contact = Immutable<z.output<typeof Contact>>;

const AccountUser = z.string().regex(/^(?:[A-Za-z][A-Za-z0-9._-]{3,63}|000\d{1,61})$/, {
  error:
    'must be a Latin letter and at least three more letters, digits, ".", "_" or "-"; or all digits, starting with 000',
});

const AccountPassword = z
  .string()
  .refine(
    (password) => password.length >= 8 && /\d/.test(password) && /[a-z]/.test(password) && /[A-Z]/.test(password),
    { error: 'must have at least 8 characters, with digits, lower-case and upper-case Latin letters' },
  );

const Ha1 = z.string().regex(/^(?:[0-9a-f]{32}|[0-9a-f]{64})$/, {
  error: 'must be the MD5 (32) or SHA-256 (64 hexadecimal digits) of "user:domain:password"',
});

const account = {
  user: AccountUser,
  domain: refersTo('domain', Domain),
  forwardTo: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Another account of this PBX that takes its calls: "user" (of the same domain) or "user@domain".'),
};

/** §4.4.6.1.2 «Учётные записи SIP» */
export const Account = exactlyOneOf('an account', {
  password: object({ ...account, password: AccountPassword }),
  ha1: object({ ...account, ha1: Ha1 }).describe(
    'RFC 7616 §3.4.2: the hash that a digest is computed from, so that the file holds no password.',
  ),
});
export type Account = Immutable<z.output<typeof Account>>;

/** What an employee's assistant does with a call: §4.4.6.1.5. */
const AssistantAction = exactlyOneOf('an action', {
  hangup: object({ hangup: z.literal(true) }),
  voicemail: object({ voicemail: z.literal(true) }),
  ...targetMembers,
});

const AssistantRule = object({
  when: Schedule.default('always'),
  direction: z
    .array(z.enum(['external', 'internal']))
    .min(1)
    .default(['external', 'internal']),
  after: seconds(0, 100).default(0).describe('Seconds of ringing before it acts; 0 = "defaults.employee.ringTime".'),
  message: AudioId.exactOptional(),
  // biome-ignore lint/suspicious/noThenProperty: the format names it so, and its value is no function
  then: AssistantAction,
  notify: object({ sms: Phone.exactOptional(), email: Email.exactOptional() }).prefault({}),
});
export type AssistantRule = Immutable<z.output<typeof AssistantRule>>;

/** As short as can be remembered, and as long as it takes to be none that is tried out. */
const Pin = z.string().regex(/^\d{4,12}$/, { error: 'must be a PIN of 4 to 12 digits, in quotes' });

/** Directions that may be called: `default` means those of the PBX (`security.outgoing`). */
const Directions = byType('directions', { string: z.literal('default'), array: z.array(Mask) });

const EmployeeForm = object({
  id: declares('employee', Id),
  name: Text.default(''),
  extension: ownExtension(2, 7).exactOptional(),
  email: orEmpty(Email).default(''),
  mobile: orEmpty(Phone).default(''),
  position: Text.default(''),
  department: Text.default(''),
  /** Unset: the PBX's. */
  timezone: orEmpty(TimeZone).default(''),
  role: Text.default('employee'),
  robot: z.boolean().default(false),
  ring: z.enum(['main', 'sequential', 'simultaneous']).default('main'),
  contacts: z.array(Contact).exactOptional(),
  accounts: z.array(Account).default([]),
  outgoing: object({
    callerId: OwnNumber.nullable().default(null).describe('null: no external calls.'),
    autoCallerId: z.boolean().default(false),
    directions: Directions.default('default'),
    limits: object({
      concurrent: count(0).exactOptional(),
      callsPerMinute: count(0).exactOptional(),
      minutesPerDay: count(0).exactOptional(),
    })
      .exactOptional()
      .describe('Of his calls to the telephone network, instead of "security.limits.employee"; 0 = no limit.'),
  }).prefault({}),
  assistant: z.array(AssistantRule).max(5).default([]),
  voicemailPin: Pin.exactOptional().describe(
    'Opens his mailbox from other phones than his own ("*98"). Unset: they do not open it.',
  ),
  respectStatus: z.boolean().default(true),
  supervises: z.array(refersTo('group', Id)).default([]),
});

/** Without `contacts`, the employee's own accounts ring: what every phone system does. With `[]`, nothing does. */
export const Employee = EmployeeForm.transform((employee) => ({
  ...employee,
  name: employee.name || employee.id,
  contacts:
    employee.contacts ?? employee.accounts.map(({ user, domain }) => Contact.parse({ sip: `${user}@${domain}` })),
}));
export type Employee = Immutable<z.output<typeof Employee>>;
