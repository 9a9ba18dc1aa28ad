import { afterAll, beforeAll, expect, test } from 'vitest';

import { createScratchProject, type ScratchProject } from '../support/scratch-project.js';

const FILES = {
  'src/main.ts': `import { used } from './lib/used.js';

async function save(): Promise<void> {}

function pick(kind: 'a' | 'b'): number {
  switch (kind) {
    case 'a':
      return 1;
  }
  return 0;
}

export function start(words: string[]): unknown {
  save();
  words.forEach(async () => save());
  const first: string = words[0];
  const loose: any = pick('a');
  return [first, loose, used];
}
`,
  'src/cli.ts': 'export {};\n',
  'src/lib/used.ts': 'export const used = 1;\nexport const forgotten = 2;\n',
  'src/lib/lost.ts': 'export const lost = 1;\n',
  'src/ui/box.tsx':
    'export const box = <p style="color: red">box</p>;\nexport const act = <p onclick="go()">act</p>;\n',
  'src/lib/ugly.ts': 'export const ugly = {a:"b"}\n',
  'client/main.ts': 'export {};\n',
};

let project: ScratchProject;

beforeAll(async () => {
  project = await createScratchProject(FILES);
});

afterAll(() => project[Symbol.asyncDispose]());

test('lint refuses a promise that nobody awaits, any, a forgotten case and inline styles', async () => {
  const { code, output } = await project.run('node_modules/oxlint/bin/oxlint', '--type-aware', '-f', 'unix');
  expect(code).toBe(1);
  const found = [...output.matchAll(/^(\S+?):(\d+):.*\((\S+)\)\]$/gm)].map(
    ([, path, line, rule]) => `${path}:${line} ${rule}`,
  );
  expect(found).toEqual(
    expect.arrayContaining([
      'src/main.ts:14 no-floating-promises',
      'src/main.ts:15 no-misused-promises',
      'src/main.ts:17 no-explicit-any',
      'src/main.ts:6 switch-exhaustiveness-check',
      'src/ui/box.tsx:1 forbid-dom-props',
      'src/ui/box.tsx:2 forbid-dom-props',
    ]),
  );
});

test('the compiler refuses an index that may miss', async () => {
  const { code, output } = await project.run('node_modules/typescript/bin/tsc', '-p', '.');
  expect(code).not.toBe(0);
  expect(output).toContain(
    "src/main.ts(16,9): error TS2322: Type 'string | undefined' is not assignable to type 'string'",
  );
});

test('the unused-code check finds a file, an export and a package that nobody uses', async () => {
  const { code, output } = await project.run('node_modules/knip/bin/knip.js', '--no-progress', '--reporter', 'compact');
  expect(code).toBe(1);
  expect(output).toContain('src/lib/lost.ts');
  expect(output).toContain('src/lib/used.ts: forgotten');
  expect(output).toMatch(/package\.json: .*kysely/);
});

test('the format check names the file', async () => {
  const { code, output } = await project.run('node_modules/oxfmt/bin/oxfmt', '--check', 'src');
  expect(code).toBe(1);
  expect(output).toContain('src/lib/ugly.ts');
  expect(output).not.toContain('src/lib/used.ts');
});

test('the whole check goes on after a failure, names every step and fails', async () => {
  const { code, output } = await project.run('bin/vestnik.mjs', 'check');
  expect(code).toBe(1);
  expect(output).toMatch(/^FAILED {2}lint +\d+\.\d s$/m);
  expect(output).toMatch(/^ok {6}types of the client +\d+\.\d s$/m);
  expect(output).toMatch(/^FAILED {2}unused code +\d+\.\d s$/m);
});
