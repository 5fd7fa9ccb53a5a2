import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { tone, wavFile } from '../support/tones.ts';
import { Folder } from './config/folder.ts';

/** docs/schemes.md: its configurations are right as they stand, and its calls go as it says. */

const text = readFileSync(join(import.meta.dirname, '../../docs/schemes.md'), 'utf8');

/** Of each recipe its configuration, and its calls with what is said of them. */
const recipes = text
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    title: section.split('\n', 1)[0] ?? '',
    documents: [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, json]) => json ?? ''),
    calls: [...section.matchAll(/^```sh\nkommutator (simulate .*?)\n```\n\n```text\n(.*?)\n```$/gms)].map(
      ([, command = '', story]) => ({ command, story }),
    ),
  }));

/** As the greetings of the document are: eight seconds. */
const recording = wavFile(tone(440, 8000));

async function kommutator(folder: Folder, argv: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = { env: { KOMMUTATOR_CONFIG: folder.path }, color: false };
  const code = await main(argv, { ...terminal, out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('docs/schemes.md', () => {
  it('has ten recipes, each with one configuration and calls', () => {
    expect(recipes).toHaveLength(10);
    for (const { documents, calls } of recipes) {
      expect(documents).toHaveLength(1);
      expect(calls.length).toBeGreaterThanOrEqual(2);
    }
    // Nothing that looks like a call escapes this test.
    expect(recipes.flatMap(({ calls }) => calls)).toHaveLength(text.match(/^kommutator simulate/gm)?.length ?? 0);
    expect(text.match(/^```text$/gm)).toHaveLength(text.match(/^kommutator simulate/gm)?.length ?? 0);
  });

  it.each(recipes)(
    '$title: is right, and each call goes as it says',
    async ({ documents: [json = ''], calls }) => {
      const { audio = [] } = JSON.parse(json) as { audio?: { file: string }[] };
      await using folder = await Folder.with({
        'shop/shop.json': json,
        ...Object.fromEntries(audio.map(({ file }) => [`shop/${file}`, recording])),
      });
      expect(await kommutator(folder, ['check', '--strict', '--json'])).toEqual({ code: 0, out: '[]', err: '' });
      for (const { command, story } of calls) {
        expect(await kommutator(folder, words(command))).toEqual({ code: 0, out: story, err: '' });
      }
      // The first one loads the commands.
    },
    30_000,
  );
});

/** As a shell takes them apart: at spaces, but not within quotation marks. */
const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
