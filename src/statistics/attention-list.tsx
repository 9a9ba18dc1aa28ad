import type { Child } from 'hono/jsx';

import { formatDateTime, formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import type { View } from '../ui/view.js';
import type { Attention, AttentiveMailing } from './figures.js';

interface AttentionListProps {
  view: View;
  attention: Attention;
  /** More than mailings: as further lines. */
  children?: Child;
}

/** So many are seen at once. */
const SHOWN = 5;

/** What needs somebody, each with the way to mend it. Nothing where all is well. */
export function AttentionList({ view, attention: { mailings, hasMore }, children }: AttentionListProps) {
  const hasOthers = Array.isArray(children) ? children.flat().some(Boolean) : Boolean(children);
  if (mailings.length === 0 && !hasOthers) return null;
  return (
    <section class="card card-body attention" aria-labelledby="attention-title">
      <h2 id="attention-title">{view.t('statistics.attention.title')}</h2>
      <ul>
        {children}
        <MailingLines view={view} mailings={mailings.slice(0, SHOWN)} />
      </ul>
      {mailings.length > SHOWN && (
        <details class="attention-more">
          <summary>{describeRest(view, mailings.length - SHOWN, hasMore)}</summary>
          <ul>
            <MailingLines view={view} mailings={mailings.slice(SHOWN)} />
          </ul>
        </details>
      )}
    </section>
  );
}

function MailingLines({ view, mailings }: { view: View; mailings: AttentiveMailing[] }) {
  return (
    <>
      {mailings.map((mailing) => (
        <MailingLine view={view} mailing={mailing} />
      ))}
    </>
  );
}

function describeRest(view: View, count: number, hasMore: boolean): string {
  const number = formatNumber(view, count);
  return view.t(hasMore ? 'statistics.attention.restAndMore' : 'statistics.attention.rest', { count, number });
}

const ICONS = {
  disabled: 'slash-circle',
  refused: 'exclamation-octagon',
  start_fault: 'calendar-x',
  in_doubt: 'question-circle',
  paused: 'pause-circle',
} as const;

function MailingLine({ view, mailing }: { view: View; mailing: AttentiveMailing }) {
  const { ownerId, ownerName, subject, kind, reason } = mailing;
  const isOwn = ownerId === view.user?.id;
  const action = kind === 'disabled' || !isOwn ? 'look' : kind;
  return (
    <AttentionLine
      icon={ICONS[kind]}
      isGrave={kind === 'disabled' || kind === 'refused'}
      href={remedyOf(mailing, isOwn)}
      action={view.t(`statistics.attention.actions.${action}`)}
    >
      <strong>
        <bdi>{subject}</bdi>
      </strong>
      {!isOwn && <span class="attention-owner">{ownerName}</span>}
      <span>{describe(view, mailing)}</span>
      {reason && (kind === 'refused' ? <code class="reply">{reason}</code> : <span class="text-lines">{reason}</span>)}
    </AttentionLine>
  );
}

interface AttentionLineProps {
  icon: string;
  isGrave: boolean;
  href: string;
  action: string;
  children?: Child;
}

export function AttentionLine({ icon, isGrave, href, action, children }: AttentionLineProps) {
  return (
    <li class={isGrave ? 'attention-line attention-grave' : 'attention-line'}>
      <Icon name={icon} />
      <div class="attention-text">{children}</div>
      <a class="btn btn-sm btn-outline-secondary" href={href}>
        {action}
      </a>
    </li>
  );
}

/** The page where its owner can do something about it; for others its own page. */
function remedyOf({ id, kind, startFault }: AttentiveMailing, isOwn: boolean): string {
  if (isOwn && kind === 'start_fault') {
    return startFault === 'no_recipients' ? `/mailings/${id}/audience` : `/mailings/${id}/edit`;
  }
  return `/mailings/${id}`;
}

function describe(view: View, { kind, startFault, inDoubt, endsAt }: AttentiveMailing): string {
  if (kind === 'in_doubt') {
    return view.t('statistics.attention.inDoubt', { count: inDoubt, number: formatNumber(view, inDoubt) });
  }
  if (kind === 'start_fault') return view.t(`statistics.attention.startFault.${startFault ?? 'window_over'}`);
  return view.t(`statistics.attention.${kind}`, { time: formatDateTime(view, new Date(endsAt)) });
}

/** Of the mail servers those who do not keep them learn this much. */
export function NothingLeavesLine({ view, href }: { view: View; href: string }) {
  return (
    <AttentionLine icon="hdd-network" isGrave href={href} action={view.t('statistics.attention.actions.look')}>
      <strong>{view.t('statistics.attention.relayTitle')}</strong>
      <span>{view.t('statistics.attention.relay')}</span>
    </AttentionLine>
  );
}
