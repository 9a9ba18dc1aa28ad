import type { Visitor } from '../lib/cache.js';
import type { Fault } from '../lib/form.js';
import type { Locale, Translate } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';

export type Theme = 'auto' | 'light' | 'dark';

export interface SignedInUser {
  id: number;
  email: string;
  name: string;
  role: Role;
  locale: Locale | null;
  timeZone: string;
  theme: Theme;
}

/** Everything about this request that any page may need. */
export interface View {
  t: Translate;
  locale: Locale;
  timeZone: string;
  theme: Theme;
  user: SignedInUser | null;
  now: Date;
  /** The path with the query, to come back to. */
  path: string;
  query: Record<string, string>;
  flash: Flash | null;
  /** True while the service's own letters go to the built-in inbox: SMTP_URL is not set. */
  lettersStayHere: boolean;
  /** True while those of mailings do, too: no relay is enabled either. */
  mailingsStayHere: boolean;
  /** True where this visitor may open the built-in inbox. */
  mayReadInbox: boolean;
  assets: { script: string; styles: string[] };
}

/** A sentence shown once on the next page. */
export interface Flash {
  kind: 'success' | 'warning';
  text: string;
}

/** Where a request comes from. */
export interface Origin {
  /** Empty where no connection stands behind the request, as in tests that pass none. */
  address: string;
  userAgent: string;
}

/** What middleware lays into Hono's context. */
export interface WebEnv {
  Variables: {
    view: View;
    requestId: string;
    origin: Origin;
    /** Absent for who is not signed in. */
    isStillSignedIn?: () => Promise<boolean>;
  };
}

/** The visitor, on routes behind `requireUser`. */
export function signedIn(view: View): SignedInUser {
  if (!view.user) throw new Error('this route is not behind requireUser');
  return view.user;
}

/** Without the query. */
export function pathOf({ path }: View): string {
  return path.split('?')[0] ?? '';
}

/** By whom, and in which language and time zone, a page is seen: what the cache may hold for one it never gives to another. */
export function visitorOf({ user, locale, timeZone }: View): Visitor {
  return { role: user?.role ?? 'guest', locale, timeZone };
}

export function faultText(view: View, fault: Fault): string {
  const { key, ...rest } = fault;
  return view.t(`common.faults.${key}`, rest);
}
