import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';

import { Icon } from './icon.js';
import { pathOf, type View } from './view.js';

interface LayoutProps {
  view: View;
  title: string;
  /** What stands beside the heading: the page's main actions. */
  actions?: Child;
  /** Links to the pages beside this one, under the heading. */
  tabs?: Child;
  /** The way back, above the heading. */
  back?: { href: string; label: string };
  /** Seconds after which the page loads itself again where there is no JavaScript. */
  refresh?: number;
  narrow?: boolean;
  /** The page shows what is somebody else's: its place is the oversight. */
  overseen?: boolean;
  children?: Child;
}

/** Every page stands in this frame. */
export function Layout(props: LayoutProps) {
  const { view, title } = props;
  return (
    <>
      {raw('<!doctype html>')}
      <html lang={view.locale} data-bs-theme={view.theme}>
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content={view.theme === 'auto' ? 'light dark' : view.theme} />
          <title>{`${title} · ${view.t('common.name')}`}</title>
          <link rel="icon" href="/icon.svg" type="image/svg+xml" />
          {view.assets.styles.map((href) => (
            <link rel="stylesheet" href={href} />
          ))}
          <script type="module" src={view.assets.script}></script>
          {props.refresh !== undefined && (
            <noscript>
              <meta http-equiv="refresh" content={String(props.refresh)} />
            </noscript>
          )}
        </head>
        <body class={view.user ? 'app' : 'app app-guest'}>
          <a class="skip-link" href="#main">
            {view.t('common.skipToContent')}
          </a>
          {view.user ? <SideBar view={view} overseen={props.overseen} /> : <GuestBar view={view} />}
          <div class="app-body">
            <InboxBanner view={view} />
            <main id="main" class={props.narrow ? 'page page-narrow' : 'page'} tabindex={-1}>
              {view.user && <FlashNotice view={view} />}
              <PageHeader {...props} />
              {!view.user && <FlashNotice view={view} />}
              {props.tabs}
              {props.children}
            </main>
          </div>
        </body>
      </html>
    </>
  );
}

/** Above the heading; for guests below it, where the sign stands on top. */
function FlashNotice({ view: { flash } }: { view: View }) {
  if (!flash) return null;
  return (
    <div class={`notice notice-${flash.kind}`} role="status">
      {flash.text}
    </div>
  );
}

function PageHeader({ title, actions, back }: LayoutProps) {
  return (
    <header class="page-header">
      <div>
        {back && (
          <a class="page-back" href={back.href}>
            <Icon name="arrow-left" />
            {back.label}
          </a>
        )}
        <h1>{title}</h1>
      </div>
      {actions !== undefined && <div class="page-actions">{actions}</div>}
    </header>
  );
}

const PLACES = [
  { href: '/', icon: 'house', label: 'common.places.start' },
  { href: '/mailings', icon: 'send', label: 'common.places.mailings' },
  { href: '/messages', icon: 'file-text', label: 'common.places.messages' },
  { href: '/recipients', icon: 'people', label: 'common.places.recipients' },
] as const;

/** A rail on wide screens. On narrow ones the places stand under the thumb, and what is used less opens above them: a popover, so without a script. */
function SideBar({ view, overseen = false }: { view: View; overseen: boolean | undefined }) {
  const path = overseen ? '/oversight' : pathOf(view);
  return (
    <header class="side">
      <Brand view={view} />
      <nav class="side-nav" aria-label={view.t('common.mainNavigation')}>
        {PLACES.map((place) => (
          <PlaceLink path={path} href={place.href} icon={place.icon} label={view.t(place.label)} />
        ))}
        <button class="side-link side-more-button" type="button" popovertarget="more-places">
          <Icon name="three-dots" />
          <span>{view.t('common.places.more')}</span>
        </button>
        <div class="side-more" id="more-places" popover="auto">
          {view.user?.role !== 'user' && (
            <PlaceLink path={path} href="/oversight" icon="binoculars" label={view.t('common.places.oversight')} />
          )}
          <PlaceLink path={path} href="/attempts" icon="list-ul" label={view.t('common.places.attempts')} />
          {view.lettersStayHere && view.mayReadInbox && (
            <PlaceLink path={path} href="/inbox" icon="inbox" label={view.t('common.places.inbox')} />
          )}
          <div class="side-foot">
            <PlaceLink
              path={path}
              href="/settings"
              icon="person-gear"
              label={view.user?.name || view.t('common.places.settings')}
            />
            <form method="post" action="/sign-out">
              <button class="side-link" type="submit">
                <Icon name="box-arrow-right" />
                <span>{view.t('common.signOut')}</span>
              </button>
            </form>
          </div>
        </div>
      </nav>
    </header>
  );
}

function PlaceLink({ path, href, icon, label }: { path: string; href: string; icon: string; label: string }) {
  const current = path === href || (href !== '/' && path.startsWith(`${href}/`));
  return (
    <a class="side-link" href={href} {...(current ? { 'aria-current': 'page' as const } : {})}>
      <Icon name={icon} />
      <span>{label}</span>
    </a>
  );
}

function Brand({ view }: { view: View }) {
  return (
    <a class="brand" href="/">
      <img src="/icon.svg" alt="" width="28" height="28" />
      <span>{view.t('common.name')}</span>
    </a>
  );
}

function GuestBar({ view }: { view: View }) {
  return (
    <header class="guest-bar">
      <Brand view={view} />
      <LocaleSwitch view={view} />
    </header>
  );
}

/** For visitors who have no settings page; remembered in a cookie. */
function LocaleSwitch({ view }: { view: View }) {
  const other = view.locale === 'ru' ? 'en' : 'ru';
  return (
    <form method="post" action="/locale" class="locale-switch">
      <input type="hidden" name="locale" value={other} />
      <input type="hidden" name="next" value={view.path} />
      <button class="btn btn-link btn-sm" type="submit" lang={other}>
        {other === 'ru' ? 'Русский' : 'English'}
      </button>
    </form>
  );
}

/** While letters stay here, it says so; of the service's own alone, to those whom that concerns. */
function InboxBanner({ view }: { view: View }) {
  const isAdministrator = view.user?.role === 'administrator';
  const isShown = view.mailingsStayHere || (view.lettersStayHere && (isAdministrator || !view.user));
  if (!isShown) return null;
  return (
    <aside class="inbox-banner" aria-label={view.t('common.inboxBanner.label')}>
      <Icon name="inbox" />
      <span>
        {describeInbox(view)}{' '}
        {view.mailingsStayHere && isAdministrator && (
          <>
            <a href="/oversight/relays">{view.t('common.inboxBanner.addRelay')}</a>
            {view.mayReadInbox && ' · '}
          </>
        )}
        {view.mayReadInbox && <a href="/inbox">{view.t('common.inboxBanner.open')}</a>}
      </span>
    </aside>
  );
}

function describeInbox({ t, user, mailingsStayHere }: View): string {
  if (!mailingsStayHere) return t('common.inboxBanner.systemLetters');
  // Who is not signed in may well be the one who has just started it.
  if (!user) return t('common.inboxBanner.text');
  return t(`common.inboxBanner.${user.role === 'administrator' ? 'forAdministrators' : 'forUsers'}`);
}
