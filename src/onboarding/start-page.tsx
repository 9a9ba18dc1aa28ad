import type { Child } from 'hono/jsx';

import { RelayNotices } from '../relays/relay-notice.js';
import type { FailingRelay } from '../relays/relay.js';
import { formatNumber } from '../ui/format.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { Overview, type OverviewProps } from './overview.js';
import type { Start } from './read-start.js';

interface StartPageProps extends OverviewProps {
  hasSampleData: boolean;
  hasMessages: boolean;
  failing: FailingRelay[];
}

/** For a newcomer the way to the first mailing; later what runs, what comes next and what became of the rest. */
export function StartPage({ hasSampleData, hasMessages, failing, ...overview }: StartPageProps) {
  const { view, start } = overview;
  const { isNewcomer, running, finished } = start;
  const hasOverview = !isNewcomer || running.length > 0 || finished.length > 0;
  return (
    <Layout
      view={view}
      title={view.t(isNewcomer ? 'onboarding.guide.title' : 'onboarding.overview.title')}
      {...(isNewcomer ? {} : { actions: <NewMailing view={view} /> })}
      {...(running.length > 0 ? { refresh: 5 } : {})}
    >
      <RelayNotices view={view} failing={failing} />
      {isNewcomer && <Guide view={view} start={start} hasMessages={hasMessages} />}
      {isNewcomer && !hasSampleData && <SampleOffer view={view} />}
      {hasOverview && <Overview {...overview} />}
      {hasSampleData && <SampleNotice view={view} />}
    </Layout>
  );
}

function NewMailing({ view }: { view: View }) {
  return (
    <a class="btn btn-primary" href="/mailings/new">
      <Icon name="plus-lg" />
      {view.t('onboarding.overview.newMailing')}
    </a>
  );
}

interface Step {
  name: 'recipients' | 'message' | 'mailing';
  isDone: boolean;
  text: string;
  href: string;
  action: string;
}

interface GuideProps {
  view: View;
  start: Start;
  hasMessages: boolean;
}

function Guide(props: GuideProps) {
  const { view } = props;
  const steps = listSteps(props);
  const next = steps.findIndex(({ isDone }) => !isDone);
  return (
    <section class="guide">
      <p class="page-lead">{view.t('onboarding.guide.lead')}</p>
      <ol class="steps">
        {steps.map((step, index) => (
          <StepItem view={view} step={step} number={index + 1} state={describeStep(step, index === next)} />
        ))}
      </ol>
    </section>
  );
}

function listSteps({ view, start: { recipientCount, next }, hasMessages }: GuideProps): Step[] {
  const [planned] = next;
  return [
    {
      name: 'recipients',
      isDone: recipientCount > 0,
      text:
        recipientCount > 0
          ? view.t('onboarding.steps.recipients.done', {
              count: recipientCount,
              number: formatNumber(view, recipientCount),
            })
          : view.t('onboarding.steps.recipients.text'),
      href: recipientCount > 0 ? '/recipients' : '/recipients/new',
      action: view.t(recipientCount > 0 ? 'onboarding.steps.recipients.show' : 'onboarding.steps.recipients.action'),
    },
    {
      name: 'message',
      isDone: hasMessages,
      text: view.t(hasMessages ? 'onboarding.steps.message.done' : 'onboarding.steps.message.text'),
      href: hasMessages ? '/messages' : '/messages/new',
      action: view.t(hasMessages ? 'onboarding.steps.message.show' : 'onboarding.steps.message.action'),
    },
    {
      name: 'mailing',
      isDone: false,
      text: view.t(planned ? 'onboarding.steps.mailing.planned' : 'onboarding.steps.mailing.text'),
      href: planned ? `/mailings/${planned.id}` : '/mailings/new',
      action: view.t(planned ? 'onboarding.steps.mailing.show' : 'onboarding.steps.mailing.action'),
    },
  ];
}

type StepState = 'done' | 'next' | 'later';

function describeStep(step: Step, isNext: boolean): StepState {
  if (step.isDone) return 'done';
  return isNext ? 'next' : 'later';
}

function StepItem({ view, step, number, state }: { view: View; step: Step; number: number; state: StepState }) {
  return (
    <li class={`step step-${state}`} {...(state === 'next' ? { 'aria-current': 'step' as const } : {})}>
      <span class="step-mark" aria-hidden="true">
        {state === 'done' ? <Icon name="check-lg" /> : number}
      </span>
      <div class="step-body">
        <h2>
          {view.t(`onboarding.steps.${step.name}.title`)}
          <small class="step-state">{view.t(`onboarding.states.${state}`)}</small>
        </h2>
        <p>{step.text}</p>
        {state === 'next' && (
          <a class="btn btn-primary btn-lg" href={step.href}>
            {step.action}
          </a>
        )}
        {state === 'done' && <a href={step.href}>{step.action}</a>}
      </div>
    </li>
  );
}

function SampleOffer({ view }: { view: View }) {
  return (
    <SampleSection title={view.t('onboarding.sample.offerTitle')}>
      <p>{view.t('onboarding.sample.offerText')}</p>
      <form method="post" action="/sample-data">
        <button class="btn btn-outline-secondary" type="submit">
          {view.t('onboarding.sample.add')}
        </button>
      </form>
    </SampleSection>
  );
}

function SampleNotice({ view }: { view: View }) {
  return (
    <SampleSection title={view.t('onboarding.sample.presentTitle')}>
      <p>{view.t('onboarding.sample.presentText')}</p>
      <a class="btn btn-outline-secondary" href="/sample-data/deletion">
        {view.t('onboarding.sample.remove')}
      </a>
    </SampleSection>
  );
}

function SampleSection({ title, children }: { title: string; children?: Child }) {
  return (
    <section class="card card-body sample-data">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
