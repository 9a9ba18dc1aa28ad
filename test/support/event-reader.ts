import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';

import { eventually } from './eventually.js';

export interface ServerEvent {
  name: string;
  data: string;
}

/** The events of a stream, as a browser's EventSource would tell of them, but read with a hand on the connection. */
export interface EventReader extends Disposable {
  status: number;
  headers: IncomingMessage['headers'];
  events: ServerEvent[];
  /** Everything that came, comments as well. */
  text: () => string;
  /** Whether the stream has ended, in order or not. */
  isOver: () => boolean;
  /** Waits for an event after those that were seen by `next` already; with a name, for one of that name. */
  next(name?: string): Promise<ServerEvent>;
  pause(): void;
  resume(): void;
}

export async function readEvents(url: string, headers: Record<string, string>): Promise<EventReader> {
  const asked = request(url, { headers });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return follow(asked, answer);
}

function follow(asked: ClientRequest, answer: IncomingMessage): EventReader {
  let [whole, rest, over, seen] = ['', '', false, 0];
  const events: ServerEvent[] = [];
  answer.setEncoding('utf8').on('data', (chunk: string) => {
    whole += chunk;
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    events.push(...blocks.map(parseEvent).filter((event) => event !== undefined));
  });
  const end = () => {
    over = true;
  };
  answer.on('close', end).on('error', end);
  asked.on('error', end);
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    events,
    text: () => whole,
    isOver: () => over,
    next: (name) =>
      eventually(`an event ${name ?? ''} comes`, async () => {
        const index = events.findIndex((event, at) => at >= seen && (name === undefined || event.name === name));
        if (index < 0) return false;
        seen = index + 1;
        return events[index];
      }),
    pause: () => answer.pause(),
    resume: () => answer.resume(),
    [Symbol.dispose]: () => asked.destroy(),
  };
}

/** Undefined for comments alone. */
function parseEvent(block: string): ServerEvent | undefined {
  const lines = block.split('\n');
  const read = (field: string) =>
    lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
  const [name] = read('event');
  return name === undefined ? undefined : { name, data: read('data').join('\n') };
}
