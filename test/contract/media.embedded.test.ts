import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import { freePortRange } from '../support/ports.ts';
import { mediaServerContract, type OpenOptions } from './media.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'km-media-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const opened =
  (workers: number) =>
  async ({ endpoints, exactly = false }: OpenOptions) =>
    startEmbeddedMedia({
      address: '127.0.0.1',
      ports: await freePortRange(exactly ? endpoints : 2 * endpoints),
      workers,
      audioCacheDir: directory,
    });

mediaServerContract('embedded, 2 workers', opened(2));
// What it matters to that both of two endpoints have the same worker.
mediaServerContract('embedded, 1 worker', opened(1), {
  topics: ['bridging', 'conferences', 'digits', 'recording', 'life and end'],
});
