import { z } from 'zod';
import { object } from './object.ts';
import { declares, refersTo } from './roles.ts';
import {
  AudioId,
  builtin,
  count,
  Id,
  type Immutable,
  OwnNumber,
  orEmpty,
  ownExtension,
  seconds,
  Text,
} from './values.ts';

/** §4.4.6.2, §4.4.3 */

export const Algorithm = z.enum([
  'sequential',
  'random',
  'priorityParallel',
  'all',
  'longestIdle',
  'leastTalkTime',
  'fewestAnswered',
  'longestIdleByPriority',
]);
export type Algorithm = z.output<typeof Algorithm>;

/** `null`: nothing is played. `""`, as leaving the key out: the default. */
const AudioOrDefault = orEmpty(AudioId).nullable();

/** How a waiting caller is kept. */
export interface Hold {
  readonly queue: boolean;
  /** Seconds, 0 = without end. */
  readonly maxWait: number;
  /** Calls, 0 = without limit. */
  readonly maxLength: number;
  readonly enqueueMessage: string | null;
  readonly music: string | null;
  readonly overflowMessage: string | null;
}

/** A key that is left out is as in `defaults.group`. */
const HoldForm = object({
  queue: z.boolean().exactOptional(),
  maxWait: seconds(0, 86_400).exactOptional(),
  maxLength: count(0).exactOptional(),
  enqueueMessage: AudioOrDefault.exactOptional(),
  music: AudioOrDefault.exactOptional(),
  overflowMessage: AudioOrDefault.exactOptional(),
});

const Member = object({
  employee: refersTo('employee', Id),
  priority: count(1, 1000).default(1).describe('Lower rings first.'),
});
export type Member = Immutable<z.output<typeof Member>>;

export const Group = object({
  id: declares('group', Id),
  name: Text.default(''),
  extension: ownExtension(1, 5).exactOptional(),
  members: z.array(Member).default([]).describe('In the order of dialling.'),
  algorithm: Algorithm.default('sequential'),
  ringContacts: z.enum(['main', 'asConfigured']).default('main'),
  ringTime: seconds(1, 120).default(25),
  hold: HoldForm.nullable().default(null),
  ringMusic: AudioOrDefault.exactOptional().describe('Unset: "defaults.group.ringMusic".'),
  announce: object({
    waitTime: z.boolean().default(false),
    position: z.boolean().default(false),
    every: seconds(10, 3600).default(60),
  }).prefault({}),
  familiar: z.boolean().default(false),
  callback: object({
    onHangup: z.boolean().default(false),
    onPress1: z.boolean().default(false),
    callerId: OwnNumber.exactOptional(),
    autoCallerId: z.boolean().default(false),
  }).prefault({}),
  wrapUp: seconds(0, 3600).default(0),
}).transform((group) => ({ ...group, name: group.name || group.id }));

/** As the engine reads it: what the group leaves open has been taken from `defaults.group`. */
export type Group = Omit<Immutable<z.output<typeof Group>>, 'hold' | 'ringMusic'> & {
  readonly hold: Hold;
  readonly ringMusic: string | null;
};

/** `defaults.group`; what the page calls `holdMusic` here is `music` in a group's `hold`. */
export const GroupDefaults = object({
  ringMusic: AudioId.nullable().default(null),
  excludeNoAnswer: seconds(0, 86_400).default(0),
  queue: z.boolean().default(true),
  enqueueMessage: AudioId.nullable().default(builtin('all-operators-busy')),
  holdMusic: AudioId.nullable().default(builtin('music')),
  maxWait: seconds(0, 86_400).default(600),
  maxLength: count(0).default(0),
  overflowMessage: AudioId.nullable().default(null),
});
export type GroupDefaults = Immutable<z.output<typeof GroupDefaults>>;

type GroupForm = z.output<typeof Group>;

export function completeGroup(group: GroupForm, defaults: GroupDefaults): Group {
  const hold = group.hold ?? {};
  return {
    ...group,
    ringMusic: chosen(group.ringMusic, defaults.ringMusic),
    hold: {
      queue: hold.queue ?? defaults.queue,
      maxWait: hold.maxWait ?? defaults.maxWait,
      maxLength: hold.maxLength ?? defaults.maxLength,
      enqueueMessage: chosen(hold.enqueueMessage, defaults.enqueueMessage),
      music: chosen(hold.music, defaults.holdMusic),
      overflowMessage: chosen(hold.overflowMessage, defaults.overflowMessage),
    },
  };
}

const chosen = (audio: string | null | undefined, otherwise: string | null): string | null =>
  audio === undefined || audio === '' ? otherwise : audio;
