import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The bundle is served by the deepviz binary, perhaps under a path prefix: every address in it is relative.
export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
    // What several views share is one file: a dozen small ones queue before the first request for data.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'common', test: /\/web\/src\/(base|api|state|views\/common(?!\/(card|made|story)\/))\// },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': process.env.DEEPVIZ_API ?? 'http://127.0.0.1:7878' } },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {},
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
