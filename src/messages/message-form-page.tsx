import type { FormState } from '../lib/form.js';
import { ConflictNotice, FormActions, FormFaults, TextArea, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { Message } from './message.js';

interface MessageFormProps {
  view: View;
  form: FormState;
  /** The message that is changed; absent for a new one. */
  message?: Message;
  /** True when it was saved elsewhere after this form was opened. */
  conflict?: boolean;
}

const NAME = '{{ name }}';
const VARIABLES = [
  { text: NAME, label: 'messages.form.insertName' },
  { text: '{{ email }}', label: 'messages.form.insertEmail' },
] as const;

export function MessageFormPage({ view, form, message, conflict = false }: MessageFormProps) {
  const back = message ? `/messages/${message.id}` : '/messages';
  return (
    <Layout
      view={view}
      title={view.t(message ? 'messages.form.change' : 'messages.form.add')}
      back={{ href: back, label: message?.subject ?? view.t('messages.list.title') }}
      narrow
    >
      {conflict && message ? <Conflict view={view} message={message} /> : <FormFaults view={view} form={form} />}
      <form method="post" action={back} class="card card-body" novalidate data-confirm-leave>
        <input type="hidden" name="version" value={form.typed['version'] ?? ''} />
        <TextField
          view={view}
          form={form}
          name="subject"
          label={view.t('messages.subject')}
          autofocus={!message}
          autocomplete="off"
        />
        <TextArea
          view={view}
          form={form}
          name="body"
          label={view.t('messages.body')}
          hint={view.t('messages.form.bodyHint', { variable: NAME })}
          rows={14}
        />
        <div class="insert-bar js-only" role="group" aria-label={view.t('messages.form.insert')}>
          <span class="insert-bar-label">{view.t('messages.form.insert')}</span>
          {VARIABLES.map(({ text, label }) => (
            <button
              class="btn btn-outline-secondary btn-sm"
              type="button"
              data-insert={text}
              data-insert-into="field-body"
            >
              {view.t(label)}
            </button>
          ))}
        </div>
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('common.save')}
          </button>
          <a class="btn btn-link" href={back}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

function Conflict({ view, message }: { view: View; message: Message }) {
  return (
    <ConflictNotice view={view}>
      <dt>{view.t('messages.subject')}</dt>
      <dd>
        <bdi>{message.subject}</bdi>
      </dd>
      <dt>{view.t('messages.body')}</dt>
      <dd class="text-lines" dir="auto">
        {message.body}
      </dd>
    </ConflictNotice>
  );
}
