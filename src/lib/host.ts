// pure
import { domainToASCII } from 'node:url';

/** A name or an address of a machine as people type it; its ASCII form, an IPv6 address without brackets, undefined for what is none. */
export function parseHost(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (bare.includes(':')) return URL.canParse(`http://[${bare}]/`) ? bare.toLowerCase() : undefined;
  return isName(text) ? domainToASCII(text.replace(/\.$/, '')) : undefined;
}

/** The part of an address after @, without the @; in ASCII and small letters. Undefined for what is none. */
export function parseDomain(text: string): string | undefined {
  const name = text.replace(/^@/, '');
  const domain = isName(name) ? domainToASCII(name.replace(/\.$/, '')) : '';
  return domain.includes('.') && !/^[\d.]+$/.test(domain) ? domain : undefined;
}

/** As it stands before a port. */
export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function isName(text: string): boolean {
  // `domainToASCII` reads as far as the end of a URL's host.
  if (/[\s/?#\\@:]/.test(text)) return false;
  const ascii = domainToASCII(text.replace(/\.$/, ''));
  return (
    ascii.length <= 253 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(ascii)
  );
}
