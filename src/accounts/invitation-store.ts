import { sql } from 'kysely';

import type { Database, Transaction } from '../lib/database.js';
import type { Locale } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import type { Invitation } from './invitation.js';

interface InvitationToAdd {
  email: string;
  role: Role;
  locale: Locale;
  invitedBy: number | null;
}

/** Those neither accepted nor revoked, newest first; expired ones as well, since they can be sent again. */
export async function listInvitations(db: Database): Promise<Invitation[]> {
  return selectOpen(db).orderBy('invitations.id', 'desc').execute();
}

export async function findInvitation(db: Database | Transaction, id: number): Promise<Invitation | undefined> {
  return selectOpen(db).where('invitations.id', '=', id).executeTakeFirst();
}

export async function findInvitationOfLink(
  db: Database | Transaction,
  linkId: number,
): Promise<Invitation | undefined> {
  return selectOpen(db).where('invitations.link_id', '=', linkId).executeTakeFirst();
}

/** Undefined where one to this address is open. */
export async function insertInvitation(trx: Transaction, invitation: InvitationToAdd): Promise<number | undefined> {
  const { invitedBy, ...values } = invitation;
  const row = await trx
    .insertInto('invitations')
    .values({ ...values, invited_by: invitedBy })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return row?.id;
}

/** Its row stays locked until the transaction ends, so that it is not accepted, revoked or sent again meanwhile. */
export async function lockInvitation(trx: Transaction, id: number): Promise<boolean> {
  const row = await trx
    .selectFrom('invitations')
    .select('id')
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** The same for all open ones that a user sent. */
export async function lockInvitationsBy(trx: Transaction, inviterId: number): Promise<number[]> {
  const rows = await trx
    .selectFrom('invitations')
    .select('id')
    .where('invited_by', '=', inviterId)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute();
  return rows.map(({ id }) => id);
}

export async function giveInvitationLink(trx: Transaction, id: number, linkId: number): Promise<void> {
  await trx.updateTable('invitations').set({ link_id: linkId }).where('id', '=', id).execute();
}

export async function markInvitation(trx: Transaction, id: number, mark: 'accepted_at' | 'revoked_at'): Promise<void> {
  await trx
    .updateTable('invitations')
    .set({ [mark]: sql`now()` })
    .where('id', '=', id)
    .execute();
}

/** Open ones to an address whose owner has become a user in another way. */
export async function closeInvitationsTo(trx: Transaction, email: string): Promise<void> {
  await trx
    .updateTable('invitations')
    .set({ revoked_at: sql`now()` })
    .where('email', '=', email)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();
}

function selectOpen(db: Database | Transaction) {
  return db
    .selectFrom('invitations')
    .leftJoin('one_time_links', 'one_time_links.id', 'invitations.link_id')
    .leftJoin('users', 'users.id', 'invitations.invited_by')
    .select([
      'invitations.id',
      'invitations.email',
      'invitations.role',
      'invitations.locale',
      'invitations.created_at as createdAt',
      'users.email as invitedBy',
      'invitations.link_id as linkId',
      'one_time_links.expires_at as expiresAt',
      sql<boolean>`coalesce(one_time_links.expires_at <= now(), true)`.as('isExpired'),
    ])
    .where('invitations.accepted_at', 'is', null)
    .where('invitations.revoked_at', 'is', null);
}
