import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

const TOOL_FILES = [
  'bin',
  'client/tsconfig.json',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  '.oxlintrc.json',
  '.oxfmtrc.json',
  'knip.config.js',
];

/** A folder with the project's tools and settings and other sources, to see what the tools make of them. */
export interface ScratchProject extends AsyncDisposable {
  folder: string;
  write(files: Record<string, string>): Promise<void>;
  run(program: string, ...args: string[]): Promise<{ code: number; output: string }>;
}

export async function createScratchProject(files: Record<string, string>): Promise<ScratchProject> {
  const folder = await mkdtemp(join(tmpdir(), 'vestnik-scratch-'));
  for (const path of TOOL_FILES) await cp(join(ROOT, path), join(folder, path), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const project: ScratchProject = {
    folder,
    write: (more) => writeFiles(folder, more),
    run: (program, ...args) => runTool(folder, program, args),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
  await project.write(files);
  return project;
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

function runTool(folder: string, program: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, timeout: 25_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}
