import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

import { onTestFinished } from 'vitest';

import { eventually } from './eventually.js';
import { findFreePort } from './vestnik-process.js';

/** Whether there is the program redis-server. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of this test alone, which keeps nothing on disk. */
export async function startRedis() {
  const port = await findFreePort();
  let server = launch(port);
  onTestFinished(() => end());
  const end = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  await isReady(server);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: end,
    freeze: () => server.kill('SIGSTOP'),
    async start() {
      server = launch(port);
      await isReady(server);
    },
  };
}

function launch(port: number) {
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function isReady(server: ReturnType<typeof launch>): Promise<void> {
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('Redis starts', () => Promise.resolve(output.includes('Ready to accept connections')));
}
