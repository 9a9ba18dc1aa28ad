/**
 * Who may import whom:
 *   main, cli → app, web, worker → features → ui → lib → locales; never upward, and no cycles.
 *   In a feature: pages import no stores, stores know no HTTP, nobody imports another feature's routes or pages, and one feature
 *   writes each table. A file that begins with "// pure" imports only such files, and neither the clock nor anything outside.
 * Imports of types count (only a pure file may take types from anywhere: they do nothing). Tests may import everything.
 *
 * Usage: node bin/import-rules.mjs [folder of a project]
 */
import { readModules } from './import-graph.mjs';
import { root } from './project.mjs';

const RANKS = { locales: 0, lib: 1, ui: 2, feature: 3, cli: 4, top: 4, entry: 5 };
const ENTRIES = ['src/main.ts', 'src/cli.ts'];
const TOP_FILES = ['src/app.ts', 'src/site.ts', 'src/web.ts', 'src/worker.ts', 'src/config.ts', 'src/foundation.ts'];

const HTTP_PACKAGES = ['hono', '@hono/node-server'];
const IMPURE_PACKAGES = [
  ...HTTP_PACKAGES,
  'pg',
  'pg-boss',
  'kysely',
  'better-auth',
  'nodemailer',
  'smtp-server',
  'pino',
];
const PURE_NODE_MODULES = ['node:assert', 'node:buffer', 'node:path', 'node:querystring', 'node:url', 'node:util'];
const IMPURE_USES = ['Date.now', 'new Date()', 'Temporal.Now', 'performance.now', 'Math.random', 'fetch'];

// The second hands on what a child process needs of it, and nothing else.
const ENVIRONMENT_READERS = ['src/config.ts', 'src/lib/embedded-postgres/database-user.ts'];
const ENVIRONMENT_USES = ['process.env', 'process.loadEnvFile'];

/** Every broken rule, as "file:line what is wrong". */
export function checkImports(folder) {
  const modules = readModules(folder);
  const checked = [...modules.values()].filter((module) => !isTest(module.path));
  return [
    ...checked.flatMap((module) => [...checkModule(module), ...checkEdges(module, modules)]),
    ...checkTables(checked),
    ...findCycles(checked, modules),
  ];
}

function checkModule(module) {
  const { path } = module;
  const faults = [];
  if (rankOf(path) === undefined)
    faults.push(`${path}:1 does not belong at the top of src: move it into lib, ui or a feature`);
  if (module.exportsDefault) faults.push(`${path}:1 has a default export: exports are named`);
  if (module.exportsAll || module.isBarrel) faults.push(`${path}:1 is a barrel: import from the file itself`);
  for (const { name, line } of module.uses) {
    const impure = module.isPure && (IMPURE_USES.includes(name) || name.startsWith('process.'));
    if (ENVIRONMENT_USES.includes(name) && !ENVIRONMENT_READERS.includes(path)) {
      faults.push(`${path}:${line} uses ${name}: only src/config.ts reads the environment`);
    } else if (impure) faults.push(`${path}:${line} is pure but uses ${name}`);
  }
  return faults;
}

function checkEdges(module, modules) {
  return module.imports.flatMap((edge) => {
    const fault = edge.target ? judgeFile(module, edge, modules.get(edge.target)) : judgePackage(module, edge);
    return fault ? [`${module.path}:${edge.line} ${fault}`] : [];
  });
}

function judgeFile({ path, isPure }, { target, onlyTypes }, imported) {
  if (isTest(target)) return `imports a test, ${target}`;
  if (path.startsWith('client/')) return judgeClientImport(target, imported);
  if (!target.startsWith('src/')) return `imports ${target} from outside of src`;
  if (isPure && !onlyTypes && imported && !imported.isPure) return `is pure but imports ${target}, which is not`;
  if (path.endsWith('-page.tsx') && target.endsWith('-store.ts')) return `is a page but imports the store ${target}`;
  return judgeLayers(path, target);
}

function judgeClientImport(target, imported) {
  if (target.startsWith('client/') || imported?.isPure) return undefined;
  return `runs in the browser but imports ${target}, which is neither in client nor pure`;
}

function judgeLayers(path, target) {
  if (ENTRIES.includes(target)) return `imports ${target}, which nobody imports`;
  if (rankOf(path) < rankOf(target)) return `imports ${target} from a layer above its own`;
  const isForeign =
    rankOf(path) === RANKS.feature && rankOf(target) === RANKS.feature && folderOf(path) !== folderOf(target);
  if (isForeign && /-(routes|page)\.tsx?$/.test(target))
    return `imports ${target}, which belongs to another feature alone`;
  return undefined;
}

function judgePackage({ path, isPure }, { name, onlyTypes }) {
  const isHttp = HTTP_PACKAGES.some((item) => belongsTo(name, item)) || /^node:https?2?$/.test(name);
  if (/-store\.tsx?$/.test(path) && isHttp) return `is a store but imports ${name}: stores know no HTTP`;
  if (name === 'node:process') return 'imports node:process: use the global, whose environment is watched';
  if (!isPure || onlyTypes) return undefined;
  const isImpure = name.startsWith('node:')
    ? !PURE_NODE_MODULES.includes(name)
    : IMPURE_PACKAGES.some((item) => belongsTo(name, item));
  return isImpure ? `is pure but imports ${name}` : undefined;
}

function belongsTo(name, item) {
  return name === item || name.startsWith(`${item}/`);
}

/** One feature owns each table; migrations and lib stand outside of this. */
function checkTables(modules) {
  const owners = new Map();
  const faults = [];
  for (const { path, writes } of modules.filter((module) => rankOf(module.path) === RANKS.feature)) {
    for (const { table, line } of writes) {
      const owner = owners.get(table) ?? path;
      owners.set(table, owner);
      if (folderOf(owner) !== folderOf(path))
        faults.push(`${path}:${line} writes the table ${table}, as ${owner} does: one feature owns it`);
    }
  }
  return faults;
}

function findCycles(checked, modules) {
  const faults = [];
  const done = new Set();
  const visit = (path, trail) => {
    const start = trail.indexOf(path);
    if (start >= 0) faults.push(`${path}:1 is in a cycle: ${[...trail.slice(start), path].join(' → ')}`);
    if (start >= 0 || done.has(path)) return;
    for (const { target } of modules.get(path)?.imports ?? []) if (target) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of checked) visit(path, []);
  return faults;
}

function rankOf(path) {
  if (ENTRIES.includes(path)) return RANKS.entry;
  if (TOP_FILES.includes(path) || path.startsWith('client/')) return RANKS.top;
  const [, folder, rest] = path.split('/');
  if (rest === undefined) return undefined;
  return RANKS[folder] ?? RANKS.feature;
}

function folderOf(path) {
  return path.split('/')[1];
}

function isTest(path) {
  return /\.test\.tsx?$/.test(path);
}

if (import.meta.main) {
  const faults = checkImports(process.argv[2] ?? root);
  if (faults.length > 0) console.log(faults.join('\n'));
  process.exitCode = faults.length > 0 ? 1 : 0;
}
