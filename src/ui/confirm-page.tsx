import type { Child } from 'hono/jsx';

import { FormActions } from './form.js';
import { Layout } from './layout.js';
import type { View } from './view.js';

interface ConfirmPageProps {
  view: View;
  title: string;
  /** Where the way back leads, and what the button says. */
  cancelHref: string;
  action: string;
  submit: string;
  /** What is sent along. */
  fields?: [name: string, value: string][];
  /** What goes, and what stays. */
  children?: Child;
}

/** Nothing disappears without this page, which says what goes. */
export function ConfirmPage({ view, title, cancelHref, action, submit, fields = [], children }: ConfirmPageProps) {
  return (
    <Layout view={view} title={title} narrow>
      <form method="post" action={action} class="card card-body">
        {children}
        {fields.map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <FormActions>
          <button class="btn btn-danger" type="submit">
            {submit}
          </button>
          <a class="btn btn-outline-secondary" href={cancelHref}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}
