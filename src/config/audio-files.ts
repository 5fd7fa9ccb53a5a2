import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorText } from '../errors.ts';
import { type Issue, issueAt } from './issue.ts';
import { child, type ObjectNode, type ScalarNode } from './source.ts';

/** §4.6.2 */
const maxBytes = 20 * 1024 * 1024;

/** How many files are looked at at once. */
const atOnce = 16;

export interface AudioFiles {
  /** Absolute path by audio id, of those that can be played. */
  readonly paths: ReadonlyMap<string, string>;
  readonly issues: readonly Issue[];
}

/** Looks at each file of `audio`: it is there, is no larger than 20 MB, and begins like WAV PCM or MP3. Its content is not decoded here. */
export async function findAudioFiles(root: ObjectNode): Promise<AudioFiles> {
  const paths = new Map<string, string>();
  const issues: Issue[] = [];
  const list = child(root, 'audio');
  const waiting = list?.kind === 'array' ? [...list.items] : [];
  const worker = async () => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      const id = child(item, 'id');
      const file = child(item, 'file');
      if (id?.kind !== 'scalar' || file?.kind !== 'scalar' || typeof file.value !== 'string' || file.value === '')
        continue;
      const path = resolve(dirname(item.file.path), file.value);
      const problem = await audioProblem(path);
      if (problem) issues.push(audioIssue(file, path, problem));
      else paths.set(String(id.value), path);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { paths, issues };
}

const audioIssue = (file: ScalarNode, path: string, problem: Problem): Issue =>
  issueAt(file, {
    code: 'audio-file',
    message: `"${file.value}" ${problem.message}`,
    hint: problem.hint ?? `It is looked for at ${path}.`,
  });

interface Problem {
  readonly message: string;
  readonly hint?: string;
}

async function audioProblem(path: string): Promise<Problem | undefined> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > maxBytes) {
      return {
        message: `has ${Math.ceil(size / 1024 / 1024)} MB, 20 MB are allowed`,
        hint: 'Shorten it, or convert it to mono or to MP3.',
      };
    }
    const head = new Uint8Array(4096);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return formatProblem(head.subarray(0, bytesRead));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { message: 'does not exist' };
    if (code === 'EISDIR') return { message: 'is a folder' };
    return { message: `cannot be read: ${errorText(error)}` };
  }
}

const convert = 'Convert it, for example: sox in.ogg -b 16 -c 1 out.wav';

const wavePcm = 1;
/** The real format stands in the first two bytes of the sub-format. */
const waveExtensible = 0xfffe;

function formatProblem(head: Uint8Array): Problem | undefined {
  const ascii = (start: number, end: number) => String.fromCharCode(...head.subarray(start, end));
  if (ascii(0, 3) === 'ID3') return undefined;
  // The eleven bits that begin an MPEG frame, of layer III.
  if (head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2) return undefined;
  if (ascii(0, 4) !== 'RIFF' || ascii(8, 12) !== 'WAVE') return { message: 'is neither WAV nor MP3', hint: convert };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  for (let at = 12; at + 8 <= head.length; ) {
    const size = view.getUint32(at + 4, true);
    if (ascii(at, at + 4) === 'fmt ') {
      if (at + 34 > head.length) break;
      const tag = view.getUint16(at + 8, true);
      const format = tag === waveExtensible ? view.getUint16(at + 32, true) : tag;
      if (format === wavePcm) return undefined;
      return { message: `is a WAV file with another coding than PCM (format ${format})`, hint: convert };
    }
    at += 8 + size + (size % 2);
  }
  return { message: 'is a damaged WAV file: it does not say its format', hint: convert };
}
