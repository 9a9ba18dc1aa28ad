// pure

/** The largest of PostgreSQL's `integer`, which the next version has to fit in as well. */
const MAX_VERSION = 2_147_483_647;

/** An id from an address or a form; undefined for what is none. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,15}$/.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** The version that a form was opened with; 0, which nothing ever has, for what is none. */
export function parseVersion(text: string | undefined): number {
  const version = parseId(text) ?? 0;
  return version < MAX_VERSION ? version : 0;
}

export function parseIds(texts: string[]): number[] {
  return texts.map(parseId).filter((id) => id !== undefined);
}
