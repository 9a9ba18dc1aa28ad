import type { Child } from 'hono/jsx';

import type { FormState } from '../lib/form.js';
import { faultText, type View } from './view.js';

/* Fields keep what was typed, and show their fault beside them, tied to the field for screen readers. */

interface FieldProps {
  view: View;
  form: FormState;
  name: string;
  label: string;
  hint?: string;
  optional?: boolean;
}

interface TextFieldProps extends FieldProps {
  type?: 'text' | 'email' | 'password' | 'datetime-local' | 'search';
  autocomplete?: string;
  autofocus?: boolean;
  maxlength?: number;
  /** Brings up the digits on a phone. */
  isNumber?: boolean;
}

export function TextField(props: TextFieldProps) {
  const { form, name, type = 'text' } = props;
  return (
    <Field {...props}>
      <input
        class={fieldClass('form-control', props)}
        type={type}
        id={`field-${name}`}
        name={name}
        value={type === 'password' ? '' : (form.typed[name] ?? '')}
        {...(props.autocomplete ? { autocomplete: props.autocomplete } : {})}
        {...(props.autofocus ? { autofocus: true } : {})}
        {...(props.maxlength ? { maxlength: props.maxlength } : {})}
        {...(props.isNumber ? { inputmode: 'numeric' as const } : {})}
        {...describe(props)}
      />
    </Field>
  );
}

export function TextArea(props: FieldProps & { rows?: number; monospace?: boolean }) {
  const { form, name, rows = 4 } = props;
  return (
    <Field {...props}>
      <textarea
        class={fieldClass('form-control', props)}
        id={`field-${name}`}
        name={name}
        rows={rows}
        {...describe(props)}
      >
        {/* A leading line break is dropped by HTML's parser; this one is. */}
        {`\n${form.typed[name] ?? ''}`}
      </textarea>
    </Field>
  );
}

export interface Option {
  value: string;
  label: string;
}

export function SelectField(props: FieldProps & { options: Option[]; placeholder?: string }) {
  const chosen = props.form.typed[props.name] ?? '';
  return (
    <Field {...props}>
      <select
        class={fieldClass('form-select', props)}
        id={`field-${props.name}`}
        name={props.name}
        {...describe(props)}
      >
        {props.placeholder !== undefined && <option value="">{props.placeholder}</option>}
        {props.options.map(({ value, label }) => (
          <option value={value} selected={value === chosen}>
            {label}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface ChoiceFieldProps extends FieldProps {
  options: (Option & { hint?: string })[];
}

export function ChoiceField(props: ChoiceFieldProps) {
  const { view, form, name, label, options } = props;
  const fault = form.faults[name];
  return (
    <fieldset class="field" {...describe(props)}>
      <legend class="form-label">{label}</legend>
      {options.map((option) => (
        <div class="form-check">
          <input
            class="form-check-input"
            type="radio"
            name={name}
            id={`field-${name}-${option.value}`}
            value={option.value}
            checked={form.typed[name] === option.value}
          />
          <label class="form-check-label" for={`field-${name}-${option.value}`}>
            {option.label}
            {option.hint && <small class="d-block text-body-secondary">{option.hint}</small>}
          </label>
        </div>
      ))}
      {fault && (
        <div class="field-fault" id={`fault-${name}`}>
          {faultText(view, fault)}
        </div>
      )}
    </fieldset>
  );
}

type CheckFieldProps = Pick<FieldProps, 'form' | 'name' | 'label' | 'hint'>;

/** Something that is wanted or not, and has no fault: typed as `on` or not at all. */
export function CheckField({ form, name, label, hint }: CheckFieldProps) {
  return (
    <div class="field form-check">
      <input
        class="form-check-input"
        type="checkbox"
        id={`field-${name}`}
        name={name}
        checked={form.typed[name] === 'on'}
        {...(hint ? { 'aria-describedby': `hint-${name}` } : {})}
      />
      <label class="form-check-label" for={`field-${name}`}>
        {label}
      </label>
      {hint && (
        <div class="form-text" id={`hint-${name}`}>
          {hint}
        </div>
      )}
    </div>
  );
}

function Field(props: FieldProps & { children?: Child }) {
  const { view, form, name, label, hint, optional } = props;
  const fault = form.faults[name];
  return (
    <div class="field">
      <label class="form-label" for={`field-${name}`}>
        {label}
        {optional && <span class="field-optional">{view.t('common.optional')}</span>}
      </label>
      {props.children}
      {fault && (
        <div class="field-fault" id={`fault-${name}`}>
          {faultText(view, fault)}
        </div>
      )}
      {hint && (
        <div class="form-text" id={`hint-${name}`}>
          {hint}
        </div>
      )}
    </div>
  );
}

function fieldClass(base: string, { form, name }: FieldProps): string {
  return form.faults[name] ? `${base} is-invalid` : base;
}

function describe({ form, name, hint }: FieldProps) {
  const ids = [form.faults[name] && `fault-${name}`, hint && `hint-${name}`].filter(Boolean);
  return {
    ...(ids.length > 0 ? { 'aria-describedby': ids.join(' ') } : {}),
    ...(form.faults[name] ? { 'aria-invalid': 'true' as const } : {}),
  };
}

/** Above a form that came back: how many faults there are, read out at once. */
export function FormFaults({ view, form }: { view: View; form: FormState }) {
  const count = Object.keys(form.faults).length;
  if (count === 0) return null;
  const whole = form.faults['form'];
  // Passwords and codes are typed again.
  const isKept = Object.values(form.typed).some((value) => value !== '');
  return (
    <div class="notice notice-danger" role="alert">
      {whole ? faultText(view, whole) : view.t('common.formFaults', { count })}
      {!whole && isKept && ` ${view.t('common.formKept')}`}
    </div>
  );
}

/** Above a form whose thing was saved elsewhere meanwhile: as children, what is saved now, for `<dl>`. */
export function ConflictNotice({ view, children }: { view: View; children?: Child }) {
  return (
    <section class="notice notice-warning" role="alert">
      <h2>{view.t('common.conflict.title')}</h2>
      <p>{view.t('common.conflict.text')}</p>
      <h3>{view.t('common.conflict.theirs')}</h3>
      <dl class="facts">{children}</dl>
    </section>
  );
}

export function FormActions({ children }: { children?: Child }) {
  return <div class="form-actions">{children}</div>;
}
