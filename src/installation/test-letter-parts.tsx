import type { FormState } from '../lib/form.js';
import type { SmtpLine } from '../lib/smtp/smtp-trace.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { SaidLine } from './conversation.js';
import type { TestResult } from './test-letter.js';

/* The test letter's form and its conversation, for every mail server that there is. */

interface TestLetterFormProps {
  view: View;
  form: FormState;
  action: string;
}

export function TestLetterForm({ view, form, action }: TestLetterFormProps) {
  const { t } = view;
  return (
    <form method="post" action={action} class="card card-body" novalidate>
      <FormFaults view={view} form={form} />
      <TextField
        view={view}
        form={form}
        name="to"
        type="email"
        label={t('installation.test.to')}
        autocomplete="email"
        maxlength={254}
      />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {t('installation.test.submit')}
        </button>
      </FormActions>
    </form>
  );
}

/** Every line that both sides said. */
export function Conversation({ view, result }: { view: View; result: TestResult }) {
  const { t } = view;
  const { conversation, outcome, durationMs } = result;
  const seconds = formatNumber(view, Math.round(durationMs / 10) / 100);
  return (
    <section>
      <h2 id="conversation">{t('installation.test.conversation')}</h2>
      <p class="text-body-secondary">
        {t('installation.test.conversationHint')} {t('installation.test.duration', { seconds })}
      </p>
      <table class="conversation" aria-labelledby="conversation">
        <thead>
          <tr>
            <th scope="col">{t('installation.test.time')}</th>
            <th scope="col">{t('installation.test.who')}</th>
            <th scope="col">{t('installation.test.line')}</th>
          </tr>
        </thead>
        <tbody>
          {conversation.map((said) => (
            <Line view={view} said={said} />
          ))}
          {outcome.kind === 'lost' && (
            <tr class="conversation-wire">
              <td>{Math.round(durationMs)}</td>
              <td>{t('installation.test.note')}</td>
              <td>{t('installation.test.broken', { error: outcome.error })}</td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

function Line({ view, said: { atMs, line } }: { view: View; said: SaidLine }) {
  const who = { client: 'client', server: 'server', wire: 'note' } as const;
  return (
    <tr class={`conversation-${line.from}`}>
      <td>{Math.round(atMs)}</td>
      <td>{view.t(`installation.test.${who[line.from]}`)}</td>
      <td>
        <Said view={view} line={line} />
      </td>
    </tr>
  );
}

function Said({ view, line }: { view: View; line: SmtpLine }) {
  if ('text' in line) return <code>{line.text}</code>;
  if ('event' in line) return <>{describeEvent(view, line)}</>;
  const lines = line.content.trimEnd().split('\r\n');
  return (
    <details>
      <summary>{view.t('installation.test.content', { count: lines.length })}</summary>
      <pre>{lines.join('\n')}</pre>
    </details>
  );
}

function describeEvent({ t }: View, line: Extract<SmtpLine, { event: string }>): string {
  if (line.event === 'connected') return t('installation.test.connected', { address: line.address });
  return t('installation.test.encrypted', { protocol: line.protocol, cipher: line.cipher });
}
