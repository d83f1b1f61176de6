import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // The store is one object for the life of the page: reading it while a component is set up is meant.
    warningFilter: (warning) =>
      !(warning.code === 'state_referenced_locally' && /`store`/.test(warning.message)),
  },
};
