import { defineConfig } from 'vitest/config';

// Browser tests of the built binary. One browser at a time: the machines that run this have two cores.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['*.test.ts'],
    environment: 'node',
    globalSetup: './setup.ts',
    fileParallelism: false,
    expect: { poll: { timeout: 20_000 } },
    // For a machine that other work keeps busy: what hangs is found all the same.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
