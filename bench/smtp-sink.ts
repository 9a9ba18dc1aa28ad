import { findFreePort, findProgram, serve, type Service } from './processes.js';

const BACKLOG = '1024';

/** Postfix's test server: takes every letter and throws it away. Undefined where it is not installed. */
export async function startSink(options: string[] = []): Promise<Service | undefined> {
  const program = findProgram('smtp-sink');
  if (program === undefined) return undefined;
  const port = await findFreePort();
  // It refuses to be root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  return serve(port, program, [...user, ...options, `127.0.0.1:${port}`, BACKLOG]);
}
