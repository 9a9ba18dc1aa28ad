import type { Child } from 'hono/jsx';

import { MailingStateBadge } from '../mailings/mailing-parts.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { ShownMailing } from './shown-mailing.js';

interface RunningListProps<T> {
  view: View;
  running: T[];
  /** What stands before the counts of each, such as whose it is. */
  describe?: (mailing: T) => Child;
  children?: Child;
}

/** What runs now and how far it is. Nothing where nothing runs. */
export function RunningList<T extends ShownMailing>({ view, running, describe, children }: RunningListProps<T>) {
  if (running.length === 0) return null;
  return (
    <section class="card card-body running-mailings">
      <h2>{view.t('statistics.running.title')}</h2>
      {running.map((mailing) => (
        <article class="running-mailing">
          <div class="running-mailing-head">
            <MailingLink mailing={mailing} />
            <MailingStateBadge view={view} state={mailing.state} />
          </div>
          <Progress view={view} mailing={mailing} prefix={describe?.(mailing)} />
        </article>
      ))}
      {children}
    </section>
  );
}

function Progress({
  view,
  mailing: { subject, counters },
  prefix,
}: {
  view: View;
  mailing: ShownMailing;
  prefix: Child;
}) {
  if (!counters) return prefix ? <p class="running-mailing-counts">{prefix}</p> : null;
  const { audience, accepted, waiting } = counters;
  const counts = view.t('statistics.running.progress', {
    settled: formatNumber(view, audience - waiting),
    audience: formatNumber(view, audience),
    accepted: formatNumber(view, accepted),
  });
  return (
    <>
      <progress value={audience - waiting} max={Math.max(audience, 1)} aria-label={subject}></progress>
      <p class="running-mailing-counts">
        {prefix && <>{prefix} · </>}
        {counts}
      </p>
    </>
  );
}

export function MailingLink({ mailing: { id, subject } }: { mailing: ShownMailing }) {
  return (
    <a class="row-link" href={`/mailings/${id}`}>
      <bdi>{subject}</bdi>
    </a>
  );
}
