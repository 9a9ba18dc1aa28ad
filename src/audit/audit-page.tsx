import { may } from '../accounts/permissions.js';
import type { ListQuery, Page } from '../lib/list.js';
import { formatTimeWithSeconds } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, Filter, FoundCount, Pager, SearchBar, SortHeader } from '../ui/list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { AUDIT_ACTIONS, AUDIT_DETAILS, type AuditDetails, type SubjectType, type WrittenEntry } from './audit.js';

interface AuditPageProps {
  view: View;
  list: ListQuery;
  page: Page<WrittenEntry>;
  found: number;
}

export function AuditPage(props: AuditPageProps) {
  const { view, list, page, found } = props;
  return (
    <Layout
      view={view}
      title={view.t('audit.title')}
      actions={found > 0 && <ExportButton view={view} />}
      tabs={<OversightTabs view={view} />}
    >
      <SearchBar view={view} list={list} label={view.t('audit.search')}>
        <Filter
          view={view}
          name="action"
          label={view.t('audit.anyAction')}
          options={AUDIT_ACTIONS.map((value) => ({ value, label: view.t(`audit.actions.${value}`) }))}
        />
        <DayField view={view} name="from" label={view.t('audit.from')} />
        <DayField view={view} name="until" label={view.t('audit.until')} />
      </SearchBar>
      <p class="list-count" role="status">
        <FoundCount view={view} count={found} />
      </p>
      {page.rows.length === 0 ? <NothingFound view={view} /> : <AuditTable {...props} />}
      <Pager view={view} page={page} />
    </Layout>
  );
}

function DayField({ view, name, label }: { view: View; name: string; label: string }) {
  return (
    <label class="day-field">
      <span>{label}</span>
      <input class="form-control" type="date" name={name} value={view.query[name] ?? ''} />
    </label>
  );
}

/** Exports what the page shows: the same filters go along. */
function ExportButton({ view }: { view: View }) {
  return (
    <form method="post" action="/oversight/audit/export">
      {['q', 'action', 'from', 'until'].map((name) => (
        <input type="hidden" name={name} value={view.query[name] ?? ''} />
      ))}
      <button class="btn btn-outline-secondary" type="submit" data-download>
        <Icon name="download" />
        {view.t('audit.export')}
      </button>
    </form>
  );
}

function NothingFound({ view }: { view: View }) {
  return (
    <EmptyState icon="search" title={view.t('common.list.nothingFound')} text={view.t('common.list.nothingFoundText')}>
      <a class="btn btn-outline-secondary" href="/oversight/audit">
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function AuditTable({ view, list, page }: AuditPageProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <SortHeader view={view} list={list} sort="at">
              {view.t('audit.columns.at')}
            </SortHeader>
            <th scope="col">{view.t('audit.columns.action')}</th>
            <th scope="col">{view.t('audit.columns.actor')}</th>
            <th scope="col">{view.t('audit.columns.subject')}</th>
            <th scope="col">{view.t('audit.columns.reason')}</th>
            <th scope="col">{view.t('audit.columns.address')}</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((entry) => (
            <AuditRow view={view} entry={entry} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AuditRow({ view, entry }: { view: View; entry: WrittenEntry }) {
  const { at, action, reason, details, address, userAgent } = entry;
  return (
    <tr>
      <td data-label={view.t('audit.columns.at')} class="cell-time">
        {formatTimeWithSeconds(view, at)}
      </td>
      <td data-label={view.t('audit.columns.action')}>{view.t(`audit.actions.${action}`)}</td>
      <td data-label={view.t('audit.columns.actor')}>
        <bdi>{describeActor(view, entry)}</bdi>
      </td>
      <td data-label={view.t('audit.columns.subject')}>
        <Subject view={view} entry={entry} />
      </td>
      <td data-label={view.t('audit.columns.reason')}>
        <bdi>{[reason, describeDetails(view, details)].filter(Boolean).join(' · ') || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('audit.columns.address')}>
        <span title={userAgent}>{address || view.t('common.none')}</span>
      </td>
    </tr>
  );
}

/** A link where there is a page; the thing itself may be gone by now. */
function Subject({ view, entry: { action, subject, subjectType, subjectId } }: { view: View; entry: WrittenEntry }) {
  if (subject === null) return <>{view.t('common.none')}</>;
  const isLinked = subjectId !== null && subjectType !== null && !action.endsWith('.deleted');
  if (!isLinked || !mayOpen(view, subjectType)) return <bdi>{subject}</bdi>;
  return (
    <a href={`${PLACES[subjectType]}/${subjectId}`}>
      <bdi>{subject}</bdi>
    </a>
  );
}

const PLACES = {
  user: '/oversight/users',
  mailing: '/mailings',
  message: '/messages',
  recipient: '/recipients',
  relay: '/oversight/relays',
  domain: '/oversight/relays',
};

/** The log is for managers, mail servers are for administrators. */
function mayOpen({ user }: View, subjectType: SubjectType): boolean {
  return subjectType !== 'relay' || may(user, 'mailServers.manage');
}

/** Who typed one of the two words to sign in with came from an address. */
function describeActor(view: View, { actor, address }: WrittenEntry): string {
  const isWord = address === '' && (actor === 'terminal' || actor === 'vestnik');
  return isWord ? view.t(`audit.actors.${actor}`) : actor;
}

function describeDetails(view: View, details: AuditDetails): string {
  return AUDIT_DETAILS.filter((name) => details[name] !== undefined)
    .map((name) => `${view.t(`audit.details.${name}`)}: ${describeDetail(view, name, details)}`)
    .join(', ');
}

/** Of what was changed there are the names of several fields. */
function describeDetail(view: View, name: keyof AuditDetails, details: AuditDetails): string {
  const value = details[name];
  if (name !== 'changed' || typeof value !== 'string') return describeValue(view, value);
  return value
    .split(', ')
    .map((field) => describeValue(view, field))
    .join(', ');
}

const WORDS = [
  ...(['user', 'manager', 'administrator'] as const),
  ...(['open', 'invitation', 'closed', 'forever'] as const),
  ...(['wrong', 'unconfirmed', 'blocked', 'throttled', 'code'] as const),
  ...(['name', 'host', 'port', 'tls', 'verifyCertificate', 'auth', 'userName', 'secret'] as const),
  ...(['weight', 'connections', 'rate'] as const),
];

/** Roles and the like are stored as the program's words. */
function describeValue(view: View, value: string | number | undefined): string {
  const word = WORDS.find((name) => name === value);
  return word ? view.t(`audit.words.${word}`) : String(value);
}
