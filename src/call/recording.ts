import type { PbxVersion } from '../config/version.ts';
import type { Leg } from '../dial/leg.ts';
import type { Endpoint } from '../media/port.ts';
import type { CallServices } from './call.ts';
import type { Commands } from './in-call-keys.ts';
import type { CallFacts } from './timeline.ts';

/** One of two who talk. */
export interface Talker {
  readonly endpoint: Endpoint;
  /** Whose phone it is; undefined: nobody's of ours. */
  readonly employee: string | undefined;
  /** By what he is reached: an account's address, a phone number. */
  readonly contact: string;
}

/** A conversation that begins, as those see it who record. */
export interface Talk extends Pick<CallFacts, 'direction' | 'from' | 'to' | 'line'> {
  readonly pbx: PbxVersion;
  readonly call: string;
  /** The group through which it came, or for which it is made. */
  readonly group: string | undefined;
  readonly caller: Talker;
  readonly callee: Talker;
}

export type TalkSide = 'caller' | 'callee';

/** Who records conversations (§4.5.3): a part of its own, because it keeps files and knows the rules. */
export interface ConversationRecorder {
  /** The two talk from now on. Never throws: a conversation goes on whatever becomes of its recording. */
  begin(talk: Talk): TalkRecording;
}

/** The recordings of one conversation. None of it throws. */
export interface TalkRecording {
  /** Whether something is recorded now. */
  readonly isOn: boolean;
  /** One of the two begins or ends the recording of his end by hand. @returns whether it is recorded from now on */
  toggle(side: TalkSide): boolean;
  /** By command: the conversation is recorded, or not any more. @returns whether it is from now on */
  set(on: boolean): boolean;
  /** Somebody else has taken the place of one of the two: the recording of that end is over, and whether his is made is up to the rules. */
  succeeds(side: TalkSide, talker: Talker): void;
  /** The conversation is over. Resolves to the ids of the recordings that are kept, when their files are complete. */
  over(): Promise<readonly string[]>;
}

/** In a simulation there is nothing to be heard. */
export const recordsNothing: ConversationRecorder = {
  begin: () => ({
    isOn: false,
    toggle: () => false,
    set: () => false,
    succeeds: () => undefined,
    over: async () => [],
  }),
};

/** `#5` for the employees among those who talk, each of whom hears what it has done. */
export function recordingCommands(
  talk: Talk,
  recording: TalkRecording,
  legs: Readonly<Record<TalkSide, Leg>>,
  sounds: CallServices['sounds'],
): Readonly<Partial<Record<TalkSide, Commands>>> {
  const { pbx } = talk;
  if (!pbx.document.recording.manual || pbx.document.security.ignoreDtmf) return {};
  const commands = (side: TalkSide): Commands => {
    const press = () => {
      const isOn = recording.toggle(side);
      legs[side].endpoint.play(sounds.audio(pbx, isOn ? 'builtin:recording-started' : 'builtin:recording-stopped'));
    };
    return new Map([['#5', press]]);
  };
  return {
    ...(talk.caller.employee === undefined ? {} : { caller: commands('caller') }),
    ...(talk.callee.employee === undefined ? {} : { callee: commands('callee') }),
  };
}
