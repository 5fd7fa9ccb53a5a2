import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { startEmbeddedMedia } from '../../src/embedded/media/index.ts';
import { freePortRange } from '../support/ports.ts';
import { mediaServerContract } from './media.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'km-media-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

for (const workers of [1, 2]) {
  mediaServerContract(`embedded, ${workers} worker(s)`, async ({ endpoints, exactly = false }) =>
    startEmbeddedMedia({
      address: '127.0.0.1',
      ports: await freePortRange(exactly ? endpoints : 2 * endpoints),
      workers,
      audioCacheDir: directory,
    }),
  );
}
