import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { z } from 'zod';

import { HttpError } from './errors.js';
import { parseForm, readForm, readFormList } from './form.js';
import { multiLine, singleLine } from './text.js';

const site = new Hono();
site.onError((error, c) => {
  if (error instanceof HttpError) return c.text(error.code, error.status);
  throw error;
});
site.post('/one', async (c) => c.json(await readForm(c)));
site.post('/list', async (c) => c.json(await readFormList(c, 'ids')));
site.post('/both', async (c) => c.json([await readForm(c), await readFormList(c, 'ids')]));

const post = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  site.request(path, { method: 'POST', body: body ?? null, headers });

const URL_ENCODED = { 'content-type': 'application/x-www-form-urlencoded' };

test('reads the fields of a form, and of repeated ones the last', async () => {
  const answer = await post('/one', 'name=%D0%90+%F0%9F%8E%89&text=a%0D%0Ab&empty=&name=last', URL_ENCODED);
  expect(await answer.json()).toEqual({ name: 'last', text: 'a\r\nb', empty: '' });
  expect(await (await post('/one', 'name=%D0%90+%F0%9F%8E%89', URL_ENCODED)).json()).toEqual({ name: 'А 🎉' });
});

test('reads a space as fast as a letter, and a plus as a plus', async () => {
  expect(await (await post('/one', 'a=1%2B1+=+2', URL_ENCODED)).json()).toEqual({ a: '1+1 = 2' });
  const read = async (letter: string) => {
    const begun = performance.now();
    await post('/list', `a=${letter.repeat(5_000_000)}`, URL_ENCODED);
    return performance.now() - begun;
  };
  const ratios: number[] = [];
  for (let n = 0; n < 5; n += 1) ratios.push((await read('+')) / (await read('x')));
  expect(Math.min(...ratios)).toBeLessThan(4);
});

test('reads every value of a repeated field', async () => {
  expect(await (await post('/list', 'ids=1&other=2&ids=3', URL_ENCODED)).json()).toEqual(['1', '3']);
  expect(await (await post('/list', '', URL_ENCODED)).json()).toEqual([]);
});

test('reads one form twice', async () => {
  expect(await (await post('/both', 'ids=1&ids=2', URL_ENCODED)).json()).toEqual([{ ids: '2' }, ['1', '2']]);
});

test('passes over files', async () => {
  const form = new FormData();
  form.set('name', 'Anna');
  form.set('file', new Blob(['x']), 'x.txt');
  expect(await (await post('/one', form)).json()).toEqual({ name: 'Anna' });
  form.set('ids', new Blob(['1']), '1.txt');
  expect(await (await post('/list', form)).json()).toEqual([]);
});

test('keeps a field whose name objects have of their own', async () => {
  const answer = await post('/one', '__proto__=x&constructor=y', URL_ENCODED);
  expect(await answer.text()).toBe('{"__proto__":"x","constructor":"y"}');
});

test.each<[string, string, Record<string, string>]>([
  ['JSON', '{"name":"Anna"}', { 'content-type': 'application/json' }],
  ['no content type', 'name=Anna', { 'content-type': '' }],
  ['several parts without their boundary', 'name=Anna', { 'content-type': 'multipart/form-data' }],
  [
    'several parts that are cut off',
    '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
    { 'content-type': 'multipart/form-data; boundary=x' },
  ],
])('answers %s as no form, not as an error of the program', async (_title, body, headers) => {
  expect((await post('/one', body, headers)).status).toBe(400);
});

test('gives the values of a good form', () => {
  const schema = z.object({ name: singleLine(10), text: multiLine(10) });
  expect(parseForm(schema, { name: ' Anna ', text: 'a\r\nb', more: 'x' })).toEqual({
    ok: true,
    values: { name: 'Anna', text: 'a\nb' },
  });
});

test('names the first fault of each field, with the number that belongs to it', () => {
  const schema = z.object({
    short: z.string().min(10, 'passwordShort').regex(/x/, 'choice'),
    long: singleLine(3),
    text: multiLine(4),
    missing: singleLine(3),
  });
  expect(parseForm(schema, { short: 'a', long: 'a\0bcd', text: 'abcde' })).toEqual({
    ok: false,
    faults: {
      short: { key: 'passwordShort', max: 10 },
      long: { key: 'tooLong', max: 3 },
      text: { key: 'tooLong', max: 4 },
      missing: { key: 'required' },
    },
  });
});

test.each<[string, RequestInit['body'], Record<string, string>]>([
  ['a form', 'a=&'.repeat(300_000), URL_ENCODED],
  [
    'parts',
    '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'.repeat(150_000),
    { 'content-type': 'multipart/form-data; boundary=x' },
  ],
])('refuses %s with hundreds of thousands of fields before reading them', async (_what, body, headers) => {
  const answer = await post('/one', body, headers);
  expect([answer.status, await answer.text()]).toEqual([413, 'too_large']);
});

test('reads as many ids as somebody could tick', async () => {
  const answer = await post('/list', 'ids=1&'.repeat(50_000), URL_ENCODED);
  expect(await answer.json()).toHaveLength(50_000);
});
