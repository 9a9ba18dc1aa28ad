import { FormActions } from '../ui/form.js';
import { formatDateTime } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { readDevice } from './device.js';
import type { SessionLine } from './session.js';
import { SettingsTabs } from './settings-tabs.js';

interface SessionsPageProps {
  view: View;
  sessions: SessionLine[];
}

export function SessionsPage({ view, sessions }: SessionsPageProps) {
  const { t } = view;
  const isAlone = sessions.every(({ isCurrent }) => isCurrent);
  return (
    <Layout view={view} title={t('security.sessions.title')}>
      <SettingsTabs view={view} />
      <p class="text-body-secondary">{isAlone ? t('security.sessions.onlyThis') : t('security.sessions.text')}</p>
      <ul class="session-list">
        {sessions.map((session) => (
          <Session view={view} session={session} />
        ))}
      </ul>
      <FormActions>
        {!isAlone && (
          <form method="post" action="/settings/sessions/end-others">
            <button class="btn btn-primary" type="submit">
              {t('security.sessions.endOthers')}
            </button>
          </form>
        )}
        <form method="post" action="/settings/sessions/end-all">
          <button class="btn btn-outline-danger" type="submit">
            {t('security.sessions.endAll')}
          </button>
        </form>
      </FormActions>
    </Layout>
  );
}

function Session({ view, session }: { view: View; session: SessionLine }) {
  const { t } = view;
  const device = describeDevice(view, session.userAgent ?? '');
  const isPhone = /\b(?:Mobile|iPhone|iPad|Android)\b/.test(session.userAgent ?? '');
  return (
    <li class="session">
      <Icon name={isPhone ? 'phone' : 'laptop'} />
      <div class="session-text">
        <h2>
          {device} {session.isCurrent && <span class="badge badge-current">{t('security.sessions.current')}</span>}
        </h2>
        <dl class="session-facts">
          {session.address && (
            <div>
              <dt>{t('security.sessions.address')}</dt>
              <dd>{session.address}</dd>
            </div>
          )}
          <div>
            <dt>{t('security.sessions.started')}</dt>
            <dd>{formatDateTime(view, session.startedAt)}</dd>
          </div>
          <div>
            <dt>{t('security.sessions.used')}</dt>
            <dd>{formatDateTime(view, session.usedAt)}</dd>
          </div>
        </dl>
      </div>
      {!session.isCurrent && (
        <form method="post" action={`/settings/sessions/${session.id}/end`}>
          <button
            class="btn btn-outline-secondary btn-sm"
            type="submit"
            aria-label={t('security.sessions.endNamed', { device })}
          >
            {t('security.sessions.end')}
          </button>
        </form>
      )}
    </li>
  );
}

function describeDevice({ t }: View, userAgent: string): string {
  const { browser, system } = readDevice(userAgent);
  if (browser !== undefined && system !== undefined) return t('security.sessions.device', { browser, system });
  return browser ?? system ?? t('security.sessions.unknown');
}
