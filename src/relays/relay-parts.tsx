import { judgeFault } from '../installation/conversation.js';
import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Relay, RelayCondition } from './relay.js';

/* What several pages about mail servers show. */

export function RelayBadge({ view, condition: { kind } }: { view: View; condition: RelayCondition }) {
  return <span class={`badge-state badge-relay-${kind}`}>{view.t(`relays.states.${kind}`)}</span>;
}

/** Why it is in this state, and what comes next. */
export function describeState(view: View, condition: RelayCondition): string {
  switch (condition.kind) {
    case 'resting':
      return view.t('relays.condition.resting', { until: formatTimeWithSeconds(view, condition.until) });
    case 'slowed':
      return view.t('relays.condition.slowed', {
        ...countLetters(view, condition.lettersPerMinute),
        time: formatTimeWithSeconds(view, condition.since),
      });
    case 'trying':
    case 'off':
    case 'unreadable':
    case 'unused':
    case 'working':
      return view.t(`relays.condition.${condition.kind}`);
  }
}

/** In plain words where the text can be judged, and what was said in any case. */
export function Fault({ view, fault }: { view: View; fault: string }) {
  const verdict = judgeFault(fault);
  return (
    <>
      {verdict && verdict !== 'accepted' && <p>{view.t(`relays.faults.${verdict}`, { to: '' })}</p>}
      <p>
        {view.t('relays.condition.said')} <code class="reply">{fault}</code>
      </p>
    </>
  );
}

/** A whole number of at least one: a rate creeps up by halves. */
export function countLetters(view: View, lettersPerMinute: number): { count: number; number: string } {
  const count = Math.max(1, Math.round(lettersPerMinute));
  return { count, number: formatNumber(view, count) };
}

export function describeEncryption({ t }: View, { tls, verifyCertificate }: Relay): string {
  const isUnverified = !verifyCertificate && (tls === 'required' || tls === 'implicit');
  return isUnverified ? `${t(`relays.tls.${tls}`)}; ${t('relays.page.unverified')}` : t(`relays.tls.${tls}`);
}
