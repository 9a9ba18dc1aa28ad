import type { SmtpLine } from '../lib/smtp/smtp-trace.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { judgeTest, readLastWord, type SaidLine } from './conversation.js';
import { TestLetterForm } from './installation-page.js';
import type { TestResult } from './test-letter.js';

interface TestLetterPageProps {
  view: View;
  server: SmtpServerAddress;
  from: string;
  to: string;
  result: TestResult;
}

export function TestLetterPage(props: TestLetterPageProps) {
  const { view, to, result } = props;
  const back = { href: '/oversight/installation', label: view.t('installation.title') };
  return (
    <Layout view={view} title={view.t('installation.test.resultTitle')} back={back}>
      <OversightTabs view={view} />
      <Verdict {...props} />
      <Conversation view={view} result={result} />
      <section>
        <h2>{view.t('installation.test.againTitle')}</h2>
        <TestLetterForm view={view} form={{ typed: { to }, faults: {} }} />
      </section>
    </Layout>
  );
}

function Verdict({ view, server, from, to, result }: TestLetterPageProps) {
  const { t } = view;
  const verdict = judgeTest(result.outcome);
  const values = { server: `${server.host}:${server.port}`, from, to };
  return (
    <div class={`notice notice-${verdict === 'accepted' ? 'success' : 'danger'}`} role="status">
      {verdict === 'accepted' ? (
        <Acceptance view={view} to={to} />
      ) : (
        <p>{t(`installation.test.faults.${verdict}`, values)}</p>
      )}
      <p>
        {t('installation.test.said')} <code>{readLastWord(result.outcome)}</code>
      </p>
    </div>
  );
}

function Acceptance({ view, to }: { view: View; to: string }) {
  if (!view.lettersStayHere) return <p>{view.t('installation.test.accepted', { to })}</p>;
  return (
    <p>
      {view.t('installation.test.acceptedHere', { to })} <a href="/inbox">{view.t('installation.test.openInbox')}</a>
    </p>
  );
}

function Conversation({ view, result }: { view: View; result: TestResult }) {
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
