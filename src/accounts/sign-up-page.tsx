import type { FormState } from '../lib/form.js';
import type { Registration } from '../lib/schema-accounts.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import { LinkFaultPage } from './link-fault-page.js';

interface FormPageProps {
  view: View;
  form: FormState;
}

export function SignUpPage({ view, form }: FormPageProps) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.signUp.title')} narrow>
      <form method="post" action="/sign-up" class="card card-body" novalidate>
        <RegistrationFields view={view} form={form} />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.signUp.submit')}
          </button>
        </FormActions>
      </form>
      <p class="form-aside">
        {t('accounts.signUp.known')} <a href="/sign-in">{t('accounts.signUp.signIn')}</a>
      </p>
    </Layout>
  );
}

interface RegistrationRefusedPageProps {
  view: View;
  registration: Exclude<Registration, 'open'>;
}

export function RegistrationRefusedPage({ view, registration }: RegistrationRefusedPageProps) {
  const { t } = view;
  return (
    <LinkFaultPage
      view={view}
      title={t(`accounts.signUp.${registration}Title`)}
      text={t(`accounts.signUp.${registration}Text`)}
      href="/sign-in"
      label={t('accounts.signIn.submit')}
    />
  );
}

/** The same form, for the link that `npm start` prints. */
export function SetupPage({ view, form, token }: FormPageProps & { token: string }) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.setup.title')} narrow>
      <p>{t('accounts.setup.text')}</p>
      <form method="post" action={`/setup?token=${encodeURIComponent(token)}`} class="card card-body" novalidate>
        <RegistrationFields view={view} form={form} />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.setup.submit')}
          </button>
        </FormActions>
      </form>
    </Layout>
  );
}

export function SetupRefusedPage({ view, fault }: { view: View; fault: 'used' | 'mangled' }) {
  const { t } = view;
  return (
    <Layout view={view} title={t(`accounts.setup.${fault}Title`)} narrow>
      <p>{t(`accounts.setup.${fault}Text`)}</p>
      <FormActions>
        <a class="btn btn-primary" href="/sign-in">
          {t('accounts.signIn.submit')}
        </a>
      </FormActions>
    </Layout>
  );
}

interface CheckMailPageProps {
  view: View;
  /** The address that this browser registered just now. */
  email: string | undefined;
}

/** After a registration: the same for known and unknown addresses. */
export function CheckMailPage({ view, email }: CheckMailPageProps) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.checkMail.title')} narrow>
      <p>
        {email === undefined ? t('accounts.checkMail.textWithoutAddress') : t('accounts.checkMail.text', { email })}
      </p>
      {view.lettersStayHere && view.mayReadInbox && (
        <FormActions>
          <a class="btn btn-primary" href="/inbox">
            {t('accounts.checkMail.openInbox')}
          </a>
        </FormActions>
      )}
      <p class="text-body-secondary mt-3">{t('accounts.checkMail.nothing')}</p>
      <form method="post" action="/confirmation/letter" class="form-actions">
        {email !== undefined && <input type="hidden" name="email" value={email} />}
        <button class="btn btn-outline-secondary" type="submit" disabled={email === undefined}>
          {t('accounts.checkMail.again')}
        </button>
        <a class="btn btn-link" href="/sign-up">
          {t('accounts.checkMail.other')}
        </a>
      </form>
    </Layout>
  );
}

/** A confirmation link that does not work, and the way to another one. */
export function ConfirmationRefusedPage({
  view,
  form,
  fault,
  hours,
}: FormPageProps & { fault: 'expired' | 'mangled'; hours: number }) {
  const { t } = view;
  return (
    <Layout view={view} title={t(`accounts.confirmation.${fault}Title`)} narrow>
      <p>{t(`accounts.confirmation.${fault}Text`, { hours })}</p>
      <form method="post" action="/confirmation/letter" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <TextField
          view={view}
          form={form}
          name="email"
          type="email"
          label={t('accounts.fields.email')}
          autocomplete="username"
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.confirmation.submit')}
          </button>
        </FormActions>
      </form>
    </Layout>
  );
}

/** A script of the page fills in the time zone; without it, it is UTC until the settings say otherwise. */
function RegistrationFields({ view, form }: FormPageProps) {
  const { t } = view;
  return (
    <>
      <FormFaults view={view} form={form} />
      <input type="hidden" name="time_zone" value={form.typed['time_zone'] ?? ''} data-time-zone />
      <TextField view={view} form={form} name="name" label={t('accounts.fields.name')} autocomplete="name" autofocus />
      <TextField
        view={view}
        form={form}
        name="email"
        type="email"
        label={t('accounts.fields.email')}
        autocomplete="username"
      />
      <TextField
        view={view}
        form={form}
        name="password"
        type="password"
        label={t('accounts.fields.password')}
        hint={t('accounts.fields.passwordHint', { min: MIN_PASSWORD })}
        autocomplete="new-password"
        maxlength={MAX_PASSWORD}
      />
    </>
  );
}
