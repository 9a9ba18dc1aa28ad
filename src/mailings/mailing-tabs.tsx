import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

const TABS = [
  { tab: 'overview', path: '' },
  { tab: 'deliveries', path: '/deliveries' },
  { tab: 'attempts', path: '/attempts' },
  { tab: 'report', path: '/report' },
] as const;

interface MailingTabsProps {
  view: View;
  mailing: Pick<Mailing, 'id' | 'status'>;
  current: (typeof TABS)[number]['tab'];
}

/** The `tabs` of a started mailing's pages. Before the start there is nothing beside its own page, and a report only after the end. */
export function MailingTabs({ view, mailing: { id, status }, current }: MailingTabsProps) {
  if (status === 'created') return null;
  const shown = TABS.filter(({ tab }) => tab !== 'report' || status === 'finished');
  return (
    <nav class="tabs" data-tabs aria-label={view.t('live.tabs.label')}>
      {shown.map(({ tab, path }) => (
        <a href={`/mailings/${id}${path}`} {...(tab === current ? { 'aria-current': 'page' as const } : {})}>
          {view.t(`live.tabs.${tab}`)}
        </a>
      ))}
    </nav>
  );
}
