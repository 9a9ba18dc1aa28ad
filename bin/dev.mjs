import { ensureBuilt, forgetBuild, TSC, VITE } from './build.mjs';
import { startCompanion, stopChildren } from './process.mjs';

/** Compiles the server and the client on every change, and restarts the server. Whichever part ends first ends the others. */
export async function develop() {
  await ensureBuilt();
  forgetBuild();
  const parts = [
    startCompanion(TSC, '-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'),
    startCompanion(VITE, 'build', '--watch', '--logLevel', 'warn'),
    startCompanion('--watch', '--watch-preserve-output', '--enable-source-maps', 'dist/server/main.js'),
  ];
  const code = await Promise.race(parts);
  stopChildren('SIGTERM');
  await Promise.all(parts);
  return code;
}
