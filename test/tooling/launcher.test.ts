import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, onTestFinished, test, vi } from 'vitest';

import { createScratchProject, type ScratchProject } from '../support/scratch-project.js';

const SERVER = `import { answer } from './lib/answer.js';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    console.log(\`stopped by \${signal}\`);
    process.exit(7);
  });
}
process.on('disconnect', () => {
  console.log('left alone');
  process.exit(0);
});
console.log(\`ready \${answer} on \${process.versions.node}, pid \${process.pid}\`);
setInterval(() => {}, 1000);
`;

const FILES = {
  'src/main.ts': SERVER,
  'src/cli.ts': 'console.log(process.argv.slice(2).join("|"));\nprocess.exitCode = 3;\n',
  'src/lib/answer.ts': 'export const answer = 42;\n',
  'src/lib/answer.test.ts': 'export const forgotten = 1;\n',
  'migrations/0001_start.sql': 'select 1;\n',
  'client/main.ts': 'document.title = "Vestnik";\n',
};

test('builds on the first start, runs the project’s own Node.js and does not build again', async () => {
  const project = await open();
  const first = launch(project, 'start');
  await first.sees(/^Building…$/m);
  await first.sees(/^ready 42 on 26\./m);
  await first.stop('SIGTERM');
  const second = launch(project, 'start');
  await second.sees(/^ready 42/m);
  await second.stop('SIGTERM');
  expect(second.output()).not.toContain('Building');
});

test('builds again after a change of a source, but not of a test', async () => {
  const project = await open();
  await launch(project, 'build').ends();
  await project.write({ 'src/lib/answer.test.ts': 'export const forgotten = 2;\n' });
  expect(await launch(project, 'manage').ends()).toMatchObject({ output: '\n' });
  await project.write({ 'src/lib/answer.ts': 'export const answer = 43;\n' });
  const start = launch(project, 'start');
  await start.sees(/^Building…\nready 43/m);
  await start.stop('SIGTERM');
});

test('leaves no tests in what it builds, and nothing unfinished', async () => {
  const project = await open();
  expect(await launch(project, 'build').ends()).toEqual({ code: 0, output: 'Building…\n' });
  expect((await readdir(join(project.folder, 'dist'))).toSorted()).toEqual(['.built', 'client', 'server']);
  expect(await readdir(join(project.folder, 'dist/server/lib'))).toEqual(['answer.js', 'answer.js.map']);
  const manifest = await readFile(join(project.folder, 'dist/client/.vite/manifest.json'), 'utf8');
  expect(manifest).toMatch(/"file": "assets\/main-[^"]+\.js"/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('passes %s on and ends with the code of the server', async (signal) => {
  const project = await open();
  const start = launch(project, 'start');
  await start.sees(/^ready/m);
  expect(await start.stop(signal)).toMatchObject({ code: 7 });
  expect(start.output()).toContain(`stopped by ${signal}\n`);
});

test('lets the server see that the launcher was killed', async () => {
  const project = await open();
  const start = launch(project, 'start');
  await start.sees(/^ready/m);
  await start.stop('SIGKILL');
  await start.sees(/^left alone$/m);
});

test('stops the server when its own parent was killed', async () => {
  const project = await open();
  const shell = launchThrough(project, '/bin/sh', ['-c', `'${process.execPath}' bin/vestnik.mjs start & wait`]);
  await shell.sees(/^ready/m);
  await shell.stop('SIGKILL');
  await shell.sees(/^stopped by SIGTERM$/m);
});

test('goes on when the shell that started npm ends, and stops when npm is killed', async () => {
  const project = await open();
  const shell = launchThrough(project, '/bin/sh', ['-c', 'npm start & echo "npm is $!"; read line']);
  await shell.sees(/^ready/m);
  await shell.stop('SIGKILL');
  // One that is orphaned later is noticed meanwhile: a second and more has passed, and the first one has looked as well.
  const orphan = launchThrough(project, '/bin/sh', ['-c', `'${process.execPath}' bin/vestnik.mjs start & wait`]);
  await orphan.sees(/^ready/m);
  await orphan.stop('SIGKILL');
  await orphan.sees(/^stopped by SIGTERM$/m);
  expect(shell.output()).not.toContain('stopped');
  process.kill(Number(/^npm is (\d+)$/m.exec(shell.output())?.[1]), 'SIGKILL');
  await shell.sees(/^stopped by SIGTERM$/m);
});

test('stops when npm is killed behind a shell that stays between', async () => {
  const project = await open();
  await project.write({ shell: '#!/bin/sh\n/bin/sh "$@"\n' });
  await chmod(join(project.folder, 'shell'), 0o755);
  const npm = launchThrough(project, 'npm', ['start', `--script-shell=${join(project.folder, 'shell')}`]);
  await npm.sees(/^ready/m);
  await npm.stop('SIGKILL');
  await npm.sees(/^stopped by SIGTERM$/m);
});

test('two starts at once build once and both run', async () => {
  const project = await open();
  const starts = [launch(project, 'start'), launch(project, 'start')];
  await Promise.all(starts.map((start) => start.sees(/^ready 42/m)));
  await Promise.all(starts.map((start) => start.stop('SIGTERM')));
  const outputs = starts.map((start) => start.output()).join('');
  expect(outputs.match(/^Building…$/gm)).toHaveLength(1);
});

test('an interrupted build ends quietly and is made again', async () => {
  const project = await open();
  const start = launch(project, 'start');
  await start.sees(/^Building…$/m);
  expect(await start.stop('SIGINT')).toEqual({ code: 130, output: 'Building…\n' });
  expect(existsSync(join(project.folder, 'dist/.lock'))).toBe(false);
  expect(await launch(project, 'manage', 'a').ends()).toEqual({ code: 3, output: 'Building…\na\n' });
});

test('an interrupted step ends with all that it has started, also with what takes no notice of signals', async () => {
  const project = await open();
  await rm(join(project.folder, 'node_modules'));
  // The shell ends at the signal. What it has started does not, like the native compiler, and holds the output open.
  const npm = await writeFakeNpm(
    project,
    `sh -c 'trap "" INT TERM; echo > stubborn; while :; do sleep 0.1; done' & trap 'exit 1' INT TERM; wait`,
  );
  const start = launchThrough(project, process.execPath, ['bin/vestnik.mjs', 'start'], `${npm}:${process.env.PATH}`);
  await vi.waitFor(() => expect(existsSync(join(project.folder, 'stubborn'))).toBe(true), { timeout: 20_000 });
  expect(await start.stop('SIGINT')).toMatchObject({ code: 130 });
});

test('takes over the lock of a process that was killed', async () => {
  const project = await open();
  // This test's own process is alive, but did not start at that time: its id stands for one that was given out again.
  await project.write({ 'dist/.lock': `${process.pid} 1` });
  expect(await launch(project, 'build').ends()).toMatchObject({ code: 0 });
});

test('manage hands its arguments over and ends with the code of the command', async () => {
  const project = await open();
  expect(await launch(project, 'manage', 'send', '--to', 'a b').ends()).toMatchObject({
    code: 3,
    output: expect.stringContaining('send|--to|a b\n'),
  });
});

test('tells what does not compile, keeps the last build and fails', async () => {
  const project = await open();
  await launch(project, 'build').ends();
  await project.write({ 'src/lib/answer.ts': 'export const answer: string = 42;\n' });
  const { code, output } = await launch(project, 'start').ends();
  expect(code).toBe(1);
  expect(output).toContain("src/lib/answer.ts(1,14): error TS2322: Type 'number' is not assignable to type 'string'.");
  expect(output).toMatch(/The server could not be built\.\n$/);
  expect(output).not.toContain('    at ');
  expect(existsSync(join(project.folder, 'dist/server/main.js'))).toBe(true);
});

test('says in one line that the packages cannot be fetched', async () => {
  const project = await open();
  await rm(join(project.folder, 'node_modules'));
  const npm = await writeFakeNpm(project, 'echo "npm error code ENOTFOUND" >&2; exit 1');
  expect(await launchThrough(project, process.execPath, ['bin/vestnik.mjs', 'start'], npm).ends()).toEqual({
    code: 1,
    output:
      'Installing what is missing (once)…\n' +
      'The npm registry cannot be reached (ENOTFOUND): check the connection and start again.\n',
  });
});

test('says in one line that there is no npm', async () => {
  const project = await open();
  await rm(join(project.folder, 'node_modules'));
  const { code, output } = await launchThrough(
    project,
    process.execPath,
    ['bin/vestnik.mjs', 'start'],
    '/nowhere',
  ).ends();
  expect(code).toBe(1);
  expect(output).toMatch(/^Installing.*\nnpm was not found: [^\n]*\n$/);
});

test('installs with npm ci when a package is missing or of another version', async () => {
  const project = await open();
  await rm(join(project.folder, 'node_modules'));
  await project.write({ 'node_modules/.package-lock.json': '{ "packages": {} }' });
  const npm = await writeFakeNpm(project, 'echo "npm error code $1" >&2; exit 1');
  const { output } = await launchThrough(project, process.execPath, ['bin/vestnik.mjs', 'build'], npm).ends();
  expect(output).toContain('npm could not install the packages (ci): run "npm ci" to see why.');
});

test('stops quietly when it is interrupted during the installation', async () => {
  const project = await open();
  await rm(join(project.folder, 'node_modules'));
  const npm = await writeFakeNpm(project, 'echo started > ../started; exec sleep 60');
  const start = launchThrough(project, process.execPath, ['bin/vestnik.mjs', 'start'], `${npm}:${process.env.PATH}`);
  await start.sees(/^Installing/m);
  expect(await start.stop('SIGTERM')).toEqual({ code: 143, output: 'Installing what is missing (once)…\n' });
});

test('dev restarts the server on a change, outlives one that does not compile, and ends it on Ctrl-C', async () => {
  const project = await open();
  const dev = launch(project, 'dev');
  await dev.sees(/^ready 42/m);
  await project.write({ 'src/lib/answer.ts': 'export const answer: string = 43;\n' });
  await dev.sees(/^The server could not be built\.$/m);
  expect(dev.output()).not.toContain('stopped');
  await project.write({ 'src/lib/answer.ts': 'export const answer = 44;\n' });
  await dev.sees(/^stopped by SIGTERM\nready 44/m);
  expect(await dev.stop('SIGINT')).toMatchObject({ code: 7 });
  expect(dev.output()).toMatch(/stopped by SIGINT\n$/);
});

test('names its commands when it does not know one', async () => {
  const project = await open();
  const { code, output } = await launch(project, 'fly').ends();
  expect(code).toBe(1);
  expect(output).toMatch(/^Usage: node bin\/vestnik\.mjs start \| manage \| build .*\n$/);
});

async function open(): Promise<ScratchProject> {
  const project = await createScratchProject(FILES);
  onTestFinished(() => project[Symbol.asyncDispose]());
  return project;
}

async function writeFakeNpm(project: ScratchProject, script: string): Promise<string> {
  const folder = join(project.folder, 'fake-bin');
  await mkdir(folder);
  await writeFile(join(folder, 'npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'npm'), 0o755);
  return folder;
}

function launch(project: ScratchProject, ...args: string[]) {
  return launchThrough(project, process.execPath, ['bin/vestnik.mjs', ...args]);
}

function launchThrough(project: ScratchProject, command: string, args: string[], path = process.env.PATH) {
  const child = spawn(command, args, { cwd: project.folder, env: { ...process.env, PATH: path }, detached: true });
  const exit = once(child, 'exit') as Promise<[code: number | null]>;
  const closed = once(child, 'close');
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  onTestFinished(() => killGroup(child.pid));
  return {
    output: () => text,
    sees: (what: RegExp) => vi.waitFor(() => expect(text).toMatch(what), { timeout: 20_000 }),
    ends: async () => ({ code: (await closed)[0] as number, output: text }),
    async stop(signal: NodeJS.Signals) {
      child.kill(signal);
      const [code] = await exit;
      return { code, output: text };
    },
  };
}

/** Whatever a failed test left running. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
}
