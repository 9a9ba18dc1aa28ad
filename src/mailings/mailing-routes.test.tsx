import { Hono } from 'hono';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addMailing, addMessage, addRecipients, addUser } from '../../test/support/fixtures.js';
import { TERMINAL } from '../audit/audit.js';
import { freezeAudience } from '../delivery/ledger-store.js';
import { saveRelayFault } from '../delivery/relay-store.js';
import type { Database } from '../lib/database.js';
import { HttpError } from '../lib/errors.js';
import { translate, type Locale } from '../lib/i18n.js';
import { readFlash } from '../ui/flash.js';
import type { View, WebEnv } from '../ui/view.js';
import { mailingRoutes } from './mailing-routes.js';
import { findMailing } from './mailing-store.js';
import { pauseRefusedMailing } from './pause-refused-mailing.js';
import { SpeedBook } from './speed-book.js';
import { startMailing } from './start-mailing.js';

let database: TestDatabase;
let db: Database;
let owner: number;
let stranger: number;

const NOW = new Date('2026-03-01T12:20:00Z');
const START = new Date('2026-03-02T12:00:00Z');

beforeAll(async () => {
  database = await createTestDatabase();
  db = database.db;
});
afterAll(() => database.close());
beforeEach(async () => {
  [owner, stranger] = [await addUser(db), await addUser(db)];
});

interface Visit {
  userId?: number;
  locale?: Locale;
  fields?: Record<string, string> | [string, string][];
}

interface Answer {
  status: number;
  location: string | null;
  text: string;
  headers: Headers;
  flash: string;
}

/** The routes behind as much of the site as they need, for a visitor in Berlin. */
async function visit(path: string, { userId = owner, locale = 'ru', fields }: Visit = {}): Promise<Answer> {
  const site = new Hono<WebEnv>();
  site.onError((error, c) => {
    if (error instanceof HttpError) return c.text(error.code, error.status);
    throw error;
  });
  site.use(async (c, next) => {
    const url = new URL(c.req.url);
    const query = Object.fromEntries(url.searchParams);
    c.set('origin', { address: '203.0.113.1', userAgent: 'test browser' });
    c.set('view', { ...makeView(userId, locale), path: url.pathname + url.search, query, flash: readFlash(c) });
    await next();
  });
  site.route('/mailings', mailingRoutes({ db, clock: { now: () => NOW }, speeds: new SpeedBook() }));
  const init = fields ? { method: 'POST', body: new URLSearchParams(fields) } : {};
  const response = await site.request(path, init);
  return {
    status: response.status,
    location: response.headers.get('location'),
    text: await response.text(),
    headers: response.headers,
    flash: decodeURIComponent(response.headers.getSetCookie().join()),
  };
}

function makeView(userId: number, locale: Locale): View {
  const timeZone = 'Europe/Berlin';
  const user = {
    id: userId,
    email: 'a@example.com',
    name: 'A',
    role: 'user',
    locale,
    timeZone,
    theme: 'auto',
  } as const;
  return {
    t: translate(locale),
    locale,
    timeZone,
    theme: 'auto',
    user,
    now: NOW,
    path: '',
    query: {},
    flash: null,
    lettersStayHere: false,
    mailingsStayHere: false,
    mayReadInbox: false,
    assets: { script: '/main.js', styles: [] },
  };
}

async function makeFields(changes: Record<string, string> = {}): Promise<Record<string, string>> {
  const messageId = String(await addMessage(db, owner));
  return { messageId, firstSendingAt: '2026-03-02T10:00', endsAt: '2026-03-03T10:00', audience: 'all', ...changes };
}

/** A started mailing to three: accepted, in doubt and waiting, with an attempt for the first two. */
async function makeStarted(): Promise<{ id: number; deliveries: number[] }> {
  await addRecipients(db, owner, 3);
  const id = await addMailing(db, owner, { firstSendingAt: START });
  await startMailing(db, TERMINAL, owner, id, NOW);
  await freezeAudience(db, id);
  const rows = await db
    .selectFrom('deliveries')
    .select(['id', 'address'])
    .where('mailing_id', '=', id)
    .orderBy('id')
    .execute();
  for (const [index, state] of (['accepted', 'in_doubt'] as const).entries()) {
    const row = rows[index];
    if (!row) throw new Error('a delivery is missing');
    await db.updateTable('deliveries').set({ state, attempt_count: 1 }).where('id', '=', row.id).execute();
    const reply =
      state === 'accepted' ? { reply_code: 250, reply: '2.0.0 ok\nqueued as <4711>' } : { reply: 'connection lost' };
    const facts = { started_at: NOW, duration_ms: 1234, outcome: state, relay: 'mx.example', stage: 'dot' };
    await db
      .insertInto('attempts')
      .values({ delivery_id: row.id, mailing_id: id, address: row.address, ...facts, ...reply })
      .execute();
  }
  const counters = { waiting: 1, accepted: 1, in_doubt: 1, attempts_accepted: 1, attempts_in_doubt: 1 };
  await db.updateTable('mailing_counters').set(counters).where('mailing_id', '=', id).execute();
  return { id, deliveries: rows.map((row) => row.id) };
}

/** What a reader sees, without the markup. */
function readText(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/[\s\u00a0\u202f]+/g, ' ');
}

test('an empty list says what is needed first', async () => {
  expect((await visit('/mailings')).text).toContain('Рассылке нужны получатели и сообщение');
  await addMessage(db, owner);
  expect((await visit('/mailings')).text).toContain('Рассылке нужны получатели. Сначала');
  await addRecipients(db, owner, 1);
  expect((await visit('/mailings', { locale: 'en' })).text).toContain('A mailing is a message, recipients and a time.');
});

test('the form begins with the next full hour, the visitor’s time zone and the message of the address', async () => {
  const messageId = await addMessage(db, owner, 'Spring');
  const { text } = await visit(`/mailings/new?message=${messageId}`);
  expect(text).toContain('value="2026-03-01T14:00"');
  expect(text).toContain('value="2026-03-02T14:00"');
  expect(text).toContain('Ваш часовой пояс: Europe/Berlin');
  expect(text).toMatch(new RegExp(`<option value="${messageId}" selected="">Spring</option>`));
  const foreign = await addMessage(db, stranger, 'Foreign');
  expect((await visit(`/mailings/new?message=${foreign}`)).text).not.toContain('Foreign');
});

test('saving leads on to choosing recipients where some are to be chosen', async () => {
  const all = await visit('/mailings', { fields: await makeFields() });
  expect([all.status, all.location]).toEqual([303, expect.stringMatching(/^\/mailings\/\d+$/)]);
  const chosen = await visit('/mailings', { fields: await makeFields({ audience: 'chosen' }) });
  expect([chosen.status, chosen.location]).toEqual([303, expect.stringMatching(/^\/mailings\/\d+\/audience$/)]);
});

test('a form with faults comes back as it was typed, each fault at its field', async () => {
  const fields = await makeFields({
    endsAt: '2026-03-02T09:00',
    firstSendingAt: '2026-02-02T09:00',
    audience: 'chosen',
  });
  const past = await visit('/mailings', { fields });
  expect(past.status).toBe(422);
  expect(past.text).toMatch(/id="fault-firstSendingAt">Это время уже прошло/);
  expect(past.text).toContain('value="2026-02-02T09:00"');
  const backwards = await visit('/mailings', { fields: await makeFields({ endsAt: '2026-03-02T09:00' }) });
  expect(backwards.text).toMatch(/id="fault-endsAt">Окончание должно быть позже/);
});

test('somebody else’s message is answered exactly as one that does not exist', async () => {
  const foreign = String(await addMessage(db, stranger, 'Foreign'));
  const answers = await Promise.all(
    [foreign, '999999999', 'x', '0'].map(async (messageId) => {
      const { status, text } = await visit('/mailings', { fields: await makeFields({ messageId }) });
      // The messages that can be chosen grow from one request to the next.
      return { status, text: text.replaceAll(/<option value="\d+">Hello<\/option>/g, '') };
    }),
  );
  expect(answers[0]?.status).toBe(422);
  expect(answers[0]?.text).toMatch(/id="fault-messageId">Такого сообщения нет/);
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test('emoji, right-to-left and zero bytes in a field break nothing', async () => {
  for (const odd of ['😀', '\u202eאבג', '\0', '<b>']) {
    const changes = { messageId: odd, firstSendingAt: odd, endsAt: odd, audience: odd };
    expect((await visit('/mailings', { fields: await makeFields(changes) })).status).toBe(422);
    const query = new URLSearchParams({ q: odd, status: odd, sort: odd, after: odd, message: odd }).toString();
    for (const path of ['/mailings', '/mailings/new']) expect((await visit(`${path}?${query}`)).status).toBe(200);
  }
});

test('the later of two tabs sees what is saved now beside what it typed', async () => {
  const id = await addMailing(db, owner, { firstSendingAt: START });
  const mine = await makeFields({ version: '1', endsAt: '2026-03-09T10:00' });
  expect(
    (await visit(`/mailings/${id}`, { fields: await makeFields({ version: '1', audience: 'chosen' }) })).status,
  ).toBe(303);
  const late = await visit(`/mailings/${id}`, { fields: mine });
  expect(late.status).toBe(409);
  expect(late.text).toContain('За это время кто-то сохранил изменения');
  expect(late.text).toContain('value="2026-03-09T10:00"');
  expect(readText(late.text)).toContain('Окончание 3 мар. 2026, 10:00');
  expect((await visit(`/mailings/${id}`, { fields: { ...mine, version: '2' } })).status).toBe(303);
});

test('an unchanged start stays the same instant in the hour that comes twice', async () => {
  const second = new Date('2026-10-25T01:30:00Z');
  const id = await addMailing(db, owner, { firstSendingAt: second });
  const fields = await makeFields({ version: '1', firstSendingAt: '2026-10-25T02:30', endsAt: '2026-10-26T10:00' });
  await visit(`/mailings/${id}`, { fields });
  expect((await findMailing(db, owner, id))?.firstSendingAt).toEqual(second);
});

test('a mailing that missed its start is saved only with a new time', async () => {
  const past = new Date('2026-02-20T09:00:00Z');
  const id = await addMailing(db, owner, { firstSendingAt: past });
  const fields = await makeFields({ version: '1', firstSendingAt: '2026-02-20T10:00' });
  await db.updateTable('mailings').set({ start_fault: 'no_recipients' }).where('id', '=', id).execute();
  expect((await visit(`/mailings/${id}`, { fields })).text).toMatch(/id="fault-firstSendingAt">Это время уже прошло/);
  await db.updateTable('mailings').set({ start_fault: null }).where('id', '=', id).execute();
  expect((await visit(`/mailings/${id}`, { fields })).status).toBe(303);
});

test.each([
  [1, 'Отправить сейчас — 1 получателю'],
  [3, 'Отправить сейчас — 3 получателям'],
  [21, 'Отправить сейчас — 21 получателю'],
  [1205, 'Отправить сейчас — 1 205 получателям'],
])('the button names %i recipients in good Russian', async (count, label) => {
  await addRecipients(db, owner, count);
  const id = await addMailing(db, owner, { firstSendingAt: START });
  expect(readText((await visit(`/mailings/${id}`)).text)).toContain(label);
});

test('a mailing without recipients says so in place of the button', async () => {
  const id = await addMailing(db, owner, { firstSendingAt: START, chosen: [] });
  const { text } = await visit(`/mailings/${id}`);
  expect(text).toContain('Для этой рассылки никто не выбран');
  expect(text).not.toContain('Отправить сейчас');
  const pressed = await visit(`/mailings/${id}/start`, { fields: {} });
  expect([pressed.location, pressed.flash]).toEqual([
    `/mailings/${id}`,
    expect.stringContaining('у неё нет получателей'),
  ]);
});

test('says why it did not start by itself, who disabled it, and that its time is over', async () => {
  await addRecipients(db, owner, 1);
  const past = new Date('2026-02-01T12:00:00Z');
  const id = await addMailing(db, owner, { firstSendingAt: past });
  await db.updateTable('mailings').set({ start_fault: 'window_over' }).where('id', '=', id).execute();
  const over = await visit(`/mailings/${id}`);
  expect(over.text).toContain('Рассылка не началась в своё время');
  expect(over.text).toContain('Время окончания прошло');
  expect(over.text).not.toContain('Отправить сейчас —');
  const manager = await addUser(db, { role: 'manager' });
  const disabled = { disabled_at: NOW, disabled_by: manager, disabled_reason: 'Жалобы на спам' };
  await db.updateTable('mailings').set(disabled).where('id', '=', id).execute();
  const answer = await visit(`/mailings/${id}`);
  expect(answer.text).toContain('Причина: Жалобы на спам');
  expect(answer.text).toMatch(/Отключил менеджер User \d+/);
  expect(answer.text).not.toContain('/start"');
});

test('one press starts, and the second one just shows it running', async () => {
  await addRecipients(db, owner, 2);
  const id = await addMailing(db, owner, { firstSendingAt: START });
  for (let press = 0; press < 2; press += 1) {
    const pressed = await visit(`/mailings/${id}/start`, { fields: {} });
    expect([pressed.status, pressed.location]).toEqual([303, `/mailings/${id}`]);
    expect(pressed.flash).toContain('Рассылка запущена.');
  }
  const { text } = await visit(`/mailings/${id}`);
  expect(text).toContain(`data-live="/mailings/${id}/progress"`);
  expect(text).toContain('Составляем список');
});

test('the page of a created mailing watches for its start, also without JavaScript', async () => {
  await addRecipients(db, owner, 2);
  const id = await addMailing(db, owner, { firstSendingAt: new Date(NOW.getTime() + 90_000) });
  const live = `/mailings/${id}/progress?before=start`;
  const { text } = await visit(`/mailings/${id}`);
  expect(text).toContain(`data-live="${live}"`);
  expect(text).toContain('<noscript><meta http-equiv="refresh" content="91"/></noscript>');
  const before = await visit(live);
  expect(before.headers.get('x-live')).toBeNull();
  expect(text).toContain(before.text);
  await startMailing(db, TERMINAL, owner, id, NOW);
  expect((await visit(live)).headers.get('x-live')).toBe('done');
});

test('the page of a mailing that will not start by itself is told of that, and watches no longer', async () => {
  const id = await addMailing(db, owner, { firstSendingAt: START });
  await db.updateTable('mailings').set({ start_fault: 'no_recipients' }).where('id', '=', id).execute();
  expect((await visit(`/mailings/${id}/progress?before=start`)).headers.get('x-live')).toBe('done');
  const { text } = await visit(`/mailings/${id}`);
  expect(text).not.toContain('data-live');
  expect(text).not.toContain('http-equiv="refresh"');
});

test('deleting is the last thing that the page of a finished mailing offers', async () => {
  const { id } = await makeStarted();
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  const { text } = await visit(`/mailings/${id}`);
  expect(text).not.toContain('page-actions');
  expect(text.indexOf(`/mailings/${id}/deletion`)).toBeGreaterThan(text.indexOf('Dear {{ name }}!'));
});

test('shows where every letter is, each attempt with its reply, and what is in doubt', async () => {
  const { id } = await makeStarted();
  const progress = await visit(`/mailings/${id}/progress`);
  const seen = readText(progress.text);
  expect(progress.headers.get('x-live')).toBeNull();
  expect(progress.text).not.toContain('<html');
  expect(seen).toContain('Сходится: 3 = 1 + 1 + 1');
  expect(seen).toContain('Успешно 1 Не успешно 1');
  expect(seen).toContain('250 2.0.0 ok queued as &lt;4711&gt;');
  expect(seen).toContain('не успешно: под вопросом');
  expect(seen).toContain('1 письмо под вопросом');
  expect(seen).toContain('1 234 мс');
  expect(seen).toContain('01.03.2026, 13:20:00');
  expect(progress.text).toContain('<rect class="balance-accepted" x="0.000" y="0" width="33.333" height="4">');
  expect(progress.text).toContain(`href="/mailings/${id}/deliveries?state=in_doubt"`);
  expect((await visit(`/mailings/${id}`)).text).toContain('Dear {{ name }}!');
});

test('the live part ends with the mailing', async () => {
  const { id } = await makeStarted();
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  const progress = await visit(`/mailings/${id}/progress`);
  expect(progress.headers.get('x-live')).toBe('done');
  expect((await visit(`/mailings/${id}`)).text).not.toContain('data-live');
});

test('pauses, continues and stops; stopping asks and says what goes', async () => {
  const { id } = await makeStarted();
  await visit(`/mailings/${id}/pause`, { fields: {} });
  expect((await visit(`/mailings/${id}/progress`)).text).toContain('Рассылка приостановлена');
  await visit(`/mailings/${id}/continue`, { fields: {} });
  expect((await visit(`/mailings/${id}/progress`)).text).not.toContain('Рассылка приостановлена');
  const asked = readText((await visit(`/mailings/${id}/stop`)).text);
  expect(asked).toContain('принято 1 письмо.');
  expect(asked).toContain('Ещё 1 письмо ждёт своей очереди: оно будет отменено.');
  await visit(`/mailings/${id}/stop`, { fields: {} });
  expect((await visit(`/mailings/${id}/progress`)).text).toContain('Рассылка останавливается');
});

test('sending again what is in doubt makes a new mailing and says for how many', async () => {
  const { id } = await makeStarted();
  const answer = await visit(`/mailings/${id}/repeat`, { fields: { state: 'in_doubt' } });
  expect(answer.location).toMatch(/^\/mailings\/\d+$/);
  expect(answer.flash).toContain('Создана рассылка для 1 получателя');
  expect((await visit(`/mailings/${id}/repeat`, { fields: { state: 'accepted' } })).status).toBe(404);
});

test('what is in doubt is sent again in the same mailing, and a second click sends it no third time', async () => {
  const { id } = await makeStarted();
  expect((await visit(`/mailings/${id}/progress`)).text).toContain(`href="/mailings/${id}/in-doubt/resending"`);
  const asked = await visit(`/mailings/${id}/in-doubt/resending`);
  expect(readText(asked.text)).toContain('Отправить ещё раз 1 письмо?');
  const seen = /name="seen" value="(\d+)"/.exec(asked.text)?.[1] ?? '';
  const first = await visit(`/mailings/${id}/in-doubt/resending`, { fields: { seen } });
  expect(first.flash).toContain('1 письмо ждёт повторной отправки.');
  const second = await visit(`/mailings/${id}/in-doubt/resending`, { fields: { seen } });
  expect(second.flash).toContain('Решать здесь больше нечего.');
  expect(readText((await visit(`/mailings/${id}/progress`)).text)).toContain('Сходится: 3 = 1 + 2');
});

test('what is left in doubt is not asked about again, stays in the books, and can still be sent again', async () => {
  const { id, deliveries } = await makeStarted();
  const page = `/mailings/${id}/deliveries/${deliveries[1]}`;
  const shown = await visit(page);
  expect(readText(shown.text)).toContain('Это письмо под вопросом');
  const seen = /name="seen" value="(\d+)"/.exec(shown.text)?.[1] ?? '';
  const left = await visit(`${page}/leaving`, { fields: { seen } });
  expect(left).toMatchObject({ location: page, flash: expect.stringContaining('1 письмо останется как есть.') });
  const progress = readText((await visit(`/mailings/${id}/progress`)).text);
  expect(progress).not.toContain('1 письмо под вопросом');
  expect(progress).toContain('Сходится: 3 = 1 + 1 + 1');
  expect(readText((await visit(page)).text)).toContain('Вы решили оставить всё как есть.');
  expect((await visit(`${page}/resending`, { fields: { seen } })).flash).toContain('ждёт повторной отправки');
  expect(readText((await visit(page)).text)).toContain('Состояние ожидает');
});

test('after the end sending again makes a new mailing, for one or for all that are not left', async () => {
  const { id, deliveries } = await makeStarted();
  await db
    .updateTable('mailings')
    .set({ first_sending_at: new Date('2026-02-01T10:00:00Z'), ends_at: new Date('2026-02-02T10:00:00Z') })
    .where('id', '=', id)
    .execute();
  const { id: newest } = await db
    .selectFrom('attempts')
    .select('id')
    .where('mailing_id', '=', id)
    .orderBy('id', 'desc')
    .executeTakeFirstOrThrow();
  const fields = { seen: String(newest) };
  expect(readText((await visit(`/mailings/${id}/in-doubt/resending`)).text)).toContain('будет создана новая');
  const all = await visit(`/mailings/${id}/in-doubt/resending`, { fields });
  expect(all.flash).toContain('Создана рассылка для 1 получателя');
  const page = `/mailings/${id}/deliveries/${deliveries[1]}`;
  expect((await visit(`${page}/resending`, { fields })).location).toBe(all.location);
  await visit(`${page}/leaving`, { fields });
  expect((await visit(`/mailings/${id}/in-doubt/resending`, { fields })).flash).toContain('создать не для кого');
  expect((await visit(`${page}/resending`, { fields })).location).toBe(all.location);
});

test('says when the next try is, and why there is none', async () => {
  const { id, deliveries } = await makeStarted();
  const page = `/mailings/${id}/deliveries/${deliveries[2]}`;
  const set = (values: { next_try_at: Date }) =>
    db
      .updateTable('deliveries')
      .set({ attempt_count: 1, ...values })
      .where('id', '=', deliveries[2] ?? 0)
      .execute();
  await set({ next_try_at: NOW });
  expect(readText((await visit(page)).text)).toContain('вот-вот');
  await set({ next_try_at: new Date(NOW.getTime() + 13.5 * 60_000) });
  expect(readText((await visit(page)).text)).toContain('Следующая попытка через 14 минут');
  expect(readText((await visit(`/mailings/${id}/deliveries`)).text)).toContain('через 14 минут');
  expect(readText((await visit(page, { locale: 'en' })).text)).toContain('Next try in 14 minutes');
  await visit(`/mailings/${id}/pause`, { fields: {} });
  expect(readText((await visit(page)).text)).toContain('когда рассылка продолжится');
  await set({ next_try_at: new Date('2026-04-01T10:00:00Z') });
  expect(readText((await visit(page)).text)).toContain('до окончания рассылки не будет');
});

test('a mailing that Vestnik paused says what the mail server said, until its owner goes on', async () => {
  const { id } = await makeStarted();
  expect(await pauseRefusedMailing(db, id, '554 5.7.1 spam <b>', NOW)).toBe(true);
  const seen = readText((await visit(`/mailings/${id}/progress`)).text);
  expect(seen).toContain('Почтовый сервер не принимает это сообщение');
  expect(seen).toContain('554 5.7.1 spam &lt;b&gt;');
  await visit(`/mailings/${id}/continue`, { fields: {} });
  expect(readText((await visit(`/mailings/${id}/progress`)).text)).not.toContain('не принимает');
});

test('lists deliveries by state and beginning of the address, and shows one with its attempts', async () => {
  const { id, deliveries } = await makeStarted();
  const all = readText((await visit(`/mailings/${id}/deliveries`)).text);
  expect(all).toMatch(/r1@example.com.*r2@example.com.*r3@example.com/);
  const doubtful = readText((await visit(`/mailings/${id}/deliveries?state=in_doubt`)).text);
  expect(doubtful).toContain('r2@example.com');
  expect(doubtful).not.toContain('r1@example.com');
  const found = readText((await visit(`/mailings/${id}/deliveries?q=R3`)).text);
  expect(found).toContain('r3@example.com');
  expect(found).not.toContain('r1@example.com');
  const one = readText((await visit(`/mailings/${id}/deliveries/${deliveries[0]}`)).text);
  expect(one).toContain('queued as &lt;4711&gt;');
});

test('recipients are ticked, found, removed and cleared without JavaScript, and the list’s place is kept', async () => {
  const ids = await addRecipients(db, owner, 12);
  const id = await addMailing(db, owner, { firstSendingAt: START, chosen: [] });
  const path = `/mailings/${id}/audience`;
  expect((await visit(path)).text).toContain('Добавить всех (12)');
  const [a = 0, b = 0] = ids;
  const add: [string, string][] = [
    ['act', 'add'],
    ['ids', String(a)],
    ['ids', String(b)],
    ['query', 'q=r1&only=chosen&evil=//x'],
  ];
  const added = await visit(path, { fields: add });
  expect([added.location, added.flash]).toEqual([
    `${path}?q=r1&only=chosen`,
    expect.stringContaining('Добавлены 2 получателя.'),
  ]);
  expect((await visit(`${path}?only=chosen`)).text).toContain('Выбраны 2 получателя');
  expect((await visit(`${path}?q=r1`)).text).toContain('Добавить всё найденное (4)');
  expect((await visit(path, { fields: { act: 'add_found', q: 'r1' } })).flash).toContain('Добавлены 3 получателя.');
  expect((await visit(path, { fields: { act: 'remove', ids: String(a) } })).flash).toContain('Убран 1 получатель.');
  expect((await visit(path, { fields: { act: 'add' } })).flash).toContain('Сначала отметьте получателей.');
  expect((await visit(`${path}/clearing`)).text).toContain('Из рассылки уйдут 4 получателя.');
  expect((await visit(`${path}/clearing`, { fields: {} })).flash).toContain('Убраны 4 получателя.');
});

test('deleting asks, says what goes, and refuses a running mailing', async () => {
  const { id } = await makeStarted();
  const refused = await visit(`/mailings/${id}/deletion`, { fields: {} });
  expect([refused.location, refused.flash]).toEqual([`/mailings/${id}`, expect.stringContaining('сначала остановите')]);
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  expect(readText((await visit(`/mailings/${id}/deletion`)).text)).toContain(
    'её история: 3 доставки со всеми попытками',
  );
  expect((await visit(`/mailings/${id}/deletion`, { fields: {} })).location).toBe('/mailings');
  expect((await visit(`/mailings/${id}`)).status).toBe(404);
});

test('every address of another owner’s mailing is answered as if there were none', async () => {
  const { id, deliveries } = await makeStarted();
  const created = await addMailing(db, owner, { firstSendingAt: START, chosen: [] });
  const [delivery = 0] = deliveries;
  const pages = ['', '/edit', '/deletion', '/audience', '/audience/clearing', '/stop', '/progress', '/deliveries'];
  const presses = [
    '',
    '/start',
    '/pause',
    '/continue',
    '/stop',
    '/repeat',
    '/deletion',
    '/audience',
    '/audience/clearing',
  ];
  for (const mailing of [id, created, 999_999_999]) {
    for (const page of [...pages, `/deliveries/${delivery}`]) {
      const { status } = await visit(`/mailings/${mailing}${page}`, { userId: stranger });
      expect({ page, status }).toEqual({ page, status: 404 });
    }
    for (const press of presses) {
      const fields = await makeFields({ state: 'in_doubt', act: 'add_found', version: '1' });
      const { status } = await visit(`/mailings/${mailing}${press}`, { userId: stranger, fields });
      expect({ press, status }).toEqual({ press, status: 404 });
    }
  }
  const other = await addMailing(db, owner);
  expect((await visit(`/mailings/${other}/deliveries/${delivery}`)).status).toBe(404);
  expect(readText((await visit('/mailings', { userId: stranger })).text)).toContain('Рассылок пока нет');
  expect(await findMailing(db, owner, id)).toMatchObject({ status: 'running', pausedAt: null, stoppedAt: null });
  expect(await findMailing(db, owner, created)).toMatchObject({ status: 'created', version: 1 });
});

test('keeps a mailing to its own rate, shown on its page and changed with the rest before the start', async () => {
  const added = await visit('/mailings', { fields: await makeFields({ letters: '1 000', per: 'hour' }) });
  const path = added.location ?? '';
  const id = Number(path.split('/').at(-1));
  expect(await findMailing(db, owner, id)).toMatchObject({ lettersLimit: 1000, limitSeconds: 3600 });
  expect((await visit(path)).text).toMatch(/не больше 1.000 писем в час/);
  expect((await visit(`${path}/edit`)).text).toMatch(/name="letters" value="1000"/);
  expect((await visit(`${path}/rate`)).location).toBe(`${path}/edit`);
  await visit(path, { fields: await makeFields({ letters: '', per: 'hour', version: '1' }) });
  expect(await findMailing(db, owner, id)).toMatchObject({ lettersLimit: null, limitSeconds: null });
  expect((await visit(path)).text).toContain('без ограничения');
  const refused = await visit('/mailings', { fields: await makeFields({ letters: '0' }) });
  expect([refused.status, refused.text.includes('id="fault-letters"')]).toEqual([422, true]);
});

test('changes the rate of a mailing that runs, for its owner alone, and not after its end', async () => {
  const { id } = await makeStarted();
  const path = `/mailings/${id}/rate`;
  expect((await visit(`/mailings/${id}`)).text).toContain(`href="${path}"`);
  expect((await visit(path)).text).toContain('name="letters" value=""');
  expect((await visit(path, { userId: stranger, fields: { letters: '1', per: 'day' } })).status).toBe(404);
  const faulty = await visit(path, { fields: { letters: 'x', per: 'day' } });
  expect([faulty.status, faulty.text.includes('value="x"')]).toEqual([422, true]);
  expect((await visit(path, { fields: { letters: '21', per: 'day' } })).location).toBe(`/mailings/${id}`);
  expect(await findMailing(db, owner, id)).toMatchObject({ lettersLimit: 21, limitSeconds: 86_400, version: 2 });
  expect((await visit(`/mailings/${id}`)).text).toContain('не больше 21 письма в сутки');
  expect((await visit(path)).text).toMatch(/value="21"/);
  await visit(path, { fields: { letters: '', per: 'day' } });
  expect(await findMailing(db, owner, id)).toMatchObject({ lettersLimit: null, limitSeconds: null });
  const written = db.selectFrom('audit_entries').select('details').where('action', '=', 'mailing.rate_changed');
  expect((await written.where('subject_id', '=', id).orderBy('id').execute()).map(({ details }) => details)).toEqual([
    { from: '–', to: '21 / 86400 s' },
    { from: '21 / 86400 s', to: '–' },
  ]);
  await db.updateTable('mailings').set({ status: 'finished', finished_at: NOW }).where('id', '=', id).execute();
  expect((await visit(path)).location).toBe(`/mailings/${id}`);
  expect((await visit(path, { fields: { letters: '5', per: 'day' } })).flash).toContain('уже завершена');
  expect(await findMailing(db, owner, id)).toMatchObject({ lettersLimit: null });
});

test('says that no mail server takes letters only while all that are in use rest', async () => {
  const { id } = await makeStarted();
  const add = async (name: string) =>
    (
      await db
        .insertInto('relays')
        .values({ name, host: 'mail.example.com', port: 25, tls: 'none' })
        .returning('id')
        .executeTakeFirstOrThrow()
    ).id;
  const isTold = async () => (await visit(`/mailings/${id}`)).text.includes('Почтовый сервер сейчас не принимает');
  await saveRelayFault(db, 'smtp_url', '421 later', 60_000);
  expect(await isTold()).toBe(true);
  const relays = [await add('One'), await add('Two')];
  expect(await isTold()).toBe(false);
  await saveRelayFault(db, String(relays[0]), '421 later', 60_000);
  expect(await isTold()).toBe(false);
  await saveRelayFault(db, String(relays[1]), '535 no', 30_000);
  expect((await visit(`/mailings/${id}`)).text).toContain('535 no');
  await db.deleteFrom('relays').execute();
  await db.deleteFrom('relay_states').execute();
});
