import { globSync } from 'node:fs';
import { basename } from 'node:path';

import { defineConfig } from 'vite';

const client = `${import.meta.dirname}/client`;

/**
 * The browser's files: every client/*.ts and client/*.css is an entry of its own, under its plain name in dist/client/.vite/manifest.json.
 * All but the manifest go to dist/client/assets, under names with a hash, which may be cached for ever.
 */
export default defineConfig({
  root: client,
  publicDir: false,
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    target: 'baseline-widely-available',
    rolldownOptions: { input: listEntries() },
  },
});

function listEntries(): Record<string, string> {
  const paths = globSync(`${client}/*.{ts,css}`, { exclude: (path) => path.endsWith('.d.ts') });
  return Object.fromEntries(paths.map((path) => [basename(path), path]));
}
