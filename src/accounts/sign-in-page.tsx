import { emptyForm, type FormState } from '../lib/form.js';
import { CheckField, FormActions, FormFaults, TextField } from '../ui/form.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { SignInRefusal } from './sign-in.js';
import { describeWait } from './throttle-answer.js';

export interface SignInPageProps {
  view: View;
  form?: FormState;
  /** Where to go afterwards. */
  next?: string;
  refusal?: SignInRefusal;
  /** What brought the visitor here, such as a confirmation link that worked. */
  success?: string;
  /** Whether everybody may register. */
  mayRegister: boolean;
}

export function SignInPage({ view, form = emptyForm, next = '/', refusal, success, mayRegister }: SignInPageProps) {
  const { t } = view;
  const email = form.typed['email'] ?? '';
  return (
    <Layout view={view} title={t('accounts.signIn.title')} narrow>
      {success !== undefined && (
        <div class="notice notice-success" role="status">
          {success}
        </div>
      )}
      {refusal && <RefusalNotice view={view} refusal={refusal} email={email} />}
      <form method="post" action="/sign-in" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        {next !== '/' && <input type="hidden" name="next" value={next} />}
        <TextField
          view={view}
          form={form}
          name="email"
          type="email"
          label={t('accounts.fields.email')}
          autocomplete="username"
          autofocus={email === ''}
        />
        <TextField
          view={view}
          form={form}
          name="password"
          type="password"
          label={t('accounts.fields.password')}
          autocomplete="current-password"
          autofocus={email !== ''}
        />
        <CheckField
          form={form}
          name="remember"
          label={t('security.signIn.remember')}
          hint={t('security.signIn.rememberHint')}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.signIn.submit')}
          </button>
          <a class="btn btn-link" href="/recovery">
            {t('accounts.signIn.forgotten')}
          </a>
        </FormActions>
      </form>
      {mayRegister && (
        <p class="form-aside">
          {t('accounts.signIn.unknown')} <a href="/sign-up">{t('accounts.signIn.signUp')}</a>
        </p>
      )}
    </Layout>
  );
}

function RefusalNotice({ view, refusal, email }: { view: View; refusal: SignInRefusal; email: string }) {
  return (
    <div class="notice notice-danger" role="alert">
      <Icon name="exclamation-triangle" />
      <div>
        <div>{describeRefusal(view, refusal, email)}</div>
        {refusal.fault === 'blocked' && refusal.reason && (
          <div>{view.t('accounts.signIn.blockedReason', { reason: refusal.reason })}</div>
        )}
        {refusal.fault === 'throttled' && <div>{view.t('security.signIn.throttledText')}</div>}
        {refusal.fault === 'unconfirmed' && (
          <form method="post" action="/confirmation/letter">
            <input type="hidden" name="email" value={email} />
            <button class="btn btn-outline-secondary btn-sm" type="submit">
              {view.t('accounts.checkMail.again')}
            </button>
          </form>
        )}
      </div>
    </div>
  );
}

function describeRefusal(view: View, refusal: SignInRefusal, email: string): string {
  if (refusal.fault !== 'throttled') return view.t(`accounts.signIn.${refusal.fault}`, { email });
  return view.t('security.signIn.throttled', { wait: describeWait(view, refusal.seconds) });
}
