import type { ListQuery, Page } from '../lib/list.js';
import { formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { EmptyState, Filter, FOUND_LIMIT, FoundCount, Pager, SearchBar, SelectCell, SelectHeader } from '../ui/list.js';
import type { View } from '../ui/view.js';
import { formatAudience } from './mailing-parts.js';
import type { AudienceMember, AudienceSize, Mailing } from './mailing.js';

interface AudiencePageProps {
  view: View;
  mailing: Mailing;
  list: ListQuery;
  page: Page<AudienceMember>;
  onlyChosen: boolean;
  chosen: AudienceSize;
  /** All recipients of the owner. */
  total: number;
  /** How many match the search; null without one. */
  found: number | null;
}

export function AudiencePage(props: AudiencePageProps) {
  const { view, mailing } = props;
  const back = `/mailings/${mailing.id}`;
  return (
    <Layout
      view={view}
      title={view.t('mailings.audiencePage.title')}
      back={{ href: back, label: mailing.subject }}
      actions={
        <a class="btn btn-primary" href={back}>
          {view.t('mailings.audiencePage.done')}
        </a>
      }
    >
      <AudienceContent {...props} />
    </Layout>
  );
}

function AudienceContent(props: AudiencePageProps) {
  const { view, mailing, total } = props;
  if (total === 0) return <NoRecipients view={view} />;
  if (mailing.audience === 'all') return <Everybody {...props} />;
  return <Choice {...props} />;
}

function NoRecipients({ view }: { view: View }) {
  return (
    <EmptyState
      icon="people"
      title={view.t('mailings.audiencePage.noRecipients')}
      text={view.t('mailings.audiencePage.noRecipientsText')}
    >
      <a class="btn btn-primary" href="/recipients/new">
        {view.t('mailings.start.addRecipient')}
      </a>
    </EmptyState>
  );
}

function Everybody({ view, mailing, total }: AudiencePageProps) {
  return (
    <section class="notice">
      <h2>{view.t('mailings.audiencePage.isAll')}</h2>
      <p>{view.t('mailings.audienceCount', { count: total, number: formatNumber(view, total) })}</p>
      <p>{view.t('mailings.audiencePage.isAllText')}</p>
      <a class="btn btn-outline-secondary" href={`/mailings/${mailing.id}/edit`}>
        {view.t('common.edit')}
      </a>
    </section>
  );
}

function Choice(props: AudiencePageProps) {
  const { view, list, page, chosen, found, onlyChosen } = props;
  return (
    <>
      <p class="list-count" role="status">
        {chosen.count === 0
          ? view.t('mailings.audiencePage.chosenNone')
          : view.t('mailings.audiencePage.chosenCount', { count: chosen.count, number: formatAudience(view, chosen) })}
      </p>
      <SearchBar view={view} list={list} label={view.t('mailings.audiencePage.search')}>
        <Filter
          view={view}
          name="only"
          label={view.t('mailings.audiencePage.everybody')}
          options={[{ value: 'chosen', label: view.t('mailings.audiencePage.onlyChosen') }]}
        />
      </SearchBar>
      {found !== null && !onlyChosen && (
        <p class="list-count">
          <FoundCount view={view} count={found} />
        </p>
      )}
      <AudienceForm {...props} />
      <Pager view={view} page={page} />
    </>
  );
}

/** One form, whose buttons say what to do; the address of the list goes along, to come back to. */
function AudienceForm(props: AudiencePageProps) {
  const { view, mailing, list, page } = props;
  const [, query = ''] = view.path.split('?');
  return (
    <form method="post" action={`/mailings/${mailing.id}/audience`} class="list-form">
      <input type="hidden" name="query" value={query} />
      <input type="hidden" name="q" value={list.search} />
      {page.rows.length === 0 ? (
        <EmptyState
          icon="search"
          title={view.t('common.list.nothingFound')}
          text={view.t('common.list.nothingFoundText')}
        />
      ) : (
        <AudienceTable {...props} />
      )}
      <AudienceButtons {...props} />
    </form>
  );
}

function AudienceTable({ view, page }: AudiencePageProps) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <SelectHeader view={view} />
            <th scope="col">{view.t('mailings.deliveries.address')}</th>
            <th scope="col">{view.t('mailings.deliveries.name')}</th>
            <th scope="col">{view.t('mailings.audiencePage.chosen')}</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((member) => (
            <MemberRow view={view} member={member} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function MemberRow({ view, member }: { view: View; member: AudienceMember }) {
  const { id, email, name, chosen } = member;
  return (
    <tr>
      <SelectCell view={view} id={id} name={email} />
      <td data-label={view.t('mailings.deliveries.address')}>
        <bdi>{email}</bdi>
      </td>
      <td data-label={view.t('mailings.deliveries.name')}>
        <bdi>{name || view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('mailings.audiencePage.chosen')}>
        {chosen ? (
          <span class="badge-state badge-accepted">{view.t('mailings.audiencePage.isChosen')}</span>
        ) : (
          view.t('common.none')
        )}
      </td>
    </tr>
  );
}

function AudienceButtons({ view, mailing, page, onlyChosen, chosen, total, found }: AudiencePageProps) {
  return (
    <div class="list-foot">
      {page.rows.length > 0 && !onlyChosen && (
        <button class="btn btn-primary btn-sm" type="submit" name="act" value="add" data-needs-selection>
          {view.t('mailings.audiencePage.add')} <span data-selected-count></span>
        </button>
      )}
      {!onlyChosen && found !== 0 && (
        <button class="btn btn-outline-primary btn-sm" type="submit" name="act" value="add_found">
          {found === null
            ? view.t('mailings.audiencePage.addAll', { number: formatNumber(view, total) })
            : view.t('mailings.audiencePage.addFound', { number: formatFound(view, found) })}
        </button>
      )}
      {page.rows.length > 0 && chosen.count > 0 && (
        <button class="btn btn-outline-secondary btn-sm" type="submit" name="act" value="remove" data-needs-selection>
          {view.t('mailings.audiencePage.remove')}
        </button>
      )}
      {chosen.count > 0 && (
        <a class="btn btn-link btn-sm" href={`/mailings/${mailing.id}/audience/clearing`}>
          {view.t('mailings.audiencePage.clear')}
        </a>
      )}
    </div>
  );
}

function formatFound(view: View, found: number): string {
  return found > FOUND_LIMIT ? `${formatNumber(view, FOUND_LIMIT)}+` : formatNumber(view, found);
}
