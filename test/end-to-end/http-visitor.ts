import type { Locale } from '../../src/lib/i18n.js';
import type { VestnikProcess } from '../support/vestnik-process.js';
import { PASSWORD } from './steps.js';

/* A browser without a screen: what it sends is exactly what a test wants sent. */

export interface Answer {
  status: number;
  location: string;
  html: string;
  headers: Headers;
}

export class HttpVisitor {
  readonly url: string;
  readonly #cookies = new Map<string, string>();
  readonly #language: string;

  constructor({ url }: Pick<VestnikProcess, 'url'>, locale: Locale = 'en') {
    this.url = url;
    this.#language = locale;
  }

  async get(path: string): Promise<Answer> {
    return this.send(path, {});
  }

  /** A list gives a field several values. */
  async post(path: string, fields: Record<string, string | string[]>): Promise<Answer> {
    const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    return this.send(path, { method: 'POST', body: new URLSearchParams(pairs), headers: { origin: this.url } });
  }

  /** Nothing is followed, so that each answer is seen. */
  async send(path: string, init: RequestInit): Promise<Answer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, 'accept-language': this.#language, ...(init.headers as Record<string, string>) };
    const response = await fetch(new URL(path, this.url), { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    const location = response.headers.get('location') ?? '';
    return { status: response.status, location, html: await response.text(), headers: response.headers };
  }

  async signIn(email: string): Promise<Answer> {
    const answer = await this.post('/sign-in', { email, password: PASSWORD });
    if (answer.status !== 303) throw new Error(`${email} could not sign in: ${answer.status} ${answer.html}`);
    return answer;
  }

  /** Makes something by its form, and gives back its number. */
  async create(path: string, fields: Record<string, string>): Promise<number> {
    const answer = await this.post(path, fields);
    const id = /\/(\d+)(?:\/|$)/.exec(answer.location)?.[1];
    if (answer.status !== 303 || id === undefined) throw new Error(`${path}: ${answer.status} ${answer.html}`);
    return Number(id);
  }

  get cookies(): string[] {
    return [...this.#cookies.values()];
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/max-age=0/i.test(line)) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

/** The faults that stand at the fields of a form. */
export function readFaults(html: string): Record<string, string> {
  const found = html.matchAll(/<div class="field-fault" id="fault-([^"]+)">([^<]*)<\/div>/g);
  return Object.fromEntries([...found].map(([, name = '', text = '']) => [name, decode(text)]));
}

/** What stands in a field of the form that came back. */
export function readField(html: string, name: string): string | undefined {
  const area = new RegExp(`<textarea[^>]* name="${name}"[^>]*>\n?([^<]*)</textarea>`).exec(html);
  if (area) return decode(area[1] ?? '');
  const select = new RegExp(`<select[^>]* name="${name}"[^>]*>(.*?)</select>`, 's').exec(html);
  if (select) return decode(/<option value="([^"]*)" selected/.exec(select[1] ?? '')?.[1] ?? '');
  const inputs = [...html.matchAll(/<input [^>]*>/g)].filter(([input]) => input.includes(` name="${name}"`));
  const [input] = inputs.find(([tag]) => tag.includes('checked')) ?? inputs[0] ?? [];
  return input === undefined ? undefined : decode(/ value="([^"]*)"/.exec(input)?.[1] ?? '');
}

/** What a reader sees, with one space for any. */
export function readText(html: string): string {
  return decode(html.replaceAll(/<(script|style|svg)\b.*?<\/\1>/gs, ' ').replaceAll(/<[^>]+>/g, ' ')).replaceAll(
    /\s+/g,
    ' ',
  );
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

function decode(html: string): string {
  return html.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}
