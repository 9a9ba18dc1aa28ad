import type { ListQuery, Page } from '../lib/list.js';
import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, FoundCount, listHref, Pager, SearchBar, SortHeader } from '../ui/list.js';
import type { View } from '../ui/view.js';
import { KEPT_LETTERS, type InboxScope, type LetterSummary } from './inbox.js';

interface LetterListProps {
  view: View;
  scope: InboxScope;
  list: ListQuery;
  page: Page<LetterSummary>;
  total: number;
  /** How many match the search; null without one. */
  found: number | null;
}

export function LetterListPage(props: LetterListProps) {
  const { view, scope, list, total } = props;
  return (
    <Layout view={view} title={view.t('inbox.list.title')} actions={<ReloadButton view={view} />}>
      <p class="page-lead">{explain(view, scope)}</p>
      {(total > 0 || list.search !== '') && scope.kind === 'all' && (
        <SearchBar view={view} list={list} label={view.t('inbox.list.search')} />
      )}
      {/* The newest letters come in by themselves; an older page stays as it is. */}
      <div {...(list.cursor === null ? { 'data-live': view.path } : {})}>
        <LetterListPart {...props} />
      </div>
    </Layout>
  );
}

/** What a page that is open loads again. */
export function LetterListPart(props: LetterListProps) {
  const { view, page, total, found } = props;
  if (total === 0) return <NothingYet {...props} />;
  return (
    <>
      <p class="list-count" role="status">
        {found === null ? (
          view.t('inbox.list.total', { count: total, number: formatNumber(view, total) })
        ) : (
          <FoundCount view={view} count={found} />
        )}
      </p>
      {page.rows.length === 0 ? <NothingFound view={view} /> : <LetterTable {...props} />}
    </>
  );
}

function explain(view: View, scope: InboxScope): string {
  if (scope.kind === 'confirmations') return view.t('inbox.list.leadConfirmations', { address: scope.address });
  return view.t('inbox.list.lead', { number: formatNumber(view, KEPT_LETTERS) });
}

function ReloadButton({ view }: { view: View }) {
  return (
    <a class="btn btn-outline-secondary" href={listHref(view, {})}>
      <Icon name="arrow-clockwise" />
      {view.t('inbox.list.reload')}
    </a>
  );
}

function NothingYet({ view, scope }: LetterListProps) {
  return scope.kind === 'all' ? (
    <EmptyState icon="inbox" title={view.t('inbox.empty.title')} text={view.t('inbox.empty.text')} />
  ) : (
    <EmptyState
      icon="inbox"
      title={view.t('inbox.empty.titleConfirmations')}
      text={view.t('inbox.empty.textConfirmations')}
    />
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('inbox.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href="/inbox">
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function LetterTable({ view, list, page }: LetterListProps) {
  return (
    <>
      <div class="table-frame">
        <table class="table list-table">
          <thead>
            <tr>
              <th scope="col">{view.t('inbox.subject')}</th>
              <th scope="col">{view.t('inbox.to')}</th>
              <th scope="col">{view.t('inbox.from')}</th>
              <SortHeader view={view} list={list} sort="received">
                {view.t('inbox.received')}
              </SortHeader>
            </tr>
          </thead>
          <tbody>
            {page.rows.map((letter) => (
              <LetterRow view={view} letter={letter} />
            ))}
          </tbody>
        </table>
      </div>
      <div class="list-foot">
        <Pager view={view} page={page} />
      </div>
    </>
  );
}

function LetterRow({ view, letter }: { view: View; letter: LetterSummary }) {
  const { id, subject, recipients, sender, receivedAt } = letter;
  return (
    <tr>
      <td data-label={view.t('inbox.subject')}>
        <a class="row-link" href={`/inbox/${id}`}>
          <bdi>{subject || view.t('inbox.noSubject')}</bdi>
        </a>
      </td>
      <td data-label={view.t('inbox.to')}>
        <bdi>{nameRecipients(view, recipients)}</bdi>
      </td>
      <td data-label={view.t('inbox.from')}>
        <bdi>{sender || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('inbox.received')}>
        <time datetime={receivedAt.toISOString()}>{formatTimeWithSeconds(view, receivedAt)}</time>
      </td>
    </tr>
  );
}

function nameRecipients(view: View, recipients: string[]): string {
  const [first = view.t('common.none'), ...others] = recipients;
  return others.length === 0 ? first : view.t('inbox.list.andOthers', { first, count: others.length });
}
