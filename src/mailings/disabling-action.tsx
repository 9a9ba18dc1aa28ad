import { may } from '../accounts/permissions.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

/** Whether the visitor can disable the mailing, or enable it again where it is disabled. */
export function mayPressDisabling(view: View, { ownerId, status, disabledAt }: Mailing): boolean {
  const action = disabledAt === null ? 'mailings.disable' : 'mailings.enable';
  return status !== 'finished' && may(view.user, action, { ownerId });
}

/** For managers: the way to disable a mailing, or to enable it again. */
export function DisablingAction({ view, mailing }: { view: View; mailing: Mailing }) {
  if (!mayPressDisabling(view, mailing)) return null;
  const { id, disabledAt } = mailing;
  const isDisabled = disabledAt !== null;
  return (
    <a
      class={isDisabled ? 'btn btn-outline-secondary' : 'btn btn-outline-danger'}
      href={`/mailings/${id}/${isDisabled ? 'enabling' : 'disabling'}`}
    >
      {view.t(isDisabled ? 'mailings.disabling.enable' : 'mailings.disabling.disable')}
    </a>
  );
}
