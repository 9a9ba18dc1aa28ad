import { domainToASCII } from 'node:url';

export type SmtpAddress = { ok: true; address: string; needsSmtpUtf8: boolean } | { ok: false; error: string };

// RFC 5321 4.5.3.1.1 and .2: 64 bytes before the "@", 255 after it.
const LONGEST_ADDRESS = 320;
// What would end the path or the line, and so let an address write commands of its own.
const DANGEROUS = /[\u0000-\u001f\u007f<>]/;
const ASCII = /^[\u0000-\u007f]*$/;

/** An address as it goes on the wire: a domain that is not ASCII in its A-label form (RFC 5891), the rest untouched. */
export function prepareAddress(address: string): SmtpAddress {
  if (DANGEROUS.test(address)) return { ok: false, error: 'the address holds a control character, "<" or ">"' };
  if (!address.isWellFormed()) return { ok: false, error: 'the address is not well-formed Unicode' };
  const at = address.lastIndexOf('@');
  if (at < 1 || at === address.length - 1) return { ok: false, error: 'the address has no name or no domain' };
  const localPart = address.slice(0, at);
  const domain = encodeDomain(address.slice(at + 1));
  if (domain === '') return { ok: false, error: 'the domain of the address is not valid' };
  const encoded = `${localPart}@${domain}`;
  if (Buffer.byteLength(encoded) > LONGEST_ADDRESS) return { ok: false, error: 'the address is too long' };
  return { ok: true, address: encoded, needsSmtpUtf8: !ASCII.test(localPart) };
}

function encodeDomain(domain: string): string {
  return ASCII.test(domain) ? domain : domainToASCII(domain);
}
