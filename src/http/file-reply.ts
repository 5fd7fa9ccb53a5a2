import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { HttpFailure } from './failure.ts';
import type { Reply } from './route.ts';

export interface ServedFile {
  /** Absolute. */
  readonly path: string;
  /** Media type. */
  readonly type: string;
  /** What the reader is to call it. */
  readonly name: string;
  /** Shown or played where it is, or saved. Default: shown. */
  readonly disposition?: 'inline' | 'attachment';
}

/**
 * A file as the answer, or the part of it that `Range` asks for (RFC 9110 §14): players seek in this way. Several ranges at once are answered with the whole. Links are not
 * followed.
 * @throws HttpFailure 404 `no-such-file`, 416 `bad-range`
 */
export async function fileReply(file: ServedFile, headers: IncomingHttpHeaders): Promise<Reply> {
  const size = await sizeOf(file.path);
  const range = rangeOf(headers.range, size);
  if (range === 'unsatisfiable') {
    throw new HttpFailure(416, {
      code: 'bad-range',
      message: `The file has ${size} bytes`,
      hint: 'Ask for a range within them.',
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  return {
    status: range ? 206 : 200,
    type: file.type,
    body: size === 0 ? '' : createReadStream(file.path, { start: first, end: last }),
    headers: {
      'accept-ranges': 'bytes',
      'content-length': String(last - first + 1),
      'content-disposition': disposition(file),
      ...(range && { 'content-range': `bytes ${first}-${last}/${size}` }),
    },
  };
}

async function sizeOf(path: string): Promise<number> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isFile()) return found.size;
  throw new HttpFailure(404, {
    code: 'no-such-file',
    message: 'The file is not there any more',
    hint: 'It was removed from the disk of the node.',
  });
}

/** The bytes that are asked for, both ends included; undefined: the whole, also for what is no range that we know. */
export function rangeOf(
  header: string | undefined,
  size: number,
): { readonly first: number; readonly last: number } | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '')
    return Number(to) === 0 || size === 0 ? 'unsatisfiable' : { first: Math.max(0, size - Number(to)), last: size - 1 };
  const [first, last] = [Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1)];
  if (to !== '' && Number(to) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last };
}

/** RFC 6266: the name for old readers in ASCII, and as it is. */
function disposition({ name, disposition: how = 'inline' }: ServedFile): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const exact = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${how}; filename="${ascii}"; filename*=UTF-8''${exact}`;
}
