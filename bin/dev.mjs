/**
 * Builds and restarts the server on every change. A whole build takes a second, so there is no watching compiler beside it: what
 * runs is what `npm start` would run. While something does not compile, the last good server goes on.
 */
import { watch } from 'node:fs';

import { ensureBuilt } from './build.mjs';
import { nodeOptions } from './node-options.mjs';
import { findInterruption, leaveWhenAlone, startInForeground } from './process.mjs';
import { Fault, inProject } from './project.mjs';

const WATCHED = ['src', 'client', 'migrations'];

// Editors and git write several files at a time.
const PAUSE_MS = 100;

export async function develop() {
  await buildOrTell();
  let server = startServer();
  let work = Promise.resolve();
  watchSources(() => {
    work = work.then(async () => {
      if (await buildOrTell()) server = await restart(server);
    });
  });
  return new Promise(() => {});
}

/** Whether there is something new to run. */
async function buildOrTell() {
  try {
    return await ensureBuilt();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    console.error(error.message);
    return false;
  }
}

async function restart(server) {
  server.isReplaced = true;
  server.stop();
  await server.exited;
  return startServer();
}

function startServer() {
  const server = { isReplaced: false, ...startInForeground(...nodeOptions(process.env.ROLES), 'dist/server/main.js') };
  server.exited.then((code) => {
    if (findInterruption()) return leaveWhenAlone(code);
    if (!server.isReplaced) console.error(`The server has ended with code ${code}; the next change starts it again.`);
  }, failLoudly);
  return server;
}

function failLoudly(error) {
  console.error(error.message);
  process.exit(1);
}

function watchSources(onChange) {
  let timer;
  for (const folder of WATCHED) {
    watch(inProject(folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => onChange(), PAUSE_MS);
    });
  }
}
