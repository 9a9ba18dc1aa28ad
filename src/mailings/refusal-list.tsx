import type { Refusal, Refusals, RefusingDomain } from '../delivery/refusal.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { OutcomeBadge } from './mailing-parts.js';
import { explainRefusal, SPEAKS_OF_NEXT_TRY } from './refusal-meaning.js';

interface RefusalsProps {
  view: View;
  mailingId: number;
  refusals: Refusals;
  /** The mailing is finished: nothing is tried any more. */
  isOver: boolean;
}

/** What was refused, by what was said and by domain: what it means, and what to do. */
export function RefusalList({ view, mailingId, refusals, isOver }: RefusalsProps) {
  const { replies, domains, replyCount } = refusals;
  if (replies.length === 0) return null;
  const all = { count: replyCount, number: formatNumber(view, replyCount) };
  return (
    <section class="refusals">
      <h2>{view.t('live.refusals.title')}</h2>
      <p class="text-body-secondary">{view.t('live.refusals.hint')}</p>
      <h3>{view.t('live.refusals.byReply')}</h3>
      <ul class="refusal-list">
        {replies.map((refusal) => (
          <RefusalItem view={view} mailingId={mailingId} refusal={refusal} isOver={isOver} />
        ))}
      </ul>
      <p>
        <a href={attemptsPath(mailingId, { outcome: 'unsuccessful' })}>{view.t('live.refusals.all', all)}</a>
      </p>
      {domains.length > 0 && (
        <>
          <h3 id="refusing-domains">{view.t('live.refusals.byDomain')}</h3>
          <DomainTable view={view} mailingId={mailingId} domains={domains} />
          <MoreDomains view={view} refusals={refusals} />
        </>
      )}
    </section>
  );
}

function RefusalItem({ view, mailingId, refusal, isOver }: Omit<RefusalsProps, 'refusals'> & { refusal: Refusal }) {
  const { outcome, stage, replyCode, enhancedCode, reply, attempts, domains } = refusal;
  const meaning = explainRefusal(refusal);
  const key = [outcome, stage, replyCode ?? '', enhancedCode ?? ''].join(' ');
  return (
    <li class="card card-body refusal" data-key={key}>
      <div class="refusal-head">
        <strong class="refusal-code">{nameRefusal(view, refusal)}</strong>
        <OutcomeBadge view={view} outcome={outcome} />
        <span class="refusal-count">
          {view.t('live.refusals.attempts', counted(view, attempts))},{' '}
          {view.t('live.refusals.domains', counted(view, domains))}
        </span>
      </div>
      <p>
        <strong>{view.t(`live.meaning.${meaning}.what`)}</strong>{' '}
        {view.t(isOver && SPEAKS_OF_NEXT_TRY.includes(meaning) ? 'live.refusals.over' : `live.meaning.${meaning}.todo`)}
      </p>
      <div class="refusal-reply">
        <small>{view.t('live.refusals.latest', { stage })}</small>
        <bdi class="reply text-lines">{reply}</bdi>
      </div>
      <ShowAttempts view={view} what={nameRefusal(view, refusal)} href={pathOfRefusal(mailingId, refusal)} />
    </li>
  );
}

function nameRefusal(view: View, { replyCode, enhancedCode }: Refusal): string {
  if (replyCode === null) return view.t('live.refusals.noReply');
  return enhancedCode === null ? String(replyCode) : `${replyCode} ${enhancedCode}`;
}

function DomainTable({ view, mailingId, domains }: { view: View; mailingId: number; domains: RefusingDomain[] }) {
  return (
    <div class="table-frame">
      <table class="table list-table" aria-labelledby="refusing-domains">
        <thead>
          <tr>
            <th scope="col">{view.t('live.refusals.domain')}</th>
            {DOMAIN_COLUMNS.map((column) => (
              <th scope="col" class="cell-number">
                {view.t(`live.refusals.${column.label}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {domains.map((row) => (
            <tr data-key={row.domain}>
              <td data-label={view.t('live.refusals.domain')}>
                <a
                  class="row-link"
                  href={attemptsPath(mailingId, { outcome: 'unsuccessful', address: `@${row.domain}` })}
                >
                  <bdi>{row.domain}</bdi>
                </a>
              </td>
              {DOMAIN_COLUMNS.map(({ label, field }) => (
                <td data-label={view.t(`live.refusals.${label}`)} class="cell-number">
                  {formatNumber(view, row[field])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const DOMAIN_COLUMNS = [
  { label: 'deferred', field: 'deferred' },
  { label: 'rejected', field: 'rejected' },
  { label: 'inDoubt', field: 'inDoubt' },
  { label: 'sum', field: 'attempts' },
] as const;

function MoreDomains({ view, refusals: { domains, domainCount } }: { view: View; refusals: Refusals }) {
  const more = domainCount - domains.length;
  if (more <= 0) return null;
  return <p class="text-body-secondary">{view.t('live.refusals.moreDomains', counted(view, more))}</p>;
}

function ShowAttempts({ view, what, href }: { view: View; what: string; href: string }) {
  return (
    <a class="refusal-link" href={href} aria-label={view.t('live.refusals.showOf', { what })}>
      {view.t('live.refusals.show')}
    </a>
  );
}

/** Without a reply there is no code to go by, but the beginning of what happened instead. */
function pathOfRefusal(mailingId: number, { outcome, replyCode, enhancedCode, reply }: Refusal): string {
  if (outcome === 'in_doubt') return attemptsPath(mailingId, { outcome });
  if (replyCode === null) return attemptsPath(mailingId, { outcome, reply: reply.split('\n')[0]?.slice(0, 80) ?? '' });
  return attemptsPath(mailingId, { outcome, code: enhancedCode ?? String(replyCode) });
}

/** The journal of the mailing's attempts, narrowed as its form does it. */
function attemptsPath(mailingId: number, filter: Record<string, string>): string {
  return `/mailings/${mailingId}/attempts?${new URLSearchParams(filter).toString()}`;
}

function counted(view: View, count: number) {
  return { count, number: formatNumber(view, count) };
}
