import type { FormState } from '../lib/form.js';
import { findUnit, LIMIT_UNITS, type Rate } from '../lib/rate.js';
import { SelectField, TextField } from './form.js';
import { formatNumber } from './format.js';
import type { View } from './view.js';

interface RateFieldsProps {
  view: View;
  form: FormState;
  /** Above the number. */
  label: string;
  hint?: string;
  optional?: boolean;
}

/** “Not more than N letters per …”, as `rateFields` of lib/rate.ts reads it. */
export function RateFields({ view, form, label, hint, optional = false }: RateFieldsProps) {
  return (
    <div class="field-row">
      <TextField
        view={view}
        form={form}
        name="letters"
        autocomplete="off"
        isNumber
        label={label}
        optional={optional}
        {...(hint === undefined ? {} : { hint })}
      />
      <SelectField
        view={view}
        form={form}
        name="per"
        label={view.t('common.rate.per')}
        options={LIMIT_UNITS.map((value) => ({ value, label: view.t(`common.rate.units.${value}`) }))}
      />
    </div>
  );
}

/** “not more than 100 letters a minute”. */
export function formatRate(view: View, { letters, seconds }: Rate): string {
  const values = { count: letters, number: formatNumber(view, letters) };
  return view.t(`common.rate.limits.${findUnit(seconds)}`, values);
}

/** The same, or that there is none. */
export function formatLimit(view: View, rate: Rate | null): string {
  return rate ? formatRate(view, rate) : view.t('common.rate.none');
}
