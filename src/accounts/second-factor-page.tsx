import type { Child } from 'hono/jsx';

import { emptyForm, type FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { QrCode } from './qr-code.js';
import { writeKeyUri } from './second-factor-code.js';
import { SettingsTabs } from './settings-tabs.js';

export type SecondFactorForm = 'begin' | 'renew' | 'disable';

interface SecondFactorPageProps {
  view: View;
  /** How many recovery codes are left; undefined while it is off. */
  codesLeft: number | undefined;
  /** The form that came back. */
  refused?: { name: SecondFactorForm; state: FormState };
}

export function SecondFactorPage({ view, codesLeft, refused }: SecondFactorPageProps) {
  const stateOf = (name: SecondFactorForm) => (refused?.name === name ? refused.state : emptyForm);
  return (
    <Frame view={view}>
      {codesLeft === undefined ? (
        <BeginForm view={view} form={stateOf('begin')} />
      ) : (
        <>
          <OnNotice view={view} codesLeft={codesLeft} />
          <PasswordForm view={view} name="renew" form={stateOf('renew')} button="btn btn-primary" />
          <PasswordForm view={view} name="disable" form={stateOf('disable')} button="btn btn-outline-danger" />
        </>
      )}
    </Frame>
  );
}

/** Between turning it on and the first code. */
export function KeyPage({ view, keyText, form }: { view: View; keyText: string; form: FormState }) {
  const { t } = view;
  const uri = writeKeyUri(keyText, view.user?.email ?? '');
  return (
    <Frame view={view}>
      <form method="post" action="/settings/second-factor/confirm" class="card card-body settings-card" novalidate>
        <h2>{t('security.secondFactor.keyTitle')}</h2>
        <FormFaults view={view} form={form} />
        <p>{t('security.secondFactor.keyText')}</p>
        <QrCode text={uri} label={t('security.secondFactor.picture')} />
        <p>
          <a href={uri}>{t('security.secondFactor.openApp')}</a>
        </p>
        <p class="text-body-secondary">
          {t('security.secondFactor.keyLabel')}: <code class="second-factor-key">{spaceOut(keyText)}</code>
        </p>
        <input type="hidden" name="key" value={keyText} />
        <TextField
          view={view}
          form={form}
          name="code"
          label={t('security.secondFactor.code')}
          autocomplete="one-time-code"
          maxlength={40}
          autofocus
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('security.secondFactor.confirm')}
          </button>
          <a class="btn btn-link" href="/settings/second-factor">
            {t('security.secondFactor.startOver')}
          </a>
        </FormActions>
      </form>
    </Frame>
  );
}

/** The answer to the form that made them: there is no other way to see them. */
export function RecoveryCodesPage({ view, codes, success }: { view: View; codes: string[]; success: string }) {
  const { t } = view;
  return (
    <Frame view={view}>
      <div class="notice notice-success" role="status">
        {success}
      </div>
      <section class="card card-body settings-card">
        <h2>{t('security.secondFactor.codesTitle')}</h2>
        <p>{t('security.secondFactor.codesText')}</p>
        <ol class="recovery-codes">
          {codes.map((code) => (
            <li>
              <code>{code}</code>
            </li>
          ))}
        </ol>
        <FormActions>
          <a class="btn btn-primary" href="/settings/second-factor">
            {t('security.secondFactor.codesDone')}
          </a>
        </FormActions>
      </section>
    </Frame>
  );
}

function Frame({ view, children }: { view: View; children?: Child }) {
  return (
    <Layout view={view} title={view.t('security.secondFactor.title')}>
      <SettingsTabs view={view} />
      {children}
    </Layout>
  );
}

function OnNotice({ view, codesLeft }: { view: View; codesLeft: number }) {
  const { t } = view;
  return (
    <div class="notice notice-success">
      <h2>{t('security.secondFactor.on')}</h2>
      <p>
        {t('security.secondFactor.onText')} {t('security.secondFactor.codesLeft', { count: codesLeft })}
      </p>
    </div>
  );
}

function BeginForm({ view, form }: { view: View; form: FormState }) {
  return (
    <form method="post" action="/settings/second-factor/begin" class="card card-body settings-card" novalidate>
      <h2>{view.t('security.secondFactor.off')}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{view.t('security.secondFactor.offText')}</p>
      <PasswordField view={view} form={form} name="begin_password" />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {view.t('security.secondFactor.begin')}
        </button>
      </FormActions>
    </form>
  );
}

interface PasswordFormProps {
  view: View;
  name: 'renew' | 'disable';
  form: FormState;
  button: string;
}

function PasswordForm({ view, name, form, button }: PasswordFormProps) {
  const { t } = view;
  return (
    <form method="post" action={`/settings/second-factor/${name}`} class="card card-body settings-card" novalidate>
      <h2>{t(`security.secondFactor.${name}`)}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{t(`security.secondFactor.${name}Text`)}</p>
      <PasswordField view={view} form={form} name={`${name}_password`} />
      <FormActions>
        <button class={button} type="submit">
          {t(`security.secondFactor.${name}`)}
        </button>
      </FormActions>
    </form>
  );
}

function PasswordField({ view, form, name }: { view: View; form: FormState; name: string }) {
  return (
    <TextField
      view={view}
      form={form}
      name={name}
      type="password"
      label={view.t('accounts.fields.currentPassword')}
      autocomplete="current-password"
    />
  );
}

/** In fours, as people read aloud and type. */
function spaceOut(key: string): string {
  return key.replaceAll(/.{4}(?=.)/g, '$& ');
}
