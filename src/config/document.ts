/**
 * The types of a PBX document as the engine reads it: valid, every default filled in, read-only. The schemas behind them are in
 * `schema/`, and only this folder uses those.
 */
export type { PbxDocument } from './schema/document.ts';
export type { Account, AssistantRule, Contact, Employee } from './schema/employee.ts';
export type { Algorithm, Group, GroupDefaults, Hold, Member } from './schema/group.ts';
export type {
  Audio,
  Callback,
  Events,
  Fax,
  Mail,
  Recording,
  RecordingRule,
  Sms,
  Voicemail,
} from './schema/messages.ts';
export type { CallerIdRule, ForwardingRule, NumberEntry, RegionRules, Screening } from './schema/number.ts';
export type { Defaults, Pbx } from './schema/pbx.ts';
export type { Room } from './schema/room.ts';
export type { Branch, Item, Rules, Scheme } from './schema/scheme.ts';
export type { Conference, Security } from './schema/security.ts';
export type { Step } from './schema/step.ts';
export type { Target } from './schema/target.ts';
export type { Codec, Trunk, TrunkNumber } from './schema/trunk.ts';
export type { AudioId } from './schema/values.ts';
export type { Condition, Day, Schedule, When } from './schema/when.ts';
