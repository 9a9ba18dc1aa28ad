#!/usr/bin/env node
/**
 * Every npm script of the project. Runs on Node.js 20 with nothing installed: it installs what is missing, builds what is stale, and
 * goes on with the Node.js that the project is locked to.
 */
import { build, ensureBuilt } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { withLock } from './lock.mjs';
import { nodeOptions } from './node-options.mjs';
import { passSignalsOn, runInForeground, stopWhenOrphaned } from './process.mjs';
import { Fault, inProject } from './project.mjs';

const COMMANDS = {
  async start() {
    await prepare();
    return runInForeground(...nodeOptions(process.env.ROLES), 'dist/server/main.js');
  },
  async manage(args) {
    await prepare();
    return runInForeground(...nodeOptions(process.env.ROLES), 'dist/server/cli.js', ...args);
  },
  async build() {
    await ensureInstalled({ withDevelopment: false });
    await withLock(inProject('dist', '.lock'), build);
    return 0;
  },
  async test(args) {
    await ensureInstalled({ withDevelopment: true });
    await ensureBuilt();
    return runInForeground('node_modules/vitest/vitest.mjs', 'run', ...args);
  },
  async bench(args) {
    await ensureInstalled({ withDevelopment: true });
    await ensureBuilt();
    return runInForeground('--import', './test/support/typescript-imports.mjs', 'bench/main.ts', ...args);
  },
  async chaos(args) {
    await ensureInstalled({ withDevelopment: true });
    return runInForeground(
      ...nodeOptions(process.env.ROLES),
      '--import',
      './test/support/typescript-imports.mjs',
      'test/chaos/main.ts',
      ...args,
    );
  },
  async dev() {
    await ensureInstalled({ withDevelopment: true });
    const { develop } = await import('./dev.mjs');
    return develop();
  },
  async check() {
    await ensureInstalled({ withDevelopment: true });
    const { check } = await import('./check.mjs');
    return (await check()) ? 0 : 1;
  },
  async fix() {
    await ensureInstalled({ withDevelopment: true });
    const { fix } = await import('./check.mjs');
    await fix();
    return 0;
  },
};

async function prepare() {
  await ensureInstalled({ withDevelopment: false });
  await ensureBuilt();
}

async function run(name, args) {
  if (!Object.hasOwn(COMMANDS, name))
    throw new Fault(`Usage: node bin/vestnik.mjs ${Object.keys(COMMANDS).join(' | ')}`);
  return COMMANDS[name](args);
}

passSignalsOn();
stopWhenOrphaned();
try {
  const [name = '', ...args] = process.argv.slice(2);
  process.exitCode = await run(name, args);
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
