import { expect, test } from 'vitest';

import { Picture } from './live-picture.js';
import { encodeEvent, LiveStream } from './live-stream.js';

const TEXTS = { state: 's', pace: 'p', balance: 'b', refusals: 'r', attempts: 'a', said: 'd' };

function openPage(picture: Picture) {
  const closed: string[] = [];
  const stream: LiveStream = new LiveStream({
    onReady: () => picture.bring(stream),
    onClosed: () => closed.push('closed'),
    abandon: () => closed.push('abandoned'),
  });
  picture.add(stream);
  const reader = stream.readable.getReader();
  const read = async () => {
    const { value, done } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  };
  return { stream, reader, read, closed };
}

const partsOf = (message = '') => JSON.parse(message.replace(/^event: parts\ndata: /, '')) as Partial<typeof TEXTS>;

test('a page that has not read is told of everything at once, in one message', async () => {
  const picture = new Picture();
  const { read, reader } = openPage(picture);
  expect(await read()).toBe('retry: 2000\n:\n\n');
  for (let n = 1; n <= 1000; n += 1) picture.draw({ ...TEXTS, balance: `b${n}` });
  expect(partsOf(await read())).toEqual({ ...TEXTS, balance: 'b1000' });
  for (let n = 1; n <= 1000; n += 1) picture.draw({ ...TEXTS, balance: `c${n}`, said: n > 500 ? 'e' : 'd' });
  expect(partsOf(await read())).toEqual({ balance: 'c1000', said: 'e' });
  await reader.cancel();
});

test('a page that waits is told of a change at once, and of nothing where nothing has changed', async () => {
  const picture = new Picture();
  const { read } = openPage(picture);
  await read();
  picture.draw(TEXTS);
  await read();
  const waiting = read();
  await Promise.resolve();
  picture.draw({ ...TEXTS });
  picture.draw({ ...TEXTS, pace: 'q' });
  expect(partsOf(await waiting)).toEqual({ pace: 'q' });
});

test('a page that comes later is told all of the latest picture', async () => {
  const picture = new Picture();
  picture.draw(TEXTS);
  picture.draw({ ...TEXTS, pace: 'q' });
  const { read } = openPage(picture);
  await read();
  expect(partsOf(await read())).toEqual({ ...TEXTS, pace: 'q' });
});

test('an end with a message is read to the end; a page that leaves is told of', async () => {
  const picture = new Picture();
  const [ended, left] = [openPage(picture), openPage(picture)];
  await ended.read();
  ended.stream.end(encodeEvent('done'));
  expect([await ended.read(), await ended.read()]).toEqual(['event: done\ndata: \n\n', undefined]);
  ended.stream.end();
  expect(ended.closed).toEqual(['closed']);
  await left.reader.cancel();
  expect(left.closed).toEqual(['closed']);
  expect(left.stream.isReady).toBe(false);
});

test('each line of the data bears the name, whatever ends the lines', () => {
  expect(new TextDecoder().decode(encodeEvent('parts', 'a\nb\r\nc\rd'))).toBe(
    'event: parts\ndata: a\ndata: b\ndata: c\ndata: d\n\n',
  );
});
