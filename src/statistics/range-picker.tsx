import type { View } from '../ui/view.js';
import { PRESETS, type RangeChoice } from './range.js';

interface RangePickerProps {
  view: View;
  choice: RangeChoice;
  /** The page that it stands on, without a query. */
  path: string;
  /** What else the address says, and goes on saying. */
  kept?: Record<string, string>;
}

/** Links and a form: the time is in the address, and needs no script. */
export function RangePicker({ view, choice, path, kept = {} }: RangePickerProps) {
  const { range, faults } = choice;
  const hasFaults = Object.keys(faults).length > 0;
  return (
    <div class="range-picker">
      <nav class="range-presets" aria-label={view.t('statistics.range.label')}>
        {PRESETS.map((preset) => (
          <a
            href={`${path}?${new URLSearchParams({ ...kept, period: preset }).toString()}`}
            {...(range.preset === preset && !hasFaults ? { 'aria-current': 'true' as const } : {})}
          >
            {view.t(`statistics.range.presets.${preset}`)}
          </a>
        ))}
      </nav>
      <form class="range-form" method="get" action={path}>
        {Object.entries(kept).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        <DayField view={view} choice={choice} name="from" />
        <DayField view={view} choice={choice} name="until" />
        <button class="btn btn-outline-secondary" type="submit">
          {view.t('statistics.range.show')}
        </button>
      </form>
      {hasFaults && <Faults view={view} choice={choice} />}
    </div>
  );
}

type FieldName = 'from' | 'until';

function DayField({
  view,
  choice: { range, typed, faults },
  name,
}: Omit<RangePickerProps, 'path'> & { name: FieldName }) {
  const hasFault = faults[name] !== undefined;
  const chosen = { from: range.firstDay, until: range.lastDay };
  const shown = (Object.keys(faults).length > 0 ? typed : chosen)[name];
  return (
    <label class="range-day">
      <span>{view.t(`statistics.range.${name}`)}</span>
      <input
        class={hasFault ? 'form-control is-invalid' : 'form-control'}
        type="date"
        name={name}
        value={shown}
        {...(hasFault ? { 'aria-invalid': 'true' as const, 'aria-describedby': `fault-${name}` } : {})}
      />
    </label>
  );
}

/** A field of dates shows nothing of what is none: the notice repeats it. */
function Faults({ view, choice: { typed, faults } }: { view: View; choice: RangeChoice }) {
  return (
    <div class="range-faults" role="alert">
      {(['from', 'until'] as const).map((name) => {
        const fault = faults[name];
        if (!fault) return null;
        return (
          <p class="field-fault" id={`fault-${name}`}>
            {view.t(`statistics.range.${name}`)}: {view.t(`statistics.range.faults.${fault}`, { typed: typed[name] })}
          </p>
        );
      })}
      <p>{view.t('statistics.range.usual')}</p>
    </div>
  );
}
