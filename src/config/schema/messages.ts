import { z } from 'zod';
import { exactlyOneOf } from './choice.ts';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import {
  AudioId,
  builtin,
  count,
  Email,
  HttpUrl,
  Id,
  type Immutable,
  orEmpty,
  Phone,
  SmtpUrl,
  seconds,
  Text,
} from './values.ts';

/** Voicemail, fax, recording, callbacks, SMS, mail and events: what is kept of calls, and who is told. */

const OptionalEmail = orEmpty(Email).default('');

const Delivery = z.enum(['attach', 'notify', 'attachAndDelete', 'storeOnly']).default('attach');

/** §4.6.5.1 */
export const Voicemail = object({
  maxDuration: seconds(1, 3600).default(180).describe('Seconds.'),
  email: OptionalEmail,
  copyToDefault: z.boolean().default(false).describe('Everything goes to "email" too.'),
  warning: AudioId.nullable().default(builtin('leave-message')),
  delivery: Delivery,
});
export type Voicemail = Immutable<z.output<typeof Voicemail>>;

/** §4.6.5.2 */
export const Fax = object({
  inCall: z.boolean().default(true).describe('"#0" during a conversation.'),
  autoDetect: z.boolean().default(true),
  copyToEmployee: z.boolean().default(false),
  email: OptionalEmail,
  delivery: Delivery,
});
export type Fax = Immutable<z.output<typeof Fax>>;

const Direction = z.enum(['in', 'out', 'internal']);

const recordingParams = {
  direct: z.boolean().default(false).describe('Only calls that came straight to him, none through a group.'),
  directions: z.array(Direction).default([]).describe('Empty: those of "recording.directions".'),
  email: OptionalEmail,
};

/** §4.5.3.3 */
const RecordingRule = exactlyOneOf('a recording rule', {
  employee: object({
    employee: refersTo('employee', Id),
    contact: z.string().exactOptional().describe('One of his contacts; unset: any.'),
    ...recordingParams,
  }),
  group: object({ group: refersTo('group', Id), ...recordingParams }),
  phone: object({ phone: Phone, ...recordingParams }),
});
export type RecordingRule = Immutable<z.output<typeof RecordingRule>>;

/** §4.5.3 */
export const Recording = object({
  mode: z.enum(['off', 'all', 'rules']).default('off'),
  directions: z.array(Direction).default(['in', 'out', 'internal']),
  except: z.array(refersTo('employee', Id)).default([]),
  rules: z.array(RecordingRule).default([]),
  manual: z.boolean().default(true).describe('"#5" during a conversation.'),
  stereo: z.boolean().default(true),
  minDuration: seconds(0, 3600).default(4).describe('Seconds; shorter records are dropped.'),
  quality: z.enum(['low', 'medium', 'good', 'high']).default('good'),
  /** 0 = for ever; the manual's longest is 365. */
  retentionDays: count(0, 36_500).default(0),
  maxBytes: count(0).default(0).describe('0 = no limit.'),
  email: OptionalEmail,
});
export type Recording = Immutable<z.output<typeof Recording>>;

const CallbackParams = object({
  attempts: count(1, 10).default(7),
  interval: seconds(60, 86_400).default(900).describe('Seconds between two attempts.'),
  ringTime: seconds(1, 60).default(30).describe('Seconds.'),
});

/** §4.6.5.7 */
export const Callback = object({ group: CallbackParams.prefault({}), menu: CallbackParams.prefault({}) });
export type Callback = Immutable<z.output<typeof Callback>>;

/** §4.4.2.3 */
export const Sms = object({
  sender: z.string().min(1).max(15),
  missedText: z.string().min(1),
  notAgainFor: count(1, 7).default(1).describe('Days.'),
  dailyLimit: count(0).nullable().default(null).describe('null: no limit.'),
  gateway: object({ url: HttpUrl }),
});
export type Sms = Immutable<z.output<typeof Sms>>;

export const Mail = object({ smtp: SmtpUrl, from: Email });
export type Mail = Immutable<z.output<typeof Mail>>;

const EventType = z.enum(['call', 'summary', 'dtmf', 'recording', 'record/added', 'user/status_changed']);

/** §4.6.7.3: calls told to another system. */
export const Events = object({
  url: HttpUrl,
  key: z.string().min(1),
  salt: z.string().min(1),
  types: z.array(EventType).default(['call', 'summary', 'dtmf', 'recording', 'record/added']),
  exceptNumbers: z.array(Phone).default([]),
});
export type Events = Immutable<z.output<typeof Events>>;

export const Audio = object({
  id: declares('audio', Id),
  file: Text.min(1).describe('WAV PCM or MP3 of at most 20 MB (§4.6.2), relative to the file that says so.'),
  name: Text.default(''),
}).transform((audio) => ({ ...audio, name: audio.name || audio.id }));
export type Audio = Immutable<z.output<typeof Audio>>;
