import { pathOf, type View } from '../ui/view.js';

/** A form that comes back with faults stands under the address it was sent to. */
const FORMS: Record<string, string> = {
  '/settings/password': '/settings/security',
  '/settings/email': '/settings/security',
};

const TABS = [
  { href: '/settings', label: 'settings.tabs.profile' },
  { href: '/settings/security', label: 'settings.tabs.security' },
  { href: '/settings/sessions', label: 'settings.tabs.sessions' },
  { href: '/settings/second-factor', label: 'settings.tabs.secondFactor' },
  { href: '/settings/data', label: 'settings.tabs.data' },
] as const;

/** Stands under the heading of every page on which a user sees to their own account. */
export function SettingsTabs({ view }: { view: View }) {
  const shown = pathOf(view);
  const path = FORMS[shown] ?? shown;
  return (
    <nav class="tabs" data-tabs aria-label={view.t('settings.title')}>
      {TABS.map(({ href, label }) => {
        const current = path === href || (href !== '/settings' && path.startsWith(`${href}/`));
        return (
          <a href={href} {...(current ? { 'aria-current': 'page' as const } : {})}>
            {view.t(label)}
          </a>
        );
      })}
    </nav>
  );
}
