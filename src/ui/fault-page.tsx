import type { Context } from 'hono';

import { Layout } from './layout.js';
import type { View, WebEnv } from './view.js';

const STATUS = {
  unreadable: 400,
  cross_site: 403,
  forbidden: 403,
  not_found: 404,
  too_large: 413,
  too_many: 429,
  unexpected: 500,
} as const;

type FaultKind = keyof typeof STATUS;

/** The page for what could not be answered; in plain words where the visitor is not known yet. */
export function renderFault(c: Context<WebEnv>, kind: FaultKind): Response | Promise<Response> {
  // An error may come before the view was made.
  const view = c.get('view') as View | undefined;
  if (!view) return c.text(kind, STATUS[kind]);
  return c.html(<FaultPage view={view} kind={kind} requestId={c.get('requestId')} />, STATUS[kind]);
}

interface FaultPageProps {
  view: View;
  kind: FaultKind;
  requestId: string;
}

function FaultPage({ view, kind, requestId }: FaultPageProps) {
  return (
    <Layout view={view} title={view.t(`common.errors.${kind}.title`)} narrow>
      <p>{view.t(`common.errors.${kind}.text`)}</p>
      {kind === 'unexpected' && (
        <p class="text-body-secondary">
          {view.t('common.errors.requestId')} <code>{requestId}</code>
        </p>
      )}
      <a class="btn btn-outline-secondary" href="/">
        {view.t('common.toStart')}
      </a>
    </Layout>
  );
}
