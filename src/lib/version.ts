import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { z } from 'zod';

import { projectRoot } from './project-root.js';

const packageShape = z.object({ version: z.string() });

/** Of this program, as package.json has it. */
export function readVersion(): string {
  return packageShape.parse(JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))).version;
}
