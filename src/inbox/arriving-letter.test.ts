import { describe, expect, it } from 'vitest';

import { readArrivingLetter } from './arriving-letter.js';

const envelope = { sender: 'shop@example.com', recipients: ['anna@example.com'] };

function read(source: string | Buffer) {
  return readArrivingLetter(envelope, Buffer.from(source));
}

describe('an arriving letter', () => {
  it('has its subject decoded, over several lines too', () => {
    const subject = 'Subject: =?UTF-8?B?0J/RgNC40LLQtdGC?=\r\n =?UTF-8?Q?_=D0=90=D0=BD=D0=BD=D0=B0?=\r\n';
    expect(read(`${subject}\r\nbody`).subject).toBe('Привет Анна');
    expect(read('Subject: =?koi8-r?B?8NLJ18XU?=\r\n\r\n').subject).toBe('Привет');
    expect(read('To: x\r\nsubject:  Привет сырой\r\n\r\n').subject).toBe('Привет сырой');
  });

  it('is found by recipient, subject and sender in small letters', () => {
    const { searchText } = read('From: Лавка <lavka@example.com>\r\nSubject: СКИДКИ\r\n\r\n');
    expect(searchText).toBe(' anna@example.com скидки лавка <lavka@example.com> shop@example.com');
  });

  it('takes the purpose from the headers alone', () => {
    expect(read('X-Vestnik-Purpose: confirmation\r\nSubject: a\r\n\r\n').purpose).toBe('confirmation');
    expect(read('Subject: a\r\nx-vestnik-purpose: Recovery\r\n\r\n').purpose).toBe('recovery');
    expect(read('Subject: a\r\n\r\nX-Vestnik-Purpose: confirmation\r\n').purpose).toBeNull();
    expect(read('Subject: a\n\nX-Vestnik-Purpose: confirmation\r\n\r\n').purpose).toBeNull();
    expect(read('\r\nX-Vestnik-Purpose: confirmation\r\n\r\n').purpose).toBeNull();
    expect(read('Subject: a\u2028X-Vestnik-Purpose: confirmation\r\n\r\n').purpose).toBeNull();
    expect(read('Subject: a\rX-Vestnik-Purpose: confirmation\r\n\r\n').purpose).toBeNull();
    expect(read('Subject: a\r\n X-Vestnik-Purpose: confirmation\r\n\r\n').purpose).toBeNull();
    expect(read('X-Vestnik-Purpose: <script>\r\n\r\n').purpose).toBeNull();
  });

  it('survives what is no letter at all', () => {
    expect(read('')).toMatchObject({ subject: '', purpose: null });
    expect(read('no headers, no end')).toMatchObject({ subject: '' });
    expect(read('Subject: a\0b\u0007c\r\n\r\n').subject).toBe('a b c');
    expect(read(`Subject: ${'я'.repeat(5000)}\r\n\r\n`).subject).toHaveLength(1000);
    expect(read('Subject: =?utf-8?B?AA==?= =?bogus?X?zzz?= =?no-such-charset?Q?=ff?=\r\n\r\n').subject).not.toContain(
      '\0',
    );
    expect(read(Buffer.from([0x53, 0x75, 0x62, 0x6a, 0x65, 0x63, 0x74, 0x3a, 0xff, 0xfe, 0x0d, 0x0a])).subject).toBe(
      '\ufffd\ufffd',
    );
    expect(read(`${'X: y\r\n'.repeat(200_000)}Subject: late\r\n\r\n`).subject).toBe('');
  });

  it('does not take long over malicious headers', () => {
    const begun = performance.now();
    read(`Subject: ${'=?utf-8?Q?'.repeat(5000)}\r\n\r\n`);
    read(`Subject:${'\r\n '.repeat(20_000)}\r\n\r\n`);
    read('\nfrom:'.repeat(10_000));
    expect(performance.now() - begun).toBeLessThan(500);
  });
});
