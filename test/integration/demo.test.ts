import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

it('the demo company has neither errors nor warnings', async () => {
  const { issues, versions } = await loadConfig(join(import.meta.dirname, '../../schemes'));
  expect(issues).toEqual([]);
  expect(versions.map(({ id }) => id)).toContain('demo');
});
