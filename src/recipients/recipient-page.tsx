import type { FormState } from '../lib/form.js';
import type { ListQuery, Page } from '../lib/list.js';
import { ConflictNotice, FormActions, FormFaults, TextArea, TextField } from '../ui/form.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, FoundCount, Pager, SearchBar, SelectCell, SelectHeader, SortHeader } from '../ui/list.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { formatAttributes, type Recipient } from './recipient.js';

interface RecipientListProps {
  view: View;
  list: ListQuery;
  page: Page<Recipient>;
  total: number;
  /** How many match the search; null without one. */
  found: number | null;
}

export function RecipientListPage(props: RecipientListProps) {
  const { view, list, page, total, found } = props;
  return (
    <Layout view={view} title={view.t('recipients.list.title')} actions={total > 0 && <AddButton view={view} />}>
      {total === 0 ? (
        <EmptyState icon="people" title={view.t('recipients.empty.title')} text={view.t('recipients.empty.text')}>
          <AddButton view={view} />
        </EmptyState>
      ) : (
        <>
          <SearchBar view={view} list={list} label={view.t('recipients.list.search')} />
          <p class="list-count" role="status">
            {found === null ? (
              view.t('recipients.list.total', { count: total, number: formatNumber(view, total) })
            ) : (
              <FoundCount view={view} count={found} />
            )}
          </p>
          {page.rows.length === 0 ? <NothingFound view={view} /> : <RecipientTable {...props} />}
        </>
      )}
    </Layout>
  );
}

function AddButton({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/recipients/new">
      <Icon name="plus-lg" />
      {view.t('recipients.list.add')}
    </a>
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('common.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href="/recipients">
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function RecipientTable({ view, list, page, found }: RecipientListProps) {
  return (
    <form method="get" action="/recipients/deletion" class="list-form">
      <div class="table-frame">
        <table class="table list-table">
          <thead>
            <tr>
              <SelectHeader view={view} />
              <SortHeader view={view} list={list} sort="email">
                {view.t('recipients.email')}
              </SortHeader>
              <SortHeader view={view} list={list} sort="name">
                {view.t('recipients.name')}
              </SortHeader>
              <th scope="col">{view.t('recipients.comment')}</th>
              <SortHeader view={view} list={list} sort="created">
                {view.t('recipients.created')}
              </SortHeader>
            </tr>
          </thead>
          <tbody>
            {page.rows.map((recipient) => (
              <RecipientRow view={view} recipient={recipient} />
            ))}
          </tbody>
        </table>
      </div>
      <div class="list-foot">
        <button class="btn btn-outline-danger btn-sm" type="submit" data-needs-selection>
          {view.t('common.list.deleteSelected')} <span data-selected-count></span>
        </button>
        {found !== null && (
          <a class="btn btn-link btn-sm" href={`/recipients/found/deletion?q=${encodeURIComponent(list.search)}`}>
            {view.t('recipients.list.deleteFound')}
          </a>
        )}
        <Pager view={view} page={page} />
      </div>
    </form>
  );
}

function RecipientRow({ view, recipient }: { view: View; recipient: Recipient }) {
  const { id, email, name, comment, createdAt } = recipient;
  return (
    <tr>
      <SelectCell view={view} id={id} name={email} />
      <td data-label={view.t('recipients.email')}>
        <a class="row-link" href={`/recipients/${id}`}>
          <bdi>{email}</bdi>
        </a>
      </td>
      <td data-label={view.t('recipients.name')}>
        <bdi>{name || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('recipients.comment')} class="cell-clip">
        <bdi>{comment || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('recipients.created')} class="cell-time">
        {formatDateTime(view, createdAt)}
      </td>
    </tr>
  );
}

interface RecipientPageProps {
  view: View;
  recipient: Recipient;
  /** Whose it is, where it is somebody else's. */
  owner: OwnerName | undefined;
}

export function RecipientPage({ view, recipient, owner }: RecipientPageProps) {
  const { email, name, comment, attributes, createdAt, updatedAt } = recipient;
  return (
    <Layout
      view={view}
      title={email}
      back={
        owner
          ? { href: '/oversight/recipients', label: view.t('oversight.recipients.title') }
          : { href: '/recipients', label: view.t('recipients.list.title') }
      }
      overseen={owner !== undefined}
      actions={!owner && <RecipientActions view={view} recipient={recipient} />}
    >
      <OwnerNotice view={view} owner={owner} />
      <dl class="facts card card-body">
        <dt>{view.t('recipients.email')}</dt>
        <dd>
          <bdi>{email}</bdi>
        </dd>
        <dt>{view.t('recipients.name')}</dt>
        <dd>
          <bdi>{name || view.t('common.none')}</bdi>
        </dd>
        <dt>{view.t('recipients.comment')}</dt>
        <dd class="text-lines">
          <bdi>{comment || view.t('common.none')}</bdi>
        </dd>
        <dt>{view.t('recipients.attributes')}</dt>
        <dd class="text-lines">{formatAttributes(attributes) || view.t('common.none')}</dd>
        <dt>{view.t('recipients.created')}</dt>
        <dd>{formatDateTime(view, createdAt)}</dd>
        <dt>{view.t('recipients.updated')}</dt>
        <dd>{formatDateTime(view, updatedAt)}</dd>
      </dl>
    </Layout>
  );
}

function RecipientActions({ view, recipient: { id } }: { view: View; recipient: Recipient }) {
  return (
    <>
      <a class="btn btn-outline-secondary" href={`/recipients/${id}/edit`}>
        {view.t('common.edit')}
      </a>
      <a class="btn btn-outline-danger" href={`/recipients/${id}/deletion`}>
        {view.t('common.delete')}
      </a>
    </>
  );
}

interface RecipientFormProps {
  view: View;
  form: FormState;
  /** The recipient that is changed; absent for a new one. */
  recipient?: Recipient;
  /** True when it was saved elsewhere after this form was opened. */
  conflict?: boolean;
}

export function RecipientFormPage({ view, form, recipient, conflict = false }: RecipientFormProps) {
  const back = recipient ? `/recipients/${recipient.id}` : '/recipients';
  return (
    <Layout
      view={view}
      title={view.t(recipient ? 'recipients.form.change' : 'recipients.form.add')}
      back={{ href: back, label: recipient?.email ?? view.t('recipients.list.title') }}
      narrow
    >
      {conflict && recipient ? <Conflict view={view} recipient={recipient} /> : <FormFaults view={view} form={form} />}
      <form method="post" action={back} class="card card-body" novalidate data-confirm-leave>
        <input type="hidden" name="version" value={form.typed['version'] ?? ''} />
        <TextField
          view={view}
          form={form}
          name="email"
          type="email"
          label={view.t('recipients.email')}
          autofocus={!recipient}
          autocomplete="off"
        />
        <TextField
          view={view}
          form={form}
          name="name"
          label={view.t('recipients.name')}
          hint={view.t('recipients.form.nameHint', { variable: '{{ name }}' })}
          optional
          autocomplete="off"
        />
        <TextArea
          view={view}
          form={form}
          name="comment"
          label={view.t('recipients.comment')}
          hint={view.t('recipients.form.commentHint')}
          optional
          rows={3}
        />
        <TextArea
          view={view}
          form={form}
          name="attributes"
          label={view.t('recipients.attributes')}
          hint={view.t('recipients.form.attributesHint', { variable: '{{ attributes.city }}' })}
          optional
          rows={3}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('common.save')}
          </button>
          {!recipient && (
            <button class="btn btn-outline-secondary" type="submit" name="next" value="another">
              {view.t('recipients.form.saveAndAdd')}
            </button>
          )}
          <a class="btn btn-link" href={back}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

function Conflict({ view, recipient }: { view: View; recipient: Recipient }) {
  return (
    <ConflictNotice view={view}>
      <dt>{view.t('recipients.email')}</dt>
      <dd>{recipient.email}</dd>
      <dt>{view.t('recipients.name')}</dt>
      <dd>{recipient.name}</dd>
      <dt>{view.t('recipients.comment')}</dt>
      <dd class="text-lines">{recipient.comment}</dd>
      <dt>{view.t('recipients.attributes')}</dt>
      <dd class="text-lines">{formatAttributes(recipient.attributes)}</dd>
    </ConflictNotice>
  );
}
