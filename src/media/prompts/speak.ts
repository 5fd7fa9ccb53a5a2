import type { Spoken } from '../spoken.ts';
import type { PromptPack, Recording } from './pack.ts';
import { speaksEnglish } from './speak-en.ts';
import { speaksRussian } from './speak-ru.ts';
import { alone, type Word } from './speech.ts';

/** The words of an announcement in the language of the pack. Each fragment decides how the one thing after it is declined. */
export function speak(spoken: readonly Spoken[], pack: PromptPack): Word[] {
  const speaker = pack.language === 'ru' ? speaksRussian(pack.numbers) : speaksEnglish(pack.numbers);
  let agreement = alone;
  return spoken.flatMap((one) => {
    const asked = agreement;
    agreement = 'fragment' in one ? speaker.agreements[one.fragment] : alone;
    if ('fragment' in one) return recordings(pack.fragments[one.fragment]);
    if ('prompt' in one) return recordings(pack.prompts[one.prompt]);
    return speaker.say(one, asked);
  });
}

const recordings = (recording: Recording): readonly string[] => [recording].flat();
