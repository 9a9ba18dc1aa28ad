import { formatDateTime, formatMegabytes, formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { EmptyState } from '../ui/list.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { isWorker, OUTCOMES, servesPages, type Node, type Sending } from './node.js';
import type { Nodes } from './read-nodes.js';

interface NodesProps {
  view: View;
  nodes: Nodes;
}

/** As often as processes tell of themselves. */
const SECONDS_BETWEEN = 5;
const REFRESH_SECONDS = 15;

export function NodesPage({ view, nodes }: NodesProps) {
  return (
    <Layout view={view} title={view.t('nodes.title')} tabs={<OversightTabs view={view} />} refresh={REFRESH_SECONDS}>
      <div data-live="/oversight/nodes/live" data-live-seconds={SECONDS_BETWEEN}>
        <LiveNodes view={view} nodes={nodes} />
      </div>
    </Layout>
  );
}

/** All of it changes by itself; the page asks for it again and again. */
export function LiveNodes({ view, nodes }: NodesProps) {
  const { live, gone, totals } = nodes;
  if (live.length + gone.length === 0)
    return <EmptyState icon="hdd-stack" title={view.t('nodes.emptyTitle')} text={view.t('nodes.emptyText')} />;
  return (
    <>
      {totals.workers === 0 && <NoWorkerNotice view={view} />}
      <Totals view={view} nodes={nodes} />
      <section aria-labelledby="live-title">
        <h2 id="live-title">{view.t('nodes.live.title', { count: live.length })}</h2>
        {live.length === 0 ? <p>{view.t('nodes.live.none')}</p> : <LiveTable view={view} nodes={nodes} />}
      </section>
      {gone.length > 0 && <Gone view={view} gone={gone} />}
    </>
  );
}

function NoWorkerNotice({ view }: { view: View }) {
  return (
    <section class="notice notice-warning">
      <h2>{view.t('nodes.noWorker.title')}</h2>
      <p>{view.t('nodes.noWorker.text')}</p>
    </section>
  );
}

function Totals({ view, nodes: { live, totals } }: NodesProps) {
  const figures = [
    { label: view.t('nodes.totals.speed'), value: formatSpeed(view, totals.lettersPerSecond) },
    { label: view.t('nodes.totals.waiting'), value: formatNumber(view, totals.waiting) },
    { label: view.t('nodes.totals.pages'), value: formatNumber(view, live.filter(servesPages).length) },
    { label: view.t('nodes.totals.workers'), value: formatNumber(view, totals.workers) },
  ];
  return (
    <dl class="totals">
      {figures.map(({ label, value }) => (
        <div>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const LIVE_COLUMNS = ['name', 'speed', 'outcomes', 'wire', 'mailings', 'memory'] as const;

function LiveTable({ view, nodes: { live, subjects } }: NodesProps) {
  return (
    <div class="table-frame">
      <table class="table list-table node-table" aria-labelledby="live-title">
        <Head view={view} columns={LIVE_COLUMNS} />
        <tbody>
          {live.map((node) => (
            <LiveRow view={view} node={node} subjects={subjects} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head({ view, columns }: { view: View; columns: readonly (keyof typeof COLUMNS)[] }) {
  return (
    <thead>
      <tr>
        {columns.map((name) => (
          <th scope="col">{view.t(COLUMNS[name])}</th>
        ))}
      </tr>
    </thead>
  );
}

const COLUMNS = {
  name: 'nodes.columns.name',
  speed: 'nodes.columns.speed',
  outcomes: 'nodes.columns.outcomes',
  wire: 'nodes.columns.wire',
  mailings: 'nodes.columns.mailings',
  memory: 'nodes.columns.memory',
  seen: 'nodes.columns.seen',
} as const;

interface LiveRowProps {
  view: View;
  node: Node;
  subjects: Map<number, string>;
}

function LiveRow({ view, node, subjects }: LiveRowProps) {
  const { t } = view;
  const sending = node.activity?.sending;
  const none = t('common.none');
  return (
    <tr>
      <NameCell view={view} node={node} />
      <td data-label={t(COLUMNS.speed)}>{sending ? formatSpeed(view, sending.lettersPerSecond) : none}</td>
      <td data-label={t(COLUMNS.outcomes)}>{sending ? <OutcomeList view={view} sending={sending} /> : none}</td>
      <td data-label={t(COLUMNS.wire)}>{sending ? <Wire view={view} sending={sending} /> : none}</td>
      <td data-label={t(COLUMNS.mailings)} class="cell-mailings">
        {sending && sending.mailings.length > 0 ? <MailingList ids={sending.mailings} subjects={subjects} /> : none}
      </td>
      <td data-label={t(COLUMNS.memory)} class="cell-memory">
        {node.activity ? formatMegabytes(view, node.activity.memoryBytes) : none}
      </td>
    </tr>
  );
}

/** Names are long and say little; what it does comes first. */
function NameCell({ view, node }: { view: View; node: Node }) {
  return (
    <td data-label={view.t(COLUMNS.name)} class="cell-node">
      <strong>{describeRoles(view, node)}</strong>
      <span class="node-name">{node.name}</span>
      <span class="node-version">{view.t('nodes.version', { version: node.version })}</span>
      <span class="node-since">{view.t('nodes.since', { time: formatDateTime(view, node.startedAt) })}</span>
    </td>
  );
}

const OUTCOME_LABELS = {
  accepted: 'nodes.outcomes.accepted',
  deferred: 'nodes.outcomes.deferred',
  rejected: 'nodes.outcomes.rejected',
  inDoubt: 'nodes.outcomes.inDoubt',
} as const;

/** The accepted ones always; of the others those that there are. */
function OutcomeList({ view, sending: { outcomes } }: { view: View; sending: Sending }) {
  const shown = OUTCOMES.filter((name) => name === 'accepted' || outcomes[name] > 0);
  return (
    <ul class="node-list">
      {shown.map((name) => (
        <li>{view.t(OUTCOME_LABELS[name], { count: outcomes[name], number: formatNumber(view, outcomes[name]) })}</li>
      ))}
    </ul>
  );
}

function Wire({ view, sending: { onTheWire, connections } }: { view: View; sending: Sending }) {
  return (
    <ul class="node-list">
      <li>{view.t('nodes.wire.letters', { count: onTheWire, number: formatNumber(view, onTheWire) })}</li>
      <li>{view.t('nodes.wire.connections', { count: connections, number: formatNumber(view, connections) })}</li>
    </ul>
  );
}

function MailingList({ ids, subjects }: { ids: number[]; subjects: Map<number, string> }) {
  return (
    <ul class="node-list">
      {ids.map((id) => {
        const subject = subjects.get(id);
        return (
          subject !== undefined && (
            <li>
              <a href={`/mailings/${id}`}>
                <bdi>{subject || id}</bdi>
              </a>
            </li>
          )
        );
      })}
    </ul>
  );
}

const GONE_COLUMNS = ['name', 'seen'] as const;

function Gone({ view, gone }: { view: View; gone: Node[] }) {
  return (
    <section aria-labelledby="gone-title">
      <h2 id="gone-title">{view.t('nodes.gone.title')}</h2>
      <p>{view.t('nodes.gone.text')}</p>
      <div class="table-frame">
        <table class="table list-table node-table" aria-labelledby="gone-title">
          <Head view={view} columns={GONE_COLUMNS} />
          <tbody>
            {gone.map((node) => (
              <tr>
                <NameCell view={view} node={node} />
                <td data-label={view.t(COLUMNS.seen)}>{formatDateTime(view, node.seenAt)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function describeRoles({ t }: View, node: Node): string {
  if (!isWorker(node)) return t('nodes.roles.web');
  return t(servesPages(node) ? 'nodes.roles.both' : 'nodes.roles.worker');
}

/** Below ten with a decimal: a slow mailing moves too. */
function formatSpeed(view: View, perSecond: number): string {
  return formatNumber(view, perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond));
}
