import { raw } from 'hono/html';

import { RelayNotices } from '../relays/relay-notice.js';
import type { FailingRelay } from '../relays/relay.js';
import { AttentionLine, AttentionList } from '../statistics/attention-list.js';
import { AwaitRunning, LivePart } from '../statistics/live-part.js';
import { RangePicker } from '../statistics/range-picker.js';
import { rangeQuery, type RangeChoice } from '../statistics/range.js';
import { RunningList } from '../statistics/running-list.js';
import type { ShownFigures } from '../statistics/shown-figures.js';
import { Layout } from '../ui/layout.js';
import { EmptyState } from '../ui/list.js';
import { ReadOnlyMark } from '../ui/oversight-list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import { OwnerLink } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import { InstallationTotals } from './installation-totals.js';
import { MachinerySection, type Machinery } from './machinery.js';
import type { Installation, OwnerSort, Running, RunningMailing } from './oversight.js';

export interface OversightProps {
  view: View;
  installation: Installation;
  running: Running;
  choice: RangeChoice;
  figures: ShownFigures;
  /** The table of them, as HTML. */
  owners: string;
  sort: OwnerSort;
  failing: FailingRelay[];
  /** Administrators keep it; for others it is absent. */
  machinery: Machinery | undefined;
}

export function OversightPage(props: OversightProps) {
  const { view, failing, figures } = props;
  const { recipients, mailings } = figures;
  const isEmpty = recipients + mailings.created + mailings.running + mailings.finished === 0;
  return (
    <Layout
      view={view}
      title={view.t('oversight.overview.title')}
      actions={<ReadOnlyMark view={view} />}
      tabs={<OversightTabs view={view} />}
      {...(mailings.running > 0 ? { refresh: 5 } : {})}
    >
      <RelayNotices view={view} failing={failing} />
      {isEmpty ? (
        <EmptyState
          icon="binoculars"
          title={view.t('oversight.overview.emptyTitle')}
          text={view.t('oversight.overview.emptyText')}
        />
      ) : (
        <Everything {...props} />
      )}
    </Layout>
  );
}

function Everything(props: OversightProps) {
  const { view, installation, running, choice, figures, owners, sort, machinery } = props;
  const isRunning = running.mailings.length > 0;
  const hasNoWorker = machinery?.nodes.workers === 0;
  return (
    <>
      <AttentionList view={view} attention={installation.attention}>
        {hasNoWorker && (
          <AttentionLine
            icon="hdd-stack"
            isGrave
            href="/oversight/nodes"
            action={view.t('statistics.attention.actions.look')}
          >
            <strong>{view.t('oversight.machinery.noWorkerTitle')}</strong>
            <span>{view.t('oversight.machinery.noWorker')}</span>
          </AttentionLine>
        )}
      </AttentionList>
      <LivePart href="/oversight/running-mailings" isRunning={isRunning}>
        <LiveRunning view={view} running={running} installation={installation} />
      </LivePart>
      {!isRunning && figures.mailings.created > 0 && <AwaitRunning href="/oversight/running-mailings" />}
      <section class="figures-section" aria-labelledby="figures-title">
        <h2 id="figures-title">{view.t('statistics.title')}</h2>
        <RangePicker view={view} choice={choice} path="/oversight" kept={sort === 'accepted' ? {} : { sort }} />
        <LivePart href={`/oversight/figures?${rangeQuery(choice.range)}`} isRunning={isRunning}>
          {raw(figures.html)}
        </LivePart>
      </section>
      {raw(owners)}
      {machinery && <MachinerySection view={view} machinery={machinery} />}
    </>
  );
}

/** What runs and what waits: the page asks for it again and again. */
export function LiveRunning({
  view,
  running,
  installation,
}: Pick<OversightProps, 'view' | 'running' | 'installation'>) {
  return (
    <>
      <RunningList view={view} running={running.mailings} describe={nameOwner}>
        {running.hasMore && (
          <a class="running-mailings-all" href="/oversight/mailings?status=running">
            {view.t('oversight.running.all')}
          </a>
        )}
      </RunningList>
      <InstallationTotals view={view} installation={installation} />
    </>
  );
}

function nameOwner({ owner }: RunningMailing) {
  return owner && <OwnerLink owner={owner} />;
}
