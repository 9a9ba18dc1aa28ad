/**
 * The last line of .ci/run, from vitest's results: node .ci/totals.mjs <results.json> <exit code of the tests>.
 * Fails when a test failed or was skipped, and when the run failed for a reason that no test shows.
 */
import { existsSync, readFileSync } from 'node:fs';

const [path, exitCode] = process.argv.slice(2);
const { passed, failed, skipped } = existsSync(path) ? count(JSON.parse(readFileSync(path, 'utf8'))) : count({});
const allFailed = Math.max(failed, exitCode === '0' ? 0 : 1);
console.log([`${passed} passed`, `${allFailed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', '));
process.exitCode = allFailed + skipped > 0 || passed === 0 ? 1 : 0;

/** A file that cannot be loaded has no tests, and counts as one that failed. */
function count({ numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numTodoTests = 0, testResults = [] }) {
  const unloaded = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + unloaded.length,
    skipped: numPendingTests + numTodoTests,
  };
}
