/**
 * A workbook of one sheet (ECMA-376), written as it goes: whatever its length, no more than a batch of rows is in memory. Texts are inline
 * strings, which no spreadsheet takes for a formula.
 */
import { Zip, ZipDeflate } from 'fflate';

export type XlsxCell = string | number | Date | null;

interface Sheet {
  name: string;
  headings: string[];
  /** In which a Date is shown: a workbook knows no time zones. */
  timeZone: string;
  /** The last row, where there are more than a sheet can hold. */
  tooMany: string;
}

/** The most that a sheet can hold, the headings included. */
export const XLSX_ROWS = 1_048_576;
/** Of a cell. */
const MAX_TEXT = 32_767;
/** Of the sheet before it is compressed; past 4 GB a ZIP file needs an extension that not everything reads. */
const MAX_BYTES = 3_500_000_000;

export async function* writeXlsx(
  sheet: Sheet,
  batches: AsyncIterable<XlsxCell[][]>,
  maxRows = XLSX_ROWS,
): AsyncGenerator<Uint8Array, void> {
  const archive = new Archive();
  const offsetAt = followOffset(sheet.timeZone);
  for (const [name, text] of Object.entries(PARTS)) archive.addFile(name, text);
  archive.addFile('xl/workbook.xml', workbook(sheet.name));
  archive.begin('xl/worksheets/sheet1.xml');
  archive.write(SHEET_HEAD);
  archive.write(toRow(sheet.headings, offsetAt, HEADING));
  yield* archive.take();
  let rows = 1;
  for await (const batch of batches) {
    // One row is kept for the word that there are more.
    const fitting = archive.bytes < MAX_BYTES ? batch.slice(0, maxRows - 1 - rows) : [];
    archive.write(fitting.map((cells) => toRow(cells, offsetAt)).join(''));
    rows += fitting.length;
    yield* archive.take();
    if (fitting.length < batch.length) {
      archive.write(toRow([sheet.tooMany], offsetAt, HEADING));
      break;
    }
  }
  archive.write('</sheetData></worksheet>');
  archive.end();
  yield* archive.take();
}

/** What is compressed is taken as soon as it is there. */
class Archive {
  /** Of the file that is being written, before it is compressed. */
  bytes = 0;
  #ready: Uint8Array[] = [];
  readonly #zip = new Zip((error, chunk) => {
    if (error) throw error;
    this.#ready.push(chunk);
  });
  #file: ZipDeflate | undefined;

  addFile(name: string, text: string): void {
    const file = new ZipDeflate(name);
    this.#zip.add(file);
    file.push(Buffer.from(text), true);
  }

  begin(name: string): void {
    // The quickest: a batch of 2,000 rows keeps the process busy for 10 ms.
    this.#file = new ZipDeflate(name, { level: 1 });
    this.#zip.add(this.#file);
  }

  write(text: string): void {
    const chunk = Buffer.from(text);
    this.bytes += chunk.length;
    this.#file?.push(chunk);
  }

  end(): void {
    this.#file?.push(new Uint8Array(), true);
    this.#zip.end();
  }

  take(): Uint8Array[] {
    return this.#ready.splice(0);
  }
}

const HEADING = 1;
const INSTANT = 2;

function toRow(cells: readonly XlsxCell[], offsetAt: OffsetAt, style = 0): string {
  return `<row>${cells.map((cell) => toCell(cell, offsetAt, style)).join('')}</row>`;
}

function toCell(cell: XlsxCell, offsetAt: OffsetAt, style: number): string {
  if (cell === null || cell === '') return '<c/>';
  if (typeof cell === 'number') return `<c><v>${cell}</v></c>`;
  if (cell instanceof Date) return `<c s="${INSTANT}"><v>${toSerial(cell, offsetAt)}</v></c>`;
  return `<c t="inlineStr" s="${style}"><is><t xml:space="preserve">${escapeText(cell)}</t></is></c>`;
}

const DAY_MS = 86_400_000;
/** Day 0 of a workbook, 30 December 1899, in days from 1970. */
const EPOCH_DAYS = 25_569;

/** Days of the wall clock since then. */
function toSerial(instant: Date, offsetAt: OffsetAt): string {
  return ((instant.getTime() + offsetAt(instant)) / DAY_MS + EPOCH_DAYS).toFixed(8);
}

type OffsetAt = (instant: Date) => number;

/** Clocks are changed at a quarter of an hour, and rows come by time: one look-up serves many, each of which takes 10 µs. */
function followOffset(timeZone: string): OffsetAt {
  let [quarter, offset] = [Number.NaN, 0];
  return (instant) => {
    const current = Math.floor(instant.getTime() / 900_000);
    if (current !== quarter) offset = instant.toTemporalInstant().toZonedDateTimeISO(timeZone).offsetNanoseconds / 1e6;
    quarter = current;
    return offset;
  };
}

function escapeText(text: string): string {
  return (
    text
      .slice(0, MAX_TEXT)
      .toWellFormed()
      // `_x0041_` in a cell means the letter A (ECMA-376 part 1, 22.9.2.19).
      .replaceAll(/_(?=x[\da-f]{4}_)/gi, '_x005F_')
      // What XML 1.0 cannot hold at all.
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\u{fffd}')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  );
}

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const DOCUMENT = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
/** The headings stay in sight. */
const SHEET_HEAD = `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>`;
const KIND = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

const PARTS = {
  '[Content_Types].xml': `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${KIND}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${KIND}.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="${KIND}.styles+xml"/></Types>`,
  '_rels/.rels': `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/_rels/workbook.xml.rels': `${XML}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${DOCUMENT}/styles" Target="styles.xml"/></Relationships>`,
  // Cell formats 0, HEADING (bold), INSTANT.
  'xl/styles.xml': `${XML}<styleSheet xmlns="${MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/><xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/><xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>`,
};

function workbook(name: string): string {
  const sheet = escapeText(name).replaceAll('"', '&quot;');
  return `${XML}<workbook xmlns="${MAIN}" xmlns:r="${DOCUMENT}"><sheets><sheet name="${sheet}" sheetId="1" r:id="rId1"/></sheets></workbook>`;
}
