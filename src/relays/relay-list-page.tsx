import type { FormState } from '../lib/form.js';
import { formatHost } from '../lib/host.js';
import { toRate } from '../lib/rate.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import { EmptyState } from '../ui/list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import { formatLimit } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { DomainLimits } from './domain-limits.js';
import { describeState, Fault, RelayBadge } from './relay-parts.js';
import type { RelayCondition, RelayOverview, ShownRelay } from './relay.js';

interface RelayListProps {
  view: View;
  overview: RelayOverview;
  /** Host and port of SMTP_URL. */
  smtpUrl: string;
  domainForm: FormState;
}

export function RelayListPage({ view, overview, smtpUrl, domainForm }: RelayListProps) {
  const { relays } = overview;
  const hasEnabled = relays.some(({ relay }) => relay.isEnabled);
  return (
    <Layout
      view={view}
      title={view.t('relays.title')}
      actions={relays.length > 0 && <AddButton view={view} />}
      tabs={<OversightTabs view={view} />}
    >
      {relays.length > 0 && <p class="page-lead">{view.t('relays.lead')}</p>}
      {!hasEnabled && <Fallback view={view} condition={overview.smtpUrl} smtpUrl={smtpUrl} />}
      {relays.length === 0 ? (
        <EmptyState icon="hdd-network" title={view.t('relays.empty.title')} text={view.t('relays.empty.text')}>
          <AddButton view={view} />
        </EmptyState>
      ) : (
        <RelayTable view={view} relays={relays} />
      )}
      {hasEnabled && <p class="text-body-secondary">{describeSystemLetters(view, smtpUrl)}</p>}
      <DomainLimits view={view} limits={overview.limits} slowed={overview.slowed} form={domainForm} />
    </Layout>
  );
}

function AddButton({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/oversight/relays/new">
      <Icon name="plus-lg" />
      {view.t('relays.add')}
    </a>
  );
}

/** By what mailings go instead, and how that does. */
function Fallback({ view, condition, smtpUrl }: { view: View; condition: RelayCondition; smtpUrl: string }) {
  return (
    <section class={view.lettersStayHere ? 'notice notice-warning' : 'notice'}>
      <h2>{view.t('relays.fallback.title')}</h2>
      <p>{view.t(view.lettersStayHere ? 'relays.fallback.inbox' : 'relays.fallback.smtpUrl', { server: smtpUrl })}</p>
      {!(view.lettersStayHere && condition.kind === 'unused') && (
        <p>
          <RelayBadge view={view} condition={condition} /> {describeState(view, condition)}
        </p>
      )}
      {'fault' in condition && <Fault view={view} fault={condition.fault} />}
    </section>
  );
}

function describeSystemLetters(view: View, server: string): string {
  return view.t(view.lettersStayHere ? 'relays.systemLetters.inbox' : 'relays.systemLetters.smtpUrl', { server });
}

function RelayTable({ view, relays }: { view: View; relays: ShownRelay[] }) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <th scope="col">{view.t('relays.name')}</th>
            <th scope="col">{view.t('relays.state')}</th>
            <th scope="col" class="cell-number">
              {view.t('relays.share')}
            </th>
            <th scope="col">{view.t('relays.limit')}</th>
          </tr>
        </thead>
        <tbody>
          {relays.map((shown) => (
            <RelayRow view={view} shown={shown} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RelayRow({ view, shown: { relay, condition } }: { view: View; shown: ShownRelay }) {
  const { id, name, host, port, weight } = relay;
  return (
    <tr>
      <td data-label={view.t('relays.name')}>
        <a class="row-link" href={`/oversight/relays/${id}`}>
          <bdi>{name}</bdi>
        </a>
        <small class="row-note">
          {formatHost(host)}:{port}
        </small>
      </td>
      <td data-label={view.t('relays.state')}>
        <div class="relay-state">
          <RelayBadge view={view} condition={condition} />
          <small class="row-note">{describeState(view, condition)}</small>
          {'fault' in condition && <code class="reply">{condition.fault}</code>}
        </div>
      </td>
      <td data-label={view.t('relays.share')} class="cell-number">
        {weight === 0 ? view.t('relays.standIn') : formatNumber(view, weight)}
      </td>
      <td data-label={view.t('relays.limit')}>{formatLimit(view, toRate(relay))}</td>
    </tr>
  );
}
