import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { Holdings } from './read-holdings.js';
import { SettingsTabs } from './settings-tabs.js';

const KINDS = ['recipients', 'messages', 'mailings', 'deliveries', 'attempts'] as const;

export function OwnDataPage({ view, holdings }: { view: View; holdings: Holdings }) {
  const { t } = view;
  return (
    <Layout view={view} title={t('settings.tabs.data')}>
      <SettingsTabs view={view} />
      <section>
        <h2>{t('settings.data.what')}</h2>
        <dl class="facts">
          {KINDS.map((kind) => (
            <>
              <dt>{t(`settings.data.${kind}`)}</dt>
              <dd>{formatNumber(view, holdings[kind])}</dd>
            </>
          ))}
        </dl>
      </section>
      <section class="card card-body settings-card">
        <h2>{t('settings.data.export')}</h2>
        <p class="text-body-secondary">{t('settings.data.exportText')}</p>
        <ExportForm view={view} />
      </section>
      <section class="card card-body settings-card">
        <h2>{t('settings.data.delete')}</h2>
        <p class="text-body-secondary">{t('settings.data.deleteText')}</p>
        <FormActions>
          <a class="btn btn-outline-danger" href="/settings/data/deletion">
            {t('settings.data.deleteLink')}
          </a>
        </FormActions>
      </section>
    </Layout>
  );
}

function ExportForm({ view }: { view: View }) {
  return (
    <form method="post" action="/settings/data/export">
      <FormActions>
        <button class="btn btn-outline-secondary" type="submit" data-download>
          <Icon name="download" />
          {view.t('settings.data.exportSubmit')}
        </button>
      </FormActions>
    </form>
  );
}

interface AccountDeletionPageProps {
  view: View;
  holdings: Holdings;
  form: FormState;
  isLastAdministrator: boolean;
}

export function AccountDeletionPage({ view, holdings, form, isLastAdministrator }: AccountDeletionPageProps) {
  const { t } = view;
  const email = view.user?.email;
  const back = { href: '/settings/data', label: t('settings.deletion.back') };
  return (
    <Layout view={view} title={t('settings.deletion.title')} back={back}>
      {isLastAdministrator && (
        <Obstacle
          text={t('settings.deletion.lastAdministrator')}
          href="/oversight/users"
          link={t('settings.deletion.openUsers')}
        />
      )}
      {holdings.runningMailings > 0 && (
        <Obstacle
          text={t('settings.deletion.running', { count: holdings.runningMailings })}
          href="/mailings?status=running"
          link={t('settings.deletion.openMailings')}
        />
      )}
      <p>{t('settings.deletion.goes')}</p>
      <ul>
        <li>{t('settings.deletion.account', { email })}</li>
        {(['recipients', 'messages', 'mailings', 'deliveries'] as const).map(
          (kind) => holdings[kind] > 0 && <li>{countThings(view, kind, holdings[kind])}</li>,
        )}
      </ul>
      <p class="text-body-secondary">{t('settings.deletion.stays', { email })}</p>
      <section class="card card-body settings-card">
        <h2>{t('settings.deletion.exportFirst')}</h2>
        <ExportForm view={view} />
      </section>
      {!isLastAdministrator && holdings.runningMailings === 0 && <DeletionForm view={view} form={form} />}
    </Layout>
  );
}

function countThings(view: View, kind: 'recipients' | 'messages' | 'mailings' | 'deliveries', count: number): string {
  return view.t(`settings.deletion.${kind}`, { count, number: formatNumber(view, count) });
}

function Obstacle({ text, href, link }: { text: string; href: string; link: string }) {
  return (
    <div class="notice notice-warning" role="status">
      <p>{text}</p>
      <a href={href}>{link}</a>
    </div>
  );
}

function DeletionForm({ view, form }: { view: View; form: FormState }) {
  const { t } = view;
  return (
    <form method="post" action="/settings/data/deletion" class="card card-body settings-card" novalidate>
      <FormFaults view={view} form={form} />
      <input type="hidden" name="username" value={view.user?.email} autocomplete="username" />
      <TextField
        view={view}
        form={form}
        name="password"
        type="password"
        label={t('accounts.fields.password')}
        autocomplete="current-password"
      />
      <FormActions>
        <button class="btn btn-danger" type="submit">
          {t('settings.deletion.submit')}
        </button>
        <a class="btn btn-outline-secondary" href="/settings/data">
          {t('common.cancel')}
        </a>
      </FormActions>
    </form>
  );
}

/** For who is nobody here any more. */
export function FarewellPage({ view }: { view: View }) {
  return (
    <Layout view={view} title={view.t('settings.deletion.doneTitle')} narrow>
      <p>{view.t('settings.deletion.done')}</p>
      <FormActions>
        <a class="btn btn-outline-secondary" href="/">
          {view.t('common.toStart')}
        </a>
      </FormActions>
    </Layout>
  );
}
