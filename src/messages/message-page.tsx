import type { ListQuery, Page } from '../lib/list.js';
import { formatDateTime } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import {
  EmptyState,
  FOUND_LIMIT,
  FoundCount,
  listHref,
  Pager,
  SearchBar,
  SelectCell,
  SelectHeader,
  SortHeader,
} from '../ui/list.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import type { Message, MessageSummary } from './message.js';

interface MessageListProps {
  view: View;
  list: ListQuery;
  page: Page<MessageSummary>;
  /** How many match the search, counted up to the limit of lists. */
  count: number;
}

export function MessageListPage({ view, list, page, count }: MessageListProps) {
  const isEmpty = count === 0 && list.search === '';
  return (
    <Layout view={view} title={view.t('messages.list.title')} actions={!isEmpty && <AddButton view={view} />}>
      {isEmpty ? (
        <EmptyState icon="file-text" title={view.t('messages.empty.title')} text={view.t('messages.empty.text')}>
          <AddButton view={view} />
        </EmptyState>
      ) : (
        <>
          <SearchBar view={view} list={list} label={view.t('messages.list.search')} />
          <p class="list-count" role="status">
            {list.search === '' && count <= FOUND_LIMIT ? (
              view.t('messages.list.total', { count })
            ) : (
              <FoundCount view={view} count={count} />
            )}
          </p>
          {page.rows.length === 0 ? <NothingFound view={view} /> : <MessageTable view={view} list={list} page={page} />}
        </>
      )}
    </Layout>
  );
}

function AddButton({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/messages/new">
      <Icon name="plus-lg" />
      {view.t('messages.list.add')}
    </a>
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('common.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href={listHref(view, { q: null })}>
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function MessageTable({ view, list, page }: Omit<MessageListProps, 'count'>) {
  return (
    <form method="get" action="/messages/deletion" class="list-form">
      <div class="table-frame">
        <table class="table list-table">
          <thead>
            <tr>
              <SelectHeader view={view} />
              <SortHeader view={view} list={list} sort="subject">
                {view.t('messages.subject')}
              </SortHeader>
              <th scope="col">{view.t('messages.body')}</th>
              <SortHeader view={view} list={list} sort="updated">
                {view.t('messages.updated')}
              </SortHeader>
            </tr>
          </thead>
          <tbody>
            {page.rows.map((message) => (
              <MessageRow view={view} message={message} />
            ))}
          </tbody>
        </table>
      </div>
      <div class="list-foot">
        <button class="btn btn-outline-danger btn-sm" type="submit" data-needs-selection>
          {view.t('messages.list.deleteSelected')} <span data-selected-count></span>
        </button>
        <Pager view={view} page={page} />
      </div>
    </form>
  );
}

function MessageRow({ view, message }: { view: View; message: MessageSummary }) {
  const { id, subject, excerpt, updatedAt } = message;
  return (
    <tr>
      <SelectCell view={view} id={id} name={subject} />
      <td data-label={view.t('messages.subject')}>
        <a class="row-link" href={`/messages/${id}`}>
          <bdi>{subject}</bdi>
        </a>
      </td>
      <td data-label={view.t('messages.body')} class="cell-clip">
        <bdi>{excerpt}</bdi>
      </td>
      <td data-label={view.t('messages.updated')} class="cell-time">
        {formatDateTime(view, updatedAt)}
      </td>
    </tr>
  );
}

/** A letter as one recipient would get it. */
export interface Preview {
  /** The recipient's id; null for the made-up one of an owner without recipients. */
  as: number | null;
  email: string;
  name: string;
  /** Null where the message cannot be filled in for this recipient. */
  letter: { subject: string; text: string } | null;
}

interface MessagePageProps {
  view: View;
  message: Message;
  /** Whose it is, where it is somebody else's. */
  owner: OwnerName | undefined;
  preview: Preview;
  /** Whose view may be chosen. */
  addressees: { id: number; email: string; name: string }[];
}

export function MessagePage({ view, message, owner, preview, addressees }: MessagePageProps) {
  const { subject, body, createdAt, updatedAt } = message;
  return (
    <Layout
      view={view}
      title={subject}
      back={
        owner
          ? { href: '/oversight/messages', label: view.t('oversight.messages.title') }
          : { href: '/messages', label: view.t('messages.list.title') }
      }
      overseen={owner !== undefined}
      actions={!owner && <MessageActions view={view} message={message} />}
    >
      <OwnerNotice view={view} owner={owner} />
      <LetterPreview view={view} preview={preview} addressees={addressees} />
      <section class="card card-body message-source" aria-labelledby="message-source-title">
        <h2 id="message-source-title">{view.t('messages.page.source')}</h2>
        <dl class="facts">
          <dt>{view.t('messages.subject')}</dt>
          <dd>
            <bdi>{subject}</bdi>
          </dd>
          <dt>{view.t('messages.body')}</dt>
          <dd class="text-lines" dir="auto">
            {body}
          </dd>
          <dt>{view.t('messages.created')}</dt>
          <dd>{formatDateTime(view, createdAt)}</dd>
          <dt>{view.t('messages.updated')}</dt>
          <dd>{formatDateTime(view, updatedAt)}</dd>
        </dl>
      </section>
    </Layout>
  );
}

function MessageActions({ view, message: { id } }: { view: View; message: Message }) {
  return (
    <>
      <a class="btn btn-primary" href={`/mailings/new?message=${id}`}>
        <Icon name="send" />
        {view.t('messages.page.newMailing')}
      </a>
      <a class="btn btn-outline-secondary" href={`/messages/${id}/edit`}>
        {view.t('common.edit')}
      </a>
      <a class="btn btn-outline-danger" href={`/messages/${id}/deletion`}>
        {view.t('common.delete')}
      </a>
    </>
  );
}

function LetterPreview({ view, preview, addressees }: Omit<MessagePageProps, 'message' | 'owner'>) {
  const { letter, name, email } = preview;
  return (
    <section class="card letter-preview" aria-labelledby="letter-preview-title">
      <div class="card-header letter-preview-head">
        <h2 id="letter-preview-title">{view.t('messages.preview.title')}</h2>
        {addressees.length > 0 && <AddresseeChoice view={view} chosen={preview.as} addressees={addressees} />}
      </div>
      <div class="card-body">
        <p class="letter-preview-to">
          {view.t('messages.preview.to')} <bdi>{formatAddressee({ name, email })}</bdi>
        </p>
        {letter === null ? (
          <p class="notice notice-warning">{view.t('messages.preview.failed')}</p>
        ) : (
          <>
            <h3 class="letter-preview-subject">
              <bdi>{letter.subject || view.t('messages.preview.noSubject')}</bdi>
            </h3>
            <div class="letter-preview-text text-lines" dir="auto">
              {letter.text}
            </div>
          </>
        )}
        {preview.as === null && <p class="form-text">{view.t('messages.preview.sample')}</p>}
      </div>
    </section>
  );
}

function AddresseeChoice({
  view,
  chosen,
  addressees,
}: {
  view: View;
  chosen: number | null;
  addressees: MessagePageProps['addressees'];
}) {
  return (
    <form method="get" class="letter-preview-choice">
      <select class="form-select form-select-sm" name="as" aria-label={view.t('messages.preview.as')}>
        {addressees.map((addressee) => (
          <option value={String(addressee.id)} selected={addressee.id === chosen}>
            {formatAddressee(addressee)}
          </option>
        ))}
      </select>
      <button class="btn btn-outline-secondary btn-sm" type="submit">
        {view.t('messages.preview.show')}
      </button>
    </form>
  );
}

function formatAddressee({ name, email }: { name: string; email: string }): string {
  return name === '' ? email : `${name} <${email}>`;
}
