import type { Context } from 'hono';

import { readPendingAddress } from '../accounts/pending-address.js';
import { may } from '../accounts/permissions.js';
import { findPeer } from '../ui/peer.js';
import type { SignedInUser, WebEnv } from '../ui/view.js';
import { confirmationsTo, type InboxScope } from './inbox.js';

export interface InboxAccessDeps {
  lettersStayHere: boolean;
  /** What people type in their browser. */
  baseUrl: string;
  auth: { secret: string };
}

/** A proxy on the same machine makes every visitor look local, and tells of itself in one of these. */
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
];

export function mayReadInbox(c: Context<WebEnv>, user: SignedInUser | null, deps: InboxAccessDeps): boolean {
  return findInboxScope(c, user, deps) !== null;
}

/**
 * The administrator sees every letter. Who is not signed in yet and sits at this very machine sees the confirmation letters
 * to the address that their browser has just registered: otherwise nobody could confirm one before a mail server is set. Not where the
 * site has a public address: the proxy before it may well say nothing of itself, as nginx does unless it is told to.
 */
export function findInboxScope(
  c: Context<WebEnv>,
  user: SignedInUser | null,
  deps: InboxAccessDeps,
): InboxScope | null {
  if (!deps.lettersStayHere) return null;
  if (user) return may(user, 'inbox.read') ? { kind: 'all' } : null;
  if (!isLoopbackHost(new URL(deps.baseUrl).host) || !isLocal(c)) return null;
  const address = readPendingAddress(c, deps.auth);
  return address === undefined ? null : confirmationsTo(address);
}

/** The host is looked at because another site's name can be made to lead to 127.0.0.1 (DNS rebinding). */
function isLocal(c: Context<WebEnv>): boolean {
  if (FORWARDING_HEADERS.some((name) => c.req.header(name) !== undefined)) return false;
  return isLoopbackAddress(findPeer(c)) && isLoopbackHost(c.req.header('host'));
}

function isLoopbackAddress(address = ''): boolean {
  return address === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address);
}

function isLoopbackHost(host = ''): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
