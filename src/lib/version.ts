import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { projectRoot } from './project-root.js';

const packageShape = z.object({ version: z.string() });

/** Of this program, as package.json has it. */
export function readVersion(): string {
  return packageShape.parse(JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))).version;
}

/** Of what the running program was made, where it was built here: two builds may bear one version. */
export function readBuild(): string {
  const stamp = join(projectRoot, 'dist', '.built');
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
}
