import { Context, LiquidError, TokenKind, Tokenizer, toValue, toValueSync, type Template } from 'liquidjs';

import type { Attributes } from '../lib/schema-delivery.js';
import { textToHtml } from './letter-html.js';
import { openEngine } from './liquid-engine.js';
import { toPlainPattern, type PlainPattern } from './plain-pattern.js';

/**
 * Personalisation: a message is compiled once and rendered for every letter. All limits count steps and characters, never time, so
 * that a slow machine gives the same letters as a quick one.
 */

export interface CompiledMessage {
  subject: CompiledText;
  body: CompiledText;
}

/** A text with nothing but plain variables is filled in without Liquid, which takes a tenth of the time. */
type CompiledText =
  | { kind: 'plain'; pattern: PlainPattern }
  /** `longest`: how many characters its longest expression or tag has. */
  | { kind: 'liquid'; templates: Template[]; longest: number };

export interface Addressee {
  email: string;
  name: string;
  attributes: Attributes;
}

export interface RenderedMessage {
  subject: string;
  text: string;
  html: string;
}

export interface TemplateFault {
  reason: 'unknownFilter' | 'unknownTag' | 'notClosed' | 'tooMuch' | 'syntax';
  /** From 1. */
  line: number;
  /** The name or the text it is about, shortened. */
  what: string;
}

export type CompileResult =
  | { ok: true; message: CompiledMessage }
  | { ok: false; faults: { subject?: TemplateFault; body?: TemplateFault } };

/** This recipient's letter cannot be made; the others' may. */
export class RenderError extends Error {
  readonly code: 'limit' | 'failed';

  constructor(code: RenderError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RenderError';
    this.code = code;
  }
}

const MAX_STEPS = 50_000;
/**
 * One step can compare the longest value as often as its expression names it: this much of the one times the other costs
 * as much as a step. Counted as one step each, 20,000 comparisons of a long text took minutes.
 */
const WORK_OF_A_STEP = 20_000;
const MAX_EXPRESSION_CHARACTERS = 10_000;
/** Reading takes Liquid a time that grows with the square of their number: 2,000 take 4 ms, 200,000 half a minute. */
const MAX_EXPRESSIONS = 2000;
const MAX_SUBJECT_CHARACTERS = 10_000;
export const MAX_TEXT_CHARACTERS = 2_000_000;
const SAMPLE: Addressee = { email: 'anna@example.com', name: 'Anna', attributes: {} };

const TOO_MUCH: TemplateFault = { reason: 'tooMuch', line: 1, what: '' };

const engine = openEngine();

/** Never throws; a trial letter finds what would fail for everybody. */
export function compileMessage({ subject, body }: { subject: string; body: string }): CompileResult {
  const compiledSubject = compileText(subject, MAX_SUBJECT_CHARACTERS);
  const compiledBody = compileText(body, MAX_TEXT_CHARACTERS);
  if (compiledSubject.ok && compiledBody.ok)
    return { ok: true, message: { subject: compiledSubject.text, body: compiledBody.text } };
  return {
    ok: false,
    faults: {
      ...(compiledSubject.ok ? {} : { subject: compiledSubject.fault }),
      ...(compiledBody.ok ? {} : { body: compiledBody.fault }),
    },
  };
}

/** Throws RenderError, and nothing else. The subject is one line, the text has no control characters but line ends and tabs. */
export function renderMessage(message: CompiledMessage, addressee: Addressee): RenderedMessage {
  const subject = renderSubject(message, addressee);
  const text = toCleanLines(renderText(message.body, addressee, MAX_TEXT_CHARACTERS));
  return { subject, text, html: textToHtml(text) };
}

/** Throws RenderError, and nothing else. */
export function renderSubject({ subject }: CompiledMessage, addressee: Addressee): string {
  return toOneLine(renderText(subject, addressee, MAX_SUBJECT_CHARACTERS));
}

function compileText(
  source: string,
  maxCharacters: number,
): { ok: true; text: CompiledText } | { ok: false; fault: TemplateFault } {
  if (countExpressions(source) > MAX_EXPRESSIONS) return { ok: false, fault: TOO_MUCH };
  try {
    const longest = measureLongest(source);
    if (longest > MAX_EXPRESSION_CHARACTERS) return { ok: false, fault: TOO_MUCH };
    const templates = engine.parse(source);
    const pattern = toPlainPattern(templates);
    const text: CompiledText = pattern ? { kind: 'plain', pattern } : { kind: 'liquid', templates, longest };
    return failsByLimit(text, maxCharacters) ? { ok: false, fault: TOO_MUCH } : { ok: true, text };
  } catch (error) {
    return { ok: false, fault: toFault(error) };
  }
}

function countExpressions(source: string): number {
  return source.split(/\{[{%]/).length - 1;
}

/** Throws as parsing does. */
function measureLongest(source: string): number {
  const tokens = new Tokenizer(source, engine.options.operators).readTopLevelTokens(engine.options);
  let longest = 0;
  for (const { kind, begin, end } of tokens) if (kind !== TokenKind.HTML) longest = Math.max(longest, end - begin);
  return longest;
}

/** Of a trial only the limits count: what else goes wrong may be the made-up recipient's fault. */
function failsByLimit(text: CompiledText, maxCharacters: number): boolean {
  try {
    renderText(text, SAMPLE, maxCharacters);
    return false;
  } catch (error) {
    return error instanceof RenderError && error.code === 'limit';
  }
}

function renderText(text: CompiledText, addressee: Addressee, maxCharacters: number): string {
  const rendered = text.kind === 'plain' ? text.pattern(addressee) : renderLiquid(text, addressee, maxCharacters);
  if (rendered.length > maxCharacters)
    throw new RenderError('limit', `The text became longer than ${maxCharacters} characters.`);
  return rendered;
}

function renderLiquid(
  { templates, longest }: CompiledText & { kind: 'liquid' },
  { email, name, attributes }: Addressee,
  maxCharacters: number,
): string {
  const context = new Context({ email, name, attributes }, engine.options, { sync: true }, { liquid: engine });
  let steps = 0;
  let largest = longest;
  const { memoryLimit } = context;
  const countMemory = memoryLimit.use.bind(memoryLimit);
  memoryLimit.use = (size) => {
    if (size > largest) largest = size;
    countMemory(size);
  };
  // Liquid compares the clock at every step here; counting gives every machine the same letters.
  context.renderLimit.check = () => {
    steps += 1 + Math.floor((largest * longest) / WORK_OF_A_STEP);
    if (steps > MAX_STEPS) throw new RenderError('limit', `The text takes more than ${MAX_STEPS} steps.`);
  };
  const output = openOutput(maxCharacters);
  try {
    toValueSync(engine.renderer.renderTemplates(templates, context, output));
    return output.buffer;
  } catch (error) {
    throw toRenderError(error);
  }
}

/** Stops at the limit, not when memory is full. */
function openOutput(maxCharacters: number) {
  const output = {
    buffer: '',
    write: (value: unknown) => {
      output.buffer += print(value);
      if (output.buffer.length > maxCharacters)
        throw new RenderError('limit', `The text became longer than ${maxCharacters} characters.`);
    },
  };
  return output;
}

/** As Liquid prints a value. */
function print(value: unknown): string {
  const plain: unknown = toValueSync(toValue(value));
  if (Array.isArray(plain)) return plain.map(print).join('');
  if (typeof plain === 'string') return plain;
  if (typeof plain === 'number' || typeof plain === 'boolean') return String(plain);
  return plain === undefined || plain === null ? '' : Object.prototype.toString.call(plain);
}

function toRenderError(error: unknown): RenderError {
  const cause = error instanceof LiquidError && error.originalError ? error.originalError : error;
  if (cause instanceof RenderError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  // V8's own words for a text that outgrew it and for a stack that is full.
  const isLimit = /limit exceeded|Invalid string length|Maximum call stack/.test(message);
  return new RenderError(isLimit ? 'limit' : 'failed', message, { cause: error });
}

function toFault(error: unknown): TemplateFault {
  const message = error instanceof Error ? error.message : String(error);
  const line = Number(/line:(\d+)/.exec(message)?.[1] ?? 1);
  const described = message.replace(/, (?:file:.*?, )?line:\d+, col:\d+$/, '');
  const filter = /undefined filter: (.+)/.exec(described)?.[1];
  if (filter !== undefined) return { reason: 'unknownFilter', line, what: shorten(filter) };
  const tag = /tag "(.+?)" not found/.exec(described)?.[1];
  if (tag !== undefined) return { reason: 'unknownTag', line, what: shorten(tag) };
  const open = /^(?:tag|output|raw) ?"?(.*?)"? not closed/s.exec(described)?.[1];
  if (open !== undefined) return { reason: 'notClosed', line, what: shorten(open) };
  if (/limit exceeded|Maximum call stack/.test(described)) return { reason: 'tooMuch', line, what: '' };
  return { reason: 'syntax', line, what: shorten(described) };
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
const CONTROL_BUT_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const CONTROLS_BUT_LINES = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g;

/** RFC 5322, section 2.2: a line break in a value would begin another header. */
function toOneLine(text: string): string {
  const line = CONTROL.test(text) ? text.replaceAll(CONTROLS, ' ') : text;
  return line.trim().toWellFormed();
}

export function toCleanLines(text: string): string {
  if (!CONTROL_BUT_LINES.test(text)) return text.toWellFormed();
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(CONTROLS_BUT_LINES, ' ').toWellFormed();
}
