import { existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';

import { withLock } from './lock.mjs';
import { runStep } from './process.mjs';
import { Fault, inProject } from './project.mjs';

const NPM_CI = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];

// Enough for a hiccup of the network, and an answer within half a minute when there is none.
const RETRIES = ['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];

const NETWORK_FAULTS = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENETUNREACH',
  'ENOTCACHED',
  'E503',
];

/** Brings node_modules up to package-lock.json. Running the product asks for less than developing it: `withDevelopment`. */
export async function ensureInstalled({ withDevelopment }) {
  if (isInstalled(withDevelopment)) return;
  await withLock(inProject('dist', '.lock'), async () => {
    if (isInstalled(withDevelopment)) return;
    console.log('Installing what is missing (once)…');
    const { code, output } = await runStep('npm', [...NPM_CI, ...RETRIES], npmEnv()).catch(refuseWithoutNpm);
    if (code !== 0) throw new Fault(explain(output));
  });
}

/** npm writes its hidden lockfile last, so an interrupted installation has none. */
function isInstalled(withDevelopment) {
  const hidden = inProject('node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, wanted]) => {
    const needed = path !== '' && !wanted.optional && !wanted.devOptional && (withDevelopment || !wanted.dev);
    return !needed || installed[path]?.version === wanted.version;
  });
}

/** npm must not run on the Node.js inside the folder that it is about to replace. */
function npmEnv() {
  const own = inProject('node_modules');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.startsWith(own));
  return { ...process.env, PATH: path.join(delimiter) };
}

function refuseWithoutNpm(cause) {
  throw new Fault('npm was not found: it comes with Node.js, and Vestnik needs it to install its parts.', { cause });
}

function explain(output) {
  const code = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? 'unknown reason';
  if (NETWORK_FAULTS.includes(code)) {
    return `The npm registry cannot be reached (${code}): check the connection and start again.`;
  }
  return `npm could not install the packages (${code}): run "npm ci" to see why.`;
}
