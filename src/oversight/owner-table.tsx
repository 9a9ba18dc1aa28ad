import { DifferenceLine } from '../statistics/difference.js';
import { rangeQuery, type Range } from '../statistics/range.js';
import { ShareBar } from '../ui/chart.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { OwnerLink } from '../ui/owner-notice.js';
import { formatShare } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { OWNER_SORTS, type ComparedOwner, type OwnerSort } from './oversight.js';

interface OwnerTableProps {
  view: View;
  owners: ComparedOwner[];
  range: Range;
  sort: OwnerSort;
}

/** The owners beside each other, in the range, by whichever figure matters. */
export function OwnerTable({ view, owners, range, sort }: OwnerTableProps) {
  const largest = Math.max(0, ...owners.map(({ accepted }) => accepted));
  return (
    <section aria-labelledby="owners-title">
      <h2 id="owners-title">{view.t('oversight.owners.title')}</h2>
      <div class="table-frame">
        <table class="table list-table owner-table" aria-labelledby="owners-title">
          <thead>
            <tr>
              <th scope="col">{view.t('common.oversight.owner')}</th>
              {OWNER_SORTS.map((name) => (
                <SortHeader view={view} range={range} name={name} isCurrent={name === sort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {owners.map((owner) => (
              <OwnerRow view={view} compared={owner} largest={largest} />
            ))}
          </tbody>
        </table>
      </div>
      <a class="all-users" href="/oversight/users">
        <Icon name="people" />
        {view.t('oversight.owners.all')}
      </a>
    </section>
  );
}

interface SortHeaderProps {
  view: View;
  range: Range;
  name: OwnerSort;
  isCurrent: boolean;
}

/** The most always come first: nobody asks who did the least. */
function SortHeader({ view, range, name, isCurrent }: SortHeaderProps) {
  return (
    <th
      scope="col"
      class={name === 'last' ? '' : 'cell-number'}
      {...(isCurrent ? { 'aria-sort': 'descending' as const } : {})}
    >
      <a class="sort-link" href={`/oversight?${rangeQuery(range)}&sort=${name}#owners-title`}>
        {view.t(`oversight.owners.${name}`)}
        {isCurrent && <Icon name="chevron-down" />}
      </a>
    </th>
  );
}

function OwnerRow({ view, compared, largest }: { view: View; compared: ComparedOwner; largest: number }) {
  const { owner, accepted, acceptedBefore, unsuccessful, started, recipients, lastStartedAt } = compared;
  return (
    <tr>
      <td data-label={view.t('common.oversight.owner')}>
        <OwnerLink owner={owner} />
      </td>
      <td data-label={view.t('oversight.owners.accepted')} class="cell-number owner-accepted">
        <span>
          <ListLink view={view} number={accepted} href={`/oversight/attempts?outcome=accepted&owner=${owner.id}`} />
          <ShareBar value={accepted} largest={largest} kind="accepted" />
          <DifferenceLine view={view} compared={{ now: accepted, before: acceptedBefore }} />
        </span>
      </td>
      <td data-label={view.t('oversight.owners.unsuccessful')} class="cell-number">
        <span>
          <ListLink
            view={view}
            number={unsuccessful}
            href={`/oversight/attempts?outcome=unsuccessful&owner=${owner.id}`}
          />
          {unsuccessful > 0 && (
            <small class="row-note">
              {view.t('oversight.owners.share', { share: formatShare(view, unsuccessful, accepted + unsuccessful) })}
            </small>
          )}
        </span>
      </td>
      <td data-label={view.t('oversight.owners.started')} class="cell-number">
        <ListLink view={view} number={started} href={`/oversight/mailings?owner=${owner.id}`} />
      </td>
      <td data-label={view.t('oversight.owners.recipients')} class="cell-number">
        <ListLink view={view} number={recipients} href={`/oversight/recipients?owner=${owner.id}`} />
      </td>
      <td data-label={view.t('oversight.owners.last')} class="cell-time">
        {lastStartedAt ? formatDateTime(view, new Date(lastStartedAt)) : view.t('common.none')}
      </td>
    </tr>
  );
}

function ListLink({ view, number, href }: { view: View; number: number; href: string }) {
  return number === 0 ? <span>0</span> : <a href={href}>{formatNumber(view, number)}</a>;
}
