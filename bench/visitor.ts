/** Who asks for pages: an account, and the browser of one who signed in. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get as ask, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

import { createUser } from '../src/accounts/create-user.js';
import type { Role } from '../src/lib/schema-accounts.js';
import type { Ledger } from './vestnik.js';

export interface Login {
  userId: number;
  email: string;
  password: string;
}

export interface Visitor {
  userId: number;
  cookie: string;
  /** Resolves to the headers of a page that came whole. */
  get: (path: string) => Promise<IncomingHttpHeaders>;
}

export async function signUp({ db }: Ledger, role: Role = 'user'): Promise<Login> {
  const [email, password] = [`visitor-${randomBytes(4).toString('hex')}@example.com`, randomBytes(12).toString('hex')];
  const user = await createUser(db, { email, name: 'Visitor', password, role });
  if (!user.ok) throw new Error(`no visitor: ${JSON.stringify(user.faults)}`);
  return { userId: user.id, email, password };
}

export async function signIn(url: string, { userId, email, password }: Login): Promise<Visitor> {
  const body = new URLSearchParams({ email, password });
  const answer = await fetch(`${url}/sign-in`, { method: 'POST', body, headers: { origin: url }, redirect: 'manual' });
  await answer.text();
  if (answer.status !== 303) throw new Error(`the visitor cannot sign in: ${answer.status}`);
  const cookie = answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const agent = new Agent({ keepAlive: true });
  const headers = { cookie, 'accept-encoding': 'gzip' };
  const get = async (path: string): Promise<IncomingHttpHeaders> => {
    const request = ask(url + path, { agent, headers });
    let page: IncomingMessage;
    try {
      [page] = (await once(request, 'response')) as [IncomingMessage];
    } catch (error) {
      // The server has just ended a connection that was idle: browsers ask again on another one.
      if (request.reusedSocket) return get(path);
      throw error;
    }
    // Not unpacked: that is the browser's work, and the processor is shared with the server.
    page.resume();
    await once(page, 'end');
    if (page.statusCode !== 200) throw new Error(`${path} is answered with ${page.statusCode}`);
    return page.headers;
  };
  return { userId, cookie, get };
}
