import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^lwm2m-gateway\/adapter\/testkit$/, replacement: here('./src/adapter/testkit.ts') },
      { find: /^lwm2m-gateway\/adapter$/, replacement: here('./src/adapter/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
