import type { RelayFault } from '../delivery/delivery.js';
import type { FormState } from '../lib/form.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { ChoiceField, FormActions, FormFaults } from '../ui/form.js';
import { formatDateTime } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { RetentionForm } from './retention-parts.js';
import { TestLetterForm } from './test-letter-parts.js';

interface InstallationPageProps {
  view: View;
  registration: FormState;
  retention: FormState;
  /** Older attempts were removed. */
  keptFrom: Date | null;
  server: SmtpServerAddress;
  from: string;
  relayFault: RelayFault | undefined;
  /** Mailings go by relays of their own, and only the service's own letters by this server. */
  hasRelays: boolean;
  test: FormState;
  limitSeconds: number;
}

export function InstallationPage(props: InstallationPageProps) {
  const { view, registration, retention, keptFrom, test, limitSeconds } = props;
  return (
    <Layout view={view} title={view.t('installation.title')}>
      <OversightTabs view={view} />
      <RegistrationForm view={view} form={registration} />
      <RetentionForm view={view} form={retention} keptFrom={keptFrom} />
      <MailServer {...props} />
      <section>
        <h2>{view.t('installation.test.title')}</h2>
        <p class="text-body-secondary">{view.t('installation.test.text', { seconds: limitSeconds })}</p>
        <TestLetterForm view={view} form={test} action="/oversight/installation/test-letter" />
      </section>
    </Layout>
  );
}

const MODES = ['open', 'invitation', 'closed'] as const;

function RegistrationForm({ view, form }: { view: View; form: FormState }) {
  const { t } = view;
  const options = MODES.map((value) => ({
    value,
    label: t(`installation.registration.${value}`),
    hint: t(`installation.registration.${value}Hint`),
  }));
  return (
    <section>
      <h2>{t('installation.registration.title')}</h2>
      <form method="post" action="/oversight/installation/registration" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <ChoiceField
          view={view}
          form={form}
          name="registration"
          label={t('installation.registration.label')}
          options={options}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('installation.registration.submit')}
          </button>
        </FormActions>
      </form>
    </section>
  );
}

function MailServer({ view, server, from, relayFault, hasRelays }: InstallationPageProps) {
  const { t } = view;
  const { host, port, credentials, connections } = server;
  return (
    <section>
      <h2>{t('installation.server.title')}</h2>
      <dl class="facts card card-body">
        <dt>{t('installation.server.source')}</dt>
        <dd>{t(view.lettersStayHere ? 'installation.server.sourceInbox' : 'installation.server.sourceEnvironment')}</dd>
        <dt>{t('installation.server.carries')}</dt>
        <dd>
          {t(hasRelays ? 'installation.server.systemLetters' : 'installation.server.everything')}{' '}
          <a href="/oversight/relays">{t('installation.server.relays')}</a>
        </dd>
        <dt>{t('installation.server.host')}</dt>
        <dd>{host}</dd>
        <dt>{t('installation.server.port')}</dt>
        <dd>{port}</dd>
        <dt>{t('installation.server.encryption')}</dt>
        <dd>{describeEncryption(view, server)}</dd>
        <dt>{t('installation.server.user')}</dt>
        <dd>{credentials ? credentials.user : t('installation.server.noUser')}</dd>
        {credentials && (
          <>
            <dt>{t('installation.server.password')}</dt>
            <dd>{t('installation.server.passwordSet')}</dd>
          </>
        )}
        {connections !== null && (
          <>
            <dt>{t('installation.server.connections')}</dt>
            <dd>{connections}</dd>
          </>
        )}
        <dt>{t('installation.server.from')}</dt>
        <dd>{from}</dd>
        <dt>{t('installation.server.state')}</dt>
        <dd>{describeRelay(view, relayFault)}</dd>
      </dl>
    </section>
  );
}

function describeEncryption({ t }: View, { tls, verifyCertificate }: SmtpServerAddress): string {
  const mode = t(`installation.server.tls.${tls}`);
  const isUnverified = !verifyCertificate && (tls === 'required' || tls === 'implicit');
  return isUnverified ? `${mode}; ${t('installation.server.unverified')}` : mode;
}

function describeRelay(view: View, relayFault: RelayFault | undefined): string {
  if (!relayFault) return view.t('installation.server.stateGood');
  const { fault, pausedUntil } = relayFault;
  if (pausedUntil <= view.now) return view.t('installation.server.stateTrying', { fault });
  return view.t('installation.server.stateResting', { fault, time: formatDateTime(view, pausedUntil) });
}
