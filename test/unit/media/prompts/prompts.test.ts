import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { convertAudio } from '../../../../src/embedded/media/dsp/convert.ts';
import { alawDecode } from '../../../../src/embedded/media/dsp/g711.ts';
import type { AudioSource } from '../../../../src/media/port.ts';
import { en } from '../../../../src/media/prompts/en.ts';
import {
  builtinPart,
  builtinPrompts,
  fragmentNames,
  isBuiltinName,
  promptNames,
} from '../../../../src/media/prompts/names.ts';
import { type EnglishPack, type PromptPack, wordFiles } from '../../../../src/media/prompts/pack.ts';
import { PromptSet } from '../../../../src/media/prompts/prompt-set.ts';
import { ru } from '../../../../src/media/prompts/ru.ts';
import { callProgressTones } from '../../../../src/media/tones.ts';
import { totalDbm0 } from '../../../support/goertzel.ts';

const packs = [ru, en];
const files = (sources: readonly AudioSource[]) =>
  sources.map((source) => ('file' in source ? source.file : 'no file'));

async function samplesOf(file: string): Promise<Int16Array> {
  const { alaw } = await convertAudio(file);
  const samples = new Int16Array(alaw.length);
  alawDecode(alaw, samples);
  return samples;
}

describe('names', () => {
  it('are what may follow builtin:', () => {
    expect(builtinPrompts).toContain('all-operators-busy');
    expect(builtinPrompts).toContain('music');
    expect(new Set(builtinPrompts).size).toBe(builtinPrompts.length);
    for (const name of builtinPrompts) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it('are told from the ids of a company', () => {
    expect(builtinPart('builtin:beep')).toBe('beep');
    expect(builtinPart('builtin:nonsense')).toBe('nonsense');
    expect(builtinPart('welcome')).toBeUndefined();
    expect(isBuiltinName('beep')).toBe(true);
    expect(isBuiltinName('nonsense')).toBe(false);
  });
});

describe.each(packs)('the $language pack', (pack) => {
  it('has a recording for each name and word', async () => {
    const set = await PromptSet.open([pack]);
    expect(set.warnings).toEqual([]);
    for (const name of promptNames) expect(set.prompt(name, pack.language).sources, name).not.toHaveLength(0);
    for (const fragment of fragmentNames) expect(set.say([{ fragment }], pack.language), fragment).toHaveLength(1);
  });

  it('has a word for each number below a thousand, each day and each month', () => {
    const { units, tens, weekdays, months } = pack.numbers;
    expect([units.length, tens.length, weekdays.length, months.length]).toEqual([20, 8, 7, 12]);
    const ordinals = 'units' in pack.numbers.ordinals ? [pack.numbers.ordinals] : Object.values(pack.numbers.ordinals);
    for (const { units, tens } of ordinals) expect([units.length, tens.length]).toEqual([20, 7]);
  });

  const own = readdirSync(pack.ownDirectory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.wav'),
  );

  it('uses each recording that is shipped for it, and no other', () => {
    const named = [pack.prompts, pack.fragments].flatMap((table) => Object.values(table).flat());
    named.push(...wordFiles(pack.numbers));
    const wanted = named.filter((name) => name.startsWith('./')).map((name) => `${name.slice(2)}.wav`);
    expect(own.sort()).toEqual(wanted.sort());
  });

  it.each(own)('ships %s with sound, at the common level, without silence around it', async (name) => {
    const samples = await samplesOf(join(pack.ownDirectory, name));
    const seconds = samples.length / 8000;
    expect(seconds).toBeGreaterThan(0.15);
    expect(seconds).toBeLessThan(name.startsWith('numbers') ? 1.2 : 7);
    // An RMS 20 dB below the largest number is −13.9 dBm0.
    expect(totalDbm0(samples)).toBeGreaterThan(-15.3);
    expect(totalDbm0(samples)).toBeLessThan(-13);
    expect(Math.max(...samples.map(Math.abs))).toBeLessThan(32_000);
    for (const edge of [samples.subarray(0, 800), samples.subarray(-800)]) expect(totalDbm0(edge)).toBeGreaterThan(-55);
  });
});

describe('PromptSet', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'prompts-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const pack = (changes: Partial<EnglishPack> = {}): PromptPack => ({ ...en, directory, ...changes });
  const put = (name: string) => {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), '');
  };

  it('plays several recordings in a row where one name needs them', async () => {
    const set = await PromptSet.open();
    expect(files(set.prompt('line-busy', 'ru').sources)).toEqual([
      join(ru.directory, 'all-circuits-busy-now.wav'),
      join(ru.directory, 'pls-try-call-later.wav'),
    ]);
    expect(set.prompt('line-busy', 'ru').loop).toBe(false);
    expect(files(set.prompt('callback-offer', 'ru').sources)).toEqual([join(ru.ownDirectory, 'callback-offer.wav')]);
  });

  it('says in one line that a pack is missing and what to install, and goes on without', async () => {
    const set = await PromptSet.open([pack({ directory: join(directory, 'nowhere') })]);
    expect(set.warnings).toEqual([
      {
        pack: 'en',
        message: `No 'en' prompts: there is no recording in ${directory}/nowhere`,
        hint: expect.stringContaining('apt install asterisk-core-sounds-en-wav'),
      },
    ]);
    expect(set.prompt('beep', 'en').sources).toEqual([]);
    expect(set.prompt('callback-offer', 'en').sources).toHaveLength(1);
  });

  it('counts what is missing in a pack that is not whole', async () => {
    put('beep.wav');
    const set = await PromptSet.open([pack()]);
    expect(set.warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^'en' prompts are incomplete: .*beeperr\.wav and \d+ more missing$/),
    ]);
    expect(files(set.prompt('beep', 'en').sources)).toEqual([join(directory, 'beep.wav')]);
    expect(set.prompt('goodbye', 'en').sources).toEqual([]);
  });

  it('takes a company voice of its own for a name', async () => {
    put('our/goodbye.wav');
    const set = await PromptSet.open([pack({ prompts: { ...en.prompts, goodbye: 'our/goodbye' } })]);
    expect(files(set.prompt('goodbye', 'en').sources)).toEqual([join(directory, 'our/goodbye.wav')]);
  });

  it('makes a looped play list of all music, in order', async () => {
    for (const name of ['b.wav', 'a.mp3', 'LICENSE.txt']) put(name);
    const set = await PromptSet.open([en], { directory, debianPackage: 'some-music' });
    expect(files(set.prompt('music', 'en').sources)).toEqual([join(directory, 'a.mp3'), join(directory, 'b.wav')]);
    expect(set.prompt('music', 'en').loop).toBe(true);
  });

  it('plays a holding tone where there is no music', async () => {
    const set = await PromptSet.open([en], { directory, debianPackage: 'some-music' });
    expect(set.warnings).toEqual([
      {
        pack: 'music',
        message: expect.stringContaining(directory),
        hint: expect.stringContaining('apt install some-music'),
      },
    ]);
    expect(set.prompt('music', 'en')).toEqual({ sources: [{ tone: { hz: [425], cadence: [150, 4850] } }], loop: true });
  });

  it('has the music of the Debian pack by default', async () => {
    const set = await PromptSet.open();
    expect(set.prompt('music', 'ru').sources).toHaveLength(5);
  });
});

describe('the demo company', () => {
  it.each(['welcome', 'support-menu', 'address', 'closed', 'no-answer'])('speaks: %s.wav', async (name) => {
    const samples = await samplesOf(join(import.meta.dirname, `../../../../schemes/demo/audio/${name}.wav`));
    expect(samples.length / 8000).toBeGreaterThan(3);
    expect(samples.length / 8000).toBeLessThan(20);
    expect(totalDbm0(samples)).toBeGreaterThan(-15.3);
  });
});

describe('callProgressTones', () => {
  it('gives a country its own cadences and all others the European ones', () => {
    expect(callProgressTones('RU').busy).toEqual({ tone: { hz: [425], cadence: [350, 350] } });
    expect(callProgressTones('FR').busy).toEqual({ tone: { hz: [425], cadence: [500, 500] } });
    expect(callProgressTones('RU').ringback).toEqual({ tone: { hz: [425], cadence: [1000, 4000] } });
    for (const country of ['RU', 'FR']) {
      const { busy, congestion } = callProgressTones(country);
      expect(busy).not.toEqual(congestion);
    }
  });
});
