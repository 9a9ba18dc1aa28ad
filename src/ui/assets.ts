import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import type { View } from './view.js';

const manifest = z.record(z.string(), z.object({ file: z.string(), css: z.array(z.string()).optional() }));

/** The hashed names of the built browser files, from Vite's manifest in `folder`. */
export function readAssets(folder: string): View['assets'] {
  const entries = manifest.parse(JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8')));
  const entry = entries['client/main.ts'] ?? entries['main.ts'];
  if (!entry) throw new Error('the manifest of the browser files does not list main.ts');
  return { script: `/${entry.file}`, styles: (entry.css ?? []).map((file) => `/${file}`) };
}
