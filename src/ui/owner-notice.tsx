import { Icon } from './icon.js';
import type { View } from './view.js';

/** A user as pages name them. */
export interface OwnerName {
  id: number;
  name: string;
  email: string;
}

/** Stands above what belongs to somebody else: whose it is, and that it can be looked at and nothing more. */
export function OwnerNotice({ view, owner }: { view: View; owner: OwnerName | undefined }) {
  if (!owner) return null;
  return (
    <aside class="notice notice-info owner-notice">
      <Icon name="eye" />
      <span>
        {view.t('common.oversight.belongsTo')} <OwnerLink owner={owner} />. {view.t('common.oversight.readOnly')}
      </span>
    </aside>
  );
}

export function OwnerLink({ owner }: { owner: OwnerName }) {
  return (
    <a href={`/oversight/users/${owner.id}`} title={owner.email}>
      <bdi>{owner.name || owner.email}</bdi>
    </a>
  );
}
