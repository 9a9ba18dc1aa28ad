import type { Child } from 'hono/jsx';

import type { Page } from '../lib/list.js';
import { Icon } from './icon.js';
import { Layout } from './layout.js';
import { EmptyState, Pager } from './list.js';
import { OversightTabs } from './oversight-tabs.js';
import { ChosenOwner, type OwnerChoice } from './owner-filter.js';
import { pathOf, type View } from './view.js';

interface OversightListProps {
  view: View;
  title: string;
  choice: OwnerChoice;
  page: Page<unknown>;
  /** The form that narrows the list down. */
  filters: Child;
  count: Child;
  /** What is told while nobody has anything. */
  empty: { icon: string; title: string; text: string };
  children: Child;
}

/** The frame of a list over everybody's things: it can be looked at and nothing more. */
export function OversightList(props: OversightListProps) {
  const { view, title, choice, page, filters, count, children } = props;
  const isFiltered = ['q', 'owner', 'status', 'outcome'].some((name) => Boolean(view.query[name]));
  const isEmpty = page.rows.length === 0;
  return (
    <Layout view={view} title={title} actions={<ReadOnlyMark view={view} />} tabs={<OversightTabs view={view} />}>
      {isEmpty && !isFiltered ? (
        <EmptyState {...props.empty} />
      ) : (
        <>
          {filters}
          <ChosenOwner view={view} choice={choice} />
          <p class="list-count" role="status">
            {count}
          </p>
          {isEmpty ? <NothingFound view={view} choice={choice} /> : children}
          <Pager view={view} page={page} />
        </>
      )}
    </Layout>
  );
}

export function ReadOnlyMark({ view }: { view: View }) {
  return (
    <span class="read-only-mark">
      <Icon name="eye" />
      {view.t('common.oversight.readOnlyMark')}
    </span>
  );
}

function NothingFound({ view, choice }: { view: View; choice: OwnerChoice }) {
  const isUnknown = choice.typed !== '' && choice.owner === undefined;
  return (
    <EmptyState
      icon="search"
      title={view.t(isUnknown ? 'common.oversight.ownerUnknown' : 'common.list.nothingFound')}
      text={view.t(isUnknown ? 'common.oversight.ownerUnknownText' : 'common.list.nothingFoundText')}
    >
      <a class="btn btn-outline-secondary" href={pathOf(view)}>
        {view.t('common.list.showAll')}
      </a>
    </EmptyState>
  );
}
