import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { expect, test } from 'vitest';

import { parseConfig, type Config } from './config.js';
import { projectRoot } from './lib/project-root.js';

function configOf(environment: Record<string, string | undefined>): Config {
  const result = parseConfig(environment);
  if (!result.ok) throw new Error(result.fault);
  return result.config;
}

/** For each setting a value that it cannot have; null for those that take anything. */
const WRONG: Record<string, string[] | null> = {
  HOST: null,
  PORT: ['x', '-1', '65536', '1.5', '3000x', 'Infinity'],
  BASE_URL: ['example.com', 'ftp://example.com', '//example.com', 'x'],
  DATA_DIR: null,
  DATABASE_URL: ['mysql://localhost/x', 'localhost:5432', 'x'],
  DATABASE_CONNECTIONS: ['x', '1', '101', '2.5', '-3'],
  REDIS_URL: ['localhost:6379', 'http://localhost'],
  CACHE_MEGABYTES: ['x', '-1', '4097', '1.5'],
  SMTP_URL: ['mail.example.com', 'http://mail.example.com', 'localhost:25'],
  MAIL_FROM: ['Vestnik', 'Vestnik <vestnik>', 'a@b\r\nBcc: x@example.com', 'vestnik@', '@example.com', 'a b c'],
  RETRY_MINUTES: ['x', '0', '1,,x', '-5', '1.5', '43201', ',', '1 5', Array(101).fill('1').join()],
  SECRET: ['short', 'x'.repeat(31)],
  DEFAULT_LOCALE: ['de', 'RU', 'english'],
  ROLES: ['web,mail', 'all', ',', 'web worker'],
  TRUSTED_PROXIES: ['localhost', '10.0.0.0/33', '10.0.0.1, x'],
  METRICS_TOKEN: ['short', 'fifteen-letters', 'with a space in it', 'с кириллицей внутри'],
  METRICS_PORT: ['x', '0', '-1', '65536', '1.5'],
  LOG_LEVEL: ['verbose', 'INFO'],
};

test('has a default for everything', () => {
  expect(configOf({})).toEqual({
    host: '127.0.0.1',
    port: 3000,
    baseUrl: 'http://localhost:3000',
    dataDir: resolve('data'),
    databaseUrl: undefined,
    databaseConnections: 10,
    redisUrl: undefined,
    cacheMegabytes: 64,
    smtpUrl: undefined,
    mailFrom: 'Vestnik <vestnik@localhost>',
    retryMinutes: [1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 1440, 1440],
    secret: undefined,
    trustedProxies: [],
    metricsToken: undefined,
    metricsPort: undefined,
    defaultLocale: 'en',
    terminalLocale: 'en',
    roles: ['web', 'worker'],
    logLevel: 'info',
  });
});

test('takes what is set', () => {
  const config = configOf({
    HOST: '0.0.0.0',
    PORT: '8080',
    BASE_URL: 'https://mail.example.com/',
    DATA_DIR: '/var/lib/vestnik',
    DATABASE_URL: 'postgresql://user:password@db:5432/vestnik',
    DATABASE_CONNECTIONS: '25',
    REDIS_URL: 'rediss://cache:6379',
    CACHE_MEGABYTES: '0',
    SMTP_URL: 'smtps://user:p%40ss@mail.example.com:465?connections=4',
    MAIL_FROM: '«Вестник» <news@example.com>',
    RETRY_MINUTES: '2, 10',
    SECRET: 'x'.repeat(32),
    DEFAULT_LOCALE: 'ru',
    ROLES: ' worker , web ',
    TRUSTED_PROXIES: '127.0.0.1, fd00::/8',
    METRICS_TOKEN: 'a-token/of+monitoring~42=',
    METRICS_PORT: '9464',
    LOG_LEVEL: 'debug',
  });
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 8080,
    baseUrl: 'https://mail.example.com',
    dataDir: '/var/lib/vestnik',
    databaseUrl: 'postgresql://user:password@db:5432/vestnik',
    databaseConnections: 25,
    redisUrl: 'rediss://cache:6379',
    cacheMegabytes: 0,
    smtpUrl: 'smtps://user:p%40ss@mail.example.com:465?connections=4',
    mailFrom: '«Вестник» <news@example.com>',
    retryMinutes: [2, 10],
    secret: 'x'.repeat(32),
    defaultLocale: 'ru',
    roles: ['worker', 'web'],
    trustedProxies: ['127.0.0.1', 'fd00::/8'],
    metricsToken: 'a-token/of+monitoring~42=',
    metricsPort: 9464,
    logLevel: 'debug',
  });
});

test('takes an empty value for an absent one', () => {
  for (const empty of ['', ' ']) {
    const environment = Object.fromEntries([...Object.keys(WRONG), 'LC_ALL', 'LANG'].map((name) => [name, empty]));
    expect(configOf(environment)).toEqual(configOf({}));
  }
  expect(configOf({ PORT: undefined, SECRET: undefined })).toEqual(configOf({}));
});

test.each(
  Object.entries(WRONG).flatMap(([name, values]) => (values ?? []).map((value): [string, string] => [name, value])),
)('refuses %s=%j with one line that names it and says what it must be', (name, value) => {
  const result = parseConfig({ [name]: value });
  expect(result).toEqual({
    ok: false,
    fault: expect.stringMatching(new RegExp(`^The setting ${name} must [^\\r\\n]+[^.]\\.$`)),
  });
});

test('never repeats a wrong value, which may be a password', () => {
  for (const name of ['SECRET', 'SMTP_URL', 'DATABASE_URL', 'REDIS_URL', 'METRICS_TOKEN']) {
    const result = parseConfig({ [name]: 'hunter2' });
    expect(result.ok ? '' : result.fault).toContain(name);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  }
});

test.each([
  ['127.0.0.1', 'http://localhost:3000'],
  ['0.0.0.0', 'http://localhost:3000'],
  ['::', 'http://localhost:3000'],
  ['::1', 'http://localhost:3000'],
  ['localhost', 'http://localhost:3000'],
  ['192.168.1.7', 'http://192.168.1.7:3000'],
  ['2001:db8::7', 'http://[2001:db8::7]:3000'],
  ['mail.example.com', 'http://mail.example.com:3000'],
])('people reach a server that listens on %s at %s', (host, baseUrl) => {
  expect(configOf({ HOST: host }).baseUrl).toBe(baseUrl);
});

test.each<[Record<string, string>, 'en' | 'ru']>([
  [{}, 'en'],
  [{ LANG: 'ru_RU.UTF-8' }, 'ru'],
  [{ LANG: 'en_US.UTF-8' }, 'en'],
  [{ LC_ALL: 'C', LANG: 'ru_RU.UTF-8' }, 'en'],
  [{ LC_ALL: 'ru_RU.UTF-8', LANG: 'C' }, 'ru'],
  [{ DEFAULT_LOCALE: 'ru', LANG: 'C.UTF-8' }, 'ru'],
])('of %j the command line speaks %s', (environment, locale) => {
  expect(configOf(environment).terminalLocale).toBe(locale);
});

const OF_THE_TERMINAL = ['LC_ALL', 'LANG'];

/** Names in the shape of config.ts: the only reader of the environment. */
function readSettings(): string[] {
  const source = readFileSync(join(projectRoot, 'src', 'config.ts'), 'utf8');
  const shape = source.slice(source.indexOf('const settings = z.object({'), source.indexOf('export type Role'));
  return [...shape.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name);
}

const documented = (file: string) =>
  [...readFileSync(join(projectRoot, file), 'utf8').matchAll(/^\| `([A-Z][A-Z_]+)` \|/gm)].map(([, name = '']) => name);

test.each(['README.md', 'README.ru.md'])('%s lists every setting, and none that there is not', (file) => {
  const settings = readSettings().filter((name) => !OF_THE_TERMINAL.includes(name));
  expect(settings).toContain('DATABASE_URL');
  expect(documented(file).toSorted()).toEqual(settings.toSorted());
});

test('every setting is tried above', () => {
  expect(Object.keys(WRONG).toSorted()).toEqual(
    readSettings()
      .filter((name) => !OF_THE_TERMINAL.includes(name))
      .toSorted(),
  );
});

/** The cells of the column “default”. */
const readDefaults = (file: string) => {
  const rows = readFileSync(join(projectRoot, file), 'utf8').matchAll(/^\| `([A-Z][A-Z_]+)` \| `([^`]+)` \|/gm);
  return new Map([...rows].map(([, name = '', value = '']) => [name, value]));
};

test.each(['README.md', 'README.ru.md'])('%s tells the defaults as they are', (file) => {
  const defaults = readDefaults(file);
  expect(defaults.size).toBeGreaterThan(6);
  expect(configOf(Object.fromEntries(defaults))).toEqual(configOf({}));
});
