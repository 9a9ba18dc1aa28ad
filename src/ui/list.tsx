import type { Child } from 'hono/jsx';

import type { ListQuery, Page } from '../lib/list.js';
import { formatNumber } from './format.js';
import { Icon } from './icon.js';
import { pathOf, type View } from './view.js';

/* A list's state lives in its address: q, sort, filters, after or before. */

/** The address of the list with some parameters changed; the page's position is kept only when it is among the changes. */
export function listHref(view: View, changes: Record<string, string | null>): string {
  const path = pathOf(view);
  const { after: _after, before: _before, ...kept } = view.query;
  const parameters = Object.entries({ ...kept, ...changes }).filter((entry): entry is [string, string] =>
    Boolean(entry[1]),
  );
  const query = new URLSearchParams(parameters).toString();
  return query === '' ? path : `${path}?${query}`;
}

interface SearchBarProps {
  view: View;
  list: ListQuery;
  label: string;
  /** Filters beside the search, as selects that the same button applies. */
  children?: Child;
}

export function SearchBar({ view, list, label, children }: SearchBarProps) {
  return (
    <form method="get" class="search-bar" role="search">
      <input class="form-control" type="search" name="q" value={list.search} aria-label={label} placeholder={label} />
      {children}
      {view.query['sort'] && <input type="hidden" name="sort" value={view.query['sort']} />}
      <button class="btn btn-outline-secondary" type="submit">
        <Icon name="search" />
        <span>{view.t('common.list.find')}</span>
      </button>
      {list.search !== '' && (
        <a class="btn btn-link" href={listHref(view, { q: null })}>
          {view.t('common.list.clear')}
        </a>
      )}
    </form>
  );
}

interface FilterProps {
  view: View;
  name: string;
  label: string;
  options: { value: string; label: string }[];
}

export function Filter({ view, name, label, options }: FilterProps) {
  return (
    <select class="form-select" name={name} aria-label={label}>
      <option value="">{label}</option>
      {options.map((option) => (
        <option value={option.value} selected={view.query[name] === option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

interface SelectCellProps {
  view: View;
  id: number;
  name: string;
  /** What it is called in the form. */
  field?: string;
}

/** The tick box of a row; `name` is what a screen reader says it selects. */
export function SelectCell({ view, id, name, field = 'ids' }: SelectCellProps) {
  return (
    <td class="cell-select">
      <input
        class="form-check-input"
        type="checkbox"
        name={field}
        value={String(id)}
        aria-label={`${view.t('common.list.select')} ${name}`}
      />
    </td>
  );
}

/** The heading of the tick boxes, which ticks all of them where there is JavaScript. */
export function SelectHeader({ view }: { view: View }) {
  return (
    <th scope="col" class="cell-select">
      <input class="form-check-input" type="checkbox" data-select-all aria-label={view.t('common.list.selectAll')} />
    </th>
  );
}

interface SortHeaderProps {
  view: View;
  list: ListQuery;
  sort: string;
  children?: Child;
}

/** A column's heading that sorts by it, and turns the order round when it already does. */
export function SortHeader({ view, list, sort, children }: SortHeaderProps) {
  return (
    <th scope="col" {...describeSort(list, [sort])}>
      <SortLink view={view} list={list} sort={sort}>
        {children}
      </SortLink>
    </th>
  );
}

/** For a heading over two things, each of which the column can be sorted by; `describeSort` goes on the heading. */
export function SortLink({ view, list, sort, children }: SortHeaderProps) {
  const current = list.sort === sort;
  const next = current && !list.descending ? `-${sort}` : sort;
  return (
    <a class="sort-link" href={listHref(view, { sort: next })}>
      {children}
      {current && <Icon name={list.descending ? 'chevron-down' : 'chevron-up'} />}
    </a>
  );
}

export function describeSort(list: ListQuery, sorts: string[]) {
  if (!sorts.includes(list.sort)) return {};
  return { 'aria-sort': list.descending ? ('descending' as const) : ('ascending' as const) };
}

export function Pager({ view, page }: { view: View; page: Page<unknown> }) {
  if (page.before === null && page.after === null) return null;
  return (
    <nav class="pager" aria-label={view.t('common.list.pages')}>
      <PagerLink
        href={page.before && listHref(view, { before: page.before })}
        label={view.t('common.list.previous')}
        rel="prev"
      />
      <PagerLink
        href={page.after && listHref(view, { after: page.after })}
        label={view.t('common.list.next')}
        rel="next"
      />
    </nav>
  );
}

function PagerLink({ href, label, rel }: { href: string | null; label: string; rel: 'prev' | 'next' }) {
  if (href === null) return <span class="btn btn-outline-secondary disabled">{label}</span>;
  return (
    <a class="btn btn-outline-secondary" href={href} rel={rel}>
      {label}
    </a>
  );
}

/** The count of what was found; past a thousand the exact number is not worth its time. */
export const FOUND_LIMIT = 1000;

export function FoundCount({ view, count }: { view: View; count: number }) {
  if (count > FOUND_LIMIT) return <>{view.t('common.list.foundOver', { limit: formatNumber(view, FOUND_LIMIT) })}</>;
  return <>{view.t('common.list.found', { count })}</>;
}

interface EmptyStateProps {
  icon: string;
  title: string;
  text: string;
  children?: Child;
}

/** An empty list says what to do next. */
export function EmptyState({ icon, title, text, children }: EmptyStateProps) {
  return (
    <section class="empty-state">
      <Icon name={icon} />
      <h2>{title}</h2>
      <p>{text}</p>
      {children !== undefined && <div class="empty-actions">{children}</div>}
    </section>
  );
}
