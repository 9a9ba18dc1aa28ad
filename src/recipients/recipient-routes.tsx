import { Hono } from 'hono';

import { findOtherOwner } from '../accounts/find-other-owner.js';
import { ownersSeenBy } from '../accounts/permissions.js';
import { refuseUnlessPermitted } from '../accounts/permit.js';
import { actorOf } from '../audit/actor.js';
import type { Database } from '../lib/database.js';
import { found, NotFoundError } from '../lib/errors.js';
import { emptyForm, parseForm, readForm, readFormList, type FormState } from '../lib/form.js';
import { parseId, parseIds, parseVersion } from '../lib/ids.js';
import { parseListQuery } from '../lib/list.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { redirectWithFlash } from '../ui/flash.js';
import { formatNumber } from '../ui/format.js';
import { FOUND_LIMIT } from '../ui/list.js';
import { signedIn, type View, type WebEnv } from '../ui/view.js';
import { RecipientFormPage, RecipientListPage, RecipientPage } from './recipient-page.js';
import {
  addRecipient,
  changeRecipient,
  countFoundRecipients,
  countRecipients,
  findRecipient,
  findRecipients,
  listRecipients,
} from './recipient-store.js';
import { formatAttributes, RECIPIENT_SORTS, recipientForm, toRecipientValues, type Recipient } from './recipient.js';
import { removeFoundRecipients, removeRecipients } from './remove-recipients.js';

interface RecipientDeps {
  db: Database;
}

export function recipientRoutes({ db }: RecipientDeps): Hono<WebEnv> {
  const routes = new Hono<WebEnv>();

  routes.get('/', async (c) => {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const list = parseListQuery(view.query, RECIPIENT_SORTS, '-created');
    const [page, total, foundCount] = await Promise.all([
      listRecipients(db, ownerId, list),
      countRecipients(db, ownerId),
      list.search === '' ? null : countFoundRecipients(db, ownerId, list.search, FOUND_LIMIT),
    ]);
    return c.html(<RecipientListPage view={view} list={list} page={page} total={total} found={foundCount} />);
  });

  routes.get('/new', (c) => c.html(<RecipientFormPage view={c.get('view')} form={emptyForm} />));

  routes.post('/', async (c) => {
    const view = c.get('view');
    const typed = await readForm(c);
    const parsed = parseForm(recipientForm, typed);
    if (!parsed.ok) return c.html(<RecipientFormPage view={view} form={{ typed, faults: parsed.faults }} />, 422);
    const values = toRecipientValues(parsed.values);
    const saved = await addRecipient(db, signedIn(view).id, values);
    if (!saved.ok)
      return c.html(<RecipientFormPage view={view} form={{ typed, faults: { email: { key: 'emailTaken' } } }} />, 422);
    const next = typed['next'] === 'another' ? '/recipients/new' : '/recipients';
    return redirectWithFlash(c, next, view.t('recipients.flash.added', { email: values.email }));
  });

  routes.get('/deletion', async (c) => {
    const view = c.get('view');
    const ids = parseIds(new URL(c.req.url).searchParams.getAll('ids'));
    const recipients = await findRecipients(db, signedIn(view).id, ids);
    if (recipients.length === 0)
      return redirectWithFlash(c, '/recipients', view.t('recipients.flash.noneSelected'), 'warning');
    return c.html(deletionPage(view, recipients));
  });

  routes.post('/deletion', async (c) => {
    const view = c.get('view');
    const ids = parseIds(await readFormList(c, 'ids'));
    const count = await removeRecipients(db, actorOf(c), signedIn(view).id, ids);
    return redirectWithFlash(c, '/recipients', view.t('recipients.flash.deleted', { count }));
  });

  routes.get('/found/deletion', async (c) => {
    const view = c.get('view');
    const { search } = parseListQuery(view.query, RECIPIENT_SORTS, 'email');
    const count = await countFoundRecipients(db, signedIn(view).id, search, Number.MAX_SAFE_INTEGER - 1);
    if (search === '' || count === 0) throw new NotFoundError();
    return c.html(
      <ConfirmPage
        view={view}
        title={view.t('recipients.deletion.titleMany', { count })}
        cancelHref={`/recipients?q=${encodeURIComponent(search)}`}
        action="/recipients/found/deletion"
        submit={view.t('recipients.deletion.submit', { count })}
        fields={[['q', search]]}
      >
        <p>{view.t('recipients.deletion.foundText', { search, number: formatNumber(view, count) })}</p>
        <p>{view.t('recipients.deletion.keeps')}</p>
      </ConfirmPage>,
    );
  });

  routes.post('/found/deletion', async (c) => {
    const view = c.get('view');
    const { search } = parseListQuery(await readForm(c), RECIPIENT_SORTS, 'email');
    if (search === '') throw new NotFoundError();
    const count = await removeFoundRecipients(db, actorOf(c), signedIn(view).id, search);
    return redirectWithFlash(c, '/recipients', view.t('recipients.flash.deleted', { count }));
  });

  routes.get('/:id', async (c) => {
    const view = c.get('view');
    const recipient = await findVisible(view, c.req.param('id'));
    const owner = await findOtherOwner(db, view, recipient.ownerId);
    return c.html(<RecipientPage view={view} recipient={recipient} owner={owner} />);
  });

  routes.get('/:id/edit', async (c) => {
    const view = c.get('view');
    const recipient = await findByPath(view, c.req.param('id'));
    return c.html(<RecipientFormPage view={view} form={toForm(recipient)} recipient={recipient} />);
  });

  routes.post('/:id', async (c) => {
    const view = c.get('view');
    const { id: ownerId } = signedIn(view);
    const recipient = await findByPath(view, c.req.param('id'));
    const typed = await readForm(c);
    const parsed = parseForm(recipientForm, typed);
    if (!parsed.ok) {
      return c.html(
        <RecipientFormPage view={view} form={{ typed, faults: parsed.faults }} recipient={recipient} />,
        422,
      );
    }
    const version = parseVersion(typed['version']);
    const saved = await changeRecipient(db, ownerId, recipient.id, version, toRecipientValues(parsed.values));
    if (saved.ok) return redirectWithFlash(c, `/recipients/${recipient.id}`, view.t('recipients.flash.changed'));
    if (saved.fault === 'gone') throw new NotFoundError();
    if (saved.fault === 'emailTaken') {
      return c.html(
        <RecipientFormPage
          view={view}
          form={{ typed, faults: { email: { key: 'emailTaken' } } }}
          recipient={recipient}
        />,
        422,
      );
    }
    return c.html(
      <RecipientFormPage view={view} form={overwriteForm(typed, recipient)} recipient={recipient} conflict />,
      409,
    );
  });

  routes.get('/:id/deletion', async (c) => {
    const view = c.get('view');
    return c.html(deletionPage(view, [await findByPath(view, c.req.param('id'))]));
  });

  async function findVisible(view: View, id: string): Promise<Recipient> {
    const parsed = parseId(id);
    return found(parsed && (await findRecipient(db, ownersSeenBy(signedIn(view)), parsed)));
  }

  async function findByPath(view: View, id: string): Promise<Recipient> {
    const recipient = await findVisible(view, id);
    refuseUnlessPermitted(view, 'things.change', recipient);
    return recipient;
  }

  return routes;
}

function deletionPage(view: View, recipients: Recipient[]) {
  const count = recipients.length;
  const [only] = recipients;
  return (
    <ConfirmPage
      view={view}
      title={
        count === 1
          ? view.t('recipients.deletion.titleOne', { email: only?.email })
          : view.t('recipients.deletion.titleMany', { count })
      }
      cancelHref="/recipients"
      action="/recipients/deletion"
      submit={view.t('recipients.deletion.submit', { count })}
      fields={recipients.map(({ id }) => ['ids', String(id)])}
    >
      {count > 1 && (
        <ul class="deletion-list">
          {recipients.map(({ email, name }) => (
            <li>
              <bdi>{email}</bdi> {name !== '' && <bdi class="text-body-secondary">{name}</bdi>}
            </li>
          ))}
        </ul>
      )}
      <p>{view.t('recipients.deletion.goes')}</p>
      <p>{view.t('recipients.deletion.keeps')}</p>
    </ConfirmPage>
  );
}

function toForm(recipient: Recipient): FormState {
  const { email, name, comment, attributes, version } = recipient;
  return {
    typed: { email, name, comment, attributes: formatAttributes(attributes), version: String(version) },
    faults: {},
  };
}

/** What was typed, against the version that is saved now: sending it again replaces that one knowingly. */
function overwriteForm(typed: Record<string, string>, recipient: Recipient): FormState {
  return { typed: { ...typed, version: String(recipient.version) }, faults: { form: { key: 'changed' } } };
}
