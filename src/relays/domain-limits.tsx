import { domainToUnicode } from 'node:url';

import type { FormState } from '../lib/form.js';
import { toRate } from '../lib/rate.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { formatTimeWithSeconds } from '../ui/format.js';
import { formatRate, RateFields } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { countLetters } from './relay-parts.js';
import type { DomainLimit, RelayOverview } from './relay.js';

interface DomainLimitsProps extends Pick<RelayOverview, 'limits' | 'slowed'> {
  view: View;
  form: FormState;
}

/** What is set for recipients' domains, and which of them asked for patience. */
export function DomainLimits({ view, limits, slowed, form }: DomainLimitsProps) {
  const domains = [...new Set([...limits, ...slowed].map(({ domain }) => domain))].toSorted();
  return (
    <section>
      <h2 id="domains">{view.t('relays.domains.title')}</h2>
      <p class="text-body-secondary">{view.t('relays.domains.text')}</p>
      {domains.length === 0 ? (
        <p>{view.t('relays.domains.none')}</p>
      ) : (
        <div class="table-frame">
          <table class="table list-table" aria-labelledby="domains">
            <thead>
              <tr>
                <th scope="col">{view.t('relays.domains.domain')}</th>
                <th scope="col">{view.t('relays.domains.limit')}</th>
                <th scope="col">{view.t('relays.domains.slowed')}</th>
                <th scope="col">{view.t('common.list.actions')}</th>
              </tr>
            </thead>
            <tbody>
              {domains.map((domain) => (
                <DomainRow
                  view={view}
                  domain={domain}
                  limit={limits.find((limit) => limit.domain === domain)}
                  slowing={slowed.find((slowing) => slowing.domain === domain)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <LimitForm view={view} form={form} />
    </section>
  );
}

/** As people write it. */
export function showDomain(domain: string): string {
  return domainToUnicode(domain) || domain;
}

interface DomainRowProps {
  view: View;
  domain: string;
  limit: DomainLimit | undefined;
  slowing: RelayOverview['slowed'][number] | undefined;
}

function DomainRow({ view, domain, limit, slowing }: DomainRowProps) {
  const rate = limit && toRate(limit);
  return (
    <tr>
      <td data-label={view.t('relays.domains.domain')}>
        <bdi>{showDomain(domain)}</bdi>
      </td>
      <td data-label={view.t('relays.domains.limit')}>{rate ? formatRate(view, rate) : view.t('common.none')}</td>
      <td data-label={view.t('relays.domains.slowed')}>
        {slowing
          ? view.t('relays.domains.slowedTo', {
              ...countLetters(view, slowing.lettersPerMinute),
              time: formatTimeWithSeconds(view, slowing.since),
            })
          : view.t('common.none')}
      </td>
      {limit ? (
        <td data-label={view.t('common.list.actions')} class="cell-actions">
          <DomainActions view={view} domain={domain} />
        </td>
      ) : (
        <td></td>
      )}
    </tr>
  );
}

function DomainActions({ view, domain }: { view: View; domain: string }) {
  const query = `?domain=${encodeURIComponent(domain)}`;
  const name = { domain: showDomain(domain) };
  return (
    <span class="row-actions">
      <a href={`/oversight/relays${query}#limit`} aria-label={view.t('relays.domains.changeOf', name)}>
        {view.t('relays.domains.change')}
      </a>
      <a href={`/oversight/relays/domains/removal${query}`} aria-label={view.t('relays.domains.removeOf', name)}>
        {view.t('relays.domains.remove')}
      </a>
    </span>
  );
}

function LimitForm({ view, form }: { view: View; form: FormState }) {
  return (
    <form method="post" action="/oversight/relays/domains" class="card card-body" id="limit" novalidate>
      <h3 class="h6">{view.t('relays.domains.formTitle')}</h3>
      <FormFaults view={view} form={form} />
      <TextField
        view={view}
        form={form}
        name="domain"
        label={view.t('relays.domains.domain')}
        hint={view.t('relays.domains.domainHint')}
        autocomplete="off"
        maxlength={255}
      />
      <RateFields view={view} form={form} label={view.t('relays.domains.letters')} />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {view.t('relays.domains.submit')}
        </button>
      </FormActions>
    </form>
  );
}
