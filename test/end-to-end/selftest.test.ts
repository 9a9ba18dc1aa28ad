import { randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { createTestDatabase, runAsAdmin } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { addMailing, addRecipients, addUser } from '../support/fixtures.js';
import { openDataFolder, runCommand } from '../support/vestnik-process.js';

const LETTERS = 1000;

async function listDatabases(): Promise<string[]> {
  const { rows } = await runAsAdmin((admin) =>
    admin.query<{ name: string }>(
      `select datname as name from pg_database where starts_with(datname, 'vestnik_selftest_')`,
    ),
  );
  return rows.map(({ name }) => name);
}

describe.concurrent('npm run manage -- selftest', () => {
  test('kills workers in a database of its own, finds nothing lost and nothing doubled, and leaves nothing behind', async () => {
    await using database = await createTestDatabase();
    await using folder = await openDataFolder();
    const owner = await addUser(database.db);
    await addRecipients(database.db, owner, 3);
    await addMailing(database.db, owner);
    const nameOf = (secondsAgo: number) =>
      `vestnik_selftest_${Math.floor(Date.now() / 1000) - secondsAgo}_${randomBytes(6).toString('hex')}`;
    const left = nameOf(120);
    await runAsAdmin((admin) => admin.query(`create database ${left}`));
    const environment = { DATA_DIR: folder.path, DATABASE_URL: database.url, SMTP_URL: 'smtp://127.0.0.1:9' };
    const running = runCommand(['selftest', String(LETTERS)], environment);
    await eventually('it has a database of its own, and what a killed one left is gone', async () => {
      const names = await listDatabases();
      return names.length === 1 && !names.includes(left);
    });
    const { code, stdout, stderr } = await running;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Self-test: 1,000 letters go through 2 worker processes/);
    const read = (label: string) => Number(new RegExp(`^${label} +(\\d+)`, 'm').exec(stdout)?.[1]);
    expect(read('Accepted, and recorded so') + read('In doubt')).toBe(LETTERS);
    expect([read('Lost'), read('Doubled'), read('Processes killed')]).toEqual([0, 0, 3]);
    expect(stdout).toMatch(/^Books +balance$/m);
    expect(stdout.trim().split('\n').at(-1)).toBe('✓ Nobody was lost, nobody got two letters, the books balance.');
    expect(await listDatabases()).toEqual([]);
    const rows = await database.db.selectFrom('mailings').select('status').execute();
    expect(rows).toEqual([{ status: 'created' }]);
  }, 120_000);

  test('says in one sentence that the database user may not create a database', async () => {
    await using database = await createTestDatabase();
    await using folder = await openDataFolder();
    const role = `limited_${randomBytes(4).toString('hex')}`;
    const name = database.connection.database;
    await runAsAdmin(async (admin) => {
      await admin.query(`create role ${role} login`);
      await admin.query(`grant pg_read_all_data, pg_write_all_data to ${role}`);
    });
    const DATABASE_URL = database.url.replace(/\/\/[^@]+@/, `//${role}@`);
    expect(DATABASE_URL).toContain(name);
    const environment = { DATA_DIR: folder.path, DATABASE_URL };
    const english = await runCommand(['selftest'], environment);
    const russian = await runCommand(['selftest'], { ...environment, LANG: 'ru_RU.UTF-8' });
    await runAsAdmin((admin) => admin.query(`drop role ${role}`));
    expect(english).toEqual({
      code: 1,
      stdout: '',
      stderr: `The self-test needs a database of its own on the same server, and the database user “${role}” may not create one; run as an administrator: alter role "${role}" createdb\n`,
    });
    expect(russian).toMatchObject({ code: 1, stderr: expect.stringContaining(`пользователь базы «${role}» не может`) });
  }, 60_000);

  test.each(['999', 'many'])('does not begin with %s letters', async (typed) => {
    await using database = await createTestDatabase();
    await using folder = await openDataFolder();
    const ended = await runCommand(['selftest', typed], { DATA_DIR: folder.path, DATABASE_URL: database.url });
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('from 1,000 to 1,000,000') });
  });
});
