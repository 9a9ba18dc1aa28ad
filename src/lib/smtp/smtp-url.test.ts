import { expect, test } from 'vitest';

import { parseSmtpUrl, type SmtpServerAddress } from './smtp-url.js';

const plain: SmtpServerAddress = {
  host: 'mail.example',
  port: 25,
  tls: 'opportunistic',
  verifyCertificate: true,
  credentials: null,
  connections: null,
};
const credentials = { kind: 'password' as const, user: 'shop', password: 'secret' };

test.each<[string, Partial<SmtpServerAddress>]>([
  ['smtp://mail.example', {}],
  ['  smtp://mail.example/ ', {}],
  ['smtp://mail.example:2525', { port: 2525 }],
  ['smtp://shop:secret@mail.example', { port: 587, credentials }],
  ['smtps://shop:secret@mail.example', { port: 465, tls: 'implicit', credentials }],
  ['smtps://mail.example?tls=required', { port: 465, tls: 'implicit' }],
  [
    'smtp://shop%40example.org:a%2Fb%23%3A%D1%8F@mail.example',
    { port: 587, credentials: { kind: 'password', user: 'shop@example.org', password: 'a/b#:я' } },
  ],
  ['smtp://shop@mail.example', { port: 587, credentials: { kind: 'password', user: 'shop', password: '' } }],
  [
    'smtp://mail.example?tls=required&verify=false&connections=20',
    { tls: 'required', verifyCertificate: false, connections: 20 },
  ],
  ['smtp://mail.example?tls=none', { tls: 'none' }],
  ['smtp://shop:secret@mail.example?auth=password', { port: 587, credentials }],
  [
    'smtp://shop%40example.org:ya29.a%2Bb@smtp.example?auth=xoauth2&tls=required',
    {
      host: 'smtp.example',
      port: 587,
      tls: 'required',
      credentials: { kind: 'xoauth2', user: 'shop@example.org', token: 'ya29.a+b' },
    },
  ],
  ['smtp://[::1]:1025', { host: '::1', port: 1025 }],
  ['smtp://почта.рф', { host: 'xn--80a1acny.xn--p1ai' }],
])('reads %s', (text, expected) => {
  expect(parseSmtpUrl(text)).toEqual({ ok: true, server: { ...plain, ...expected } });
});

test.each([
  ['', 'malformed_url'],
  ['mail.example:25', 'unknown_protocol'],
  ['http://mail.example', 'unknown_protocol'],
  ['smtp://', 'no_host'],
  ['smtp:mail.example', 'no_host'],
  ['smtp://mail%zz.example', 'no_host'],
  ['smtp://mail.example:0', 'bad_port'],
  ['smtp://mail.example:70000', 'malformed_url'],
  ['smtp://shop:se/cret@mail.example', 'malformed_url'],
  ['smtp://mail.example/inbox', 'malformed_url'],
  ['smtp://mail.example#x', 'malformed_url'],
  ['smtp://:secret@mail.example', 'bad_credentials'],
  ['smtp://shop:%zz@mail.example', 'bad_credentials'],
  ['smtp://shop:a%00b@mail.example', 'bad_credentials'],
  ['smtp://mail.example?tls=maybe', 'bad_option'],
  ['smtps://mail.example?tls=none', 'bad_option'],
  ['smtp://mail.example?verify=no', 'bad_option'],
  ['smtp://mail.example?connections=0', 'bad_option'],
  ['smtp://mail.example?connections=1e3', 'bad_option'],
  ['smtp://mail.example?auth=xoauth2', 'bad_option'],
  ['smtp://shop:secret@mail.example?auth=cram-md5', 'bad_option'],
  ['smtp://shop@mail.example?auth=xoauth2', 'bad_credentials'],
  ['smtp://shop:a%01b@mail.example?auth=xoauth2', 'bad_credentials'],
  ['smtp://mail.example?pool=1', 'unknown_option'],
])('refuses "%s" as %s', (text, code) => {
  expect(parseSmtpUrl(text)).toMatchObject({ ok: false, fault: { code } });
});

test('never repeats the password in an error', () => {
  const errors = [
    'smtp://shop:hunter2@',
    'smtp://shop:hunter2@mail.example/x',
    'ftp://shop:hunter2@mail.example',
    'smtp://shop:hunter2%zz@mail.example',
    'smtp://shop:hunter2/@x',
    'smtp://shop:hunter2@mail.example?auth=hunter2',
  ];
  expect(JSON.stringify(errors.map((text) => parseSmtpUrl(text)))).not.toContain('hunter2');
});
