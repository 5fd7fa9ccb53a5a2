import type { Sounds } from '../call/sounds.ts';
import type { PbxVersion } from '../config/version.ts';
import type { AudioSource } from './port.ts';
import { isBuiltinName } from './prompts/names.ts';
import type { PromptSet } from './prompts/prompt-set.ts';
import type { Spoken } from './spoken.ts';
import { callProgressTones } from './tones.ts';

/** A PBX's own audio files, and the built-in prompts in its language. */
export class PbxSounds implements Sounds {
  readonly #prompts: PromptSet;

  constructor(prompts: PromptSet) {
    this.#prompts = prompts;
  }

  audio(pbx: PbxVersion, id: string): readonly AudioSource[] {
    const found = pbx.audio(id);
    if (!found) return [];
    if ('file' in found) return [found];
    return isBuiltinName(found.builtin) ? this.#prompts.prompt(found.builtin, pbx.document.pbx.language).sources : [];
  }

  say(pbx: PbxVersion, spoken: readonly Spoken[]): readonly AudioSource[] {
    return this.#prompts.say(spoken, pbx.document.pbx.language);
  }

  ringBack(pbx: PbxVersion): readonly AudioSource[] {
    return [callProgressTones(pbx.document.pbx.country).ringback];
  }
}
