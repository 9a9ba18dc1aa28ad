import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { findPostmaster } from '../../src/lib/embedded-postgres/postmaster.js';
import { projectRoot } from '../../src/lib/project-root.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { addMailing, addRecipients, addUser } from '../support/fixtures.js';
import { startSmtpServer } from '../support/smtp-server.js';
import { findFreePort, openDataFolder, runCommand, runVestnik, startVestnik } from '../support/vestnik-process.js';
import { HttpVisitor, readText } from './http-visitor.js';
import { localTime, PASSWORD } from './steps.js';

const VERA = 'vera@example.org';

async function createAdministrator(environment: Record<string, string>) {
  return runCommand(['csu', '--email', VERA, '--name', 'Вера', '--password', PASSWORD], environment);
}

async function findPostgres(dataDir: string): Promise<number | undefined> {
  return (await findPostmaster(join(dataDir, 'postgresql')))?.pid;
}

describe('the start and the stop', () => {
  test('Ctrl-C stops it and its PostgreSQL, and the next start finds everything as it was', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    await using first = await startVestnik(environment);
    expect(first.output()).toContain(`Vestnik is at       ${first.url}\n`);
    expect(first.output()).toContain(folder.path);
    expect(first.output()).toMatch(/First administrator http:\S+\/setup\?token=\S+\n/);
    expect(first.output().trim().split('\n')).toHaveLength(5);
    expect(await createAdministrator(environment)).toMatchObject({ code: 0 });
    expect(await findPostgres(folder.path)).toBeDefined();

    expect(await first.end('SIGINT')).toBe(0);
    expect(await findPostgres(folder.path)).toBeUndefined();

    await using second = await startVestnik(environment);
    expect(second.output()).not.toContain('First administrator');
    await new HttpVisitor(second).signIn(VERA);
    expect(await second.end('SIGTERM')).toBe(0);
    expect(await findPostgres(folder.path)).toBeUndefined();
  });

  test('after kill -9 the next start just works, and stops what the killed one left', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    await using first = await startVestnik(environment);
    await createAdministrator(environment);
    const visitor = new HttpVisitor(first);
    await visitor.signIn(VERA);
    await visitor.post('/recipients', { email: 'anna@example.com', name: 'Анна', comment: '', attributes: '' });
    expect(await first.end('SIGKILL')).toBeNull();
    const postgres = await findPostgres(folder.path);
    expect(postgres).toBeDefined();

    await using second = await startVestnik(environment);
    expect(await findPostgres(folder.path)).toBe(postgres);
    const again = new HttpVisitor(second);
    await again.signIn(VERA);
    expect((await again.get('/recipients')).html).toContain('anna@example.com');
    expect(await second.end('SIGINT')).toBe(0);
    expect(await findPostgres(folder.path)).toBeUndefined();
  });

  test('two processes start at once on one data folder, and the last one out stops PostgreSQL', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    const processes = await Promise.all([startVestnik(environment), startVestnik(environment)]);
    await using first = processes[0];
    await using second = processes[1];
    await createAdministrator(environment);
    const [one, two] = [new HttpVisitor(first), new HttpVisitor(second)];
    await Promise.all([one.signIn(VERA), two.signIn(VERA)]);
    await one.post('/recipients', { email: 'anna@example.com', name: 'Анна', comment: '', attributes: '' });
    expect((await two.get('/recipients')).html).toContain('anna@example.com');
    const postgres = await findPostgres(folder.path);

    expect(await first.end('SIGINT')).toBe(0);
    expect((await two.get('/recipients')).html).toContain('anna@example.com');
    expect(await findPostgres(folder.path)).toBe(postgres);
    expect(await second.end('SIGINT')).toBe(0);
    expect(await findPostgres(folder.path)).toBeUndefined();
  });

  test('works on the database of DATABASE_URL, and starts none of its own', async () => {
    await using database = await createTestDatabase({ migrated: false });
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path, DATABASE_URL: database.url };
    // Both find the database empty.
    const processes = await Promise.all([startVestnik(environment), startVestnik(environment)]);
    await using first = processes[0];
    await using second = processes[1];
    expect(first.output()).toContain('the database of DATABASE_URL');
    await createAdministrator(environment);
    await new HttpVisitor(first).signIn(VERA);
    await new HttpVisitor(second).signIn(VERA);
    expect(await findPostgres(folder.path)).toBeUndefined();
    expect(await first.end('SIGINT')).toBe(0);
    expect(await second.end('SIGINT')).toBe(0);
  });

  test('a stop breaks off the first start, and the next one works', async () => {
    await using folder = await openDataFolder();
    const broken = launchVestnik({ DATA_DIR: folder.path });
    await eventually('the database is being made', async () =>
      (await readdir(folder.path)).some((name) => name.startsWith('postgresql.new-')),
    );
    // A machine that is quick enough completes the start first, and stops in order.
    expect([0, 1]).toContain(await broken.end('SIGINT'));
    expect(broken.output()).not.toContain('could not');
    expect(await findPostgres(folder.path)).toBeUndefined();

    await using next = await startVestnik({ DATA_DIR: folder.path });
    expect(await next.end('SIGINT')).toBe(0);
  }, 90_000);

  test('a stop soon breaks off a start at a database that does not answer', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    await using folder = await openDataFolder();
    const connected = once(silent, 'connection');
    const DATABASE_URL = `postgres://vestnik@127.0.0.1:${port}/vestnik`;
    const hanging = launchVestnik({ DATA_DIR: folder.path, DATABASE_URL });
    await connected;
    const asked = performance.now();
    expect(await hanging.end('SIGINT')).toBe(1);
    // It would give the database up by itself after ten seconds and more.
    expect(performance.now() - asked).toBeLessThan(5_000);
  });

  test('pages and worker as two processes send a mailing together', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    await using web = await startVestnik({ ...environment, ROLES: 'web' });
    await createAdministrator(environment);
    const visitor = new HttpVisitor(web);
    await visitor.signIn(VERA);
    const id = await sendToAnna(visitor);
    const readState = async () => readText((await visitor.get(`/mailings/${id}`)).html);
    expect(await readState()).not.toContain('finished');

    await using worker = await startVestnik({ ...environment, ROLES: 'worker' });
    expect(worker.output()).toContain('without pages');
    await eventually('the mailing is finished', async () => (await readState()).includes('finished'));
    expect((await visitor.get('/inbox')).html).toContain('anna@example.com');
    expect(await worker.end('SIGINT')).toBe(0);
    expect(await web.end('SIGINT')).toBe(0);
  });
});

/** The server, without waiting for its start. */
function launchVestnik(environment: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(projectRoot, 'dist', 'server', 'main.js')], {
    env: { PATH, HOME, LOG_LEVEL: 'warn', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const closed = once(child, 'close');
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    output: () => text,
    async end(signal: NodeJS.Signals) {
      child.kill(signal);
      await closed;
      return child.exitCode;
    },
  };
}

async function sendToAnna(visitor: HttpVisitor): Promise<number> {
  await visitor.post('/recipients', { email: 'anna@example.com', name: 'Анна', comment: '', attributes: '' });
  const messageId = await visitor.create('/messages', { subject: 'Привет', body: 'Здравствуйте, {{ name }}!' });
  const times = { firstSendingAt: localTime(1), endsAt: localTime(2) };
  const id = await visitor.create('/mailings', { messageId: String(messageId), ...times, audience: 'all' });
  expect(await visitor.post(`/mailings/${id}/start`, {})).toMatchObject({ status: 303 });
  return id;
}

describe('a start that cannot be: one line that says what to do, and exit code 1', () => {
  const DAMAGED = [
    { setting: 'PORT', value: 'eighty', says: 'The setting PORT must be a number from 0 to 65535.' },
    { setting: 'DATABASE_URL', value: 'mysql://localhost/x', says: 'The setting DATABASE_URL must be' },
    { setting: 'SMTP_URL', value: 'mail.example.com', says: 'The setting SMTP_URL must be' },
    { setting: 'MAIL_FROM', value: 'nobody', says: 'The setting MAIL_FROM must be' },
    { setting: 'SECRET', value: 'short', says: 'The setting SECRET must have 32 characters or more.' },
    { setting: 'DEFAULT_LOCALE', value: 'de', says: 'The setting DEFAULT_LOCALE must be en or ru.' },
    { setting: 'ROLES', value: 'web,cook', says: 'The setting ROLES must be web, worker or web,worker.' },
    { setting: 'BASE_URL', value: 'vestnik.example', says: 'The setting BASE_URL must be' },
  ];

  test.each(DAMAGED)('$setting=$value', async ({ setting, value, says }) => {
    await using folder = await openDataFolder();
    await expectRefusal({ DATA_DIR: folder.path, [setting]: value }, says);
  });

  test('a port that is taken; no PostgreSQL stays behind', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await using folder = await openDataFolder();
    await expectRefusal({ DATA_DIR: folder.path, PORT: String(port) }, `The port ${port} is taken`);
    expect(await findPostgres(folder.path)).toBeUndefined();
  });

  test('a data folder that cannot be written', async () => {
    await using folder = await openDataFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    // No right helps against a file in the way, not even root's.
    await expectRefusal({ DATA_DIR: join(file, 'data') }, 'set DATA_DIR to');
  });

  test('a data folder that holds something else', async () => {
    await using folder = await openDataFolder();
    await mkdir(join(folder.path, 'postgresql'));
    await writeFile(join(folder.path, 'postgresql', 'letter.txt'), 'mine');
    await expectRefusal({ DATA_DIR: folder.path }, join(folder.path, 'postgresql'));
  });

  test('a database that cannot be reached, without a word of its password', async () => {
    await using folder = await openDataFolder();
    const port = await findFreePort();
    const DATABASE_URL = `postgres://vestnik:topsecret@127.0.0.1:${port}/vestnik`;
    const refused = await expectRefusal({ DATA_DIR: folder.path, DATABASE_URL }, `127.0.0.1:${port}`);
    expect(refused).toContain('the setting DATABASE_URL');
    expect(refused).not.toContain('topsecret');
  });

  test('a database that is not there', async () => {
    await using database = await createTestDatabase({ migrated: false });
    await using folder = await openDataFolder();
    const DATABASE_URL = database.url.replace(/\/test_\w+/, '/nowhere');
    await expectRefusal({ DATA_DIR: folder.path, DATABASE_URL }, 'nowhere');
  });
});

async function expectRefusal(environment: Record<string, string>, says: string): Promise<string> {
  const { code, stdout, stderr } = await runVestnik({ PORT: '0', ...environment });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr.trimEnd().split('\n'), stderr).toHaveLength(1);
  expect(stderr).toContain(says);
  return stderr;
}

describe('the command line', () => {
  test('makes users of every role, by options or by answers, and they sign in', async () => {
    await using folder = await openDataFolder();
    await using vestnik = await startVestnik({ DATA_DIR: folder.path });
    const environment = { DATA_DIR: folder.path };
    expect(await createAdministrator(environment)).toMatchObject({
      code: 0,
      stdout: `${VERA} is an administrator now.\n`,
    });
    const answers = (email: string) => `${email}\nИлья Обломов\n${PASSWORD}\n`;
    const manager = await runCommand(['create_manager'], environment, answers('olga@example.org'));
    expect(manager).toMatchObject({ code: 0, stdout: expect.stringContaining('olga@example.org is a manager now.') });
    const russian = { ...environment, LANG: 'ru_RU.UTF-8' };
    const user = await runCommand(['create_user', '--email', 'ilya@example.org'], russian, `Илья\n${PASSWORD}\n`);
    expect(user).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('ilya@example.org теперь пользователь.'),
      stderr: '',
    });
    for (const { stdout } of [manager, user]) expect(stdout).not.toContain(PASSWORD);

    for (const [email, inbox] of Object.entries({ [VERA]: 200, 'olga@example.org': 404, 'ilya@example.org': 404 })) {
      const visitor = new HttpVisitor(vestnik);
      await visitor.signIn(email);
      expect(await visitor.get('/inbox')).toMatchObject({ status: inbox });
    }
  });

  test('says at its field what is wrong with an answer', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    const bad = await runCommand(['csu', '--email', 'vera', '--name', 'Вера', '--password', 'short'], environment);
    expect(bad).toMatchObject({ code: 1, stdout: '' });
    expect(bad.stderr).toContain('E-mail: This is not an e-mail address');
    expect(bad.stderr).toContain('Password: At least 10 characters.');
    expect(await createAdministrator(environment)).toMatchObject({ code: 0 });
    const twice = await createAdministrator({ ...environment, LANG: 'ru_RU.UTF-8' });
    expect(twice).toMatchObject({ code: 1, stderr: 'E-mail: Пользователь с таким адресом уже есть.\n' });
    const ilya = ['--email', 'ilya@example.org', '--name', 'Илья', '--password', PASSWORD];
    expect(await runCommand(['create_user', ...ilya], environment)).toMatchObject({ code: 0 });
    const refused = await runCommand(['csu', ...ilya], environment, 'no\n');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing was changed') });
    const raised = await runCommand(['csu', ...ilya], environment, 'yes\n');
    expect(raised).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('ilya@example.org is an administrator now.'),
    });
    const silent = await runCommand(['create_user'], environment);
    expect(silent.code).toBe(1);
    expect(silent.stderr).toContain('E-mail: ');
  });

  test('migrates, helps, and refuses what it does not know', async () => {
    await using folder = await openDataFolder();
    const environment = { DATA_DIR: folder.path };
    expect(await runCommand(['migrate'], environment)).toMatchObject({ code: 0, stderr: '' });
    expect(await findPostgres(folder.path)).toBeUndefined();
    const help = await runCommand(['help'], environment);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['csu', 'create_user', 'create_manager', 'send', 'migrate', 'help'])
      expect(help.stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    expect((await runCommand([], environment)).stdout).toBe(help.stdout);
    const unknown = await runCommand(['fly'], environment);
    expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('fly') });
    const option = await runCommand(['csu', '--age', '7'], { ...environment, LANG: 'ru_RU.UTF-8' });
    expect(option).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--age') });
    const nowhere = await runCommand(['migrate'], { ...environment, DATABASE_URL: 'mysql://localhost/x' });
    expect(nowhere).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('DATABASE_URL') });
  });

  test('sends a mailing and shows how it goes', async () => {
    await using database = await createTestDatabase();
    await using folder = await openDataFolder();
    await using sink = await startSmtpServer({ keepData: false });
    const ownerId = await addUser(database.db);
    await addRecipients(database.db, ownerId, 700);
    const id = await addMailing(database.db, ownerId);
    const environment = { DATA_DIR: folder.path, DATABASE_URL: database.url, SMTP_URL: sink.url };

    const sent = await runCommand(['send', String(id)], environment);
    expect(sent).toMatchObject({ code: 0, stderr: '' });
    const lines = sent.stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`Mailing ${id}: “Hello”`);
    expect(lines.at(-2)).toMatch(/^█{30} 100 ?% +700 of 700$/);
    expect(lines.at(-1)).toMatch(/^Finished: .*700 = accepted 700/);
    expect(sink.counts.size).toBe(700);
    expect(new Set(sink.counts.values())).toEqual(new Set([1]));

    const again = await runCommand(['send', String(id)], environment);
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('finished') });
    const strange = await runCommand(['send', '999999'], environment);
    expect(strange).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('999999') });
    expect(await runCommand(['send', 'seven'], environment)).toMatchObject({ code: 1, stdout: '' });
    expect(sink.accepted).toHaveLength(700);
  });
});
