import type { Child } from 'hono/jsx';

import type { JournalAttempt, JournalPage } from '../delivery/attempt-journal.js';
import { PAGE_SIZE, type ListQuery } from '../lib/list.js';
import { formatDateTime, formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, listHref, Pager, SortHeader } from '../ui/list.js';
import { ReadOnlyMark } from '../ui/oversight-list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import { ChosenOwner, OwnerCell, type OwnerChoice } from '../ui/owner-filter.js';
import { OwnerNotice, type OwnerName } from '../ui/owner-notice.js';
import { pathOf, type View } from '../ui/view.js';
import { AttemptExports, AttemptSearchForm } from './attempt-search-form.js';
import { hasFaults, isNarrowed, type AttemptSearch } from './attempt-search.js';
import { Reply } from './attempt-table.js';
import { AttemptsRemoved } from './attempts-removed.js';
import { OutcomeBadge } from './mailing-parts.js';
import { MailingTabs } from './mailing-tabs.js';
import type { Mailing } from './mailing.js';

/** Whose attempts the journal shows. */
export type JournalPlace =
  | { kind: 'own' }
  | { kind: 'oversight'; choice: OwnerChoice }
  /** `owner`: whose the mailing is, where it is somebody else's. */
  | { kind: 'mailing'; mailing: Mailing; owner: OwnerName | undefined };

export interface JournalProps {
  view: View;
  place: JournalPlace;
  search: AttemptSearch;
  list: ListQuery;
  journal: JournalPage;
  /** By mailing id. */
  subjects: Map<number, string>;
  owners: Map<number, OwnerName>;
  /** Of all pages, where the books have it. */
  count: number | null;
  /** Of the whole scope, by the books. */
  atMost: number;
  /** Older attempts were removed. */
  keptFrom: Date | null;
}

export function AttemptListPage(props: JournalProps) {
  const { view, place, search, journal, count, atMost } = props;
  const isEmpty = journal.page.rows.length === 0 && !isNarrowed(search) && count === 0 && !view.query['owner'];
  const isRemoved = areAllRemoved(props);
  return (
    <Frame
      view={view}
      place={place}
      hasExports={!isEmpty && !isRemoved && !hasFaults(search)}
      search={search}
      atMost={count ?? atMost}
    >
      {isEmpty ? <NoAttempts {...props} /> : <Journal {...props} />}
    </Frame>
  );
}

interface FrameProps extends Pick<JournalProps, 'view' | 'place' | 'search' | 'atMost'> {
  hasExports: boolean;
  children?: Child;
}

function Frame({ view, place, search, atMost, hasExports, children }: FrameProps) {
  const exports = hasExports && <AttemptExports view={view} search={search} atMost={atMost} />;
  switch (place.kind) {
    case 'own':
      return (
        <Layout view={view} title={view.t('journal.title')} actions={exports}>
          {children}
        </Layout>
      );
    case 'oversight': {
      const actions = (
        <>
          <ReadOnlyMark view={view} />
          {exports}
        </>
      );
      return (
        <Layout
          view={view}
          title={view.t('oversight.attempts.title')}
          actions={actions}
          tabs={<OversightTabs view={view} />}
        >
          {children}
        </Layout>
      );
    }
    case 'mailing': {
      const { mailing, owner } = place;
      return (
        <Layout
          view={view}
          title={view.t('journal.ofMailing')}
          actions={exports}
          back={{ href: `/mailings/${mailing.id}`, label: mailing.subject }}
          tabs={<MailingTabs view={view} mailing={mailing} current="attempts" />}
          overseen={owner !== undefined}
        >
          <OwnerNotice view={view} owner={owner} />
          {children}
        </Layout>
      );
    }
  }
}

function NoAttempts({ view, place, keptFrom }: JournalProps) {
  const text = place.kind === 'mailing' && place.mailing.status === 'created' ? 'notStarted' : 'emptyText';
  return (
    <>
      <EmptyState icon="envelope" title={view.t('journal.empty')} text={view.t(`journal.${text}`)} />
      <AttemptsRemoved view={view} keptFrom={keptFrom} />
    </>
  );
}

function Journal(props: JournalProps) {
  const { view, place, search, list, journal, keptFrom } = props;
  const choice = place.kind === 'oversight' ? place.choice : undefined;
  if (hasFaults(search)) return <AttemptSearchForm view={view} search={search} choice={choice} />;
  const { page, brokenOffAt } = journal;
  return (
    <>
      <AttemptSearchForm view={view} search={search} choice={choice} />
      {choice && <ChosenOwner view={view} choice={choice} />}
      <AttemptsRemoved view={view} keptFrom={keptFrom} />
      <p class="list-count" role="status">
        <Found {...props} />
      </p>
      {page.rows.length === 0 && brokenOffAt === null && <NoRows {...props} choice={choice} />}
      {page.rows.length > 0 && <JournalTable {...props} />}
      {brokenOffAt && <BrokenOff view={view} list={list} journal={journal} at={brokenOffAt} />}
      <Pager view={view} page={page} />
    </>
  );
}

function NoRows(props: JournalProps & { choice: OwnerChoice | undefined }) {
  const { view, choice } = props;
  if (!areAllRemoved(props)) return <NothingFound view={view} choice={choice} />;
  return <EmptyState icon="envelope" title={view.t('journal.allRemoved')} text={view.t('journal.allRemovedText')} />;
}

/** There were some, by the books, and nothing was searched for: it is not the conditions that leave nothing. */
function areAllRemoved({ search, list, journal, count, keptFrom }: JournalProps): boolean {
  const { page, brokenOffAt } = journal;
  const isNothing = page.rows.length === 0 && brokenOffAt === null && list.cursor === null;
  return isNothing && keptFrom !== null && count !== null && count > 0 && !isNarrowed(search);
}

/** The number of all where the books have it; otherwise that of a search which a single page shows whole. */
function Found({ view, list, journal, count }: JournalProps) {
  const { page, brokenOffAt } = journal;
  if (count !== null) return <>{view.t('journal.total', { count, number: formatNumber(view, count) })}</>;
  const isWhole = list.cursor === null && page.after === null && brokenOffAt === null;
  if (isWhole) return <>{view.t('common.list.found', { count: page.rows.length })}</>;
  if (page.rows.length === PAGE_SIZE && brokenOffAt === null)
    return <>{view.t('common.list.foundOver', { limit: formatNumber(view, PAGE_SIZE) })}</>;
  return <>{view.t('journal.onThisPage', { count: page.rows.length })}</>;
}

interface BrokenOffProps extends Pick<JournalProps, 'view' | 'list' | 'journal'> {
  at: Date;
}

/** Says how far the search looked, and leads on. */
function BrokenOff({ view, list, journal: { page }, at }: BrokenOffProps) {
  const isBackwards = list.cursor?.direction === 'before';
  const href = isBackwards ? listHref(view, { before: page.before }) : listHref(view, { after: page.after });
  const time = formatDateTime(view, at);
  const isIntoPast = list.descending !== isBackwards;
  return (
    <div class="notice journal-broken-off">
      <p>{view.t(isIntoPast ? 'journal.lookedBack' : 'journal.lookedAhead', { time })}</p>
      <p class="text-body-secondary">{view.t('journal.lookHint')}</p>
      <a class="btn btn-outline-secondary" href={href}>
        {view.t('journal.lookFurther')}
      </a>
    </div>
  );
}

function NothingFound({ view, choice }: { view: View; choice: OwnerChoice | undefined }) {
  const isUnknown = choice !== undefined && choice.typed !== '' && choice.owner === undefined;
  return (
    <EmptyState
      icon="search"
      title={view.t(isUnknown ? 'common.oversight.ownerUnknown' : 'common.list.nothingFound')}
      text={view.t(isUnknown ? 'common.oversight.ownerUnknownText' : 'journal.nothingFoundText')}
    >
      <a class="btn btn-outline-secondary" href={pathOf(view)}>
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}

function JournalTable({ view, place, list, journal, subjects, owners }: JournalProps) {
  return (
    <div class="table-frame">
      <table class="table list-table attempt-table">
        <thead>
          <tr>
            <SortHeader view={view} list={list} sort="time">
              {view.t('mailings.attempts.time')}
            </SortHeader>
            <th scope="col">{view.t('mailings.attempts.address')}</th>
            {place.kind !== 'mailing' && <th scope="col">{view.t('oversight.attempts.mailing')}</th>}
            {place.kind === 'oversight' && <th scope="col">{view.t('common.oversight.owner')}</th>}
            <th scope="col">{view.t('mailings.attempts.outcome')}</th>
            <th scope="col">{view.t('mailings.attempts.reply')}</th>
          </tr>
        </thead>
        <tbody>
          {journal.page.rows.map((attempt) => (
            <JournalRow
              view={view}
              place={place}
              attempt={attempt}
              subject={subjects.get(attempt.mailingId) ?? ''}
              owner={owners.get(attempt.ownerId)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface JournalRowProps extends Pick<JournalProps, 'view' | 'place'> {
  attempt: JournalAttempt;
  subject: string;
  owner: OwnerName | undefined;
}

function JournalRow({ view, place, attempt, subject, owner }: JournalRowProps) {
  const { mailingId, deliveryId, address, startedAt, outcome } = attempt;
  return (
    <tr>
      <td data-label={view.t('mailings.attempts.time')} class="cell-time">
        {formatTimeWithSeconds(view, startedAt)}
      </td>
      <td data-label={view.t('mailings.attempts.address')}>
        <a class="row-link" href={`/mailings/${mailingId}/deliveries/${deliveryId}`}>
          <bdi>{address}</bdi>
        </a>
      </td>
      {place.kind !== 'mailing' && (
        <td data-label={view.t('oversight.attempts.mailing')} class="cell-clip">
          <a href={`/mailings/${mailingId}`}>
            <bdi>{subject}</bdi>
          </a>
        </td>
      )}
      {place.kind === 'oversight' && <OwnerCell view={view} owner={owner} />}
      <td data-label={view.t('mailings.attempts.outcome')}>
        <OutcomeBadge view={view} outcome={outcome} />
      </td>
      <td data-label={view.t('mailings.attempts.reply')}>
        <Reply view={view} attempt={attempt} />
      </td>
    </tr>
  );
}
