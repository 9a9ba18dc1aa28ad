import { may } from '../accounts/permissions.js';
import type { UserDetails } from '../accounts/user.js';
import type { Halt } from '../delivery/delivery.js';
import { describeHalt } from '../mailings/mailing-notices.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';
import { BELONGINGS, type Belongings } from './belongings.js';
import { formatBelonging, nameUser, UserBadge } from './user-parts.js';

interface UserPageProps {
  view: View;
  user: UserDetails;
  belongings: Belongings;
  /** How the block stopped the mailings; absent where nobody is blocked. */
  halt: Halt | undefined;
}

/** Seconds between two looks at a halt that goes on. */
const REFRESH = 2;

export function UserPage({ view, user, belongings, halt }: UserPageProps) {
  const isHalting = halt !== undefined && !halt.done;
  return (
    <Layout
      view={view}
      title={nameUser(user)}
      back={{ href: '/oversight/users', label: view.t('users.list.title') }}
      actions={<Actions view={view} user={user} />}
      {...(isHalting ? { refresh: REFRESH } : {})}
    >
      <OversightTabs view={view} />
      <div class="status-line d-flex flex-wrap align-items-center gap-2 mb-3">
        <UserBadge view={view} user={user} />
      </div>
      <LeavingNotice view={view} user={user} />
      <BlockedNotice view={view} user={user} halt={halt} />
      <UserFacts view={view} user={user} />
      <h2>{view.t('users.page.owns')}</h2>
      <BelongingFacts view={view} user={user} belongings={belongings} />
    </Layout>
  );
}

function Actions({ view, user }: { view: View; user: UserDetails }) {
  const path = `/oversight/users/${user.id}`;
  const change = user.blocked ? 'unblock' : 'block';
  return (
    <>
      {may(view.user, 'users.changeRole', user) && (
        <a class="btn btn-outline-secondary" href={`${path}/role`}>
          {view.t('users.page.change')}
        </a>
      )}
      {may(view.user, 'users.block', user) && (
        <a class={`btn ${user.blocked ? 'btn-primary' : 'btn-outline-danger'}`} href={`${path}/${change}`}>
          {view.t(`users.page.${change}`)}
        </a>
      )}
    </>
  );
}

function LeavingNotice({ view, user }: { view: View; user: UserDetails }) {
  if (!user.isLeaving) return null;
  return (
    <section class="notice notice-warning">
      <h2>{view.t('users.page.leavingTitle')}</h2>
      <p>{view.t('users.page.leavingText')}</p>
    </section>
  );
}

function BlockedNotice({ view, user, halt }: Omit<UserPageProps, 'belongings'>) {
  const { blockedAt, blockedBy, blockedReason } = user;
  if (blockedAt === null) return null;
  const time = formatDateTime(view, blockedAt);
  return (
    <section class="notice notice-danger">
      <h2>{view.t('users.blocked.title')}</h2>
      <p>
        {blockedBy
          ? view.t('users.blocked.by', { email: blockedBy.email, time })
          : view.t('users.blocked.bySomebody', { time })}
      </p>
      <p class="text-lines">
        <bdi>{view.t('users.blocked.reason', { reason: blockedReason })}</bdi>
      </p>
      <p>{view.t('users.blocked.text')}</p>
      {halt && (
        <div {...(halt.done ? {} : { 'data-live': `/oversight/users/${user.id}/halt` })}>
          <HaltState view={view} halt={halt} />
        </div>
      )}
    </section>
  );
}

/** How soon the mailings stopped, and what had left by then; the page asks for it until it is known. */
export function HaltState({ view, halt }: { view: View; halt: Halt }) {
  const isNothing = halt.done && halt.left === 0 && (halt.seconds ?? 0) === 0;
  return <p>{isNothing ? view.t('users.halt.none') : describeHalt(view, halt)}</p>;
}

function UserFacts({ view, user }: { view: View; user: UserDetails }) {
  const { email, name, isConfirmed, hasSecondFactor, createdAt, lastSeenAt, sessionCount } = user;
  return (
    <dl class="facts card card-body">
      <dt>{view.t('users.email')}</dt>
      <dd>
        <bdi>{email}</bdi>
        {!isConfirmed && <span class="text-body-secondary"> ({view.t('users.page.unconfirmed')})</span>}
      </dd>
      <dt>{view.t('users.name')}</dt>
      <dd>
        <bdi>{name || view.t('common.none')}</bdi>
      </dd>
      <dt>{view.t('users.role')}</dt>
      <dd>{view.t(`users.roles.${user.role}`)}</dd>
      <dt>{view.t('users.created')}</dt>
      <dd>{formatDateTime(view, createdAt)}</dd>
      <dt>{view.t('users.lastSeen')}</dt>
      <dd>{lastSeenAt ? formatDateTime(view, lastSeenAt) : view.t('users.never')}</dd>
      <dt>{view.t('users.page.sessions')}</dt>
      <dd>{describeSessions(view, sessionCount)}</dd>
      <dt>{view.t('users.page.secondFactor')}</dt>
      <dd>
        {view.t(hasSecondFactor ? 'users.page.secondFactorOn' : 'users.page.secondFactorOff')}
        {hasSecondFactor && may(view.user, 'users.removeSecondFactor', user) && (
          <>
            {' · '}
            <a href={`/oversight/users/${user.id}/second-factor/removal`}>{view.t('users.page.removeSecondFactor')}</a>
          </>
        )}
      </dd>
      <dt>{view.t('common.oversight.audit')}</dt>
      <dd>
        <a href={`/oversight/audit?q=${encodeURIComponent(email)}`}>{view.t('users.page.log')}</a>
      </dd>
    </dl>
  );
}

function describeSessions(view: View, count: number): string {
  if (count === 0) return view.t('users.page.sessionsNone');
  return view.t('users.page.sessionsCount', { count, number: formatNumber(view, count) });
}

function BelongingFacts({ view, user, belongings }: Omit<UserPageProps, 'halt'>) {
  return (
    <dl class="facts card card-body">
      {BELONGINGS.map((name) => (
        <>
          <dt>{view.t(`users.${name}`)}</dt>
          <dd>
            <a href={`/oversight/${name}?owner=${user.id}`}>{formatBelonging(view, name, belongings[name])}</a>
          </dd>
        </>
      ))}
    </dl>
  );
}
