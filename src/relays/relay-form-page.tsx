import type { FormState } from '../lib/form.js';
import { formatHost } from '../lib/host.js';
import { toRate } from '../lib/rate.js';
import {
  CheckField,
  ChoiceField,
  ConflictNotice,
  FormActions,
  FormFaults,
  SelectField,
  TextField,
} from '../ui/form.js';
import { formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { formatLimit, RateFields } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { describeEncryption } from './relay-parts.js';
import type { Relay } from './relay.js';

interface RelayFormProps {
  view: View;
  form: FormState;
  /** The one that is changed; absent for a new one. */
  relay?: Relay;
  /** True when it was saved elsewhere after this form was opened. */
  conflict?: boolean;
}

export function RelayFormPage(props: RelayFormProps) {
  const { view, form, relay, conflict = false } = props;
  const back = relay ? `/oversight/relays/${relay.id}` : '/oversight/relays';
  return (
    <Layout
      view={view}
      title={view.t(relay ? 'relays.form.change' : 'relays.form.add')}
      back={{ href: back, label: relay?.name ?? view.t('relays.title') }}
      narrow
    >
      {conflict && relay ? <Conflict view={view} relay={relay} /> : <FormFaults view={view} form={form} />}
      <form method="post" action={back} class="card card-body" novalidate data-confirm-leave>
        <input type="hidden" name="version" value={form.typed['version'] ?? ''} />
        <AddressFields {...props} />
        <LoginFields {...props} />
        <ShareFields {...props} />
        {!relay && (
          <CheckField
            form={form}
            name="enabled"
            label={view.t('relays.form.enable')}
            hint={view.t('relays.form.enableHint')}
          />
        )}
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('common.save')}
          </button>
          <a class="btn btn-link" href={back}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

const TLS_MODES = ['required', 'implicit', 'opportunistic', 'none'] as const;

function AddressFields({ view, form }: RelayFormProps) {
  const { t } = view;
  const field = { view, form, autocomplete: 'off' };
  return (
    <>
      <TextField {...field} name="name" label={t('relays.name')} hint={t('relays.form.nameHint')} maxlength={100} />
      <div class="field-row">
        <TextField
          {...field}
          name="host"
          label={t('relays.form.host')}
          hint={t('relays.form.hostHint')}
          maxlength={255}
        />
        <TextField {...field} name="port" label={t('relays.page.port')} hint={t('relays.form.portHint')} isNumber />
      </div>
      <ChoiceField
        view={view}
        form={form}
        name="tls"
        label={t('relays.page.encryption')}
        options={TLS_MODES.map((value) => ({
          value,
          label: t(`relays.tls.${value}`),
          hint: t(`relays.form.${value}Hint`),
        }))}
      />
      <CheckField form={form} name="verify" label={t('relays.form.verify')} hint={t('relays.form.verifyHint')} />
    </>
  );
}

const AUTHS = ['password', 'xoauth2', 'none'] as const;

function LoginFields({ view, form, relay }: RelayFormProps) {
  const { t } = view;
  const isKept = relay !== undefined && relay.auth !== 'none';
  return (
    <>
      <SelectField
        view={view}
        form={form}
        name="auth"
        label={t('relays.page.login')}
        options={AUTHS.map((value) => ({ value, label: t(`relays.auth.${value}`) }))}
      />
      <div class="field-row">
        <TextField
          view={view}
          form={form}
          name="userName"
          label={t('relays.form.userName')}
          autocomplete="off"
          maxlength={320}
        />
        <TextField
          view={view}
          form={form}
          name="secret"
          type="password"
          label={t('relays.form.secret')}
          hint={t(isKept ? 'relays.form.secretKeptHint' : 'relays.form.secretHint')}
          autocomplete="new-password"
        />
      </div>
    </>
  );
}

function ShareFields({ view, form }: RelayFormProps) {
  const { t } = view;
  const field = { view, form, autocomplete: 'off', isNumber: true };
  return (
    <>
      <div class="field-row">
        <TextField {...field} name="weight" label={t('relays.form.weight')} hint={t('relays.form.weightHint')} />
        <TextField
          {...field}
          name="connections"
          label={t('relays.form.connections')}
          hint={t('relays.form.connectionsHint')}
        />
      </div>
      <RateFields view={view} form={form} label={t('relays.form.limit')} hint={t('relays.form.limitHint')} optional />
    </>
  );
}

function Conflict({ view, relay }: { view: View; relay: Relay }) {
  const { t } = view;
  const facts = [
    [t('relays.name'), relay.name],
    [t('relays.address'), `${formatHost(relay.host)}:${relay.port}`],
    [t('relays.page.encryption'), describeEncryption(view, relay)],
    [t('relays.page.login'), t(`relays.auth.${relay.auth}`)],
    [t('relays.form.userName'), relay.userName ?? t('common.none')],
    [t('relays.form.weight'), formatNumber(view, relay.weight)],
    [t('relays.form.connections'), formatNumber(view, relay.connections)],
    [t('relays.limit'), formatLimit(view, toRate(relay))],
  ];
  return (
    <ConflictNotice view={view}>
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </>
      ))}
    </ConflictNotice>
  );
}
