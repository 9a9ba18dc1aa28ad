import type { FormState } from '../lib/form.js';
import { CheckField, FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';

interface CodePageProps {
  view: View;
  form: FormState;
  /** Whose password was right. */
  email: string;
  /** Where to go afterwards. */
  next: string;
}

/** The second step of signing in. */
export function CodePage({ view, form, email, next }: CodePageProps) {
  const { t } = view;
  return (
    <Layout view={view} title={t('security.code.title')} narrow>
      <form method="post" action="/sign-in/code" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <p class="text-body-secondary">{t('security.code.text', { email })}</p>
        {next !== '/' && <input type="hidden" name="next" value={next} />}
        <TextField
          view={view}
          form={form}
          name="code"
          label={t('security.code.label')}
          autocomplete="one-time-code"
          maxlength={40}
          autofocus
        />
        <CheckField form={form} name="trust" label={t('security.code.trust')} />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('security.code.submit')}
          </button>
          <a class="btn btn-link" href="/sign-in">
            {t('security.code.other')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}
