import { OUTCOME_FILTERS, type OutcomeFilter } from '../delivery/attempt-journal.js';
import { XLSX_ROWS } from '../lib/xlsx.js';
import { FormFaults, SelectField, TextField } from '../ui/form.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import type { OwnerChoice } from '../ui/owner-filter.js';
import { pathOf, type View } from '../ui/view.js';
import { ATTEMPT_FIELDS, isNarrowed, type AttemptSearch } from './attempt-search.js';

interface AttemptSearchFormProps {
  view: View;
  search: AttemptSearch;
  /** Where everybody's are shown. */
  choice: OwnerChoice | undefined;
}

export function AttemptSearchForm({ view, search, choice }: AttemptSearchFormProps) {
  const { t } = view;
  const { form } = search;
  const describe = (value: OutcomeFilter) =>
    value === 'unsuccessful' ? t('oversight.attempts.unsuccessful') : t(`mailings.outcomes.${value}`);
  const isReset = isNarrowed(search) || Boolean(choice?.typed);
  return (
    <form method="get" class="journal-search card card-body" role="search" novalidate>
      <FormFaults view={view} form={form} />
      <div class="journal-fields">
        <TextField
          view={view}
          form={form}
          name="address"
          label={t('journal.address')}
          hint={t('journal.addressHint')}
          maxlength={254}
        />
        <SelectField
          view={view}
          form={form}
          name="outcome"
          label={t('mailings.attempts.outcome')}
          placeholder={t('oversight.attempts.anyOutcome')}
          options={OUTCOME_FILTERS.map((value) => ({ value, label: describe(value) }))}
        />
        {choice && (
          <TextField
            view={view}
            form={{ typed: { owner: choice.owner?.email ?? choice.typed }, faults: {} }}
            name="owner"
            label={t('common.oversight.ownerFilter')}
            maxlength={320}
          />
        )}
      </div>
      <SeldomFields view={view} search={search} />
      {view.query['sort'] && <input type="hidden" name="sort" value={view.query['sort']} />}
      <div class="journal-actions">
        <button class="btn btn-outline-secondary" type="submit">
          <Icon name="search" />
          <span>{t('common.list.find')}</span>
        </button>
        {isReset && (
          <a class="btn btn-link" href={pathOf(view)}>
            {t('common.list.clear')}
          </a>
        )}
      </div>
    </form>
  );
}

const SELDOM = ['reply', 'code', 'relay', 'from', 'until'] as const;

/** What is asked for seldom is folded away, unless it is asked for. */
function SeldomFields({ view, search }: Omit<AttemptSearchFormProps, 'choice'>) {
  const { t } = view;
  const { form } = search;
  const times = inputTimes(search);
  return (
    <details open={SELDOM.some((name) => form.typed[name])}>
      <summary>{t('journal.more')}</summary>
      <div class="journal-fields">
        <TextField
          view={view}
          form={form}
          name="reply"
          label={t('journal.reply')}
          hint={t('journal.replyHint')}
          maxlength={200}
        />
        <TextField
          view={view}
          form={form}
          name="code"
          label={t('journal.code')}
          hint={t('journal.codeHint')}
          maxlength={12}
        />
        <TextField
          view={view}
          form={form}
          name="relay"
          label={t('journal.relay')}
          hint={t('journal.relayHint')}
          maxlength={254}
        />
        <TextField view={view} form={times} name="from" type="datetime-local" label={t('journal.from')} />
        <TextField
          view={view}
          form={times}
          name="until"
          type="datetime-local"
          label={t('journal.until')}
          hint={t('journal.timeHint', { timeZone: view.timeZone })}
        />
      </div>
    </details>
  );
}

/** A link may name a day; the field shows its first minute, or its last. */
function inputTimes({ form: { typed, faults } }: AttemptSearch) {
  const isDay = (text = '') => /^\d{4}-\d\d-\d\d$/.test(text);
  const { from = '', until = '' } = typed;
  return {
    typed: { from: isDay(from) ? `${from}T00:00` : from, until: isDay(until) ? `${until}T23:59` : until },
    faults,
  };
}

interface AttemptExportsProps {
  view: View;
  search: AttemptSearch;
  /** So many attempts it can be. */
  atMost: number;
}

/** Exports what the page is narrowed to, all pages of it. */
export function AttemptExports({ view, search, atMost }: AttemptExportsProps) {
  const isLong = atMost > XLSX_ROWS - 2;
  return (
    <form method="post" action={`${pathOf(view)}/export`} class="journal-exports">
      {[...ATTEMPT_FIELDS, 'owner'].map((name) => (
        <input type="hidden" name={name} value={search.form.typed[name] ?? view.query[name] ?? ''} />
      ))}
      {(['csv', 'xlsx'] as const).map((format) => (
        <button
          class="btn btn-outline-secondary"
          type="submit"
          name="format"
          value={format}
          data-download
          {...(format === 'xlsx' && isLong ? { 'aria-describedby': 'xlsx-rows' } : {})}
        >
          <Icon name="download" />
          {format.toUpperCase()}
        </button>
      ))}
      {isLong && (
        <small id="xlsx-rows">{view.t('journal.xlsxRows', { number: formatNumber(view, XLSX_ROWS - 2) })}</small>
      )}
    </form>
  );
}
