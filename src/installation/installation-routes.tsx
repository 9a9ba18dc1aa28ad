import { Hono } from 'hono';
import { z } from 'zod';

import {
  changeRegistration,
  changeRetention,
  readRegistration,
  readRetention,
} from '../accounts/installation-store.js';
import { permit } from '../accounts/permit.js';
import { actorOf } from '../audit/actor.js';
import { recordAudit } from '../audit/audit-store.js';
import { firstKept, measureMonthsBefore } from '../delivery/attempt-months-store.js';
import { findRelayFault } from '../delivery/relay-store.js';
import type { Database } from '../lib/database.js';
import { TooManyRequestsError } from '../lib/errors.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import type { Limits } from '../lib/limits.js';
import { parseSmtpUrl, type SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { emailAddress } from '../lib/text.js';
import { hasEnabledRelays } from '../relays/relay-store.js';
import { SMTP_URL_KEY } from '../relays/relay.js';
import { redirectWithFlash } from '../ui/flash.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { judgeTest } from './conversation.js';
import { InstallationPage } from './installation-page.js';
import { RetentionPage } from './retention-parts.js';
import { TestLetterPage } from './test-letter-page.js';
import { LIMIT_SECONDS, sendTestLetter, TEST_LETTERS, writeTestLetter } from './test-letter.js';

interface InstallationDeps {
  db: Database;
  baseUrl: string;
  mail: MailSettings;
  auth: { limits: Limits };
}

export interface MailSettings {
  /** Of the mail server in use: the setting SMTP_URL, or the built-in inbox. */
  url: string;
  /** The setting MAIL_FROM. */
  from: string;
}

const registrationForm = z.object({
  registration: z.enum(['open', 'invitation', 'closed'], { error: 'choice' }),
});
const retentionForm = z.object({
  months: z
    .string()
    .optional()
    .transform((text) => (text ?? '').trim())
    .refine((text) => text === '' || (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 120), {
      error: 'months',
    })
    .transform((text) => (text === '' ? null : Number(text))),
});
const testForm = z.object({ to: emailAddress() });

/** Mounted behind the permission to manage mail servers. */
export function installationRoutes(deps: InstallationDeps): Hono<WebEnv> {
  const { db, mail } = deps;
  const server = readServer(mail);
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => c.html(await show(c.get('view'))));

  routes.post('/registration', permit('registration.change'), async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(registrationForm, typed);
    if (!form.ok) return c.html(await show(view, { registration: { typed, faults: form.faults } }), 422);
    const { registration } = form.values;
    await db.transaction().execute(async (trx) => {
      const before = await changeRegistration(trx, registration);
      const details = { from: before, to: registration };
      if (before !== registration)
        await recordAudit(trx, actorOf(c), { action: 'settings.registration_changed', details });
    });
    const mode = view.t(`installation.registration.modes.${registration}`);
    return redirectWithFlash(c, '/oversight/installation', view.t('installation.registration.saved', { mode }));
  });

  routes.get('/attempts', permit('attempts.keep'), async (c) => {
    const view = c.get('view');
    const typed = { months: view.query['months'] ?? '' };
    const form = parseForm(retentionForm, typed);
    if (!form.ok) return c.html(await show(view, { retention: { typed, faults: form.faults } }), 422);
    const { months } = form.values;
    const going = months === null ? null : await measureMonthsBefore(db, firstKept(view.now, months));
    return c.html(<RetentionPage view={view} months={months} going={going} />);
  });

  routes.post('/attempts', permit('attempts.keep'), async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(retentionForm, typed);
    if (!form.ok) return c.html(await show(view, { retention: { typed, faults: form.faults } }), 422);
    const { months } = form.values;
    await db.transaction().execute(async (trx) => {
      const before = await changeRetention(trx, months);
      const details = { from: before ?? 'forever', to: months ?? 'forever' };
      if (before !== months) await recordAudit(trx, actorOf(c), { action: 'settings.attempts_kept', details });
    });
    const saved =
      months === null ? view.t('journal.retention.savedForever') : view.t('journal.retention.saved', { count: months });
    return redirectWithFlash(c, '/oversight/installation', saved);
  });

  routes.post('/test-letter', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const form = parseForm(testForm, typed);
    if (!form.ok) return c.html(await show(view, { test: { typed, faults: form.faults } }), 422);
    const { to } = form.values;
    const { isOver, secondsLeft } = await deps.auth.limits.count(TEST_LETTERS, String(signedIn(view).id));
    if (isOver) throw new TooManyRequestsError(secondsLeft);
    const letter = writeTestLetter(view, { from: mail.from, to, baseUrl: deps.baseUrl });
    const result = await sendTestLetter(server, letter);
    const because = judgeTest(result.outcome);
    await recordAudit(db, actorOf(c), { action: 'mail_server.tested', details: { to, because } });
    return c.html(<TestLetterPage view={view} server={server} from={mail.from} to={to} result={result} />);
  });

  async function show(view: View, forms: { registration?: FormState; retention?: FormState; test?: FormState } = {}) {
    const registration = await readRegistration(db);
    const { months, keptFrom } = await readRetention(db);
    return (
      <InstallationPage
        view={view}
        registration={forms.registration ?? { typed: { registration }, faults: {} }}
        retention={forms.retention ?? { typed: { months: months === null ? '' : String(months) }, faults: {} }}
        keptFrom={keptFrom}
        server={server}
        from={mail.from}
        relayFault={await findRelayFault(db, [SMTP_URL_KEY])}
        hasRelays={await hasEnabledRelays(db)}
        test={forms.test ?? { typed: { to: signedIn(view).email }, faults: {} }}
        limitSeconds={LIMIT_SECONDS}
      />
    );
  }
  return routes;
}

function readServer({ url }: MailSettings): SmtpServerAddress {
  const smtp = parseSmtpUrl(url);
  if (!smtp.ok) throw new Error(smtp.fault.error);
  return smtp.server;
}
