import { pathOf, type View } from './view.js';

const TABS = [
  { href: '/oversight', label: 'common.oversight.overview' },
  { href: '/oversight/mailings', label: 'common.oversight.mailings' },
  { href: '/oversight/recipients', label: 'common.oversight.recipients' },
  { href: '/oversight/messages', label: 'common.oversight.messages' },
  { href: '/oversight/attempts', label: 'common.oversight.attempts' },
  { href: '/oversight/users', label: 'common.oversight.users' },
  { href: '/oversight/nodes', label: 'common.oversight.nodes' },
  { href: '/oversight/audit', label: 'common.oversight.audit' },
] as const;

const ADMINISTRATOR_TABS = [
  { href: '/oversight/relays', label: 'common.oversight.relays' },
  { href: '/oversight/installation', label: 'common.oversight.installation' },
] as const;

/** The `tabs` of every page on which managers see everybody's things. */
export function OversightTabs({ view }: { view: View }) {
  const path = pathOf(view);
  const tabs = view.user?.role === 'administrator' ? [...TABS, ...ADMINISTRATOR_TABS] : TABS;
  return (
    <nav class="tabs" data-tabs aria-label={view.t('common.places.oversight')}>
      {tabs.map(({ href, label }) => {
        const current = path === href || (href !== '/oversight' && path.startsWith(`${href}/`));
        return (
          <a href={href} {...(current ? { 'aria-current': 'page' as const } : {})}>
            {view.t(label)}
          </a>
        );
      })}
    </nav>
  );
}
