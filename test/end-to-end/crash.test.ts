import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';

import { closeDatabase, openDatabase, type Database } from '../../src/lib/database.js';
import { startEmbeddedPostgres } from '../../src/lib/embedded-postgres.js';
import { eventually } from '../support/eventually.js';
import { addMailing, addRecipients } from '../support/fixtures.js';
import { startSmtpServer, type SmtpServerStage } from '../support/smtp-server.js';
import { openDataFolder, runCommand, startVestnik, type VestnikProcess } from '../support/vestnik-process.js';
import { HttpVisitor, readText } from './http-visitor.js';
import { PASSWORD } from './steps.js';

const EMAIL = 'vera@example.org';
const RECIPIENTS = 3000;
/** What a process has claimed at most: four leases of the largest size (src/delivery/pace.ts). */
const IN_DOUBT_PER_KILL = 4 * 64;
/** A lease of a dead process expires after 20 s. */
const FINISHED_WITHIN_MS = 60_000;

/** Where in the conversation about which letter the process is killed. */
interface Kill {
  stage: SmtpServerStage;
  /** Counted in letters that the mail server has accepted. */
  after: number;
}

const RUNS: { name: string; kills: Kill[] }[] = [
  { name: 'once, after a letter was taken and before that was said', kills: [{ stage: 'dot-reply', after: 700 }] },
  { name: 'four times, wherever it is', kills: chooseKills(20_260_101, 4) },
];

describe.concurrent('a server that is killed in the middle of a mailing', () => {
  test.each(RUNS)(
    '$name: the next start goes on by itself, nobody is lost and nobody gets two',
    async ({ kills }) => {
      await using folder = await openDataFolder();
      await using postgres = await startEmbeddedPostgres({ dataDir: folder.path });
      await using executioner = new Executioner(kills);
      await using sink = await startSmtpServer({
        keepData: false,
        faults: ({ stage }) => {
          executioner.watch(stage, sink.accepted.length);
          return undefined;
        },
      });
      await using books = new Books(openDatabase(postgres.connection));
      const environment = { DATA_DIR: folder.path, SMTP_URL: sink.url, LOG_LEVEL: 'error' };

      await executioner.begin(environment);
      const mailingId = await books.prepare(environment);
      await press(executioner.vestnik, mailingId);
      // Nobody presses anything more: each start goes on where the killed process was.
      for (const _kill of kills) await executioner.begin(environment);
      await eventually('the mailing is finished', () => books.isFinished(mailingId), FINISHED_WITHIN_MS);

      const { accepted, inDoubt, others } = await books.read(mailingId);
      expect(others).toEqual([]);
      expect(accepted.length + inDoubt.length).toBe(RECIPIENTS);
      expect(inDoubt.length).toBeLessThanOrEqual(IN_DOUBT_PER_KILL * kills.length);
      expect([...sink.counts].filter(([, count]) => count > 1)).toEqual([]);
      // What is called accepted was, and what the server never saw is called in doubt.
      expect(accepted.filter((address) => sink.countOf(address) !== 1)).toEqual([]);
      expect(await books.findStrangeAttempts(mailingId)).toEqual([]);
      await expectListed(executioner.vestnik, mailingId, { accepted, inDoubt });
    },
    FINISHED_WITHIN_MS + 60_000,
  );
});

/** Keeps one process alive, and kills it where it is told. */
class Executioner implements AsyncDisposable {
  readonly #kills: Kill[];
  #vestnik: VestnikProcess | undefined;
  #death: Promise<unknown> | undefined;

  constructor(kills: Kill[]) {
    this.#kills = [...kills];
  }

  get vestnik(): VestnikProcess {
    if (!this.#vestnik) throw new Error('nothing was started');
    return this.#vestnik;
  }

  /** Starts the first process, or the next one as soon as the last is dead. */
  async begin(environment: Record<string, string>): Promise<void> {
    if (this.#vestnik) await eventually('the process is killed', async () => this.#death !== undefined, 30_000);
    await this.#death;
    this.#death = undefined;
    this.#vestnik = await startVestnik(environment);
  }

  /** The signal is sent before the mail server says its next word. */
  watch(stage: SmtpServerStage, accepted: number): void {
    const [next] = this.#kills;
    if (!next || !this.#vestnik || this.#death || stage !== next.stage || accepted < next.after) return;
    this.#kills.shift();
    this.#death = this.#vestnik.end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#vestnik?.[Symbol.asyncDispose]();
  }
}

/** The ledger, read past the program. */
class Books implements AsyncDisposable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A mailing to many, that waits for its owner's press. */
  async prepare(environment: Record<string, string>): Promise<number> {
    await runCommand(['csu', '--email', EMAIL, '--name', 'Вера', '--password', PASSWORD], environment);
    const owner = await this.#db.selectFrom('users').select('id').executeTakeFirstOrThrow();
    await addRecipients(this.#db, owner.id, RECIPIENTS);
    return addMailing(this.#db, owner.id);
  }

  async isFinished(mailingId: number): Promise<boolean> {
    const query = this.#db.selectFrom('mailings').select('status').where('id', '=', mailingId);
    return (await query.executeTakeFirstOrThrow()).status === 'finished';
  }

  async read(mailingId: number) {
    const query = this.#db.selectFrom('deliveries').select(['address', 'state']).where('mailing_id', '=', mailingId);
    const rows = await query.orderBy('address').execute();
    const list = (wanted: string) => rows.filter(({ state }) => state === wanted).map(({ address }) => address);
    const others = rows.filter(({ state }) => state !== 'accepted' && state !== 'in_doubt');
    return { accepted: list('accepted'), inDoubt: list('in_doubt'), others };
  }

  /** Deliveries without exactly one attempt of the same outcome. */
  async findStrangeAttempts(mailingId: number): Promise<unknown[]> {
    const { rows } = await sql`
      select d.address from deliveries d left join attempts a on a.delivery_id = d.id
      where d.mailing_id = ${mailingId}
      group by d.id having count(*) <> 1 or min(a.outcome::text) <> d.state::text`.execute(this.#db);
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeDatabase(this.#db);
  }
}

async function press(vestnik: VestnikProcess, mailingId: number): Promise<void> {
  const visitor = new HttpVisitor(vestnik);
  await visitor.signIn(EMAIL);
  // The process may be dead before it answers.
  await visitor.post(`/mailings/${mailingId}/start`, {}).catch(() => {});
}

async function expectListed(
  vestnik: VestnikProcess,
  mailingId: number,
  { accepted, inDoubt }: { accepted: string[]; inDoubt: string[] },
): Promise<void> {
  const visitor = new HttpVisitor(vestnik);
  await visitor.signIn(EMAIL);
  const text = readText((await visitor.get(`/mailings/${mailingId}`)).html);
  const [taken, doubtful] = [accepted, inDoubt].map(({ length }) => length.toLocaleString('en'));
  expect(text).toContain(`It balances: 3,000 = ${taken} + ${doubtful}`);
  expect(text).toContain(`${doubtful} letters are in doubt`);
  const listed = await listAddresses(visitor, `/mailings/${mailingId}/deliveries?state=in_doubt`);
  expect(listed.toSorted()).toEqual(inDoubt.toSorted());
}

/** Page by page. */
async function listAddresses(visitor: HttpVisitor, path: string): Promise<string[]> {
  const { html } = await visitor.get(path);
  const addresses = [...html.matchAll(/<bdi>(r\d+@example\.com)<\/bdi>/g)].map(([, address = '']) => address);
  const next = /href="([^"]+)" rel="next"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
  return next === undefined ? addresses : [...addresses, ...(await listAddresses(visitor, next))];
}

/** The same ones for the same seed. */
function chooseKills(seed: number, count: number): Kill[] {
  const stages: SmtpServerStage[] = ['mail', 'rcpt', 'data', 'dot', 'dot-reply'];
  let state = seed;
  const draw = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  return Array.from({ length: count }, (_, index) => ({
    stage: stages[draw(stages.length)] ?? 'dot',
    after: Math.floor(((index + draw(1000) / 1000) * RECIPIENTS) / (count + 1)),
  }));
}
