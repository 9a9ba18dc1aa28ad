import { isBalanced, type Counters } from '../delivery/delivery.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import type { View } from '../ui/view.js';

/* The books of one mailing: audience = accepted + rejected + in doubt + suppressed + expired + cancelled + waiting. */

const PARTS = [
  ['accepted', 'accepted'],
  ['rejected', 'rejected'],
  ['in_doubt', 'inDoubt'],
  ['suppressed', 'suppressed'],
  ['expired', 'expired'],
  ['cancelled', 'cancelled'],
  ['waiting', 'waiting'],
] as const;

type BalancedState = (typeof PARTS)[number][0];

/** In the order in which bars show them. */
export const PART_STATES: readonly BalancedState[] = PARTS.map(([state]) => state);

export interface Part {
  state: BalancedState;
  count: number;
}

interface BalanceProps {
  view: View;
  mailingId: number;
  counters: Counters;
}

export function Balance({ view, mailingId, counters }: BalanceProps) {
  const parts = toParts(counters);
  return (
    <section class="card card-body balance">
      <h2>{view.t('mailings.balance.title')}</h2>
      <BalanceBar view={view} parts={parts} audience={counters.audience} />
      <dl class="balance-legend">
        {parts.map((part) => (
          <LegendLine view={view} mailingId={mailingId} part={part} />
        ))}
        <div class="balance-total">
          <dt>{view.t('mailings.balance.total')}</dt>
          <dd>{formatNumber(view, counters.audience)}</dd>
        </div>
      </dl>
      <BalanceSentence view={view} parts={parts} counters={counters} />
      <Attempts view={view} counters={counters} />
      <a href={`/mailings/${mailingId}/deliveries`}>{view.t('mailings.balance.all')}</a>
    </section>
  );
}

export function toParts(counters: Counters): Part[] {
  return PARTS.map(([state, field]) => ({ state, count: counters[field] }));
}

/** Of a million one rejected letter still shows: no part is narrower than this many hundredths of the bar. */
const NARROWEST = 0.6;

/** The legend below says the same in figures. */
export function BalanceBar({ view, parts, audience }: { view: View; parts: Part[]; audience: number }) {
  const shares = parts.map(({ count }) => (count === 0 ? 0 : Math.max((count / audience) * 100, NARROWEST)));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let end = 0;
  const bars = parts.map(({ state }, index) => {
    const width = total === 0 ? 0 : ((shares[index] ?? 0) / total) * 100;
    end += width;
    return { state, x: end - width, width };
  });
  return (
    <svg
      class="balance-bar"
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
      role="img"
      aria-label={view.t('mailings.balance.bar')}
    >
      {bars
        .filter(({ width }) => width > 0)
        .map(({ state, x, width }) => (
          <rect class={`balance-${state}`} x={x.toFixed(3)} y="0" width={width.toFixed(3)} height="4" />
        ))}
    </svg>
  );
}

function LegendLine({ view, mailingId, part: { state, count } }: { view: View; mailingId: number; part: Part }) {
  const number = formatNumber(view, count);
  return (
    <div class={count === 0 ? `balance-${state} balance-empty` : `balance-${state}`}>
      <dt>{view.t(`mailings.balance.${state}`)}</dt>
      <dd>{count === 0 ? number : <a href={`/mailings/${mailingId}/deliveries?state=${state}`}>{number}</a>}</dd>
    </div>
  );
}

function BalanceSentence({ view, parts, counters }: { view: View; parts: Part[]; counters: Counters }) {
  const terms = parts.filter(({ count }) => count > 0).map(({ count }) => formatNumber(view, count));
  const sum = `${formatNumber(view, counters.audience)} = ${terms.join(' + ') || '0'}`;
  const balanced = isBalanced(counters);
  return (
    <p
      class={
        balanced
          ? 'balance-sentence d-flex align-items-center gap-2'
          : 'balance-sentence d-flex align-items-center gap-2 text-danger'
      }
    >
      <Icon name={balanced ? 'check-circle' : 'exclamation-triangle'} />
      {view.t(balanced ? 'mailings.balance.balanced' : 'mailings.balance.unbalanced', { sum })}
    </p>
  );
}

function Attempts({ view, counters }: { view: View; counters: Counters }) {
  const { attemptsAccepted, attemptsDeferred, attemptsRejected, attemptsInDoubt } = counters;
  const unsuccessful = attemptsDeferred + attemptsRejected + attemptsInDoubt;
  return (
    <>
      <h3>{view.t('mailings.balance.attempts')}</h3>
      <dl class="facts">
        <dt>{view.t('mailings.balance.successful')}</dt>
        <dd>{formatNumber(view, attemptsAccepted)}</dd>
        <dt>{view.t('mailings.balance.unsuccessful')}</dt>
        <dd>{formatNumber(view, unsuccessful)}</dd>
      </dl>
    </>
  );
}
