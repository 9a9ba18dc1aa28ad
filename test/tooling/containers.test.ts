/* What can be held against the program without Docker: compose.yaml and Dockerfile name only what there is. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { nodeOptions } from '../../bin/node-options.mjs';
import { parseConfig } from '../../src/config.js';
import { projectRoot } from '../../src/lib/project-root.js';

const serviceShape = z.object({
  build: z.string().optional(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  deploy: z.object({ replicas: z.number() }).default({ replicas: 1 }),
  depends_on: z.record(z.string(), z.object({ condition: z.literal('service_healthy') })).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  stop_grace_period: z.string().optional(),
});
const composeShape = z.object({
  services: z.record(z.string(), serviceShape),
  volumes: z.record(z.string(), z.null()),
});
const packageShape = z.object({ scripts: z.record(z.string(), z.string()), engines: z.object({ node: z.string() }) });

const readText = (file: string) => readFileSync(join(projectRoot, file), 'utf8');

const { services, volumes } = composeShape.parse(parse(readText('compose.yaml'), { merge: true }));
const dockerfile = readText('Dockerfile').replaceAll(/\\\n\s*/g, '');
const manifest = packageShape.parse(JSON.parse(readText('package.json')));

/** The arguments of every line that begins with the instruction. */
const instructions = (name: string) =>
  [...dockerfile.matchAll(new RegExp(`^${name} (.+)$`, 'gm'))].map(([, rest = '']) => rest);

const toList = (text: string | undefined) => z.array(z.string()).parse(JSON.parse(text ?? ''));

/** As compose fills them in from .env. */
const SECRETS: Record<string, string> = { POSTGRES_PASSWORD: 'p4ssword', SECRET: 'x'.repeat(64) };

function fillIn(environment: Record<string, string>, given: Record<string, string>): Record<string, string> {
  const fill = (text: string) =>
    text.replaceAll(
      /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
      (_all, name: string, kind: string | undefined, rest: string = '') => {
        const value = given[name] ?? '';
        if (value === '' && kind === '?') throw new Error(`${name} is missing: ${rest}`);
        return value === '' ? rest : value;
      },
    );
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(value)]));
}

const ownServices = Object.entries(services).filter(([, { build }]) => build !== undefined);

/** What the image sets for every process. */
const imageSettings = () =>
  Object.fromEntries(
    instructions('ENV')
      .flatMap((line) => line.split(' '))
      .map((pair) => pair.split('=') as [string, string]),
  );

test('there is one process with pages, two that send, a database and Redis', () => {
  expect(Object.entries(services).map(([name, { image, deploy }]) => [name, image, deploy.replicas])).toEqual([
    ['web', 'vestnik', 1],
    ['worker', 'vestnik', 2],
    ['postgres', 'postgres:18', 1],
    ['redis', 'redis:8', 1],
  ]);
  expect(ownServices.map(([name]) => name)).toEqual(['web', 'worker']);
});

test.each(ownServices)('%s is given settings that there are, with values that are taken', (name, service) => {
  const environment = { ...imageSettings(), ...fillIn(service.environment, SECRETS) };
  const known = [...readText('src/config.ts').matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, setting = '']) => setting);
  expect(Object.keys(environment).filter((setting) => !known.includes(setting))).toEqual([]);
  const parsed = parseConfig(environment);
  expect(parsed).toMatchObject({
    ok: true,
    config: {
      host: '0.0.0.0',
      port: 3000,
      metricsPort: 3000,
      baseUrl: 'http://localhost:3000',
      databaseUrl: 'postgresql://vestnik:p4ssword@postgres:5432/vestnik',
      redisUrl: 'redis://redis:6379',
      secret: SECRETS['SECRET'],
      smtpUrl: undefined,
      metricsToken: undefined,
      roles: [name],
    },
  });
});

test.each(Object.keys(SECRETS))('nothing starts without %s', (secret) => {
  for (const [, { environment }] of ownServices)
    expect(() => fillIn(environment, { ...SECRETS, [secret]: '' })).toThrow('set it in the file .env');
});

test('the file itself holds no secret', () => {
  const secrets = Object.values(services)
    .flatMap(({ environment }) => Object.entries(environment))
    .filter(([name]) => /PASSWORD|SECRET|TOKEN/.test(name));
  expect(secrets.length).toBeGreaterThan(3);
  expect(secrets.filter(([, value]) => !value.startsWith('${'))).toEqual([]);
});

test('each waits for services that are there and tell their health; what is stored has a volume', () => {
  for (const { depends_on: wanted } of Object.values(services))
    for (const name of Object.keys(wanted)) expect(services[name]?.healthcheck, name).toBeDefined();
  const mounted = Object.values(services).flatMap((service) => service.volumes.map((volume) => volume.split(':')[0]));
  expect(mounted).toEqual(Object.keys(volumes));
});

test('a stop has the time that it takes', () => {
  const longest = Number(/STOP_WITHIN_MS = ([\d_]+)/.exec(readText('src/main.ts'))?.[1]?.replace('_', ''));
  for (const [name, service] of ownServices)
    expect(1000 * Number.parseInt(service.stop_grace_period ?? '0', 10), name).toBeGreaterThan(longest);
});

test('the pages are open to this machine alone, on the port of the program', () => {
  expect(services['web']?.ports).toEqual([`127.0.0.1:3000:${imageSettings()['PORT']}`]);
  expect(Object.values(services).flatMap(({ ports }) => ports)).toHaveLength(1);
});

test('the image is built by npm scripts that there are, on the Node.js that the program wants', () => {
  const major = /\d+/.exec(manifest.engines.node)?.[0];
  for (const base of instructions('FROM')) expect(base).toMatch(new RegExp(`^node:${major}\\b`));
  const ran = instructions('RUN');
  expect(ran).toContain('npm ci');
  const scripts = ran.flatMap((line) => /^npm run (\S+)$/.exec(line)?.[1] ?? []);
  expect(scripts).toEqual(['build']);
  for (const script of scripts) expect(manifest.scripts).toHaveProperty(script);
});

test('what is copied into the image is there, or is made by the build', () => {
  const copied = instructions('COPY').flatMap((line) => line.split(' ').slice(0, -1));
  const names = copied.filter((name) => !name.startsWith('--')).map((name) => name.replace('/vestnik/', ''));
  expect(names).toEqual(expect.arrayContaining(['package.json', 'node_modules', 'migrations', 'dist']));
  for (const name of names) expect(existsSync(join(projectRoot, name)), name).toBe(true);
});

test('the containers run what npm start runs, without its looking for something to install or build', () => {
  const command = toList(instructions('CMD').at(-1));
  expect(command).toEqual(['node', ...nodeOptions(undefined), 'dist/server/main.js']);
  expect(existsSync(join(projectRoot, 'dist/server/main.js'))).toBe(true);
  for (const [name, { environment, command: own = command }] of ownServices)
    expect(own, name).toEqual(['node', ...nodeOptions(environment['ROLES']), 'dist/server/main.js']);
});

test('the container is not root, and its health is that of the program', () => {
  expect(instructions('USER')).toEqual(['node']);
  const check = toList(/CMD (.+)$/.exec(instructions('HEALTHCHECK')[0] ?? '')?.[1]).join(' ');
  expect(check).toContain(`http://127.0.0.1:${imageSettings()['PORT']}/healthz`);
  expect(imageSettings()['METRICS_PORT']).toBe(imageSettings()['PORT']);
});

test('no secret of this machine, and nothing that was built on it, gets into the image', () => {
  const ignored = readText('.dockerignore').split('\n');
  for (const name of ['.git', '.env', 'node_modules', 'dist', 'data']) expect(ignored).toContain(name);
});
