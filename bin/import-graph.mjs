/** The project's modules as data: what each imports, exports and uses. Read with a real parser, which Vite brings. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

import { parseSync } from 'vite';

const KYSELY_WRITES = ['insertInto', 'updateTable', 'deleteFrom', 'mergeInto', 'replaceInto'];

/** Every module of src/ and client/ by its path from `folder`. */
export function readModules(folder) {
  const paths = ['src', 'client'].flatMap((top) => listSources(folder, top));
  return new Map(paths.map((path) => [path, readModule(folder, path)]));
}

function listSources(folder, top) {
  if (!existsSync(join(folder, top))) return [];
  const names = readdirSync(join(folder, top), { recursive: true });
  const sources = names.filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'));
  return sources.map((name) => join(top, name).split(sep).join('/')).toSorted();
}

function readModule(folder, path) {
  const text = readFileSync(join(folder, path), 'utf8');
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0].message}`);
  const used = collectUses(program);
  const exported = module.staticExports.flatMap((statement) => statement.entries);
  return {
    path,
    isPure: /^\/\/ pure\b/.test(text),
    imports: [...listRequests(module, text), ...used.imports].map(({ name, start, onlyTypes }) => ({
      name,
      onlyTypes,
      line: countLines(text, start),
      target: resolveRequest(folder, path, name),
    })),
    exportsDefault: exported.some(
      (entry) => entry.exportName.kind === 'Default' || entry.exportName.name === 'default',
    ),
    exportsAll: exported.some((entry) => entry.importName.kind.startsWith('All') && entry.exportName.kind === 'None'),
    isBarrel:
      exported.length > 0 && program.body.every((statement) => statement.source && statement.type.startsWith('Export')),
    uses: used.names.map(({ name, start }) => ({ name, line: countLines(text, start) })),
    writes: used.writes.map(({ name, start }) => ({ table: name, line: countLines(text, start) })),
  };
}

function listRequests(module, text) {
  const written = [...module.staticImports.map(readImport), ...module.staticExports.flatMap(readReexports)];
  const dynamic = module.dynamicImports.map(({ moduleRequest: { start, end } }) => ({
    name: /^(['"`])(.*)\1$/s.exec(text.slice(start, end))?.[2] ?? '',
    start,
    onlyTypes: false,
  }));
  return [...written, ...dynamic];
}

function readImport({ moduleRequest, entries }) {
  const onlyTypes = entries.length > 0 && entries.every((entry) => entry.isType);
  return { name: moduleRequest.value, start: moduleRequest.start, onlyTypes };
}

function readReexports({ entries }) {
  const reexports = entries.filter((entry) => entry.moduleRequest);
  return reexports.map(({ moduleRequest: { value, start }, isType }) => ({ name: value, start, onlyTypes: isType }));
}

/** Imports of types written in place, globals such as "process.env" and "new Date()", and the tables that Kysely writes. */
function collectUses(program) {
  const found = { imports: [], names: [], writes: [] };
  walk(program, (node) => {
    if (node.type === 'TSImportType')
      found.imports.push({ name: node.source.value, start: node.start, onlyTypes: true });
    for (const name of nameUses(node)) found.names.push({ name, start: node.start });
    const table = nameWrittenTable(node);
    if (table) found.writes.push({ name: table, start: node.start });
  });
  return found;
}

function nameUses(node) {
  if (node.type === 'MemberExpression' && node.object.type === 'Identifier') {
    return [`${node.object.name}.${node.property.name ?? node.property.value}`];
  }
  if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0)
    return ['new Date()'];
  if (node.type === 'CallExpression' && node.callee.name === 'fetch') return ['fetch'];
  if (node.type === 'VariableDeclarator' && node.id.type === 'ObjectPattern' && node.init?.type === 'Identifier') {
    return node.id.properties.map((property) => `${node.init.name}.${property.key?.name}`);
  }
  return [];
}

function nameWrittenTable(node) {
  if (node.type !== 'CallExpression' || !KYSELY_WRITES.includes(node.callee.property?.name)) return undefined;
  const table = node.arguments[0]?.value;
  return typeof table === 'string' ? table.split(' ')[0] : undefined;
}

function walk(node, visit) {
  if (Array.isArray(node)) return node.forEach((child) => walk(child, visit));
  if (node === null || typeof node !== 'object') return;
  if (typeof node.type === 'string') visit(node);
  for (const child of Object.values(node)) walk(child, visit);
}

/** The path of the imported file from `folder`, or undefined for a package. */
function resolveRequest(folder, path, name) {
  if (!name.startsWith('.')) return undefined;
  const target = resolve(folder, dirname(path), name);
  const written = [target.replace(/\.js$/, '.ts'), target.replace(/\.js$/, '.tsx'), `${target}.ts`];
  return relative(folder, written.find((file) => existsSync(file)) ?? target)
    .split(sep)
    .join('/');
}

function countLines(text, end) {
  return text.slice(0, end).split('\n').length;
}
