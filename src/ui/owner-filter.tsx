import type { Child } from 'hono/jsx';

import type { ListQuery } from '../lib/list.js';
import type { Owners } from '../lib/owners.js';
import { listHref, SortHeader } from './list.js';
import { OwnerLink, type OwnerName } from './owner-notice.js';
import type { View } from './view.js';

/** Whose things a list is narrowed to. */
export interface OwnerChoice {
  typed: string;
  /** For queries; the id of nobody where what was typed names no user. */
  owners: Owners;
  owner: OwnerName | undefined;
}

export function OwnerField({ view, choice }: { view: View; choice: OwnerChoice }) {
  const label = view.t('common.oversight.ownerFilter');
  return (
    <input
      class="form-control"
      type="text"
      inputmode="email"
      name="owner"
      value={choice.owner?.email ?? choice.typed}
      aria-label={label}
      placeholder={label}
      autocomplete="off"
      spellcheck={false}
      maxlength={320}
    />
  );
}

/** Says whose things are shown, and leads back to everybody's. */
export function ChosenOwner({ view, choice: { owner } }: { view: View; choice: OwnerChoice }) {
  if (!owner) return null;
  return (
    <p class="chosen-owner">
      <span>
        {view.t('common.oversight.belongsTo')} <OwnerLink owner={owner} />
        {owner.name !== '' && (
          <span class="text-body-secondary">
            {' '}
            <bdi>{owner.email}</bdi>
          </span>
        )}
      </span>
      <a href={listHref(view, { owner: null, sort: null })}>{view.t('common.oversight.allOwners')}</a>
    </p>
  );
}

/** A cell that names the owner; users may be gone by the time their things are shown. */
export function OwnerCell({ view, owner }: { view: View; owner: OwnerName | undefined }) {
  return (
    <td data-label={view.t('common.oversight.owner')} class="cell-owner">
      {owner ? <OwnerLink owner={owner} /> : view.t('common.none')}
    </td>
  );
}

interface OwnedSortHeaderProps {
  view: View;
  list: ListQuery;
  choice: OwnerChoice;
  sort: string;
  children?: Child;
}

/** The heading of a column that one owner's things can be sorted by, and everybody's cannot. */
export function OwnedSortHeader({ choice, children, ...header }: OwnedSortHeaderProps) {
  if (!choice.owner) return <th scope="col">{children}</th>;
  return <SortHeader {...header}>{children}</SortHeader>;
}
