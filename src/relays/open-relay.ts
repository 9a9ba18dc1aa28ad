import { openSealed } from '../lib/seal.js';
import type { SmtpCredentials, SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { describeLogin, type RelaySettings } from './relay.js';

export type OpenedRelay = { ok: true; server: SmtpServerAddress } | { ok: false; fault: 'unreadable_secret' };

/** What a connection needs; `secret` is the installation's. Unreadable where that has changed since the password was stored. */
export function openRelay(settings: RelaySettings, secret: string): OpenedRelay {
  const { host, port, tls, verifyCertificate, connections, userName: user, sealedSecret } = settings;
  const address = { host, port, tls, verifyCertificate, connections };
  if (user === null || sealedSecret === null) return { ok: true, server: { ...address, credentials: null } };
  const opened = openSealed(secret, describeLogin(settings), sealedSecret);
  if (!opened.ok) return { ok: false, fault: 'unreadable_secret' };
  const credentials: SmtpCredentials =
    settings.auth === 'xoauth2'
      ? { kind: 'xoauth2', user, token: opened.text }
      : { kind: 'password', user, password: opened.text };
  return { ok: true, server: { ...address, credentials } };
}
