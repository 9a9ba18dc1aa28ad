// pure

/** An id from an address or a form; undefined for what is none. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,15}$/.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

export function parseIds(texts: string[]): number[] {
  return texts.map(parseId).filter((id) => id !== undefined);
}
