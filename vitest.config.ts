import { defineConfig } from 'vitest/config';

/** Two whole engines in one process (`acd-api`) are a load of their own: beside others they did not keep the waits of their callers. */
const loads = ['test/e2e/load.test.ts', 'test/integration/acd-api.test.ts'];

export default defineConfig({
  test: {
    // The machine-readable result is what .ci/run counts.
    reporters: process.env.CI ? ['default', ['json', { outputFile: 'var/test-results.json' }]] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['test/support/property-seed.ts'],
          // Both cores: these wait for nothing.
          maxWorkers: 2,
          // They share nothing that they change: loading the same modules anew for each of them took longer than many of them.
          isolate: false,
          include: ['test/unit/**/*.test.ts', 'test/model/**/*.test.ts'],
          // Properties go through hundreds of cases: how long that takes says something of the machine alone.
          testTimeout: 30_000,
        },
      },
      {
        // Real redis-server, real sockets and worker threads, one process. Modules are shared as those of unit tests are.
        test: {
          name: 'integration',
          setupFiles: ['test/support/property-seed.ts'],
          maxWorkers: 2,
          isolate: false,
          include: ['test/integration/**/*.test.ts', 'test/contract/**/*.test.ts'],
          exclude: loads,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        // Whole processes: the engine, sipp, baresip. They wait most of the time: two files at once are no load for two cores.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: loads,
          testTimeout: 90_000,
          hookTimeout: 90_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Nothing runs beside these: they load the machine themselves.
        test: {
          name: 'load',
          include: loads,
          testTimeout: 90_000,
          hookTimeout: 90_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
