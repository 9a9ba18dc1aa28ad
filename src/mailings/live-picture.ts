import { encodeEvent, type LiveStream } from './live-stream.js';
import type { PartTexts } from './mailing-progress.js';

type PartName = keyof PartTexts;

/** What the pages of one mailing show that are seen alike: rendered once, however many there are. */
export class Picture {
  /** Of each page, the version that it shows; 0 for the one it was opened with. */
  readonly #pages = new Map<LiveStream, number>();
  readonly #parts = new Map<PartName, { text: string; changedIn: number }>();
  #version = 0;
  /** By the version that the page shows: most of them have the one before. */
  #messages = new Map<number, Uint8Array>();

  get size(): number {
    return this.#pages.size;
  }

  add(page: LiveStream): void {
    this.#pages.set(page, 0);
  }

  remove(page: LiveStream): void {
    this.#pages.delete(page);
  }

  draw(texts: PartTexts): void {
    const changed = Object.entries(texts).filter(([name, text]) => this.#parts.get(name as PartName)?.text !== text);
    if (changed.length === 0) return;
    this.#version += 1;
    this.#messages = new Map();
    for (const [name, text] of changed) this.#parts.set(name as PartName, { text, changedIn: this.#version });
    for (const page of this.#pages.keys()) this.bring(page);
  }

  /** Sends the page what it lacks, if it takes a message now. */
  bring(page: LiveStream): void {
    const shown = this.#pages.get(page);
    if (shown === undefined || shown === this.#version || !page.isReady) return;
    page.send(this.#tell(shown));
    this.#pages.set(page, this.#version);
  }

  #tell(shown: number): Uint8Array {
    const known = this.#messages.get(shown);
    if (known) return known;
    const lacking = [...this.#parts].filter(([, { changedIn }]) => changedIn > shown);
    const message = encodeEvent(
      'parts',
      JSON.stringify(Object.fromEntries(lacking.map(([name, { text }]) => [name, text]))),
    );
    this.#messages.set(shown, message);
    return message;
  }
}
