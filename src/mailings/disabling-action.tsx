import { may } from '../accounts/permissions.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

/** For managers: the way to disable a mailing, or to enable it again. */
export function DisablingAction({ view, mailing }: { view: View; mailing: Mailing }) {
  const { id, status, disabledAt } = mailing;
  const isDisabled = disabledAt !== null;
  const mayPress = may(view.user, isDisabled ? 'mailings.enable' : 'mailings.disable', { ownerId: mailing.ownerId });
  if (!mayPress || status === 'finished') return null;
  return (
    <a
      class={isDisabled ? 'btn btn-outline-secondary' : 'btn btn-outline-danger'}
      href={`/mailings/${id}/${isDisabled ? 'enabling' : 'disabling'}`}
    >
      {view.t(isDisabled ? 'mailings.disabling.enable' : 'mailings.disabling.disable')}
    </a>
  );
}
