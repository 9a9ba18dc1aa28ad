import fc from 'fast-check';
import { Liquid } from 'liquidjs';
import { expect, test } from 'vitest';

import { compileMessage, RenderError, renderMessage, type Addressee, type CompiledMessage } from './render-message.js';

const ANNA: Addressee = { email: 'anna@example.com', name: 'Анна', attributes: { city: 'Казань' } };

function compile(body: string, subject = 'Subject'): CompiledMessage {
  const compiled = compileMessage({ subject, body });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.message;
}

function renderBody(body: string, addressee: Addressee = ANNA): string {
  return renderMessage(compile(body), addressee).text;
}

function findFault(body: string) {
  const compiled = compileMessage({ subject: 'Subject', body });
  return compiled.ok ? undefined : compiled.faults.body;
}

test('greets by name, and fills in the address and attributes', () => {
  const message = compile('Здравствуйте, {{ name }}!\n{{ email }}, {{ attributes.city }}', '{{ name }}, новости');
  expect(renderMessage(message, ANNA)).toMatchObject({
    subject: 'Анна, новости',
    text: 'Здравствуйте, Анна!\nanna@example.com, Казань',
  });
});

test.each<[string, string, string]>([
  ['a missing attribute', '[{{ attributes.street }}]', '[]'],
  ['an unknown variable', '[{{ phone.home }}]', '[]'],
  ['a default for a missing attribute', '{{ attributes.street | default: "улица" }}', 'улица'],
  ['a default that is not needed', '{{ name | default: "друг" }}', 'Анна'],
  ['an attribute with a name in Russian', '[{{ attributes.город }}]', '[]'],
  ['a condition', '{% if attributes.city == "Казань" %}рядом{% else %}далеко{% endif %}', 'рядом'],
  ['a filter', '{{ name | upcase }}', 'АННА'],
  ['trimming', 'a {{- name -}} b', 'aАннаb'],
  ['a loop', '{% for i in (1..3) %}{{ i }}{% endfor %}', '123'],
  ['what only looks like an expression', '{ name } } }}', '{ name } } }}'],
])('fills in %s', (_title, body, text) => {
  expect(renderBody(body)).toBe(text);
});

test('uses the default for a recipient without a name', () => {
  expect(renderBody('{{ name | default: "друг" }}', { ...ANNA, name: '' })).toBe('друг');
});

test.each([
  '{{ name.constructor }}',
  '{{ name.constructor.constructor }}',
  '{{ attributes.__proto__ }}',
  '{{ attributes.constructor.name }}',
  '{{ attributes["constructor"]["prototype"] }}',
  '{{ attributes.toString }}',
  '{{ constructor }}{{ __proto__ }}{{ process }}{{ globalThis }}{{ this }}',
])('shows nothing of the program by %s', (body) => {
  expect(renderBody(body).replaceAll(/\{\}/g, '')).toBe('');
});

const LONG = `{% assign x = "${'a'.repeat(1000)}" %}${'{% assign x = x | append: x %}'.repeat(6)}`;
const MANY_TIMES = '{% for i in (1..20000) %}';

test.each<[string, string, { reason: string; line?: number; what?: string }]>([
  ['a filter that does not exist', 'Hello\n{{ name | shout }}', { reason: 'unknownFilter', line: 2, what: 'shout' }],
  ['a tag that does not exist', '{% send %}', { reason: 'unknownTag', line: 1, what: 'send' }],
  ['braces that stay open', 'Hello\n\n{{ name', { reason: 'notClosed', line: 3, what: '{{ name' }],
  ['a condition that stays open', '{% if name %}Hello', { reason: 'notClosed', line: 1, what: '{% if name %}' }],
  ['an empty condition', '{% if %}{% endif %}', { reason: 'syntax', line: 1 }],
  ['reading a file by include', '{% include "/etc/passwd" %}', { reason: 'unknownTag', what: 'include' }],
  ['reading a file by render', '{% render "/etc/passwd" %}', { reason: 'unknownTag', what: 'render' }],
  ['a layout', '{% layout "/etc/passwd" %}', { reason: 'unknownTag', what: 'layout' }],
  ['a huge range', '{% for i in (1..100000000) %}{% endfor %}', { reason: 'tooMuch' }],
  ['nested loops', '{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}', { reason: 'tooMuch' }],
  ['a text that grows too long', `{% for i in (1..40000) %}${'y'.repeat(900_000)}{% endfor %}`, { reason: 'tooMuch' }],
  ['doubling', `{% assign x = "aaaa" %}${'{% assign x = x | append: x %}'.repeat(60)}{{ x }}`, { reason: 'tooMuch' }],
  ['padding', '{{ "now" | date: "%999999999Y" }}', { reason: 'tooMuch' }],
  ['very many expressions', '{{a}}'.repeat(200_000), { reason: 'tooMuch' }],
  ['very deep nesting', '{% if a %}'.repeat(90_000), { reason: 'tooMuch' }],
  ['a long expression', `{{ "${'a'.repeat(20_000)}" }}`, { reason: 'tooMuch' }],
  ['a long list of tags in one', `{% liquid\n${'echo name\n'.repeat(90_000)}%}`, { reason: 'tooMuch' }],
  [
    'searching a long text again and again',
    `${LONG}${MANY_TIMES}{% if x contains "b" %}{% endif %}{% endfor %}`,
    { reason: 'tooMuch' },
  ],
  [
    'comparing long lists',
    `${LONG}{% assign y = x | split: "" %}${MANY_TIMES}{% case y %}{% when y %}{% endcase %}{% endfor %}`,
    { reason: 'tooMuch' },
  ],
  ['printing a long text again and again', `${LONG}${MANY_TIMES}{{ x }}{% endfor %}`, { reason: 'tooMuch' }],
  [
    'joining long texts',
    `${LONG}{% assign y = x | split: "," | concat: y %}${'{% assign y = y | concat: y %}'.repeat(10)}{{ y | join }}`,
    { reason: 'tooMuch' },
  ],
  [
    'a list that holds itself again and again',
    `{% assign x = "a" | split: "," %}${'{% assign x = x | push: x %}'.repeat(60)}{{ x }}`,
    { reason: 'tooMuch' },
  ],
])('refuses %s when it is saved', (_title, body, fault) => {
  expect(findFault(body)).toMatchObject(fault);
});

test('tells the faults of subject and body apart', () => {
  expect(compileMessage({ subject: '{{ name', body: 'Hello' })).toMatchObject({
    ok: false,
    faults: { subject: { reason: 'notClosed' } },
  });
});

test('takes a long letter with thousands of expressions', () => {
  const part =
    'Hello {{ name | upcase | default: "you" }}, {% if attributes.city == "Казань" %}near{% else %}far{% endif %}! ';
  expect(renderBody(part.repeat(480)) === 'Hello АННА, near! '.repeat(480)).toBe(true);
});

test('prints lists and values as Liquid itself does', () => {
  const body =
    '{{ attributes }}{{ (1..3) }}{{ nil }}{{ true }}{{ 1.50 }}{{ "a,b" | split: "," }}' +
    '{% for a in attributes %}{{ a }}{{ forloop.index }}{{ forloop | json }}{% endfor %}';
  const liquid = new Liquid({ ownPropertyOnly: true });
  expect(renderBody(body)).toBe(String(liquid.parseAndRenderSync(body, ANNA)));
});

test('refuses one recipient whose attributes make too much work, and not the others', () => {
  const message = compile('{% assign n = attributes.times | plus: 0 %}{% for i in (1..n) %}x{% endfor %}');
  expect(renderMessage(message, { ...ANNA, attributes: { times: '3' } }).text).toBe('xxx');
  const hostile = { ...ANNA, attributes: { times: '90000000' } };
  expect(() => renderMessage(message, hostile)).toThrow(RenderError);
  expect(() => renderMessage(message, hostile)).toThrow(/memory alloc limit exceeded/);
});

test('keeps the subject on one line, whatever a value holds', () => {
  const message = compile('Text', 'News for {{ attributes.city }}');
  const attributes = { city: 'Kazan\r\nBcc: everybody@example.com\u0000\u2028end' };
  expect(renderMessage(message, { ...ANNA, attributes }).subject).toBe('News for Kazan Bcc: everybody@example.com end');
});

test('makes links, paragraphs and line breaks of the text, and escapes the rest', () => {
  const { html } = renderMessage(
    compile(
      'Dear {{ name }} & co,\nsee https://example.com/a?b=1&c="2" (or http://example.org/x_(y)).\n\n\nBye <b>now</b>',
    ),
    { ...ANNA, name: '<script>alert(1)</script>' },
  );
  const body = html.slice(html.indexOf('<p'));
  expect(body).toContain('Dear &lt;script&gt;alert(1)&lt;/script&gt; &amp; co,<br>\n');
  expect(body).toContain(
    '<a href="https://example.com/a?b=1&amp;c=">https://example.com/a?b=1&amp;c=</a>&quot;2&quot;',
  );
  expect(body).toContain('(or <a href="http://example.org/x_(y)">http://example.org/x_(y)</a>).');
  expect(body).toContain('</p>\n<p dir="auto" style="margin:0 0 16px">Bye &lt;b&gt;now&lt;/b&gt;</p>');
  expect(html).toContain('<meta name="color-scheme" content="light dark">');
});

test.each(['javascript://example.com/%0aalert(1)', 'data://x', 'http://', 'https://.', 'xhttp:/x'])(
  'makes no link of %s',
  (text) => {
    expect(renderMessage(compile(text), ANNA).html).not.toContain('<a ');
  },
);

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('\r\nBcc: x@y.z', '\0', '{{ name }}', '"><script>', '\ud800'),
);
const anyAddressee = fc.record({ email: anyText, name: anyText, attributes: fc.dictionary(anyText, anyText) });

test('never breaks a header nor the HTML, whatever the recipient is', () => {
  const message = compile(
    '{{ name }} {{ email | upcase }}\n{{ attributes.a }}',
    '{{ name }}{{ attributes.a }}{{ email }}',
  );
  fc.assert(
    fc.property(anyAddressee, (addressee) => {
      const { subject, text, html } = renderMessage(message, {
        ...addressee,
        attributes: { ...addressee.attributes, a: addressee.name },
      });
      expect(subject).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/);
      expect(subject.isWellFormed() && text.isWellFormed()).toBe(true);
      expect(html).not.toMatch(/<(?!\/?(?:!doctype|html|head|meta|title|body|div|p|a|br)\b)/);
    }),
  );
});

const anyPart = fc.oneof(
  anyText,
  fc.constantFrom(
    '{{',
    '}}',
    '{%',
    '%}',
    '{{ name }}',
    '{{ name | upcase }}',
    '{{ attributes',
    '.a',
    '[0]',
    '| default: ',
    '"x"',
    '{% if name %}',
    '{% else %}',
    '{% endif %}',
    '{% for i in (1..9) %}',
    '{% endfor %}',
    '{% raw %}',
    '{% assign a = name %}',
    '| split: ""',
    '| join',
    '| date: "%Y"',
    '| divided_by: 0',
    '{% liquid echo name %}',
    '{% cycle 1, 2 %}',
  ),
);

test('throws nothing but RenderError, whatever was written', () => {
  fc.assert(
    fc.property(
      fc.array(anyPart).map((parts) => parts.join(' ')),
      anyAddressee,
      (body, addressee) => {
        const compiled = compileMessage({ subject: body, body });
        if (!compiled.ok) return;
        expect(describeRendering(compiled.message, addressee)).toBe('as expected');
      },
    ),
  );
});

function describeRendering(message: CompiledMessage, addressee: Addressee): unknown {
  try {
    renderMessage(message, addressee);
    return 'as expected';
  } catch (error) {
    return error instanceof RenderError ? 'as expected' : error;
  }
}

const plainPart = fc.oneof(
  fc.constantFrom(
    '{{ name }}',
    '{{name}}',
    '{{- email -}}',
    '{{ attributes.city }}',
    '{{ attributes.toString }}',
    '{{ attributes.size }}',
    '{{ attributes["city"] }}',
    '{{ name.size }}',
    '{{ name | default: "a" }}',
    "{{ attributes.город | default: 'b' }}",
    '{{ email | default: name }}',
    '{{ name | default: "\\n" }}',
    '{{ name | default: "a", allow_false: true }}',
    '{{ "name" }}',
    '{{ 1 }}',
    '{{ blank }}',
    '{{ name | }}',
    '{{ name name }}',
    '{{ attributes }}',
    '{{ name[0] }}',
    '{{ other }}',
    '{% raw %}{{ name }}{% endraw %}',
    '{{ }}',
    ' ',
    '\n',
  ),
  fc.string(),
);

test('fills in plain variables as Liquid itself does', () => {
  const liquid = new Liquid({ ownPropertyOnly: true, strictFilters: true });
  fc.assert(
    fc.property(
      fc.array(plainPart),
      fc.constantFrom('', 'Анна'),
      fc.constantFrom({}, { city: 'Казань', город: '' }),
      (parts, name, attributes) => {
        const body = parts.join('');
        const compiled = compileMessage({ subject: 'Subject', body });
        if (!compiled.ok) return;
        const addressee: Addressee = { email: 'anna@example.com', name, attributes };
        expect(renderMessage(compiled.message, addressee).text).toBe(
          String(liquid.parseAndRenderSync(body, addressee)),
        );
      },
    ),
    { numRuns: 500 },
  );
});
