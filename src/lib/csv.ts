// pure

/**
 * A line of a CSV file (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe before it: what others have
 * typed must not run on the reader's machine (OWASP, «CSV injection»). Where numbers have a decimal comma, spreadsheets take semicolons for the
 * ends of cells, and then line breaks in a quoted cell for ends of lines.
 */
export function toCsvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map((cell) => toCell(cell ?? '')).join(',')}\r\n`;
}

/** Tells spreadsheets that what follows is UTF-8. */
export const CSV_BOM = '\uFEFF';

function toCell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const begun = /^[\s]*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  const text = begun.replaceAll(/(?<=[;\r\n]\s*)[=+\-@]/g, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
