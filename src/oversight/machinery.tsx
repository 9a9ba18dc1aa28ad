import type { Child } from 'hono/jsx';

import { RelayBadge } from '../relays/relay-parts.js';
import type { RelayCondition } from '../relays/relay.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';

/** What administrators keep: the mail servers and the processes. */
export interface Machinery {
  relays: { name: string | null; href: string; condition: RelayCondition }[];
  nodes: { pages: number; workers: number; gone: number; lettersPerSecond: number };
}

export function MachinerySection({ view, machinery: { relays, nodes } }: { view: View; machinery: Machinery }) {
  return (
    <div class="overview-columns">
      <section class="card card-body overview-list" aria-labelledby="relays-title">
        <h2 id="relays-title">{view.t('oversight.machinery.relays')}</h2>
        <ul>
          {relays.map(({ name, href, condition }) => (
            <Line>
              <a class="row-link" href={href}>
                <bdi>{name ?? view.t('relays.smtpUrlName')}</bdi>
              </a>
              <RelayBadge view={view} condition={condition} />
            </Line>
          ))}
        </ul>
        <a href="/oversight/relays">{view.t('oversight.machinery.allRelays')}</a>
      </section>
      <section class="card card-body overview-list" aria-labelledby="nodes-title">
        <h2 id="nodes-title">{view.t('oversight.machinery.nodes')}</h2>
        <ul>
          <Line>
            {view.t('oversight.machinery.workers')}
            <strong>{formatNumber(view, nodes.workers)}</strong>
          </Line>
          <Line>
            {view.t('oversight.machinery.pages')}
            <strong>{formatNumber(view, nodes.pages)}</strong>
          </Line>
          <Line>
            {view.t('oversight.machinery.speed')}
            <strong>{formatNumber(view, Math.round(nodes.lettersPerSecond))}</strong>
          </Line>
          {nodes.gone > 0 && (
            <Line>
              {view.t('oversight.machinery.gone')}
              <strong>{formatNumber(view, nodes.gone)}</strong>
            </Line>
          )}
        </ul>
        <a href="/oversight/nodes">{view.t('oversight.machinery.allNodes')}</a>
      </section>
    </div>
  );
}

function Line({ children }: { children?: Child }) {
  return <li class="machinery-line">{children}</li>;
}
