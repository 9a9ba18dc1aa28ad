import { afterAll, beforeAll, expect, test } from 'vitest';

import { createScratchProject, type ScratchProject } from '../support/scratch-project.js';

const CLEAN = {
  'src/main.ts': "import { open } from './app.js';\nopen();\n",
  'src/app.ts': "import './config.js';\nimport './letters/letter-routes.js';\nexport function open() {}\n",
  'src/config.ts': 'export const port = process.env.PORT;\n',
  'src/letters/letter.ts':
    "// pure\nimport type { Kysely } from 'kysely';\nexport type Db = Kysely<unknown>;\nexport const max = 3;\n",
  'src/letters/letter-store.ts': "import 'kysely';\nexport const list = 1;\n",
  'src/letters/letter-page.tsx': "import { max } from './letter.js';\nexport const page = <b>{max}</b>;\n",
  'src/letters/letter-routes.tsx':
    "import { Hono } from 'hono';\nimport './letter-page.js';\nimport './letter-store.js';\nexport const app = new Hono();\n",
  'src/letters/letter.test.ts': "import '../main.js';\nprocess.env.PORT = '1';\n",
  'src/people/person.ts': "import '../letters/letter-store.js';\nimport '../ui/button.js';\nexport const person = 1;\n",
  'src/ui/button.tsx': "import '../lib/text.js';\nexport const button = <b />;\n",
  'src/lib/text.ts': "import '../locales/en.js';\nexport const text = '';\n",
  'src/locales/en.ts': "export const en = '';\n",
  'client/main.ts': "import { max } from '../src/letters/letter.js';\nexport const most = max;\n",
};

/** A file that breaks a rule, and the beginning of what the checker says of it. */
const VIOLATIONS: [rule: string, path: string, text: string, fault: RegExp][] = [
  [
    'lib imports no ui',
    'src/lib/a.ts',
    "import '../ui/button.js';",
    /^1 imports src\/ui\/button.tsx from a layer above/,
  ],
  ['lib imports no feature', 'src/lib/b.ts', "import '../people/person.js';", /^1 imports .* from a layer above/],
  [
    'a type is a dependency too',
    'src/lib/c.ts',
    "export type P = import('../ui/button.js').P;",
    /^1 imports .* a layer above/,
  ],
  ['so is a lazy import', 'src/lib/d.ts', "export const p = import('../ui/button.js');", /^1 imports .* a layer above/],
  [
    'so is a re-export',
    'src/lib/e.ts',
    "export const x = 1;\nexport { button } from '../ui/button.js';",
    /^2 imports .* above/,
  ],
  ['ui imports no feature', 'src/ui/f.tsx', "import '../letters/letter.js';", /^1 imports .* from a layer above/],
  ['locales import no lib', 'src/locales/g.ts', "import '../lib/text.js';", /^1 imports .* from a layer above/],
  [
    'features import nothing of the top',
    'src/people/h.ts',
    "import '../config.js';",
    /^1 imports src\/config.ts from a layer/,
  ],
  ['nobody imports main', 'src/web.ts', "import './main.js';", /^1 imports src\/main.ts, which nobody imports/],
  ['the top of src is closed', 'src/helpers.ts', 'export const x = 1;', /^1 does not belong at the top of src/],
  [
    'src imports nothing from outside',
    'src/people/i.ts',
    "import '../../test/x.js';",
    /^1 imports test\/x.js from outside of src/,
  ],
  ['nobody imports a test', 'src/people/j.ts', "import '../letters/letter.test.js';", /^1 imports a test/],
  [
    'routes are the feature’s own',
    'src/people/k.ts',
    "import '../letters/letter-routes.js';",
    /^1 imports .* another feature/,
  ],
  [
    'pages are the feature’s own',
    'src/people/l.tsx',
    "import '../letters/letter-page.js';",
    /^1 imports .* another feature/,
  ],
  [
    'pages import no stores',
    'src/letters/m-page.tsx',
    "import './letter-store.js';",
    /^1 is a page but imports the store/,
  ],
  ['stores know no HTTP', 'src/letters/n-store.ts', "import 'hono/http-exception';", /^1 is a store but imports hono/],
  [
    'pure files import only such',
    'src/letters/o.ts',
    "// pure\nimport '../lib/text.js';",
    /^2 is pure but imports src\/lib\/text.ts/,
  ],
  [
    'pure files have no files',
    'src/letters/p.ts',
    "// pure\nimport 'node:fs/promises';",
    /^2 is pure but imports node:fs/,
  ],
  [
    'pure files have no database',
    'src/letters/q.ts',
    "// pure\nimport { sql } from 'kysely';",
    /^2 is pure but imports kysely/,
  ],
  [
    'pure files have no clock',
    'src/letters/r.ts',
    '// pure\nexport const x = () => Date.now();',
    /^2 is pure but uses Date.now/,
  ],
  [
    'nor one by another name',
    'src/letters/s.ts',
    '// pure\nexport const x = () => new Date();',
    /^2 is pure but uses new Date/,
  ],
  [
    'nor Temporal’s',
    'src/letters/t.ts',
    '// pure\nexport const x = () => Temporal.Now.instant();',
    /^2 is pure but uses Temporal/,
  ],
  ['only config reads the environment', 'src/lib/u.ts', 'export const x = process.env.HOME;', /^1 uses process.env/],
  ['not even in pieces', 'src/lib/v.ts', 'const { env } = process;\nexport const x = env;', /^1 uses process.env/],
  [
    'nor through its module',
    'src/lib/w.ts',
    "import { env } from 'node:process';\nexport const x = env;",
    /^1 imports node:process/,
  ],
  ['exports are named', 'src/lib/x.ts', 'export default 1;', /^1 has a default export/],
  ['no barrels', 'src/lib/y.ts', "export { text } from './text.js';", /^1 is a barrel/],
  ['no half barrels', 'src/lib/z.ts', "export * from './text.js';\nexport const x = 1;", /^1 is a barrel/],
  [
    'the browser gets only what is pure',
    'client/a.ts',
    "import '../src/lib/text.js';",
    /^1 runs in the browser but imports/,
  ],
];

const CYCLE = {
  'src/people/one.ts': "import './two.js';\n",
  'src/people/two.ts': "import '../letters/three.js';\n",
  'src/letters/three.ts': "import type { One } from '../people/one.js';\nexport type Three = One;\n",
};

const TABLES = {
  'src/letters/own-store.ts': "export const add = (db) => db.insertInto('letters').execute();\n",
  'src/people/theft-store.ts': "export const steal = (db) =>\n  db.updateTable('letters').execute();\n",
};

let broken: ScratchProject;
let answer: { code: number; output: string };
let faults: string[];

beforeAll(async () => {
  const planted = Object.fromEntries(VIOLATIONS.map(([, path, text]) => [path, `${text}\n`]));
  broken = await createScratchProject({ ...CLEAN, ...planted, ...CYCLE, ...TABLES });
  answer = await broken.run('bin/import-rules.mjs');
  faults = answer.output.trim().split('\n');
});

afterAll(() => broken[Symbol.asyncDispose]());

test('finds nothing wrong where every rule is kept', async () => {
  await using project = await createScratchProject(CLEAN);
  expect(await project.run('bin/import-rules.mjs')).toEqual({ code: 0, output: '' });
});

test.each(VIOLATIONS)('%s', (_rule, path, _text, fault) => {
  const found = faults.filter((line) => line.startsWith(`${path}:`)).map((line) => line.slice(path.length + 1));
  expect(found).toContainEqual(expect.stringMatching(fault));
});

test('finds a cycle through several files, also one closed by a type', () => {
  const cycle =
    /is in a cycle: .*src\/people\/one.ts → src\/people\/two.ts → src\/letters\/three.ts|three.ts → src\/people\/one.ts/;
  expect(faults.filter((line) => line.includes('is in a cycle'))).toEqual([expect.stringMatching(cycle)]);
});

test('lets one feature alone write a table', () => {
  const rule =
    'src/people/theft-store.ts:2 writes the table letters, as src/letters/own-store.ts does: one feature owns it';
  expect(faults).toContain(rule);
});

test('blames only what was planted, and fails', () => {
  expect(answer.code).toBe(1);
  const planted = new Set([...VIOLATIONS.map(([, path]) => path), ...Object.keys({ ...CYCLE, ...TABLES })]);
  expect(faults.filter((line) => !planted.has(line.split(':')[0] ?? ''))).toEqual([]);
});
