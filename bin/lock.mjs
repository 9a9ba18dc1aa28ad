/**
 * One process at a time installs and builds. The lock is a file with the holder's process id and start time: a holder that was
 * killed is recognised even when its id has been given to another process. A second, short-lived file guards the removal of such
 * a lock, or two waiting processes could remove each other's.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { isAlive, readStartTime } from './process-table.mjs';
import { Fault } from './project.mjs';

const POLL_MS = 100;
const PATIENCE_MS = 10 * 60_000;
const UNFINISHED_MS = 5_000;

export async function withLock(path, work) {
  await acquire(path);
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function acquire(path) {
  const deadline = Date.now() + PATIENCE_MS;
  makeFolder(dirname(path));
  for (let told = false; !create(path); await wait(POLL_MS)) {
    if (isAbandoned(path)) removeAbandoned(path);
    else if (Date.now() > deadline)
      throw new Fault(`Another process has held ${path} for ten minutes; remove it to go on.`);
    else if (!told) told = tellWaiting();
  }
}

function tellWaiting() {
  console.log('Waiting for another Vestnik that is installing or building…');
  return true;
}

function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new Fault(`Cannot write to ${folder} (${cause.code}); give this user the right to, or start as its owner.`, {
      cause,
    });
  }
}

function create(path) {
  try {
    writeFileSync(path, `${process.pid} ${readStartTime(process.pid)}`, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (cause.code === 'EEXIST') return false;
    throw new Fault(`Cannot write ${path} (${cause.code}); give this user the right to, or start as its owner.`, {
      cause,
    });
  }
}

function removeAbandoned(path) {
  const guard = `${path}.takeover`;
  if (!create(guard)) {
    if (isOlderThan(guard, UNFINISHED_MS)) rmSync(guard, { force: true });
    return;
  }
  if (isAbandoned(path)) rmSync(path, { force: true });
  rmSync(guard, { force: true });
}

function isAbandoned(path) {
  const holder = readIfThere(path);
  if (holder === undefined) return false;
  const [pid, startTime] = holder.split(' ');
  if (!pid) return isOlderThan(path, UNFINISHED_MS);
  return !isAlive(Number(pid)) || readStartTime(pid) !== startTime;
}

function isOlderThan(path, ms) {
  const age = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return age !== undefined && Date.now() - age > ms;
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
