/**
 * Style sheets bring packages in as well.
 * @param {string} text
 */
function listCssImports(text) {
  const imports = text.matchAll(/(?:@import\s+|url\()['"]((?!data:)[^'"]+)['"]/g);
  return Array.from(imports, ([, path]) => `import '${path}';`).join('\n');
}

export default {
  entry: [
    'src/main.ts',
    'src/cli.ts',
    'src/cli/selftest-worker.ts',
    'client/main.ts',
    'bench/{main,chunking-sink,delay-proxy,nodemailer-pool}.ts',
    'bin/*.mjs',
    '.ci/*.mjs',
    'test/support/*.mjs',
    'test/chaos/main.ts',
  ],
  project: ['{src,client,test,bench}/**/*.{ts,tsx,css}', '{bin,.ci}/**/*.mjs'],
  ignoreExportsUsedInFile: { interface: true, type: true },
  ignoreDependencies: ['oxfmt', 'oxlint', 'oxlint-tsgolint'],
  ignoreBinaries: ['redis-server', 'nginx'],
  compilers: { css: listCssImports },
};
