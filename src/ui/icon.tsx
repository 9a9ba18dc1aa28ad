import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { raw } from 'hono/html';

const require = createRequire(import.meta.url);
const drawings = new Map<string, string>();

/** A drawing of bootstrap-icons, inline, so that it takes the colour of the text. Decoration: a label stands beside it or on the button. */
export function Icon({ name }: { name: string }) {
  return <span class="icon">{raw(readDrawing(name))}</span>;
}

function readDrawing(name: string): string {
  const known = drawings.get(name);
  if (known !== undefined) return known;
  const file = readFileSync(require.resolve(`bootstrap-icons/icons/${name}.svg`), 'utf8');
  const drawing = file.replace('<svg ', '<svg aria-hidden="true" focusable="false" ').replaceAll('\n', '');
  drawings.set(name, drawing);
  return drawing;
}
