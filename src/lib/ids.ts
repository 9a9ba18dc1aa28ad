// pure

/** The largest of PostgreSQL's `integer`. */
const MAX_INTEGER = 2_147_483_647;

/** An id from an address or a form; undefined for what is none. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,15}$/.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** The same for a table whose ids are of the type `integer`, as those of users and invitations are. */
export function parseIntegerId(text: string | undefined): number | undefined {
  const id = parseId(text);
  return id !== undefined && id <= MAX_INTEGER ? id : undefined;
}

/** The version that a form was opened with; 0, which nothing ever has, for what is none. */
export function parseVersion(text: string | undefined): number {
  const version = parseId(text) ?? 0;
  // The next one has to fit as well.
  return version < MAX_INTEGER ? version : 0;
}

export function parseIds(texts: string[]): number[] {
  return texts.map(parseId).filter((id) => id !== undefined);
}
