import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from './eventually.js';

/** Debian keeps it from an ordinary user's path. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin`;

/** Whether there is the program nginx. */
export const hasNginx = spawnSync('nginx', ['-v'], { env: { PATH } }).status === 0;

export interface Nginx extends AsyncDisposable {
  port: number;
}

interface NginxOptions {
  port: number;
  /** The port of Vestnik on loopback. */
  onward: number;
  /** Further directives for the whole of HTTP. */
  more?: string;
}

/** An nginx of this test alone, with its own defaults, Debian's `gzip on`, and nothing said about the program but where it is. */
export async function startNginx({ port, onward, more = '' }: NginxOptions): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'vestnik-nginx-'));
  // Its workers are another user where this one is root.
  await chmod(folder, 0o755);
  await writeFile(join(folder, 'nginx.conf'), configure({ port, onward, more }));
  const server = spawn('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], { env: { PATH }, stdio: 'ignore' });
  await eventually('nginx listens', async () => {
    if (server.exitCode !== null) throw new Error(`nginx ended with ${server.exitCode}`);
    return isListening(port);
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.kill('SIGTERM');
      if (server.exitCode === null) await once(server, 'exit');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function configure({ port, onward, more }: Required<NginxOptions>): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`);
  return `daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  ${folders.join('\n  ')}
  gzip on;
  ${more}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${onward};
    }
  }
}
`;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
