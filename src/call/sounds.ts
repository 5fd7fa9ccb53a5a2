import type { PbxVersion } from '../config/version.ts';
import type { AudioSource } from '../media/port.ts';
import type { Spoken } from '../media/spoken.ts';

/** From the names of audio in a configuration to what can be played. */
export interface Sounds {
  /** An `AudioId`: a file of the PBX, or a built-in prompt in its language. Empty when it cannot be had, which has been reported. */
  audio(pbx: PbxVersion, id: string): readonly AudioSource[];
  /** What is said, one after the other in the language of the PBX; a word whose recording is missing is left out, which has been reported. */
  say(pbx: PbxVersion, spoken: readonly Spoken[]): readonly AudioSource[];
  /** What a waiting caller hears in a loop when no music is set: ring-back of the PBX's country. */
  ringBack(pbx: PbxVersion): readonly AudioSource[];
}
