import { sql } from 'kysely';
import type { Browser, Locator } from 'playwright-core';

import { createUser } from '../../src/accounts/create-user.js';
import type { Database } from '../../src/lib/database.js';
import type { Locale } from '../../src/lib/i18n.js';
import type { LinkPurpose } from '../../src/lib/schema-accounts.js';
import { createTestDatabase } from '../support/database.js';
import { startVestnik } from '../support/vestnik-process.js';
import {
  becomeAdministrator,
  eventuallyVisible,
  expectHeading,
  openVisitor,
  PASSWORD,
  type Person,
  type Visitor,
} from './steps.js';

/* What people do with their accounts, and the program they do it in. */

export interface Account extends Person {
  id: number;
}

/** A program of its own, with an administrator, who reads everybody's letters in the built-in inbox. */
export interface Stage extends AsyncDisposable {
  db: Database;
  administrator: Visitor;
  /** A browser of its own, until `clear`. */
  open: () => Promise<Visitor>;
  /** Somebody who registered and confirmed the address long ago. */
  addAccount: (name: string) => Promise<Account>;
  /** Closes all browsers but the administrator's. */
  clear: () => Promise<void>;
  /** Done on every page that is passed. */
  look: (visitor: Visitor) => Promise<void>;
}

interface StageOptions extends Pick<Stage, 'look'> {
  locale: Locale;
  javaScriptEnabled?: boolean;
}

export async function openStage(browser: Browser, { look, ...options }: StageOptions): Promise<Stage> {
  const database = await createTestDatabase();
  const { db } = database;
  const vestnik = await startVestnik({ DATABASE_URL: database.url });
  const administrator = await openVisitor(browser, vestnik, { locale: options.locale });
  await becomeAdministrator(administrator, vestnik, { name: 'Вера Павловна', email: 'vera@example.org' });
  const visitors: Visitor[] = [];
  const clear = async () => {
    for (const { page } of visitors.splice(0)) await page.context().close();
  };
  return {
    db,
    administrator,
    look,
    clear,
    async open() {
      const visitor = await openVisitor(browser, vestnik, options);
      visitors.push(visitor);
      return visitor;
    },
    addAccount: (name) => addAccount(db, name, options.locale),
    async [Symbol.asyncDispose]() {
      await clear();
      await administrator.page.context().close();
      await vestnik[Symbol.asyncDispose]();
      await database.close();
    },
  };
}

let accounts = 0;

async function addAccount(db: Database, name: string, locale: Locale): Promise<Account> {
  accounts += 1;
  const added = await createUser(db, { name, email: `user${accounts}@example.org`, password: PASSWORD, role: 'user' });
  if (!added.ok) throw new Error(JSON.stringify(added.faults));
  const { id, email } = added;
  await db.updateTable('users').set({ locale }).where('id', '=', id).execute();
  return { id, name, email };
}

export interface Credentials {
  email: string;
  password?: string;
  isRemembered?: boolean;
}

/** On the page for signing in; what comes after it is the caller's to wait for. */
export async function typeCredentials(visitor: Visitor, credentials: Credentials) {
  const { page, t } = visitor;
  const { email, password = PASSWORD, isRemembered = false } = credentials;
  await page.getByLabel(t('accounts.fields.email')).fill(email);
  await page.getByLabel(t('accounts.fields.password')).fill(password);
  await page.getByLabel(t('security.signIn.remember')).setChecked(isRemembered);
  await press(visitor, t('accounts.signIn.submit'));
}

export async function enter(visitor: Visitor, credentials: Credentials) {
  const { page, t } = visitor;
  await page.goto('/sign-in');
  await typeCredentials(visitor, credentials);
  await page.getByRole('navigation', { name: t('common.mainNavigation') }).waitFor();
}

/** The password is of no use (any more). */
export async function expectNoEntry(visitor: Visitor, credentials: Credentials) {
  const { page, t } = visitor;
  await page.goto('/sign-in');
  await typeCredentials(visitor, credentials);
  await page.getByRole('alert').getByText(t('accounts.signIn.wrong')).waitFor();
}

export async function expectSignedOut({ page, t }: Visitor) {
  await page.goto('/settings');
  await expectHeading(page, t('accounts.signIn.title'));
}

export async function expectSignedIn({ page, t }: Visitor) {
  await page.goto('/settings');
  await expectHeading(page, t('settings.tabs.profile'));
}

/** Days until the browser forgets the session; undefined where it does when it is closed. */
export async function readDaysOfSession({ page }: Visitor): Promise<number | undefined> {
  const cookies = await page.context().cookies();
  const session = cookies.find(({ name }) => name.endsWith('session_token'));
  if (!session) throw new Error('there is no session');
  return session.expires === -1 ? undefined : (session.expires * 1000 - Date.now()) / 86_400_000;
}

interface WantedLetter {
  to: string;
  subject: string;
  /** How many of this kind have come by then; the newest is opened. */
  count?: number;
}

/** Waits for the letter in the built-in inbox. */
export async function openLetter({ page, t }: Visitor, { to, subject, count = 1 }: WantedLetter) {
  await page.goto('/inbox');
  await expectHeading(page, t('inbox.list.title'));
  const letters = page.getByRole('row').filter({ hasText: to }).getByRole('link', { name: subject, exact: true });
  await eventuallyVisible(letters.nth(count - 1), page, t('inbox.list.reload'));
  await letters.first().click();
  await expectHeading(page, subject);
}

/** Where the button of the letter leads. */
export async function readLink(reader: Visitor, wanted: WantedLetter): Promise<string> {
  const { page, t } = reader;
  await openLetter(reader, wanted);
  await page.getByRole('link', { name: t('inbox.letter.text'), exact: true }).click();
  const href = await page.locator('.letter-text a').first().getAttribute('href');
  return href ?? '';
}

/** As when its time has run out. */
export async function age(db: Database, purpose: LinkPurpose, email: string) {
  await db
    .updateTable('one_time_links')
    .set({ expires_at: sql`now() - interval '1 second'` })
    .where('purpose', '=', purpose)
    .where('email', '=', email)
    .execute();
}

/** As when a line was cut while it was copied. */
export function mangle(link: string): string {
  return link.slice(0, -3);
}

export async function press({ page }: Pick<Visitor, 'page'>, name: string) {
  await page.getByRole('button', { name, exact: true }).click();
}

export async function follow({ page }: Visitor, name: string) {
  await page.getByRole('main').getByRole('link', { name, exact: true }).click();
}

/** The form under this heading: some pages hold several with fields of the same names. */
export function formOf({ page }: Visitor, heading: string): Locator {
  return page.locator('form').filter({ has: page.getByRole('heading', { name: heading, exact: true }) });
}
