import type { SignedInUser } from '../ui/view.js';
import { readSessionKey, type Auth } from './auth.js';
import { listSessionUsers } from './session-store.js';

/** For an answer that takes long: whether the session that it was begun for still lives, and its user has the same role. */
export function stillSignedIn(auth: Auth, headers: Headers, { id, role }: SignedInUser): () => Promise<boolean> {
  const key = readSessionKey(auth, headers);
  return async () => {
    if (key === undefined) return false;
    const user = (await listSessionUsers(auth.db, [key])).get(key);
    return user?.id === id && user.role === role;
  };
}
