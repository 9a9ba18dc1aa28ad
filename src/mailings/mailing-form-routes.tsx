import { Hono, type Context } from 'hono';

import type { Database } from '../lib/database.js';
import { NotFoundError } from '../lib/errors.js';
import { parseForm, readForm, type FormState } from '../lib/form.js';
import { parseId, parseVersion } from '../lib/ids.js';
import { toRate, typeRate } from '../lib/rate.js';
import { findMessage, listMessageOptions } from '../messages/message-store.js';
import { countRecipients } from '../recipients/recipient-store.js';
import { redirectWithFlash } from '../ui/flash.js';
import { fromLocalInput, toLocalInput } from '../ui/format.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { countAudience, isAudienceEmpty } from './audience-store.js';
import { MailingFormPage } from './mailing-form-page.js';
import { findByPath, type MailingDeps } from './mailing-path.js';
import { addMailing, changeMailing } from './mailing-store.js';
import { suggestWindow } from './mailing-times.js';
import { mailingForm, type Mailing } from './mailing.js';

export function mailingFormRoutes({ db }: MailingDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/new', (c) => showForm(db, c, suggestForm(c.get('view'))));

  routes.post('/', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const parsed = parseForm(toSchema(view), typed);
    if (!parsed.ok) return showForm(db, c, { typed, faults: parsed.faults }, { status: 422 });
    const saved = await addMailing(db, signedIn(view).id, parsed.values);
    if (!saved.ok) return showForm(db, c, unknownMessage(typed), { status: 422 });
    if (parsed.values.audience === 'all')
      return redirectWithFlash(c, `/mailings/${saved.id}`, view.t('mailings.flash.added'));
    return redirectWithFlash(c, `/mailings/${saved.id}/audience`, view.t('mailings.flash.addedChoose'));
  });

  routes.get('/:id/edit', async (c) => {
    const mailing = await findByPath(db, c);
    if (mailing.status !== 'created') return refuseChange(c, mailing.id);
    return showForm(db, c, toForm(c.get('view'), mailing), { mailing });
  });

  routes.post('/:id', async (c) => {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const mailing = await findByPath(db, c);
    if (mailing.status !== 'created') return refuseChange(c, mailing.id);
    const typed = await readForm(c);
    const parsed = parseForm(toSchema(view, mailing), typed);
    if (!parsed.ok) return showForm(db, c, { typed, faults: parsed.faults }, { mailing, status: 422 });
    const saved = await changeMailing(db, ownerId, mailing.id, parseVersion(typed['version']), parsed.values);
    if (!saved.ok) return answerUnsaved(db, c, saved.fault, typed);
    const isToChoose =
      parsed.values.audience === 'chosen' && (await isAudienceEmpty(db, ownerId, mailing.id, 'chosen'));
    const next = isToChoose ? `/mailings/${mailing.id}/audience` : `/mailings/${mailing.id}`;
    return redirectWithFlash(c, next, view.t('mailings.flash.changed'));
  });

  return routes;
}

async function answerUnsaved(
  db: Database,
  c: Context<WebEnv>,
  fault: 'messageUnknown' | 'changed' | 'started' | 'gone',
  typed: Record<string, string>,
) {
  // What is saved now, not what was when the request came.
  const mailing = await findByPath(db, c);
  if (fault === 'gone') throw new NotFoundError();
  if (fault === 'started') return refuseChange(c, mailing.id);
  if (fault === 'messageUnknown') return showForm(db, c, unknownMessage(typed), { mailing, status: 422 });
  return showForm(db, c, overwriteForm(typed, mailing), { mailing, conflict: true, status: 409 });
}

interface Answer {
  mailing?: Mailing;
  conflict?: boolean;
  status?: 200 | 409 | 422;
}

async function showForm(db: Database, c: Context<WebEnv>, form: FormState, { mailing, conflict, status }: Answer = {}) {
  const view = c.get('view');
  const { id: ownerId } = signedIn(view);
  const [messages, recipientCount, chosen] = await Promise.all([
    listMessages(db, ownerId, form.typed['messageId']),
    countRecipients(db, ownerId),
    mailing && countAudience(db, ownerId, mailing.id, 'chosen'),
  ]);
  return c.html(
    <MailingFormPage
      view={view}
      form={form}
      messages={messages}
      recipientCount={recipientCount}
      {...(mailing && chosen ? { mailing, chosen } : {})}
      {...(conflict ? { conflict } : {})}
    />,
    status ?? 200,
  );
}

/** The newest ones, and the chosen one however old it is. */
async function listMessages(db: Database, ownerId: number, chosen: string | undefined) {
  const messages = await listMessageOptions(db, ownerId);
  const id = parseId(chosen);
  if (id === undefined || messages.some((message) => message.id === id)) return messages;
  const older = await findMessage(db, ownerId, id);
  return older ? [older, ...messages] : messages;
}

function toSchema(view: View, mailing?: Mailing) {
  return mailingForm({
    readStart: readTime(view, mailing?.firstSendingAt),
    readEnd: readTime(view, mailing?.endsAt),
    now: view.now,
    // One that missed its start would go out the moment it is saved, were its old time to stay.
    keptStart: mailing && mailing.startFault === null ? mailing.firstSendingAt : null,
  });
}

/** What was not touched is the very instant that is saved, also in the hour that summer time's end brings twice. */
function readTime(view: View, saved?: Date) {
  return (text: string) => (saved && text === toLocalInput(view, saved) ? saved : fromLocalInput(view.timeZone, text));
}

function suggestForm(view: View): FormState {
  const { start, end } = suggestWindow(view.now, view.timeZone);
  const times = { firstSendingAt: toLocalInput(view, start), endsAt: toLocalInput(view, end) };
  const typed = { messageId: view.query['message'] ?? '', ...times, audience: 'all', ...typeRate(null) };
  return { typed, faults: {} };
}

function toForm(view: View, mailing: Mailing): FormState {
  const { messageId, firstSendingAt, endsAt, audience, version } = mailing;
  const times = { firstSendingAt: toLocalInput(view, firstSendingAt), endsAt: toLocalInput(view, endsAt) };
  const rate = typeRate(toRate(mailing));
  const typed = { messageId: String(messageId), ...times, audience, ...rate, version: String(version) };
  return { typed, faults: {} };
}

function unknownMessage(typed: Record<string, string>): FormState {
  return { typed, faults: { messageId: { key: 'messageUnknown' } } };
}

/** What was typed, against the version that is saved now: sending it again replaces that one knowingly. */
function overwriteForm(typed: Record<string, string>, mailing: Mailing): FormState {
  return { typed: { ...typed, version: String(mailing.version) }, faults: { form: { key: 'changed' } } };
}

function refuseChange(c: Context<WebEnv>, id: number) {
  return redirectWithFlash(c, `/mailings/${id}`, c.get('view').t('mailings.flash.alreadyStarted'), 'warning');
}
