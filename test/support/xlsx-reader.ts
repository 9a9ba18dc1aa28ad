/* Reads a workbook by other means than it was written: ZIP by its directory (APPNOTE 4.3), sheets as the XML that they are. */
import { crc32, inflateRawSync } from 'node:zlib';

const END = 0x06_05_4b_50;
const ENTRY = 0x02_01_4b_50;
const LOCAL = 0x04_03_4b_50;

/** The files of a ZIP archive; throws where anything of it is not as its directory says. */
function unzip(archive: Buffer): Map<string, string> {
  const end = archive.length - 22;
  expectSign(archive, end, END);
  let at = archive.readUInt32LE(end + 16);
  const files = new Map<string, string>();
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    expectSign(archive, at, ENTRY);
    const [sum, packed, size] = [16, 20, 24].map((offset) => archive.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const [name, extra, comment] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const local = archive.readUInt32LE(at + 42);
    expectSign(archive, local, LOCAL);
    const begins = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const content = inflateRawSync(archive.subarray(begins, begins + packed));
    if (content.length !== size || crc32(content) !== sum) throw new Error('a file of the archive is damaged');
    files.set(archive.toString('utf8', at + 46, at + 46 + name), content.toString());
    at += 46 + name + extra + comment;
  }
  return files;
}

function expectSign(archive: Buffer, at: number, sign: number): void {
  if (archive.readUInt32LE(at) !== sign) throw new Error(`no record of the archive at ${at}`);
}

type Cell = string | number | null;

export function openXlsx(archive: Buffer): { names: string[]; sheetName: string; cells: Cell[][] } {
  const files = unzip(archive);
  const sheet = files.get('xl/worksheets/sheet1.xml') ?? '';
  if (!/^<\?xml .*<\/sheetData><\/worksheet>$/s.test(sheet)) throw new Error('the sheet has no end');
  const rows = sheet.match(/<row>.*?<\/row>/gs) ?? [];
  return {
    names: [...files.keys()],
    sheetName: decode(/<sheet name="([^"]*)"/.exec(files.get('xl/workbook.xml') ?? '')?.[1] ?? ''),
    cells: rows.map((row) => (row.match(/<c\b(?:[^>]*\/>|.*?<\/c>)/gs) ?? []).map(readCell)),
  };
}

function readCell(cell: string): Cell {
  const text = /<t xml:space="preserve">(.*)<\/t>/s.exec(cell)?.[1];
  if (text !== undefined) {
    if (!cell.startsWith('<c t="inlineStr"')) throw new Error('a text is no inline string');
    return decode(text).replaceAll(/_x([\da-f]{4})_/gi, (_, code: string) =>
      String.fromCodePoint(Number.parseInt(code, 16)),
    );
  }
  const number = /<v>(.*)<\/v>/.exec(cell)?.[1];
  if (number === undefined) return null;
  return cell.includes(' s="2"') ? toDate(Number(number)) : Number(number);
}

function toDate(serial: number): string {
  const date = new Date(Date.UTC(1899, 11, 30) + Math.round(serial * 86_400) * 1000);
  return date.toISOString().slice(0, 19).replace('T', ' ');
}

function decode(xml: string): string {
  return xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}
