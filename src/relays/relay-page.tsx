import { judgeTest, readLastWord } from '../installation/conversation.js';
import { Conversation, TestLetterForm } from '../installation/test-letter-parts.js';
import type { TestResult } from '../installation/test-letter.js';
import type { FormState } from '../lib/form.js';
import { formatHost } from '../lib/host.js';
import { toRate } from '../lib/rate.js';
import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import { formatLimit } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { describeEncryption, describeState, Fault, RelayBadge } from './relay-parts.js';
import type { Relay, RelayCondition, ShownRelay } from './relay.js';

interface RelayPageProps {
  view: View;
  shown: ShownRelay;
  test: FormState;
  limitSeconds: number;
}

export function RelayPage({ view, shown, test, limitSeconds }: RelayPageProps) {
  const { relay, isReadable, condition } = shown;
  return (
    <Layout
      view={view}
      title={relay.name}
      back={{ href: '/oversight/relays', label: view.t('relays.title') }}
      actions={<RelayActions view={view} relay={relay} />}
      tabs={<OversightTabs view={view} />}
    >
      <Condition view={view} relay={relay} condition={condition} />
      <RelayFacts view={view} relay={relay} isReadable={isReadable} />
      <section>
        <h2>{view.t('relays.page.testTitle')}</h2>
        {isReadable ? (
          <>
            <p class="text-body-secondary">{view.t('relays.page.testText', { seconds: limitSeconds })}</p>
            <TestLetterForm view={view} form={test} action={testAction(relay)} />
          </>
        ) : (
          <p>{view.t('relays.page.testUnreadable')}</p>
        )}
      </section>
    </Layout>
  );
}

interface RelayTestPageProps {
  view: View;
  relay: Relay;
  to: string;
  result: TestResult;
}

/** What came of a test letter, and everything that both sides said. */
export function RelayTestPage({ view, relay, to, result }: RelayTestPageProps) {
  const verdict = judgeTest(result.outcome);
  const isAccepted = verdict === 'accepted';
  return (
    <Layout
      view={view}
      title={view.t('relays.test.resultTitle', { name: relay.name })}
      back={{ href: `/oversight/relays/${relay.id}`, label: relay.name }}
      tabs={<OversightTabs view={view} />}
    >
      <div class={`notice notice-${isAccepted ? 'success' : 'danger'}`} role="status">
        <p>{view.t(isAccepted ? 'relays.test.accepted' : `relays.faults.${verdict}`, { to })}</p>
        <p>
          {view.t('installation.test.said')} <code>{readLastWord(result.outcome)}</code>
        </p>
      </div>
      <Conversation view={view} result={result} />
      <section>
        <h2>{view.t('relays.test.againTitle')}</h2>
        <TestLetterForm view={view} form={{ typed: { to }, faults: {} }} action={testAction(relay)} />
      </section>
    </Layout>
  );
}

const testAction = ({ id }: Relay) => `/oversight/relays/${id}/test-letter`;

function RelayActions({ view, relay: { id, isEnabled } }: { view: View; relay: Relay }) {
  return (
    <>
      <a class="btn btn-outline-secondary" href={`/oversight/relays/${id}/edit`}>
        {view.t('common.edit')}
      </a>
      {isEnabled ? (
        <a class="btn btn-outline-secondary" href={`/oversight/relays/${id}/switching-off`}>
          {view.t('relays.page.switchOff')}
        </a>
      ) : (
        <form method="post" action={`/oversight/relays/${id}/switching-on`}>
          <button class="btn btn-primary" type="submit">
            {view.t('relays.page.switchOn')}
          </button>
        </form>
      )}
      <a class="btn btn-outline-danger" href={`/oversight/relays/${id}/deletion`}>
        {view.t('common.delete')}
      </a>
    </>
  );
}

const NOTICES: Record<RelayCondition['kind'], string> = {
  off: 'notice',
  unreadable: 'notice notice-danger',
  unused: 'notice',
  working: 'notice notice-success',
  slowed: 'notice notice-warning',
  resting: 'notice notice-danger',
  trying: 'notice notice-warning',
};

function Condition({ view, relay, condition }: { view: View; relay: Relay; condition: RelayCondition }) {
  return (
    <>
      <div class="status-line">
        <RelayBadge view={view} condition={condition} />
      </div>
      <section class={NOTICES[condition.kind]}>
        <p>{describeState(view, condition)}</p>
        {'fault' in condition && (
          <>
            <Fault view={view} fault={condition.fault} />
            {condition.since && (
              <p>{view.t('relays.condition.since', { time: formatTimeWithSeconds(view, condition.since) })}</p>
            )}
          </>
        )}
        {condition.kind === 'unreadable' && (
          <a class="btn btn-primary" href={`/oversight/relays/${relay.id}/edit`}>
            {view.t('relays.page.enterSecret')}
          </a>
        )}
      </section>
    </>
  );
}

function RelayFacts({ view, relay, isReadable }: { view: View; relay: Relay; isReadable: boolean }) {
  const { t } = view;
  const { host, port, auth, userName, weight, connections } = relay;
  return (
    <dl class="facts card card-body">
      <dt>{t('relays.page.host')}</dt>
      <dd>
        {formatHost(host)}:{port}
      </dd>
      <dt>{t('relays.page.encryption')}</dt>
      <dd>{describeEncryption(view, relay)}</dd>
      <dt>{t('relays.page.login')}</dt>
      <dd>
        {t(`relays.auth.${auth}`)}
        {userName !== null && (
          <>
            : <bdi>{userName}</bdi>
          </>
        )}
      </dd>
      {auth !== 'none' && (
        <>
          <dt>{t(auth === 'xoauth2' ? 'relays.page.token' : 'relays.page.secret')}</dt>
          <dd>{t(isReadable ? 'relays.page.secretKept' : 'relays.page.secretUnreadable')}</dd>
        </>
      )}
      <dt>{t('relays.page.weight')}</dt>
      <dd>
        {weight === 0 ? t('relays.page.standIn') : t('relays.page.weightValue', { weight: formatNumber(view, weight) })}
      </dd>
      <dt>{t('relays.page.connections')}</dt>
      <dd>{t('relays.page.connectionsValue', { number: formatNumber(view, connections) })}</dd>
      <dt>{t('relays.limit')}</dt>
      <dd>{formatLimit(view, toRate(relay))}</dd>
    </dl>
  );
}
