import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { remember } from '../../time/remember.ts';
import type { AudioSource } from '../port.ts';
import type { Spoken } from '../spoken.ts';
import { en } from './en.ts';
import type { BuiltinName } from './names.ts';
import { type Language, type PromptPack, type Recording, wordFiles } from './pack.ts';
import { ru } from './ru.ts';
import { speak } from './speak.ts';

/** What to play for a prompt. Empty when its recording is missing, which `PromptSet.warnings` has reported. */
export interface Prompt {
  readonly sources: readonly AudioSource[];
  /** True for music: starts again after the last source. */
  readonly loop: boolean;
}

/** Every audio file in a directory, in alphabetical order, is one title. */
export interface MusicPack {
  readonly directory: string;
  readonly debianPackage: string;
}

/** One line each, for the start of the engine: what is missing, and what to install. */
export interface PackWarning {
  readonly pack: Language | 'music';
  readonly message: string;
  readonly hint: string;
}

export const opsoundMusic: MusicPack = {
  directory: '/usr/share/asterisk/moh',
  debianPackage: 'asterisk-moh-opsound-wav',
};

/** Heard instead of missing music, so that the line does not seem dead: a short tone every five seconds (E.180's holding tone). */
const HOLDING_TONE: AudioSource = { tone: { hz: [425], cadence: [150, 4850] } };

/** The built-in prompts of all languages, resolved to files. Knows which recordings exist; nothing is read from disk after `open`. */
export class PromptSet {
  readonly warnings: readonly PackWarning[];
  /** The folders in which recordings were found: whoever plays them must see these. */
  readonly folders: readonly string[];
  readonly #packs: ReadonlyMap<Language, CheckedPack>;
  readonly #music: readonly AudioSource[];
  /** By language and name. */
  readonly #prompts = new Map<string, Prompt>();

  private constructor(
    packs: readonly CheckedPack[],
    music: readonly AudioSource[],
    found: { readonly warnings: readonly PackWarning[]; readonly folders: readonly string[] },
  ) {
    this.#packs = new Map(packs.map((checked) => [checked.pack.language, checked]));
    this.#music = music;
    this.warnings = found.warnings;
    this.folders = found.folders;
  }

  /** Looks for the recordings of each pack. Missing ones are warnings, never errors: a call without an announcement is still a call. */
  static async open(packs: readonly PromptPack[] = [ru, en], music: MusicPack = opsoundMusic): Promise<PromptSet> {
    const checked = await Promise.all(packs.map(check));
    const titles = (await filesIn(music.directory)).filter((file) => /\.(wav|mp3)$/i.test(file)).sort();
    const warnings = checked.flatMap((pack) => pack.warnings);
    if (titles.length === 0) {
      warnings.push({
        pack: 'music',
        message: `No music on hold: there is no audio file in ${music.directory}`,
        hint: `Install it (apt install ${music.debianPackage}); until then those who wait hear a short tone every five seconds.`,
      });
    }
    const folders = [
      ...checked.flatMap(({ pack, present }) =>
        [pack.directory, pack.ownDirectory].filter((folder) => [...present].some((file) => file.startsWith(folder))),
      ),
      ...(titles.length > 0 ? [music.directory] : []),
    ];
    return new PromptSet(
      checked,
      titles.map((file) => ({ file })),
      { warnings, folders },
    );
  }

  prompt(name: BuiltinName, language: Language): Prompt {
    if (name === 'music') return { sources: this.#music.length > 0 ? this.#music : [HOLDING_TONE], loop: true };
    return remember(this.#prompts, `${language} ${name}`, () => ({
      sources: this.#sources(language, (pack) => pack.prompts[name]),
      loop: false,
    }));
  }

  /** An announcement, word by word. */
  say(spoken: readonly Spoken[], language: Language): readonly AudioSource[] {
    return speak(spoken, this.#pack(language).pack).flatMap((word) =>
      typeof word === 'string' ? this.#sources(language, () => word) : [word],
    );
  }

  #sources(language: Language, choose: (pack: PromptPack) => Recording): AudioSource[] {
    const { pack, present } = this.#pack(language);
    const recording = choose(pack);
    const files = (typeof recording === 'string' ? [recording] : recording).map((name) => fileOf(pack, name));
    return files.filter((file) => present.has(file)).map((file) => ({ file }));
  }

  #pack(language: Language): CheckedPack {
    const checked = this.#packs.get(language);
    if (!checked) throw new Error(`no prompt pack for language '${language}' was given`);
    return checked;
  }
}

interface CheckedPack {
  readonly pack: PromptPack;
  readonly present: ReadonlySet<string>;
  readonly warnings: PackWarning[];
}

async function check(pack: PromptPack): Promise<CheckedPack> {
  const found = await filesIn(pack.directory);
  const present = new Set([...found, ...(await filesIn(pack.ownDirectory))]);
  const warnings: PackWarning[] = [];
  const hint = `Install it (apt install ${pack.debianPackage}); until then these announcements are left out.`;
  const wanted = [
    ...Object.values(pack.prompts).flat(),
    ...Object.values(pack.fragments).flat(),
    ...wordFiles(pack.numbers),
  ];
  const missing = wanted.map((name) => fileOf(pack, name)).filter((file) => !present.has(file));
  if (found.length === 0) {
    warnings.push({
      pack: pack.language,
      message: `No '${pack.language}' prompts: there is no recording in ${pack.directory}`,
      hint,
    });
  } else if (missing.length > 0) {
    const others = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    warnings.push({
      pack: pack.language,
      message: `'${pack.language}' prompts are incomplete: ${missing[0]}${others} missing`,
      hint,
    });
  }
  return { pack, present, warnings };
}

const fileOf = (pack: PromptPack, name: string): string =>
  name.startsWith('./') ? join(pack.ownDirectory, `${name}.wav`) : join(pack.directory, `${name}.wav`);

/** Absolute paths, subdirectories included; none if the directory is missing or may not be read, which for us is the same. */
async function filesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
