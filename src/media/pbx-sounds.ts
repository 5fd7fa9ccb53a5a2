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
    const { language } = pbx.document.pbx;
    return spoken.flatMap((one): readonly AudioSource[] => {
      if ('prompt' in one) return this.#prompts.prompt(one.prompt, language).sources;
      if ('fragment' in one) return this.#prompts.fragment(one.fragment, language);
      const digits = 'phone' in one ? `+${one.phone}` : 'digits' in one ? one.digits : '';
      const { units, star, pound, plus } = this.#prompts.numbers(language);
      const keys: Readonly<Record<string, string | undefined>> = {
        ...Object.fromEntries(units.entries()),
        '*': star,
        '#': pound,
        '+': plus,
      };
      return this.#prompts.words(
        [...digits].map((key) => keys[key]).filter((word) => word !== undefined),
        language,
      );
    });
  }

  ringBack(pbx: PbxVersion): readonly AudioSource[] {
    return [callProgressTones(pbx.document.pbx.country).ringback];
  }
}
