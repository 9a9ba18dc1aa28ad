import { Hono, type Context } from 'hono';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import { ownersSeenBy } from '../accounts/permissions.js';
import { refuseUnlessPermitted } from '../accounts/permit.js';
import { actorOf } from '../audit/actor.js';
import type { Cache } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import { found, NotFoundError } from '../lib/errors.js';
import {
  emptyForm,
  parseForm,
  readForm,
  readFormList,
  type Fault,
  type Faults,
  type FormState,
  type Parsed,
} from '../lib/form.js';
import { parseId, parseIds, parseVersion } from '../lib/ids.js';
import { parseListQuery } from '../lib/list.js';
import { listMailingsUsingMessage } from '../mailings/mailing-store.js';
import { findRecipient, listRecipients } from '../recipients/recipient-store.js';
import type { Recipient } from '../recipients/recipient.js';
import { redirectWithFlash } from '../ui/flash.js';
import { FOUND_LIMIT } from '../ui/list.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { MessageDeletionPage } from './message-deletion-page.js';
import { MessageFormPage } from './message-form-page.js';
import { MessageListPage, MessagePage, type Preview } from './message-page.js';
import {
  addMessage,
  changeMessage,
  countMessages,
  findMessage,
  findMessageSummaries,
  listMessages,
} from './message-store.js';
import { MESSAGE_SORTS, messageForm, type Message, type MessageSummary, type MessageValues } from './message.js';
import { removeMessages } from './remove-messages.js';
import { compileMessage, RenderError, renderMessage, type Addressee, type TemplateFault } from './render-message.js';

interface MessageDeps {
  db: Database;
  cache: Cache;
}

export function messageRoutes({ db, cache }: MessageDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const list = parseListQuery(view.query, MESSAGE_SORTS, '-updated');
    const [page, count] = await Promise.all([
      listMessages(db, ownerId, list),
      countMessages(db, ownerId, list.search, FOUND_LIMIT),
    ]);
    return c.html(<MessageListPage view={view} list={list} page={page} count={count} />);
  });

  routes.get('/new', (c) => c.html(<MessageFormPage view={c.get('view')} form={emptyForm} />));

  routes.post('/', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const parsed = parseMessage(view, typed);
    if (!parsed.ok) return c.html(<MessageFormPage view={view} form={{ typed, faults: parsed.faults }} />, 422);
    const id = await addMessage(db, signedIn(view).id, parsed.values);
    return redirectWithFlash(c, `/messages/${id}`, view.t('messages.flash.added'));
  });

  routes.get('/deletion', async (c) => {
    const ids = parseIds(new URL(c.req.url).searchParams.getAll('ids'));
    const messages = await findMessageSummaries(db, signedIn(c.get('view')).id, ids);
    if (messages.length === 0)
      return redirectWithFlash(c, '/messages', c.get('view').t('messages.flash.noneSelected'), 'warning');
    return answerDeletion(c, messages);
  });

  routes.post('/deletion', async (c) => {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const ids = parseIds(await readFormList(c, 'ids'));
    const deleted = await removeMessages(db, actorOf(c), ownerId, ids);
    if (deleted.ok)
      return redirectWithFlash(c, '/messages', view.t('messages.flash.deleted', { count: deleted.count }));
    return answerDeletion(c, await findMessageSummaries(db, ownerId, ids), 409);
  });

  routes.get('/:id', async (c) => {
    const view = c.get('view');
    const message = await findVisible(view, c.req.param('id'));
    const { ownerId } = message;
    const owner = await findOtherOwner(db, view, ownerId);
    const { rows } = await listRecipients(db, ownerId, { search: '', sort: 'created', descending: true, cursor: null });
    const asked = parseId(view.query['as']);
    const chosen = asked === undefined ? rows[0] : found(await findRecipient(db, ownerId, asked));
    const addressees = chosen && !rows.some(({ id }) => id === chosen.id) ? [chosen, ...rows] : rows;
    return c.html(
      <MessagePage
        view={view}
        message={message}
        owner={owner}
        preview={await previewLetter(cache, view, message, chosen)}
        addressees={addressees}
      />,
    );
  });

  routes.get('/:id/edit', async (c) => {
    const view = c.get('view');
    const message = await findByPath(view, c.req.param('id'));
    return c.html(<MessageFormPage view={view} form={toForm(message)} message={message} />);
  });

  routes.post('/:id', async (c) => {
    const view = c.get('view');
    const message = await findByPath(view, c.req.param('id'));
    const typed = await readForm(c);
    const parsed = parseMessage(view, typed);
    if (!parsed.ok)
      return c.html(<MessageFormPage view={view} form={{ typed, faults: parsed.faults }} message={message} />, 422);
    const version = parseVersion(typed['version']);
    const saved = await changeMessage(db, signedIn(view).id, message.id, version, parsed.values);
    if (saved.ok) return redirectWithFlash(c, `/messages/${message.id}`, view.t('messages.flash.changed'));
    if (saved.fault === 'gone') throw new NotFoundError();
    // Read again: it may have been saved between the first reading and the attempt.
    const current = await findByPath(view, c.req.param('id'));
    return c.html(<MessageFormPage view={view} form={overwriteForm(typed, current)} message={current} conflict />, 409);
  });

  routes.get('/:id/deletion', async (c) => {
    const { id, ownerId } = await findByPath(c.get('view'), c.req.param('id'));
    return answerDeletion(c, await findMessageSummaries(db, ownerId, [id]));
  });

  async function answerDeletion(c: Context<WebEnv>, messages: MessageSummary[], status: 200 | 409 = 200) {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const waiting = await Promise.all(messages.map(({ id }) => listMailingsUsingMessage(db, ownerId, id)));
    return c.html(<MessageDeletionPage view={view} messages={messages} waiting={waiting.flat()} />, status);
  }

  async function findVisible(view: View, id: string): Promise<Message> {
    const parsed = parseId(id);
    return found(parsed && (await findMessage(db, ownersSeenBy(signedIn(view)), parsed)));
  }

  async function findByPath(view: View, id: string): Promise<Message> {
    const message = await findVisible(view, id);
    refuseUnlessPermitted(view, 'things.change', message);
    return message;
  }

  return routes;
}

/** The form's own rules first, then whether the texts can be filled in. */
function parseMessage(view: View, typed: Record<string, string>): Parsed<MessageValues> {
  const parsed = parseForm(messageForm, typed);
  if (!parsed.ok) return parsed;
  const compiled = compileMessage(parsed.values);
  if (compiled.ok) return parsed;
  const faults: Faults = {};
  for (const [field, fault] of Object.entries(compiled.faults)) faults[field] = toFormFault(view, fault);
  return { ok: false, faults };
}

function toFormFault(view: View, { reason, line, what }: TemplateFault): Fault {
  return { key: 'template', detail: view.t(`messages.faults.${reason}`, { line, what }) };
}

async function previewLetter(
  cache: Cache,
  view: View,
  { subject, body }: Message,
  recipient: Recipient | undefined,
): Promise<Preview> {
  const name = view.t('messages.preview.sampleName');
  const sample = { email: 'anna@example.com', name, attributes: {} };
  const { email, name: called, attributes } = recipient ?? sample;
  const message = { subject, body };
  const addressee = { email, name: called, attributes };
  // 0.3 ms for an ordinary message, 0.2 s for one that goes up to the limits. It may ask for the time of day.
  const minute = Math.floor(view.now.getTime() / 60_000);
  const entry = { name: 'message preview', input: [message, addressee, minute] };
  const letter = await cache.derive(entry, async () => renderPreview(message, addressee));
  return { as: recipient?.id ?? null, email, name: called, letter };
}

function renderPreview(message: { subject: string; body: string }, addressee: Addressee): Preview['letter'] {
  const compiled = compileMessage(message);
  if (!compiled.ok) return null;
  try {
    return renderMessage(compiled.message, addressee);
  } catch (error) {
    if (error instanceof RenderError) return null;
    throw error;
  }
}

function toForm({ subject, body, version }: Message): FormState {
  return { typed: { subject, body, version: String(version) }, faults: {} };
}

/** What was typed, against the version that is saved now: sending it again replaces that one knowingly. */
function overwriteForm(typed: Record<string, string>, message: Message): FormState {
  return { typed: { ...typed, version: String(message.version) }, faults: { form: { key: 'changed' } } };
}
