/**
 * Child processes and how they end. Whatever signal reaches this process goes on to its children; it leaves when they have.
 * The one in the foreground gets Ctrl-C from the terminal as well, so it must take two signals within a moment as one. Steps
 * lead process groups of their own and end with all that they have started: the native tsc outlives SIGINT and SIGTERM, and
 * would go on to write beside the next build.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter } from 'node:path';

import { readCommand, readParent } from './process-table.mjs';
import { Fault, findNode, inProject, root } from './project.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const SAME_SIGNAL_MS = 500;
const PARENT_CHECK_MS = 1_000;

// Time for npm to tidy up; a step leaves nothing that the next run would take for complete.
const STEP_ENDS_WITHIN_MS = 500;

// The code of the dynamic loader. Node.js 26 needs libatomic, which the smallest images lack.
const LIBRARY_MISSING = 127;
const LIBRARY_HELP = 'Install that library (on Debian and Ubuntu: apt-get install libatomic1) and start again.';

// Each child with the function that passes a signal on to it.
const children = new Map();
let interruption;

/** npm passes Ctrl-C on although the terminal has sent it already, hence the pause between two equal signals. */
export function passSignalsOn() {
  let last = { signal: '', at: 0 };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (signal === last.signal && Date.now() - last.at < SAME_SIGNAL_MS) return;
      last = { signal, at: Date.now() };
      interrupt(signal);
    });
  }
}

/** A killed parent (npm, its shell, a terminal) sends no signal; without this check the server would outlive it. */
export function stopWhenOrphaned() {
  const family = describeFamily();
  const timer = setInterval(() => {
    if (describeFamily() === family) return;
    clearInterval(timer);
    interrupt('SIGTERM');
  }, PARENT_CHECK_MS);
  timer.unref();
}

/**
 * The scripts of package.json replace npm's shell, so the parent is npm itself. Where a shell stays between them, it outlives a
 * killed npm, hence its parent counts too. npm's own parent never does: that is the user's shell, which may end (nohup, disown).
 */
function describeFamily() {
  const family = [String(process.ppid)];
  while (isScriptShell(family.at(-1))) family.push(readParent(family.at(-1)));
  return family.join(' ');
}

function isScriptShell(pid) {
  const script = process.env.npm_lifecycle_script;
  return Boolean(script) && readCommand(pid).includes(script);
}

/** Runs a step to its end; resolves to its exit code and what it wrote. Leaves the program if the steps were interrupted. */
export async function runStep(command, args, env = process.env) {
  const chunks = [];
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.set(child, (signal) => endGroup(child, signal));
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));
  const code = await waitForExit(child);
  if (interruption) return leaveWhenAlone();
  return { code, output: Buffer.concat(chunks).toString() };
}

/** Runs JavaScript with the project's own Node.js, to its end. */
export async function runNodeStep(...args) {
  const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' };
  const result = await runStep(findNode(), args, { ...toolEnv(), ...colour });
  if (result.code === LIBRARY_MISSING) throw new Fault(`${result.output.trim()}\n${LIBRARY_HELP}`);
  return result;
}

/** Hands the terminal over to a child; resolves to its exit code. */
export function runInForeground(...args) {
  return startInForeground(...args).exited;
}

/** The channel to the child lets it see the death of this process. */
export function startInForeground(...args) {
  const child = spawn(findNode(), args, {
    cwd: root,
    env: toolEnv(),
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  children.set(child, (signal) => child.kill(signal));
  return { exited: waitForExit(child), stop: () => child.kill('SIGTERM') };
}

/** The signal that asked this process to end, if any has. */
export function findInterruption() {
  return interruption;
}

function interrupt(signal) {
  interruption = signal;
  if (children.size === 0) process.exit(codeOfSignal(signal));
  for (const end of children.values()) end(signal);
}

/** Of several children, the last one to end takes the program along. */
export function leaveWhenAlone(code = codeOfSignal(interruption)) {
  if (children.size === 0) process.exit(code);
  return new Promise(() => {});
}

function endGroup({ pid }, signal) {
  signalGroup(pid, signal);
  setTimeout(() => signalGroup(pid, 'SIGKILL'), STEP_ENDS_WITHIN_MS);
}

function signalGroup(pid, signal) {
  try {
    if (pid) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function waitForExit(child) {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      children.delete(child);
      reject(new Fault(`Cannot run ${child.spawnfile}: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      children.delete(child);
      resolve(signal ? codeOfSignal(signal) : code);
    });
  });
}

function codeOfSignal(signal) {
  return 128 + constants.signals[signal];
}

function toolEnv() {
  const path = [inProject('node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  return { ...process.env, PATH: path };
}
