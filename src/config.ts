import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import { z } from 'zod';

import { DEFAULT_RETRY_MINUTES, MOST_RETRIES, MOST_RETRY_MINUTES } from './delivery/retry.js';
import { isNetwork } from './lib/client-address.js';

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const isRetryDelay = (text: string) => /^[1-9]\d*$/.test(text) && Number(text) <= MOST_RETRY_MINUTES;

/** Every setting there is; the table in README.md documents the same. An empty value counts as absent. */
const settings = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number({ error: 'must be a number from 0 to 65535' }).int().min(0).max(65_535).default(3000),
  BASE_URL: url('http:', 'https:').optional(),
  DATA_DIR: z.string().default('data'),
  DATABASE_URL: url('postgres:', 'postgresql:').optional(),
  DATABASE_CONNECTIONS: z.coerce.number({ error: 'must be a number from 2 to 100' }).int().min(2).max(100).default(10),
  REDIS_URL: url('redis:', 'rediss:').optional(),
  CACHE_MEGABYTES: z.coerce.number({ error: 'must be a number from 0 to 4096' }).int().min(0).max(4096).default(64),
  SMTP_URL: url('smtp:', 'smtps:').optional(),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n\0]*[^\s@<>]+@[^\s@<>]+>?$/, 'must be an address such as Vestnik <vestnik@example.com>')
    .default('Vestnik <vestnik@localhost>'),
  RETRY_MINUTES: z
    .string()
    .default(DEFAULT_RETRY_MINUTES.join(','))
    .transform(list)
    .refine((items) => items.length > 0 && items.length <= MOST_RETRIES && items.every(isRetryDelay), {
      error: `must be 1 to ${MOST_RETRIES} numbers of minutes, each from 1 to ${MOST_RETRY_MINUTES}, such as 1,5,15,60`,
    })
    .transform((items) => items.map(Number)),
  SECRET: z.string().min(32, 'must have 32 characters or more').optional(),
  DEFAULT_LOCALE: z.enum(['en', 'ru'], { error: 'must be en or ru' }).default('en'),
  ROLES: z
    .string()
    .default('web,worker')
    .transform(list)
    .pipe(
      z
        .array(z.enum(['web', 'worker'], { error: 'must be web, worker or web,worker' }))
        .min(1, 'must be web, worker or web,worker'),
    ),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform(list)
    .refine((items) => items.every(isNetwork), {
      error: 'must be addresses or networks such as 127.0.0.1, 10.0.0.0/8',
    }),
  METRICS_TOKEN: z
    .string()
    .regex(/^[!-~]{16,}$/, 'must have 16 characters or more: Latin letters, digits and signs, no spaces')
    .optional(),
  METRICS_PORT: z.coerce.number({ error: 'must be a number from 1 to 65535' }).int().min(1).max(65_535).optional(),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'must be debug, info, warn, error or silent' })
    .default('info'),
  // The language of the terminal, as POSIX has it; for the command line only.
  LC_ALL: z.string().optional(),
  LANG: z.string().optional(),
});

export type Role = 'web' | 'worker';

export interface Config {
  host: string;
  port: number;
  baseUrl: string;
  /** An absolute path. */
  dataDir: string;
  /** Absent: the embedded database. */
  databaseUrl: string | undefined;
  databaseConnections: number;
  redisUrl: string | undefined;
  /** The most memory for what was counted for pages; with 0 everything is counted each time. */
  cacheMegabytes: number;
  /** Absent: the built-in inbox. */
  smtpUrl: string | undefined;
  mailFrom: string;
  /** Minutes from each try at a delivery to the next, while its recipient's mail server asks for patience; then it is given up. */
  retryMinutes: number[];
  /** Absent: one is made and kept in the data folder. */
  secret: string | undefined;
  defaultLocale: 'en' | 'ru';
  /** For the command line: the terminal's where it is one of ours. */
  terminalLocale: 'en' | 'ru';
  roles: Role[];
  /** Whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  /** Absent: there are no metrics. */
  metricsToken: string | undefined;
  /** Where a process without pages answers /metrics and /healthz; absent: nowhere. */
  metricsPort: number | undefined;
  logLevel: string;
}

export type ConfigResult = { ok: true; config: Config } | { ok: false; fault: string };

/** The only reader of the environment. `.env` in the working folder gives what the environment does not. */
export function loadConfig(): ConfigResult {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return parseConfig(process.env);
}

/** A wrong setting is a value: one line that names the setting and says what it must be. */
export function parseConfig(environment: Record<string, string | undefined>): ConfigResult {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim() !== ''));
  const parsed = settings.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { ok: false, fault: `The setting ${issue?.path[0]?.toString()} ${issue?.message}.` };
  }
  const values = parsed.data;
  return {
    ok: true,
    config: {
      host: values.HOST,
      port: values.PORT,
      baseUrl: (values.BASE_URL ?? `http://${showHost(values.HOST)}:${values.PORT}`).replace(/\/+$/, ''),
      dataDir: resolve(values.DATA_DIR),
      databaseUrl: values.DATABASE_URL,
      databaseConnections: values.DATABASE_CONNECTIONS,
      redisUrl: values.REDIS_URL,
      cacheMegabytes: values.CACHE_MEGABYTES,
      smtpUrl: values.SMTP_URL,
      mailFrom: values.MAIL_FROM,
      retryMinutes: values.RETRY_MINUTES,
      secret: values.SECRET,
      defaultLocale: values.DEFAULT_LOCALE,
      terminalLocale: (values.LC_ALL ?? values.LANG)?.startsWith('ru') ? 'ru' : values.DEFAULT_LOCALE,
      roles: values.ROLES,
      trustedProxies: values.TRUSTED_PROXIES,
      metricsToken: values.METRICS_TOKEN,
      metricsPort: values.METRICS_PORT,
      logLevel: values.LOG_LEVEL,
    },
  };
}

/** What a person types into the browser's address bar to reach a server that listens on `host`. */
function showHost(host: string): string {
  if (['127.0.0.1', '0.0.0.0', '::', '::1'].includes(host)) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
