import type { Child } from 'hono/jsx';

import type { MailingDomain } from '../delivery/mailing-summary.js';
import type { ListQuery } from '../lib/list.js';
import { ShareBar } from '../ui/chart.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { describeSort, listHref } from '../ui/list.js';
import { formatShare } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { countUnsent, sortDomains, type DomainSort } from './report.js';

interface DomainsProps {
  view: View;
  mailingId: number;
  list: ListQuery<DomainSort>;
  domains: MailingDomain[];
}

/** So many are a page of paper. */
const FIRST = 20;

/** What became of the recipients at each domain. */
export function ReportDomains({ view, mailingId, list, domains }: DomainsProps) {
  const sorted = sortDomains(domains, list.sort, list.descending);
  const named = sorted.filter(({ domain }) => domain !== '');
  const isAll = view.query['domains'] === 'all';
  const hidden = isAll ? 0 : Math.max(named.length - FIRST, 0);
  const shown = hidden === 0 ? sorted : [...named.slice(0, FIRST), ...sorted.filter(({ domain }) => domain === '')];
  return (
    <section class="report-section" id="domains">
      <h2>{view.t('report.domains.title')}</h2>
      <div class="table-frame">
        <table class="table list-table report-domains">
          <DomainHead view={view} list={list} />
          <tbody>
            {shown.map((domain) => (
              <DomainRow view={view} mailingId={mailingId} domain={domain} />
            ))}
          </tbody>
        </table>
      </div>
      <MoreDomains view={view} hidden={hidden} isAll={isAll && named.length > FIRST} />
      {domains.some((domain) => countUnsent(domain) > 0) && (
        <p class="report-note">{view.t('report.domains.unsentHint')}</p>
      )}
    </section>
  );
}

function MoreDomains({ view, hidden, isAll }: { view: View; hidden: number; isAll: boolean }) {
  if (hidden === 0 && !isAll) return null;
  const number = formatNumber(view, hidden);
  return (
    <p class="report-more">
      <a href={`${listHref(view, { domains: isAll ? null : 'all' })}#domains`}>
        {isAll ? view.t('report.domains.fewer') : view.t('report.domains.more', { count: hidden, number })}
      </a>
    </p>
  );
}

function DomainHead({ view, list }: Pick<DomainsProps, 'view' | 'list'>) {
  return (
    <thead>
      <tr>
        <SortedHeader view={view} list={list} sort="domain">
          {view.t('report.domains.domain')}
        </SortedHeader>
        <SortedHeader view={view} list={list} sort="audience">
          {view.t('report.domains.audience')}
        </SortedHeader>
        <SortedHeader view={view} list={list} sort="accepted">
          {view.t('report.domains.accepted')}
        </SortedHeader>
        <SortedHeader view={view} list={list} sort="refused">
          {view.t('report.domains.rejected')}
        </SortedHeader>
        <th scope="col" class="cell-number">
          {view.t('report.domains.inDoubt')}
        </th>
        <th scope="col" class="cell-number">
          {view.t('report.domains.unsent')}
        </th>
      </tr>
    </thead>
  );
}

interface SortedHeaderProps {
  view: View;
  list: ListQuery<DomainSort>;
  sort: DomainSort;
  children?: Child;
}

/** Of figures the largest come first, of names the first; and a press leads back to the table, not to the top of the page. */
function SortedHeader({ view, list, sort, children }: SortedHeaderProps) {
  const isCurrent = list.sort === sort;
  const descending = isCurrent ? !list.descending : sort !== 'domain';
  return (
    <th scope="col" class={sort === 'domain' ? '' : 'cell-number'} {...describeSort(list, [sort])}>
      <a class="sort-link" href={`${listHref(view, { sort: descending ? `-${sort}` : sort })}#domains`}>
        {children}
        {isCurrent && <Icon name={list.descending ? 'chevron-down' : 'chevron-up'} />}
      </a>
    </th>
  );
}

function DomainRow({ view, mailingId, domain }: { view: View; mailingId: number; domain: MailingDomain }) {
  const { audience, accepted, rejected, inDoubt } = domain;
  return (
    <tr>
      <th scope="row">
        {domain.domain === '' ? view.t('report.domains.others') : <bdi class="report-domain">{domain.domain}</bdi>}
      </th>
      <td data-label={view.t('report.domains.audience')} class="cell-number">
        {formatNumber(view, audience)}
      </td>
      <td data-label={view.t('report.domains.accepted')} class="cell-number">
        <div class="cell-bar">
          <CountAndShare view={view} count={accepted} whole={audience} />
          <ShareBar value={accepted} largest={audience} kind="accepted" />
        </div>
      </td>
      <PartCell view={view} label="rejected" count={rejected} domain={domain} href={journalHref(mailingId, domain)} />
      <PartCell view={view} label="inDoubt" count={inDoubt} domain={domain} />
      <PartCell view={view} label="unsent" count={countUnsent(domain)} domain={domain} />
    </tr>
  );
}

/** What was said there is in the journal of attempts. */
function journalHref(mailingId: number, { domain }: MailingDomain): string | undefined {
  if (domain === '') return undefined;
  const filter = new URLSearchParams({ outcome: 'rejected', address: `@${domain}` });
  return `/mailings/${mailingId}/attempts?${filter.toString()}`;
}

interface PartCellProps {
  view: View;
  label: 'rejected' | 'inDoubt' | 'unsent';
  count: number;
  domain: MailingDomain;
  href?: string | undefined;
}

function PartCell({ view, label, count, domain, href }: PartCellProps) {
  const figure = <CountAndShare view={view} count={count} whole={domain.audience} />;
  return (
    <td data-label={view.t(`report.domains.${label}`)} class={count === 0 ? 'cell-number cell-zero' : 'cell-number'}>
      {href !== undefined && count > 0 ? <a href={href}>{figure}</a> : figure}
    </td>
  );
}

/** A figure, and its share where there is anything to share. */
export function CountAndShare({ view, count, whole }: { view: View; count: number; whole: number }) {
  return (
    <span class="count-share">
      {formatNumber(view, count)} {count > 0 && <small>{formatShare(view, count, whole)}</small>}
    </span>
  );
}
