import { TSC } from './build.mjs';
import { runNodeStep } from './process.mjs';

const OXFMT = 'node_modules/oxfmt/bin/oxfmt';
const OXLINT = 'node_modules/oxlint/bin/oxlint';
const KNIP = 'node_modules/knip/bin/knip.js';

const STEPS = {
  format: () => runNodeStep(OXFMT, '--check'),
  lint: () => runNodeStep(OXLINT, '--type-aware', '--deny-warnings', '--report-unused-disable-directives'),
  types: () => runNodeStep(TSC, '-p', 'tsconfig.json'),
  'types of the server': () => runNodeStep(TSC, '-p', 'tsconfig.build.json', '--noEmit'),
  'types of the client': () => runNodeStep(TSC, '-p', 'client'),
  'import rules': () => runNodeStep('bin/import-rules.mjs'),
  'unused code': () => runNodeStep(KNIP, '--no-progress', '--treat-config-hints-as-errors'),
};

/** Runs every check, also after one has failed; true when all passed. */
export async function check() {
  let passed = true;
  for (const [name, step] of Object.entries(STEPS)) {
    const start = performance.now();
    const { code, output } = await step();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${name.padEnd(20)} ${seconds} s`);
    if (code !== 0) console.log(`\n${output.trim()}\n`);
    passed &&= code === 0;
  }
  return passed;
}

/** Formats, and mends what the linter can mend by itself. */
export async function fix() {
  await runNodeStep(OXLINT, '--type-aware', '--fix');
  const { output } = await runNodeStep(OXFMT);
  console.log(output.trim());
}
