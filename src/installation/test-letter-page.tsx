import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { judgeTest, readLastWord } from './conversation.js';
import { Conversation, TestLetterForm } from './test-letter-parts.js';
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
        <TestLetterForm view={view} form={{ typed: { to }, faults: {} }} action="/oversight/installation/test-letter" />
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
