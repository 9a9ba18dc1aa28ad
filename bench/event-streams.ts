/** Who has live pages open: the streams of events of running mailings, and what they tell. */
import { once } from 'node:events';
import { Agent, get, type ClientRequest, type IncomingMessage } from 'node:http';

import type { Visitor } from './visitor.js';

/** As many as one user may have open. */
export const PAGES_OF_USER = 100;
/** What one in so many shows is read; of the others the events are counted. */
const READ_ONE_IN = 49;
/** How many are being opened at a time. */
const LANES = 20;

export interface Stream {
  mailingId: number;
  events: number;
  bytes: number;
  /** Letters accepted, by the page, and when it said so. */
  shown: { at: number; accepted: number }[];
  overAt: number | undefined;
  close: () => void;
}

/** Each user looks at as many pages as they may, of one mailing after the other. */
export async function openStreams(
  url: string,
  mailings: { id: number }[],
  visitors: Visitor[],
  pages: number,
): Promise<Stream[]> {
  const agent = new Agent({ keepAlive: false, maxSockets: Infinity });
  const wanted = Array.from({ length: pages }, (_, number) => number);
  const streams: Stream[] = [];
  const lane = async () => {
    for (let number = wanted.shift(); number !== undefined; number = wanted.shift()) {
      const mailing = mailings[number % mailings.length];
      const visitor = visitors[Math.floor(number / PAGES_OF_USER)];
      if (!mailing || !visitor) throw new Error('there are more pages than users may have');
      const request = get(`${url}/mailings/${mailing.id}/events`, { agent, headers: { cookie: visitor.cookie } });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      if (answer.statusCode !== 200) throw new Error(`a stream is answered with ${answer.statusCode}`);
      streams.push(follow(request, answer, mailing.id, number % READ_ONE_IN === 0));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return streams;
}

const EVENT = Buffer.from('event: parts');

function follow(request: ClientRequest, answer: IncomingMessage, mailingId: number, closely: boolean): Stream {
  const stream: Stream = {
    mailingId,
    events: 0,
    bytes: 0,
    shown: [],
    overAt: undefined,
    close: () => request.destroy(),
  };
  let rest = '';
  answer.on('data', (chunk: Buffer) => {
    stream.bytes += chunk.length;
    if (chunk.includes(EVENT)) stream.events += 1;
    if (!closely) return;
    const blocks = (rest + chunk.toString()).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) noteShown(stream, block);
  });
  const end = () => (stream.overAt ??= performance.now());
  answer.on('close', end).on('error', end);
  request.on('error', end);
  return stream;
}

function noteShown({ shown }: Stream, block: string): void {
  const data = block.split('\n').find((line) => line.startsWith('data: {'));
  if (data === undefined) return;
  const { balance } = JSON.parse(data.slice('data: '.length)) as { balance?: string };
  const accepted = /Accepted by the mail server.*?<dd>(?:<a[^>]*>)?([\d,]+)/s.exec(balance ?? '')?.[1];
  if (accepted !== undefined) shown.push({ at: performance.now(), accepted: Number(accepted.replaceAll(',', '')) });
}

/** What was accepted of each mailing, look by look. */
export interface Look {
  at: number;
  accepted: Map<number, number>;
}

/** How old each number was just before another one took its place: since the books had a later one. */
export function agesOf({ mailingId, shown, overAt }: Stream, looks: Look[]): number[] {
  return shown.map(({ accepted }, index) => {
    const until = shown[index + 1]?.at ?? overAt ?? looks.at(-1)?.at ?? 0;
    const later = looks.find((look) => (look.accepted.get(mailingId) ?? 0) > accepted);
    return later === undefined ? 0 : Math.max(0, until - later.at);
  });
}
